/**
 * The one door to files, keyed by scheme. A scheme without an implementation is an error, never a folder of that name.
 *
 * Asynchronous calls are for state, metadata and whatever must not stop a thread; `blocking` is for a task that reads and
 * writes its own records between two looks at the clock. Errors are the system's own, with its `code` (`ENOENT`, `ENOSPC`, …).
 */
import { UserError } from '../errors.ts';
import { LocalFileSystem } from './local-file-system.ts';

export interface FileStatus {
  readonly path: string;
  readonly size: number;
  readonly isDirectory: boolean;
}

export interface FileSystem {
  readonly blocking: BlockingFileSystem;
  /** A path or URI of this system's scheme, as the calls below take it. */
  pathOf(uri: string): string;
  /** Undefined when nothing is there. */
  status(path: string): Promise<FileStatus | undefined>;
  /** What lies directly in a directory, hidden entries included, sorted by name. */
  list(directory: string): Promise<FileStatus[]>;
  /** The whole file. */
  read(path: string): Promise<Uint8Array>;
  /** A new, empty file; fails when there is one of that name, or when its directory is missing. */
  create(path: string): Promise<WritableFile>;
  /** With all its parents; fine when it is there already. */
  makeDirectory(path: string): Promise<void>;
  /** Atomic; replaces a file of that name. */
  rename(from: string, to: string): Promise<void>;
  /** A file, or a directory with all that is in it; fine when it is not there. */
  remove(path: string): Promise<void>;
  /** Makes the names in a directory durable, as `WritableFile.sync` does for contents. */
  syncDirectory(directory: string): Promise<void>;
}

export interface WritableFile {
  /** Appends all pieces, in order. */
  write(pieces: readonly Uint8Array[]): Promise<void>;
  /** Durable when it resolves. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The same door for synchronous callers. Open files are descriptors. */
export interface BlockingFileSystem {
  status(path: string): FileStatus | undefined;
  /** All files below a directory, hidden ones (`.` or `_`) left out, sorted. */
  listFiles(directory: string): FileStatus[];
  openRead(path: string): number;
  /** Bytes read from `position` of the file; 0 at its end. */
  read(file: number, into: Uint8Array, position: number): number;
  /** Emptied, or made with all its parent directories. */
  openWrite(path: string): number;
  write(file: number, bytes: Uint8Array): void;
  close(file: number): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
}

const local = new LocalFileSystem();
const fileSystems = new Map<string, FileSystem>([['file', local]]);

/** From here on, paths with this scheme go to that system. */
export function registerFileSystem(scheme: string, fileSystem: FileSystem): void {
  fileSystems.set(scheme.toLowerCase(), fileSystem);
}

/** The file system of a path, and the path as that system knows it. Throws UserError('NO_FILE_SYSTEM'), naming the `key` it comes from. */
export function fileSystemOf(path: string, key?: string): { readonly fileSystem: FileSystem; readonly path: string } {
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(path)?.[1]?.toLowerCase();
  if (scheme === undefined) return { fileSystem: local, path };
  const fileSystem = fileSystems.get(scheme);
  if (fileSystem) return { fileSystem, path: fileSystem.pathOf(path) };
  throw new UserError('NO_FILE_SYSTEM', {
    problem: `Could not find a file system implementation for scheme '${scheme}'.`,
    found: `The path is ${path}${key === undefined ? '' : `, and comes from ${key}`}.`,
    tryNext: ['Use a path on this machine (or one mounted there), as file:///… or without a scheme.'],
  });
}

/** A name in a directory that may be a path or a URI. */
export function pathIn(directory: string, name: string): string {
  return directory.endsWith('/') ? directory + name : `${directory}/${name}`;
}
