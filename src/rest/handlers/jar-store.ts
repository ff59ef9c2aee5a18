/** Uploaded programs, as files `<uuid>_<name>` in one directory. */
import { randomUUID } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { copyFile, open, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { UserError } from '../../shared/errors.ts';
import { RestError } from '../http/rest-error.ts';

const modules = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];
/** A jar may be a .tgz under the name that Flink's tools want. */
const archives = ['.tgz', '.tar.gz', '.jar'];
/** File systems take 255 bytes, and the id stands in front. */
const maxNameBytes = 200;

export interface StoredJar {
  readonly id: string;
  readonly name: string;
  readonly uploaded: number;
}

export class JarStore {
  readonly #directory: string;

  /** Throws UserError('UPLOAD_DIR_UNUSABLE'). */
  constructor(directory: string) {
    this.#directory = directory;
    try {
      mkdirSync(directory, { recursive: true });
      accessSync(directory, constants.W_OK);
    } catch (error) {
      throw new UserError('UPLOAD_DIR_UNUSABLE', {
        problem: `Programs cannot be uploaded to ${directory}: ${(error as Error).message}`,
        found: 'The directory comes from web.upload.dir or web.tmpdir.',
        tryNext: ['Set web.upload.dir to a directory that this user may write to.', 'Or switch uploads off: web.submit.enable: false'],
        cause: error,
      });
    }
  }

  /** Takes the uploaded file away; returns the path of the stored one. Throws RestError 400 for what is no program. */
  async add(uploadedPath: string, fileName: string): Promise<string> {
    const name = checkedName(fileName);
    await checkContent(uploadedPath, name);
    const path = join(this.#directory, `${randomUUID()}_${name}`);
    await move(uploadedPath, path);
    return path;
  }

  /** Newest first. */
  list(): StoredJar[] {
    return readdirSync(this.#directory)
      .filter((id) => id.includes('_'))
      .flatMap((id) => {
        const uploaded = statSync(join(this.#directory, id), { throwIfNoEntry: false })?.mtimeMs;
        return uploaded === undefined ? [] : [{ id, name: id.slice(id.indexOf('_') + 1), uploaded: Math.round(uploaded) }];
      })
      .sort((a, b) => b.uploaded - a.uploaded);
  }

  /** Throws RestError 404. */
  path(id: string): string {
    const path = join(this.#directory, id);
    if (basename(id) === id && id.includes('_') && !id.includes('\0') && existsSync(path)) return path;
    throw new RestError(404, `Jar file ${id} does not exist.`);
  }

  async remove(id: string): Promise<void> {
    await rm(this.path(id), { force: true });
  }
}

function checkedName(fileName: string): string {
  const name = basename(fileName);
  const accepted = [...archives, ...modules];
  if (!accepted.some((ending) => name.toLowerCase().endsWith(ending) && name.length > ending.length))
    throw new RestError(400, `Only programs can be uploaded: '${printable(name)}' ends in none of ${accepted.join(', ')}.`);
  if (Buffer.byteLength(name) > maxNameBytes)
    throw new RestError(400, `The name of the file has more than ${maxNameBytes} bytes: '${printable(name).slice(0, 40)}…'`);
  if (printable(name) !== name)
    throw new RestError(400, `The name of the file has characters that cannot be printed: '${printable(name)}'`);
  return name;
}

function printable(name: string): string {
  return name.replace(/\p{C}/gu, '?');
}

async function checkContent(path: string, name: string): Promise<void> {
  const magic = await firstBytes(path);
  if (magic.startsWith('504b0304'))
    throw new RestError(
      400,
      `${name} is a Java or zip archive. Weir runs TypeScript and JavaScript: upload a .tgz (npm pack makes one) or a module.`,
    );
  if (magic === '') throw new RestError(400, `${name} is empty.`);
  if (archives.some((ending) => name.toLowerCase().endsWith(ending)) && !magic.startsWith('1f8b'))
    throw new RestError(400, `${name} is no .tgz: it does not begin as gzip does. Make one with \`npm pack\`, or upload a module.`);
}

/** At most four, in hex. */
async function firstBytes(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.toString('hex', 0, bytesRead);
  } finally {
    await file.close();
  }
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    await copyFile(from, to);
  }
}
