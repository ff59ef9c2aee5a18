/** Files in memory: every call is done within the same turn of the event loop, so a test needs to wait for nothing. */
import { dirname } from 'node:path';
import type { BlockingFileSystem, FileStatus, FileSystem, WritableFile } from '../../src/shared/file-system/file-system.ts';

export class MemoryFileSystem implements FileSystem {
  /** Directories are null. */
  readonly entries = new Map<string, Uint8Array | null>([['/', null]]);

  get blocking(): BlockingFileSystem {
    throw new Error('no blocking calls in a test in memory');
  }

  pathOf(uri: string): string {
    return uri.slice(uri.indexOf(':') + 1);
  }

  async status(path: string): Promise<FileStatus | undefined> {
    const entry = this.entries.get(path);
    return entry === undefined ? undefined : { path, size: entry?.length ?? 0, isDirectory: entry === null };
  }

  async list(directory: string): Promise<FileStatus[]> {
    this.#requireDirectory(directory);
    const inside = [...this.entries.keys()].filter((path) => path !== directory && dirname(path) === directory).sort();
    return Promise.all(inside.map(async (path) => (await this.status(path)) as FileStatus));
  }

  async read(path: string): Promise<Uint8Array> {
    const bytes = this.entries.get(path);
    if (!bytes) throw absent(path);
    return bytes;
  }

  async create(path: string): Promise<WritableFile> {
    this.#requireDirectory(dirname(path));
    if (this.entries.has(path)) throw Object.assign(new Error(`EEXIST: ${path}`), { code: 'EEXIST' });
    this.entries.set(path, new Uint8Array());
    return {
      write: async (pieces) => {
        this.entries.set(path, Buffer.concat([this.entries.get(path) ?? new Uint8Array(), ...pieces]));
      },
      sync: async () => {},
      close: async () => {},
    };
  }

  async makeDirectory(path: string): Promise<void> {
    if (path !== '/') await this.makeDirectory(dirname(path));
    this.entries.set(path, null);
  }

  async rename(from: string, to: string): Promise<void> {
    const bytes = this.entries.get(from);
    if (!bytes) throw absent(from);
    this.entries.delete(from);
    this.entries.set(to, bytes);
  }

  async remove(path: string): Promise<void> {
    for (const other of [...this.entries.keys()]) if (other === path || other.startsWith(`${path}/`)) this.entries.delete(other);
  }

  async syncDirectory(directory: string): Promise<void> {
    this.#requireDirectory(directory);
  }

  /** All files below a directory, without it in their names. */
  below(directory: string): string[] {
    return [...this.entries]
      .filter(([path, entry]) => entry !== null && path.startsWith(`${directory}/`))
      .map(([path]) => path.slice(directory.length + 1))
      .sort();
  }

  #requireDirectory(path: string): void {
    if (this.entries.get(path) !== null) throw absent(path);
  }
}

function absent(path: string): Error {
  return Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
}
