/** The files of the distributed cache as local files of this process: written once for each content, gone when the process ends. */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { CachedFile, DistributedCache } from '../../api/distributed-cache.ts';
import { UserError } from '../../shared/errors.ts';

let directory: string | undefined;

export class LocalFileCache implements DistributedCache {
  readonly #files: Readonly<Record<string, CachedFile>>;

  constructor(files: Readonly<Record<string, CachedFile>>) {
    this.#files = files;
  }

  getFile(name: string): string {
    const file = this.#files[name];
    if (file) return localCopy(name, file);
    throw new UserError('NO_CACHED_FILE', {
      problem: `The distributed cache has no file '${name}'.`,
      found: `It has: ${Object.keys(this.#files).join(', ') || 'nothing'}.`,
      tryNext: [`env.registerCachedFile('path/of/the/file', '${name}') before execute().`],
    });
  }
}

function localCopy(name: string, { bytes, executable }: CachedFile): string {
  const content = join(cacheDirectory(), createHash('sha256').update(bytes).digest('hex').slice(0, 16));
  const path = join(content, basename(name));
  if (existsSync(path)) return path;
  mkdirSync(content, { recursive: true });
  writeFileSync(`${path}.part`, bytes);
  if (executable) chmodSync(`${path}.part`, 0o755);
  renameSync(`${path}.part`, path);
  return path;
}

function cacheDirectory(): string {
  if (directory === undefined) {
    const created = mkdtempSync(join(tmpdir(), 'weir-cache-'));
    process.once('exit', () => rmSync(created, { recursive: true, force: true }));
    directory = created;
  }
  return directory;
}
