/**
 * One part file on its way: written under a name that readers pass over, closed (pending), and given its final name by the
 * commit of the checkpoint that covers it.
 *
 * Keeps true: a file has one writer for its whole life. An attempt that starts from a checkpoint copies what the checkpoint
 * holds of an unfinished file into a file of its own; the former attempt may still be alive and writing.
 */
import { closeSync, copyFileSync, fsyncSync, mkdirSync, openSync, statSync, truncateSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ExternalError } from '../../../shared/errors.ts';
import { failpoint } from '../../../shared/failpoint.ts';
import { LocalFileSystem } from '../../../shared/file-system/local-file-system.ts';
import { randomHex } from '../../../shared/ids.ts';

/** Plain data: it stands in checkpoints. */
export interface InProgressFile {
  readonly bucketId: string;
  readonly path: string;
  readonly target: string;
  /** Bytes that belong to the checkpoint. */
  readonly length: number;
  readonly creationTime: number;
}

/** What a checkpoint commits: a file gets its name, or one that nobody needs any more goes. */
export type FileCommittable =
  | { readonly kind: 'finish'; readonly path: string; readonly target: string; readonly length: number }
  | { readonly kind: 'discard'; readonly path: string };

const bufferBytes = 64 * 1024;
const files = new LocalFileSystem();

export class PartFile {
  readonly bucketId: string;
  readonly path: string;
  readonly target: string;
  readonly creationTime: number;
  lastUpdateTime: number;
  #file: number;
  #written: number;
  #pieces: Uint8Array[] = [];
  #gathered = 0;

  private constructor(bucketId: string, target: string, path: string, creationTime: number, written: number) {
    this.bucketId = bucketId;
    this.target = target;
    this.path = path;
    this.creationTime = creationTime;
    this.lastUpdateTime = creationTime;
    this.#written = written;
    this.#file = openSync(path, written > 0 ? 'r+' : 'wx');
  }

  static create(bucketId: string, target: string, now: number): PartFile {
    mkdirSync(dirname(target), { recursive: true });
    return new PartFile(bucketId, target, inProgressName(target), now, 0);
  }

  /** Goes on with what a checkpoint holds of a file, in a copy. */
  static resume(former: InProgressFile): PartFile {
    const path = inProgressName(former.target);
    try {
      if (statSync(former.path).size < former.length) throw shorter(former.path, former.length);
      copyFileSync(former.path, path);
      truncateSync(path, former.length);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      throw new ExternalError('PART_FILE_MISSING', {
        problem: `The unfinished part file ${former.path} is gone, and the checkpoint says that ${former.length} bytes of it count.`,
        tryNext: ['Leave files with .inprogress in their name to the job that writes them.'],
        retriable: false,
        cause: error,
      });
    }
    return new PartFile(former.bucketId, former.target, path, former.creationTime, former.length);
  }

  get sizeBytes(): number {
    return this.#written + this.#gathered;
  }

  write(bytes: Uint8Array, now: number): void {
    this.#pieces.push(bytes);
    this.#gathered += bytes.length;
    this.lastUpdateTime = now;
    if (this.#gathered >= bufferBytes) this.#flush();
  }

  /** Durable up to here. */
  persist(): InProgressFile {
    this.#flush();
    fsyncSync(this.#file);
    const { bucketId, path, target, creationTime } = this;
    return { bucketId, path, target, creationTime, length: this.#written };
  }

  /** No more records: what the commit has to do. */
  closeForCommit(): FileCommittable {
    const { path, target, length } = this.persist();
    closeSync(this.#file);
    return { kind: 'finish', path, target, length };
  }

  /** Without a commit: readers pass the file over. */
  abandon(): void {
    closeSync(this.#file);
  }

  #flush(): void {
    if (this.#gathered === 0) return;
    const bytes = this.#pieces.length === 1 ? (this.#pieces[0] as Uint8Array) : Buffer.concat(this.#pieces, this.#gathered);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at, bytes.length - at, this.#written + at);
    this.#written += bytes.length;
    this.#pieces = [];
    this.#gathered = 0;
  }
}

/** Idempotent: the job may fail between the rename and the news of it. */
export async function commitPartFile(committable: FileCommittable): Promise<void> {
  if (committable.kind === 'discard') {
    await files.remove(committable.path);
    return;
  }
  const { path, target, length } = committable;
  const pending = (await files.status(path))?.size;
  if (pending === undefined) {
    if ((await files.status(target))?.size === length) return;
    throw new ExternalError('PART_FILE_MISSING', {
      problem: `The part file ${path} cannot get its final name ${target}: it is gone.`,
      tryNext: ['Leave files with .inprogress in their name to the job that writes them.'],
      retriable: false,
    });
  }
  if (pending < length) throw shorter(path, length);
  await files.rename(path, target);
  await files.syncDirectory(dirname(target));
  failpoint('file-sink.committed', target);
}

function inProgressName(target: string): string {
  return join(dirname(target), `.${basename(target)}.inprogress.${randomHex(16)}`);
}

function shorter(path: string, length: number): ExternalError {
  return new ExternalError('PART_FILE_DAMAGED', {
    problem: `The part file ${path} is shorter than the ${length} bytes that a checkpoint counts on.`,
    retriable: false,
  });
}
