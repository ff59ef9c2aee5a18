/**
 * Files written exactly once: part files in bucket directories, visible under their final names only when the checkpoint that
 * covers them is complete. Names and life of a part file: reference of fault tolerance, 5.6.
 */
import { join } from 'node:path';
import { programPath } from '../../../api/program-path.ts';
import type { Committer, Sink, SinkWriter, WriterInitContext } from '../../../api/sink.ts';
import { UserError } from '../../../shared/errors.ts';
import { fileSystemOf } from '../../../shared/file-system/file-system.ts';
import { LocalFileSystem } from '../../../shared/file-system/local-file-system.ts';
import { randomHex } from '../../../shared/ids.ts';
import { renderValue } from '../../../shared/render-value.ts';
import { type BucketAssigner, DateTimeBucketAssigner } from './bucket-assigner.ts';
import { commitPartFile, type FileCommittable, type InProgressFile, PartFile } from './part-file.ts';
import { DefaultRollingPolicy, type RollingPolicy } from './rolling-policy.ts';

/** A record as bytes or text; text gets no line end of its own. */
export type RowEncoder<T> = (record: T) => string | Uint8Array;

export interface FileSinkOptions<T> {
  readonly encoder?: RowEncoder<T> | undefined;
  readonly rollingPolicy?: RollingPolicy | undefined;
  readonly bucketAssigner?: BucketAssigner<T> | undefined;
  /** `part` by default. */
  readonly partPrefix?: string | undefined;
  readonly partSuffix?: string | undefined;
}

type CompleteOptions<T> = { readonly [K in keyof FileSinkOptions<T>]-?: NonNullable<FileSinkOptions<T>[K]> };

/** A line per record. */
export function simpleStringEncoder<T>(): RowEncoder<T> {
  return (record) => `${renderValue(record)}\n`;
}

export class FileSink<T> implements Sink<T, FileCommittable, InProgressFile> {
  readonly #path: string;
  readonly #options: CompleteOptions<T>;

  /** Throws UserError('NO_FILE_SYSTEM') for a scheme without an implementation. */
  constructor(path: string, options: FileSinkOptions<T> = {}) {
    const found = fileSystemOf(programPath(path));
    if (!(found.fileSystem instanceof LocalFileSystem)) {
      throw new UserError('NO_RECOVERABLE_WRITER', {
        problem: `FileSink cannot write to ${path}: that file system cannot go on with an unfinished file.`,
        tryNext: ['Use a path on this machine, or one mounted there.'],
      });
    }
    this.#path = found.path;
    this.#options = {
      encoder: options.encoder ?? simpleStringEncoder<T>(),
      rollingPolicy: options.rollingPolicy ?? new DefaultRollingPolicy(),
      bucketAssigner: options.bucketAssigner ?? new DateTimeBucketAssigner<T>(),
      partPrefix: options.partPrefix ?? 'part',
      partSuffix: options.partSuffix ?? '',
    };
  }

  static forRowFormat<T>(path: string, encoder: RowEncoder<T> = simpleStringEncoder<T>()): FileSinkBuilder<T> {
    return new FileSinkBuilder(path, { encoder });
  }

  createWriter(context: WriterInitContext, restored: readonly InProgressFile[]): SinkWriter<T, FileCommittable, InProgressFile> {
    return new FileWriter(this.#path, this.#options, context, restored);
  }

  createCommitter(): Committer<FileCommittable> {
    return {
      commit: async (requests) => {
        for (const { committable } of requests) await commitPartFile(committable);
      },
    };
  }
}

export class FileSinkBuilder<T> {
  readonly #path: string;
  readonly #options: FileSinkOptions<T>;

  constructor(path: string, options: FileSinkOptions<T>) {
    this.#path = path;
    this.#options = options;
  }

