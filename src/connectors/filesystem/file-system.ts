/** The one door to files, keyed by scheme. A scheme without an implementation is an error, never a folder of that name. */
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../shared/errors.ts';

export interface FileStatus {
  readonly path: string;
  readonly size: number;
  readonly isDirectory: boolean;
}

/** Local for now; paths are absolute or relative to the process, without a scheme. */
export class LocalFileSystem {
  status(path: string): FileStatus | undefined {
    if (!existsSync(path)) return undefined;
    const stat = statSync(path);
    return { path, size: stat.size, isDirectory: stat.isDirectory() };
  }

  /** Files below a directory, hidden ones (`.` or `_`) left out, sorted. */
  list(directory: string): FileStatus[] {
    const files: FileStatus[] = [];
    for (const entry of readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (/^[._]/.test(entry.name)) continue;
      const path = join(directory, entry.name);
      if (entry.isDirectory()) files.push(...this.list(path));
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

/** The file system of a path, and the path as that system knows it. Throws UserError('NO_FILE_SYSTEM'). */
export function fileSystemOf(path: string): { readonly fileSystem: LocalFileSystem; readonly path: string } {
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(path)?.[1]?.toLowerCase();
  if (scheme === undefined) return { fileSystem: new LocalFileSystem(), path };
  if (scheme === 'file') {
    const rest = path.slice('file:'.length);
    return { fileSystem: new LocalFileSystem(), path: rest.startsWith('//') ? fileURLToPath(path) : rest };
  }
  throw new UserError('NO_FILE_SYSTEM', {
    problem: `Could not find a file system implementation for scheme '${scheme}'.`,
    found: `The path is ${path}.`,
    tryNext: ['Use a path on this machine (or one mounted there), as file:///… or without a scheme.'],
  });
}
