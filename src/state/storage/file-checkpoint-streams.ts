/**
 * State streams in files. A stream is gathered in memory until it is larger than the inline threshold; then a file with a
 * temporary name takes what comes, behind the caller's back, and gets its final name (a random UUID) when it is complete and
 * synced. So a name without the temporary mark is always a whole file.
 *
 * The checkpoint's directory is made by the coordinator, never here: a late writer must not bring back a directory that was
 * given up, and a directory that only the JobManager can see must be an error.
 */
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { BugError } from '../../shared/assert.ts';
import { ExternalError, UserError } from '../../shared/errors.ts';
import { failpoint } from '../../shared/failpoint.ts';
import { type FileSystem, fileSystemOf, pathIn, type WritableFile } from '../../shared/file-system/file-system.ts';
import type { StreamHandle } from '../snapshot/handles.ts';
import type { CheckpointLocation, CheckpointOutputStream, CheckpointStreams } from './checkpoint-streams.ts';

/** Bytes of one stream that may be on their way to the disk before its producer has to wait. */
const maxInFlightBytes = 4 * 1024 * 1024;

export class FileCheckpointStreams implements CheckpointStreams {
  create(location: CheckpointLocation): CheckpointOutputStream {
    return location.directory === undefined ? new InlineStream(location.inlineLimitBytes) : new FileStream(location, location.directory);
  }

  async read(handle: StreamHandle, directory: string | undefined): Promise<Uint8Array> {
    if (handle.kind === 'bytes') {
      if (crc32(handle.bytes) !== handle.checksum) throw damaged('a state stream inside the checkpoint metadata', 'its checksum differs');
      return handle.bytes;
    }
    const path = handle.kind === 'file' ? handle.path : pathIn(inDirectory(handle.name, directory), handle.name);
    const bytes = await readFile(path);
    if (bytes.length !== handle.size) throw damaged(path, `it has ${bytes.length} bytes instead of ${handle.size}`);
    if (crc32(bytes) !== handle.checksum) throw damaged(path, 'its checksum differs');
    return bytes;
  }
}