  withRollingPolicy(rollingPolicy: RollingPolicy): FileSinkBuilder<T> {
    return new FileSinkBuilder(this.#path, { ...this.#options, rollingPolicy });
  }

  withBucketAssigner(bucketAssigner: BucketAssigner<T>): FileSinkBuilder<T> {
    return new FileSinkBuilder(this.#path, { ...this.#options, bucketAssigner });
  }

  withOutputFileConfig(config: { readonly partPrefix?: string; readonly partSuffix?: string }): FileSinkBuilder<T> {
    return new FileSinkBuilder(this.#path, { ...this.#options, ...config });
  }

  build(): FileSink<T> {
    return new FileSink(this.#path, this.#options);
  }
}

/** How often files are asked whether they are too old or idle. */
const timeCheckMs = 1000;

class FileWriter<T> implements SinkWriter<T, FileCommittable, InProgressFile> {
  readonly #path: string;
  readonly #options: CompleteOptions<T>;
  /** Files of this start never meet those of another one, nor of another subtask. */
  readonly #uid = `${randomHex(4)}-${randomHex(2)}-${randomHex(2)}-${randomHex(2)}-${randomHex(6)}`;
  readonly #open = new Map<string, PartFile>();
  #committables: FileCommittable[] = [];
  #partCount = 0;
  #nextTimeCheck = 0;
  readonly #bucketContext = {
    currentProcessingTime: () => Date.now(),
    currentWatermark: () => this.#writeContext?.currentWatermark() ?? Number.MIN_SAFE_INTEGER,
    timestamp: () => this.#writeContext?.timestamp() ?? null,
  };
  #writeContext: { timestamp(): number | null; currentWatermark(): number } | undefined;

  constructor(path: string, options: CompleteOptions<T>, _context: WriterInitContext, restored: readonly InProgressFile[]) {
    this.#path = path;
    this.#options = options;
    for (const former of restored) this.#resume(former);
  }

  write(record: T, context: { timestamp(): number | null; currentWatermark(): number }): void {
    this.#writeContext = context;
    const now = Date.now();
    if (now >= this.#nextTimeCheck) this.#checkTimes(now);
    const bucketId = this.#options.bucketAssigner.getBucketId(record, this.#bucketContext);
    const file = this.#open.get(bucketId) ?? this.#create(bucketId, now);
    const encoded = this.#options.encoder(record);
    file.write(typeof encoded === 'string' ? Buffer.from(encoded) : encoded, now);
    if (this.#options.rollingPolicy.shouldRollOnEvent(file)) this.#roll(file);
  }

  flush(endOfInput: boolean): void {
    const now = Date.now();
    this.#checkTimes(now);
    for (const file of [...this.#open.values()]) {
      if (endOfInput || this.#options.rollingPolicy.shouldRollOnCheckpoint(file)) this.#roll(file);
    }
  }

  prepareCommit(): readonly FileCommittable[] {
    const committables = this.#committables;
    this.#committables = [];
    return committables;
  }

  snapshotState(): readonly InProgressFile[] {
    return [...this.#open.values()].map((file) => file.persist());
  }

  close(): void {
    for (const file of this.#open.values()) file.abandon();
    this.#open.clear();
  }

  #create(bucketId: string, now: number): PartFile {
    const { partPrefix, partSuffix } = this.#options;
    const name = `${partPrefix}-${this.#uid}-${this.#partCount++}${partSuffix}`;
    const file = PartFile.create(bucketId, join(this.#path, bucketId, name), now);
    this.#open.set(bucketId, file);
    return file;
  }

  /** The former file stays until a checkpoint holds the copy: the job may start from the same checkpoint once more. */
  #resume(former: InProgressFile): void {
    const file = PartFile.resume(former);
    this.#committables.push({ kind: 'discard', path: former.path });
    // Two subtasks of before may have left files of one bucket.
    if (this.#open.has(former.bucketId)) this.#committables.push(file.closeForCommit());
    else this.#open.set(former.bucketId, file);
  }

  #checkTimes(now: number): void {
    this.#nextTimeCheck = now + timeCheckMs;
    for (const file of [...this.#open.values()]) {
      if (this.#options.rollingPolicy.shouldRollOnProcessingTime(file, now)) this.#roll(file);
    }
  }

  #roll(file: PartFile): void {
    this.#open.delete(file.bucketId);
    this.#committables.push(file.closeForCommit());
  }
}
