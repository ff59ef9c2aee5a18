/** Bodies of requests: JSON of bounded size, and uploads that go straight to files. */
import { createWriteStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Busboy, type BusboyFileStream, type BusboyHeaders, type BusboyInstance } from '@fastify/busboy';
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
  for await (const piece of request) {
    bytes += (piece as Buffer).length;
    if (bytes > maxBytes) throw new RestError(413, `The request is larger than rest.server.max-content-length (${maxBytes}).`);
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces);
}

export interface Upload {
  readonly fields: Readonly<Record<string, string>>;
  readonly files: readonly { readonly field: string; readonly fileName: string; readonly path: string }[];
}

/** Files are written to `directory`, under numbers: their own names are only reported. */
export async function readMultipart(request: IncomingMessage, directory: string, maxBytes: number): Promise<Upload> {
  const { 'content-type': contentType } = request.headers;
  if (!contentType?.startsWith('multipart/form-data')) throw new RestError(400, 'The request must be multipart/form-data.');
  const parser = openParser(request.headers as BusboyHeaders, maxBytes);
  const fields: Record<string, string> = {};
  const files: { field: string; fileName: string; path: string }[] = [];
  const writes: Promise<void>[] = [];
  let tooLarge = false;
  parser.on('field', (name: string, value: string) => {
    fields[name] = value;
  });
  parser.on('file', (field: string, stream: BusboyFileStream, fileName: string) => {
    const path = join(directory, `part-${files.length}`);
    files.push({ field, fileName: basename((fileName ?? '').replaceAll('\\', '/')), path });
    stream.on('limit', () => {
      tooLarge = true;
    });
    writes.push(pipeline(stream, createWriteStream(path)));
  });
  try {
    await pipeline(request, parser);
    await Promise.all(writes);
  } catch (error) {
    await Promise.allSettled(writes);
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw new RestError(507, 'The disk of the JobManager is full.');
    throw new RestError(400, `The upload could not be read: ${(error as Error).message}`);
  }
  if (tooLarge) throw new RestError(413, `The upload is larger than rest.server.max-content-length (${maxBytes}).`);
  return { fields, files };
}

function openParser(headers: BusboyHeaders, maxBytes: number): BusboyInstance {
  try {
    return new Busboy({ headers, limits: { fileSize: maxBytes, fieldSize: maxBytes, files: 16, fields: 64 } });
  } catch (error) {
    throw new RestError(400, `The upload could not be read: ${(error as Error).message}`);
  }
}
