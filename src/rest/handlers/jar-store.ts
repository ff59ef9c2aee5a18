/** Uploaded programs, as files `<uuid>_<name>` in one directory. */

import { randomUUID } from 'node:crypto';
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, readdirSync, readSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { RestError } from '../http/rest-error.ts';

const accepted = ['.tgz', '.tar.gz', '.jar', '.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];

export interface StoredJar {
  readonly id: string;
  readonly name: string;
  readonly uploaded: number;
}

export class JarStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true });
  }

  /** Returns the path of the stored file. */
  add(uploadedPath: string, fileName: string): string {
    const name = basename(fileName);
    if (!accepted.some((ending) => name.toLowerCase().endsWith(ending)))
      throw new RestError(400, `Only programs can be uploaded: '${name}' ends in none of ${accepted.join(', ')}.`);
    if (isZip(uploadedPath))
      throw new RestError(
        400,
        `${name} is a Java or zip archive. Weir runs TypeScript and JavaScript: upload a .tgz (npm pack makes one) or a module.`,
      );
    const path = join(this.#directory, `${randomUUID()}_${name}`);
    copyFileSync(uploadedPath, path);
    return path;
  }

  /** Newest first. */
  list(): StoredJar[] {
    return readdirSync(this.#directory)
      .filter((id) => id.includes('_'))
      .map((id) => ({ id, name: id.slice(id.indexOf('_') + 1), uploaded: Math.round(statSync(join(this.#directory, id)).mtimeMs) }))
      .sort((a, b) => b.uploaded - a.uploaded);
  }

  /** Throws RestError 404. */
  path(id: string): string {
    const path = join(this.#directory, id);
    if (basename(id) === id && id.includes('_') && existsSync(path)) return path;
    throw new RestError(404, `Jar file ${path} does not exist`);
  }

  remove(id: string): void {
    rmSync(this.path(id), { force: true });
  }
}

function isZip(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const magic = Buffer.alloc(4);
    readSync(file, magic, 0, 4, 0);
    return magic.toString('hex') === '504b0304';
  } finally {
    closeSync(file);
  }
}
