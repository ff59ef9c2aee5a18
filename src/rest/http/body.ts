/**
 * Bodies of requests: JSON of bounded size, and uploads that go straight to files. A request is never destroyed here: whoever
 * sent a bad one still reads why.
 */
import { closeSync, openSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { basename, join } from 'node:path';
import { Busboy, type BusboyFileStream, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy';
import { writeWhole } from '../../shared/write-whole.ts';
import { RestError } from './rest-error.ts';

export async function readJson(request: IncomingMessage, maxBytes: number): Promise<Record<string, unknown>> {
  const content = (await readBytes(request, maxBytes)).toString('utf8').trim();
  if (content === '') return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch {
    throw new RestError(400, 'Request did not match expected format: the body is not JSON.');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new RestError(400, 'Request did not match expected format: the body is not a JSON object.');
  return parsed as Record<string, unknown>;
}

async function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request.iterator({ destroyOnReturn: false })) {
    bytes += (piece as Buffer).length;
    if (bytes > maxBytes) throw tooLarge('request', maxBytes);
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces);
}

export interface UploadedFile {
  readonly field: string;
  readonly fileName: string;
  readonly path: string;
}

export interface Upload {
  readonly fields: Readonly<Record<string, string>>;
  readonly files: readonly UploadedFile[];
}

const maxFiles = 16;
const maxFields = 64;

/** Files are written to `directory`, under numbers: their own names are only reported. */
export async function readMultipart(request: IncomingMessage, directory: string, maxBytes: number): Promise<Upload> {
  const contentType = request.headers['content-type'];
  if (!contentType?.toLowerCase().startsWith('multipart/form-data'))
    throw new RestError(400, `The request must be multipart/form-data, and it is ${contentType ?? 'of no content type'}.`);
  const parser = openParser(request.headers as BusboyHeaders, maxBytes);
  const fields: Record<string, string> = Object.create(null);
  const files: UploadedFile[] = [];
  const streams: BusboyFileStream[] = [];
  const writes: Promise<void>[] = [];
  parser.on('field', (name: string, value: string) => {
    fields[name] = value;
  });
  parser.on('file', (field: string, stream: BusboyFileStream, fileName: string) => {
    const path = join(directory, `part-${files.length}`);
    files.push({ field, fileName: basename((fileName ?? '').replaceAll('\\', '/')), path });
    streams.push(stream);
    writes.push(writeTo(path, stream));
  });
  try {
    await feed(request, parser, maxBytes);
    await Promise.all(writes);
  } catch (error) {
    // The parser does not end the file that it was in.
    for (const stream of streams) stream.destroy();
    await Promise.allSettled(writes);
    throw uploadError(error);
  }
  return { fields, files };
}

/**
 * Writes each piece as it comes: the parser's file streams may lose their end when they are paused, as a pipe to a file does,
 * and the upload would hang.
 */
function writeTo(path: string, stream: BusboyFileStream): Promise<void> {
  const file = openSync(path, 'w');
  const written = new Promise<void>((resolve, reject) => {
    stream.on('data', (piece: Buffer) => {
      try {
        writeWhole(file, piece);
      } catch (error) {
        reject(error);
      }
    });
    stream.once('end', resolve);
    stream.once('error', reject);
    stream.once('close', () => reject(new Error('the upload ended in the middle of a file')));
  });
  return written.finally(() => closeSync(file));
}

function openParser(headers: BusboyHeaders, maxBytes: number): BusboyInstance {
  try {
    return new Busboy({ headers, limits: { fieldSize: maxBytes, files: maxFiles, fields: maxFields } });
  } catch (error) {
    throw uploadError(error);
  }
}

function feed(request: IncomingMessage, parser: BusboyInstance, maxBytes: number): Promise<void> {
  let bytes = 0;
  const fed = new Promise<void>((resolve, reject) => {
    parser.once('finish', resolve);
    parser.once('error', reject);
    parser.once('filesLimit', () => reject(new Error(`it has more than ${maxFiles} files`)));
    parser.once('fieldsLimit', () => reject(new Error(`it has more than ${maxFields} attributes`)));
    request.once('close', () => reject(new Error('the connection ended before the upload did')));
    request.on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (bytes > maxBytes) reject(tooLarge('upload', maxBytes));
    });
    request.pipe(parser);
  });
  return fed.catch((error: unknown) => {
    request.unpipe(parser);
    parser.on('error', () => {});
    throw error;
  });
}

function tooLarge(what: string, maxBytes: number): RestError {
  return new RestError(413, `The ${what} is larger than rest.server.max-content-length (${maxBytes}).`);
}

function uploadError(error: unknown): RestError {
  if (error instanceof RestError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC') return new RestError(507, 'The disk of the JobManager is full.');
  return new RestError(400, `The upload could not be read: ${message}`);
}
