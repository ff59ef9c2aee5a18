/** Files of this machine; paths are absolute or relative to the process. */
import { closeSync, mkdirSync, openSync, readdirSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { slowFailpoint } from '../failpoint.ts';
import type { BlockingFileSystem, FileStatus, FileSystem, WritableFile } from './file-system.ts';

/** One call to the kernel reads at most this much: larger ones would hold a thread of the pool for long. */
const readBytes = 16 * 1024 * 1024;

export class LocalFileSystem implements FileSystem {
  readonly blocking: BlockingFileSystem = new BlockingLocalFileSystem();

  pathOf(uri: string): string {
    const path = uri.replace(/^file:/i, '');
    return path.startsWith('//') ? fileURLToPath(uri) : path;
  }

  async status(path: string): Promise<FileStatus | undefined> {
    try {
      const found = await stat(path);
      return { path, size: found.size, isDirectory: found.isDirectory() };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  async list(directory: string): Promise<FileStatus[]> {
    const names = (await readdir(directory)).sort();
    const found = await Promise.all(names.map((name) => this.status(join(directory, name))));
    return found.filter((status) => status !== undefined);
  }

  async read(path: string): Promise<Uint8Array> {
    const file = await open(path, 'r');
    try {
      return await readAll(file);
    } finally {
      await file.close();
    }
  }

  async create(path: string): Promise<WritableFile> {
    await slowFailpoint('file-system.create', path);
    return new LocalWritableFile(path, await open(path, 'wx'));
  }

  async makeDirectory(path: string): Promise<void> {
    await slowFailpoint('file-system.make-directory', path);
    await mkdir(path, { recursive: true });
  }

  async rename(from: string, to: string): Promise<void> {
    await slowFailpoint('file-system.rename', to);
    await rename(from, to);
  }

  async remove(path: string): Promise<void> {
    await slowFailpoint('file-system.remove', path);
    await rm(path, { recursive: true, force: true });
  }

  async syncDirectory(directory: string): Promise<void> {
    const handle = await open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

class LocalWritableFile implements WritableFile {
  readonly #path: string;
  readonly #file: FileHandle;

  constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  async write(pieces: readonly Uint8Array[]): Promise<void> {
    await slowFailpoint('file-system.write', this.#path);
    // writev may write less than it was given: what is missing is written piece by piece.
    let { bytesWritten: done } = await this.#file.writev(pieces as Uint8Array[]);
    for (const piece of pieces) {
      const skipped = Math.min(done, piece.length);
      done -= skipped;
      for (let at = skipped; at < piece.length; ) at += (await this.#file.write(piece, at)).bytesWritten;
    }
  }

  async sync(): Promise<void> {
    await slowFailpoint('file-system.sync', this.#path);
    await this.#file.sync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

class BlockingLocalFileSystem implements BlockingFileSystem {
  status(path: string): FileStatus | undefined {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat && { path, size: stat.size, isDirectory: stat.isDirectory() };
  }

  listFiles(directory: string): FileStatus[] {
    const files: FileStatus[] = [];
    for (const entry of readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (/^[._]/.test(entry.name)) continue;
      const path = join(directory, entry.name);
      if (entry.isDirectory()) files.push(...this.listFiles(path));
      else if (entry.isFile()) files.push({ path, size: statSync(path).size, isDirectory: false });
    }
    return files;
  }

  openRead(path: string): number {
    return openSync(path, 'r');
  }

  read(file: number, into: Uint8Array, position: number): number {
    return readSync(file, into, 0, into.length, position);
  }

  openWrite(path: string): number {
    mkdirSync(dirname(path), { recursive: true });
    return openSync(path, 'w');
  }

  write(file: number, bytes: Uint8Array): void {
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
  }

  close(file: number): void {
    closeSync(file);
  }

  rename(from: string, to: string): void {
    renameSync(from, to);
  }

  remove(path: string): void {
    rmSync(path, { recursive: true, force: true });
  }
}

async function readAll(file: FileHandle): Promise<Uint8Array> {
  const { size } = await file.stat();
  const bytes = new Uint8Array(size);
  let end = 0;
  while (end < size) {
    const { bytesRead } = await file.read(bytes, end, Math.min(readBytes, size - end));
    if (bytesRead === 0) break;
    end += bytesRead;
  }
  return end === size ? bytes : bytes.subarray(0, end);
}

function isAbsent(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 'ENOENT' || code === 'ENOTDIR';
}
