/**
 * The disk that all processes share. Operations take time, can be slow, and can fail before or behind their effect. What a
 * process had under way when it died happened or did not; what was not synced when its machine lost power may be cut short.
 */
import { dirname } from 'node:path';
import type { BlockingFileSystem, FileStatus, FileSystem, WritableFile } from '../../../src/shared/file-system/file-system.ts';
import type { Host } from './host.ts';
import type { Chance } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';

interface File {
  bytes: Uint8Array;
  /** Bytes that survive a loss of power. */
  synced: number;
  readonly writer: Host;
}

export interface DiskFaults {
  /** Of one operation; each operation draws anew. */
  errorRate: number;
  /** Operations take up to this long. */
  latencyMs: number;
  /** The next renaming to such a path is said to have failed, and has not. */
  failsBehindRenamingTo: RegExp | undefined;
}

export class Disk implements FileSystem {
  readonly faults: DiskFaults = { errorRate: 0, latencyMs: 2, failsBehindRenamingTo: undefined };
  /** Directories are null. */
  readonly entries = new Map<string, File | null>([['/', null]]);
  /** The process that runs now. */
  readonly #present: () => Host;
  readonly #time: VirtualTime;
  readonly #chance: Chance;
  readonly #onChange: (operation: string, path: string) => void;

  constructor(time: VirtualTime, chance: Chance, present: () => Host, onChange: (operation: string, path: string) => void) {
    this.#time = time;
    this.#chance = chance;
    this.#present = present;
    this.#onChange = onChange;
  }

  get blocking(): BlockingFileSystem {
    throw new Error('the simulated disk has no blocking calls');
  }

  pathOf(uri: string): string {
    return uri.slice(uri.indexOf(':') + 1);
  }

  /** Of all files below a directory. */
  filesBelow(directory: string): string[] {
    return [...this.entries].filter(([path, file]) => file !== null && path.startsWith(`${directory}/`)).map(([path]) => path);
  }

  /** The machine of this process is without power. */
  losePower(host: Host): void {
    for (const file of this.entries.values())
      if (file?.writer === host && file.synced < file.bytes.length)
        file.bytes = file.bytes.subarray(0, this.#chance.between(file.synced, file.bytes.length));
  }

  status(path: string): Promise<FileStatus | undefined> {
    return this.#operation('status', path, () => this.#status(path));
  }

  list(directory: string): Promise<FileStatus[]> {
    return this.#operation('list', directory, () => {
      this.#requireDirectory(directory);
      const inside = [...this.entries.keys()].filter((path) => path !== directory && dirname(path) === directory).sort();
      return inside.map((path) => this.#status(path) as FileStatus);
    });
  }

  read(path: string): Promise<Uint8Array> {
    return this.#operation('read', path, () => this.#file(path).bytes);
  }

  create(path: string): Promise<WritableFile> {
    const writer = this.#present();
    return this.#operation('create', path, () => {
      this.#requireDirectory(dirname(path));
      if (this.entries.has(path)) throw systemError('EEXIST', path);
      const file: File = { bytes: new Uint8Array(), synced: 0, writer };
      this.entries.set(path, file);
      return this.#writable(path, file);
    });
  }

  makeDirectory(path: string): Promise<void> {
    return this.#operation('makeDirectory', path, () => {
      for (let directory = path; this.entries.get(directory) !== null; directory = dirname(directory)) {
        if (this.entries.has(directory)) throw systemError('EEXIST', directory);
        this.entries.set(directory, null);
      }
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#operation('rename', to, () => {
      const file = this.#file(from);
      this.#requireDirectory(dirname(to));
      this.entries.delete(from);
      this.entries.set(to, file);
    });
  }

  remove(path: string): Promise<void> {
    return this.#operation('remove', path, () => {
      if (this.entries.delete(path))
        for (const other of [...this.entries.keys()]) if (other.startsWith(`${path}/`)) this.entries.delete(other);
    });
  }

  syncDirectory(directory: string): Promise<void> {
    return this.#operation('syncDirectory', directory, () => this.#requireDirectory(directory));
  }

  #writable(path: string, file: File): WritableFile {
    return {
      write: (pieces) => {
        const added = Buffer.concat([...pieces]);
        const append = (length: number): void => {
          file.bytes = Buffer.concat([file.bytes, added.subarray(0, length)]);
        };
        return this.#operation(
          'write',
          path,
          () => append(added.length),
          () => append(this.#chance.between(0, added.length)),
        );
      },
      sync: () =>
        this.#operation('sync', path, () => {
          file.synced = file.bytes.length;
        }),
      close: () => this.#operation('close', path, () => {}),
    };
  }

  /** `half`: what is left when the process dies, or the disk fails, in the middle. */
  #operation<T>(name: string, path: string, effect: () => T, half?: () => void): Promise<T> {
    const host = this.#present();
    const { errorRate, latencyMs } = this.faults;
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    promise.catch(() => {});
    let fails = this.#chance.happens(errorRate) ? this.#chance.oneOf(['before', 'in the middle', 'behind'] as const) : undefined;
    if (name === 'rename' && this.faults.failsBehindRenamingTo?.test(path)) {
      this.faults.failsBehindRenamingTo = undefined;
      fails = 'behind';
    }
    this.#time.schedule(this.#chance.duration(0, latencyMs), () => {
      if (host.state === 'dead' && this.#chance.happens(0.5)) {
        half?.();
        return;
      }
      const answer = this.#act(name, path, effect, half, fails);
      host.after(this.#chance.duration(0, latencyMs), () => ('value' in answer ? resolve(answer.value) : reject(answer.error)));
    });
    return promise;
  }

  #act<T>(
    name: string,
    path: string,
    effect: () => T,
    half: (() => void) | undefined,
    fails: 'before' | 'in the middle' | 'behind' | undefined,
  ): { readonly value: T } | { readonly error: Error } {
    const failure = (): { readonly error: Error } => ({ error: systemError('EIO', `${path} (${name}, ${fails})`) });
    if (fails === 'before') return failure();
    if (fails === 'in the middle') {
      half?.();
      return failure();
    }
    try {
      const value = effect();
      if (name === 'rename' || name === 'remove') this.#onChange(name, path);
      return fails === 'behind' ? failure() : { value };
    } catch (error) {
      return { error: error as Error };
    }
  }

  #status(path: string): FileStatus | undefined {
    const file = this.entries.get(path);
    return file === undefined ? undefined : { path, size: file?.bytes.length ?? 0, isDirectory: file === null };
  }

  #file(path: string): File {
    const file = this.entries.get(path);
    if (!file) throw systemError('ENOENT', path);
    return file;
  }

  #requireDirectory(path: string): void {
    if (this.entries.get(path) !== null) throw systemError('ENOENT', path);
  }
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code, errno: -1 });
}
