/**
 * How a task writes and reads state streams. Writing goes to a temporary name that is synced and renamed at `close`; small
 * streams never become files. Reading verifies size and checksum of the whole stream first.
 */
import type { StreamHandle } from '../snapshot/handles.ts';

/** Where the streams of one checkpoint go. Plain data: it travels with the trigger and in barriers. */
export interface CheckpointLocation {
  /** The checkpoint's own directory (`chk-N`, or a savepoint's); undefined: state stays in the handles, up to `inlineLimitBytes`. */
  readonly directory: string | undefined;
  /** Streams up to this size are put into their handle. */
  readonly inlineThresholdBytes: number;
  /** Without a directory: the largest state one stream may hold. */
  readonly inlineLimitBytes: number;
  readonly writeBufferBytes: number;
}

export interface CheckpointOutputStream {
  /** Takes the bytes over: the caller does not change them afterwards. Never blocks; see {@link isReady}. */
  write(bytes: Uint8Array): void;
  /** False while more is on its way to the disk than should be: produce no more before {@link whenReady}. */
  readonly isReady: boolean;
  /** Rejects when writing failed. */
  whenReady(): Promise<void>;
  /** Durable from here on. Undefined when nothing was written. Throws ExternalError('STATE_WRITE_FAILED') naming the file. */
  close(): Promise<StreamHandle | undefined>;
  /** Deletes what was written; idempotent, also during or after a failed close. */
  abort(): Promise<void>;
}

export interface CheckpointStreams {
  create(location: CheckpointLocation): CheckpointOutputStream;
  /** `directory`: where the snapshot's `_metadata` was found. Throws ExternalError('STATE_DAMAGED' | 'STATE_MISSING') naming the file. */
  read(handle: StreamHandle, directory: string | undefined): Promise<Uint8Array>;
}