/** Without a directory: state stays in the handle, hence in the JobManager's memory. */
class InlineStream implements CheckpointOutputStream {
  readonly #limitBytes: number;
  readonly #pieces: Uint8Array[] = [];
  #sizeBytes = 0;
  #failure: UserError | undefined;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get isReady(): boolean {
    return this.#failure === undefined;
  }

  write(bytes: Uint8Array): void {
    this.#sizeBytes += bytes.length;
    if (this.#sizeBytes <= this.#limitBytes) this.#pieces.push(bytes);
    else {
      this.#pieces.length = 0;
      this.#failure ??= tooLargeToInline(this.#limitBytes);
    }
  }

  async whenReady(): Promise<void> {
    if (this.#failure) throw this.#failure;
  }

  async close(): Promise<StreamHandle | undefined> {
    if (this.#failure) throw this.#failure;
    return inlined(this.#pieces);
  }

  async abort(): Promise<void> {
    this.#pieces.length = 0;
  }
}

class FileStream implements CheckpointOutputStream {
  readonly #location: CheckpointLocation;
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #name = randomUUID();
  /** Not yet given to the file system. */
  #pieces: Uint8Array[] = [];
  #gatheredBytes = 0;
  #inFlightBytes = 0;
  #sizeBytes = 0;
  #checksum = 0;
  #file: WritableFile | undefined;
  /** The writing that is under way; it never rejects, see {@link #failure}. */
  #writing: Promise<void> | undefined;
  #failure: unknown;
  #closing: Promise<StreamHandle | undefined> | undefined;
  #aborted = false;
  /** There may be something to delete. */
  #hasFile = false;

  constructor(location: CheckpointLocation, directory: string) {
    const { fileSystem, path } = fileSystemOf(directory);
    this.#location = location;
    this.#fileSystem = fileSystem;
    this.#directory = path;
  }

  get isReady(): boolean {
    return this.#failure === undefined && this.#gatheredBytes + this.#inFlightBytes < maxInFlightBytes;
  }

  write(bytes: Uint8Array): void {
    if (this.#closing) throw new BugError('a closed state stream was written to');
    if (this.#aborted || this.#failure !== undefined || bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#gatheredBytes += bytes.length;
    this.#sizeBytes += bytes.length;
    this.#checksum = crc32(bytes, this.#checksum);
    if (this.#sizeBytes > this.#location.inlineThresholdBytes && this.#gatheredBytes >= this.#location.writeBufferBytes)
      this.#startWriting();
  }

  async whenReady(): Promise<void> {
    while (!this.isReady) {
      if (this.#failure !== undefined) throw this.#failure;
      this.#startWriting();
      await this.#writing;
    }
  }

  close(): Promise<StreamHandle | undefined> {
    if (this.#closing) throw new BugError('a state stream was closed twice');
    this.#closing = this.#finish();
    return this.#closing;
  }

  async abort(): Promise<void> {
    this.#aborted = true;
    this.#pieces = [];
    this.#gatheredBytes = 0;
    await this.#writing;
    await this.#closing?.catch(() => {});
    await this.#discard();
  }

  async #finish(): Promise<StreamHandle | undefined> {
    if (this.#sizeBytes <= this.#location.inlineThresholdBytes) return inlined(this.#pieces);
    this.#startWriting();
    await this.#writing;
    try {
      this.#stopIfFailed();
      await this.#publish();
    } catch (error) {
      this.#fail(error);
      await this.#discard();
      throw this.#failure;
    }
    return { kind: 'relative', name: this.#name, size: this.#sizeBytes, checksum: this.#checksum };
  }

  get #temporaryPath(): string {
    return pathIn(this.#directory, `.${this.#name}.inprogress`);
  }

  get #finalPath(): string {
    return pathIn(this.#directory, this.#name);
  }

  #startWriting(): void {
    if (this.#pieces.length === 0) return;
    this.#writing ??= this.#writeGathered()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#writing = undefined;
      });
  }

  async #writeGathered(): Promise<void> {
    this.#hasFile = true;
    this.#file ??= await this.#fileSystem.create(this.#temporaryPath);
    while (this.#pieces.length > 0) {
      const pieces = this.#pieces;
      this.#pieces = [];
      this.#inFlightBytes = this.#gatheredBytes;
      this.#gatheredBytes = 0;
      await this.#file.write(pieces);
      this.#inFlightBytes = 0;
    }
  }

  async #publish(): Promise<void> {
    const file = this.#file as WritableFile;
    await file.sync();
    await file.close();
    this.#file = undefined;
    this.#stopIfFailed();
    failpoint('state.publish', this.#finalPath);
    await this.#fileSystem.rename(this.#temporaryPath, this.#finalPath);
    await this.#fileSystem.syncDirectory(this.#directory);
    this.#stopIfFailed();
  }

  #stopIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#aborted) throw new ExternalError('SNAPSHOT_ABORTED', { problem: 'The snapshot was aborted.', retriable: true });
  }

  #fail(error: unknown): void {
    if (this.#failure === undefined) this.#failure = error instanceof ExternalError ? error : writeFailed(this.#finalPath, error);
    this.#pieces = [];
    this.#gatheredBytes = 0;
    this.#inFlightBytes = 0;
  }

  /** Best effort: what cannot be deleted now has a temporary name, or lies in a directory that is deleted as a whole. */
  async #discard(): Promise<void> {
    if (!this.#hasFile) return;
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => {});
    await this.#fileSystem.remove(this.#temporaryPath).catch(() => {});
    await this.#fileSystem.remove(this.#finalPath).catch(() => {});
  }
}

function inlined(pieces: readonly Uint8Array[]): StreamHandle | undefined {
  if (pieces.length === 0) return undefined;
  const bytes = new Uint8Array(Buffer.concat(pieces));
  return { kind: 'bytes', bytes, checksum: crc32(bytes) };
}

function inDirectory(name: string, directory: string | undefined): string {
  if (directory !== undefined) return directory;
  throw new ExternalError('STATE_MISSING', {
    problem: `The state file ${name} lies beside its checkpoint's metadata, and where that is, is not known.`,
    retriable: false,
  });
}

async function readFile(given: string): Promise<Uint8Array> {
  const { fileSystem, path } = fileSystemOf(given);
  try {
    return await fileSystem.read(path);
  } catch (error) {
    const missing = (error as { code?: unknown }).code === 'ENOENT';
    throw new ExternalError(missing ? 'STATE_MISSING' : 'STATE_READ_FAILED', {
      problem: missing ? `The state file ${given} does not exist.` : `The state file ${given} cannot be read.`,
      found: missing ? undefined : reason(error),
      tryNext: [
        missing
          ? 'Restore the file, or start from another checkpoint or savepoint: flink run -s <path>.'
          : 'Check that the directory is mounted and readable on this machine.',
      ],
      cause: missing ? undefined : error,
      retriable: !missing,
    });
  }
}

function damaged(what: string, found: string): ExternalError {
  return new ExternalError('STATE_DAMAGED', {
    problem: `The state in ${what} is damaged: ${found}.`,
    tryNext: ['Start from another checkpoint or savepoint: flink run -s <path>.'],
    retriable: false,
  });
}

function writeFailed(path: string, error: unknown): ExternalError {
  const { code } = error as { code?: unknown };
  return new ExternalError('STATE_WRITE_FAILED', {
    problem: `State could not be written to ${path}.`,
    found: reason(error),
    tryNext: [
      code === 'ENOSPC' || code === 'EDQUOT'
        ? 'Free space there, or point execution.checkpointing.dir (state.checkpoints.dir) to another file system.'
        : `Check that ${dirname(path)} is one directory, writable, on the JobManager and on every TaskManager.`,
    ],
    cause: error,
    retriable: true,
  });
}

function tooLargeToInline(limitBytes: number): UserError {
  return new UserError('STATE_TOO_LARGE', {
    problem: `The state of one operator subtask is larger than ${limitBytes} bytes, the most that a checkpoint keeps in the JobManager's memory.`,
    found: 'No checkpoint directory is configured.',
    tryNext: ['Set state.checkpoints.dir to a directory that the JobManager and every TaskManager share.'],
  });
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
