/**
 * The local file system (or another), with faults on demand and a count of what was called: register it under a scheme of its
 * own, and paths like `faulty:/tmp/x` go through it.
 */
import type { FileStatus, FileSystem, WritableFile } from '../../src/shared/file-system/file-system.ts';
import { LocalFileSystem } from '../../src/shared/file-system/local-file-system.ts';

export type FileOperation =
  | 'status'
  | 'list'
  | 'read'
  | 'create'
  | 'write'
  | 'sync'
  | 'close'
  | 'makeDirectory'
  | 'rename'
  | 'remove'
  | 'syncDirectory';

export class FaultyFileSystem implements FileSystem {
  readonly calls: FileOperation[] = [];
  readonly #local: FileSystem;
  readonly #scheme: string;
  #fault: { operation: FileOperation; countdown: number; code: string } | undefined;
  #held: { operation: FileOperation; until: Promise<void> } | undefined;

  constructor(scheme: string, base: FileSystem = new LocalFileSystem()) {
    this.#scheme = scheme;
    this.#local = base;
  }

  get blocking(): FileSystem['blocking'] {
    return this.#local.blocking;
  }

  /** The n-th call (from 1) of this operation fails from now on, once. */
  failNext(operation: FileOperation, code: string, nth = 1): void {
    this.#fault = { operation, countdown: nth, code };
  }

  /** Calls of this operation wait until the returned function is called. */
  hold(operation: FileOperation): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = { operation, until: promise };
    return () => {
      this.#held = undefined;
      resolve();
    };
  }

  pathOf(uri: string): string {
    return uri.slice(this.#scheme.length + 1);
  }

  async status(path: string): Promise<FileStatus | undefined> {
    await this.enter('status');
    return this.#local.status(path);
  }

  async list(directory: string): Promise<FileStatus[]> {
    await this.enter('list');
    return this.#local.list(directory);
  }

  async read(path: string): Promise<Uint8Array> {
    await this.enter('read');
    return this.#local.read(path);
  }

  async create(path: string): Promise<WritableFile> {
    await this.enter('create');
    const file = await this.#local.create(path);
    return {
      write: async (pieces) => {
        await this.enter('write');
        await file.write(pieces);
      },
      sync: async () => {
        await this.enter('sync');
        await file.sync();
      },
      close: async () => {
        await file.close();
        await this.enter('close');
      },
    };
  }

  async makeDirectory(path: string): Promise<void> {
    await this.enter('makeDirectory');
    await this.#local.makeDirectory(path);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.enter('rename');
    await this.#local.rename(from, to);
  }

  async remove(path: string): Promise<void> {
    await this.enter('remove');
    await this.#local.remove(path);
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.enter('syncDirectory');
    await this.#local.syncDirectory(directory);
  }

  async enter(operation: FileOperation): Promise<void> {
    this.calls.push(operation);
    if (this.#held?.operation === operation) await this.#held.until;
    const fault = this.#fault;
    if (fault?.operation !== operation || --fault.countdown > 0) return;
    this.#fault = undefined;
    throw Object.assign(new Error(`${fault.code}: injected, ${operation}`), { code: fault.code });
  }
}
