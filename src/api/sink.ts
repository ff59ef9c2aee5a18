/** The unified sink: writers run in tasks, committers commit what a completed checkpoint covers. */

export interface Sink<T, Comm = unknown, WriterState = unknown> {
  createWriter(
    context: WriterInitContext,
    restored: readonly WriterState[],
  ): SinkWriter<T, Comm, WriterState> | Promise<SinkWriter<T, Comm, WriterState>>;
  /** Present: two-phase sink. */
  createCommitter?(context: WriterInitContext): Committer<Comm> | Promise<Committer<Comm>>;
}

export interface SinkWriter<T, Comm = unknown, WriterState = unknown> {
  /** May return a promise: the task then takes no further record until it settles. */
  write(value: T, context: { timestamp(): number | null; currentWatermark(): number }): void | Promise<void>;
  flush(endOfInput: boolean): void | Promise<void>;
  writeWatermark?(timestamp: number): void | Promise<void>;
  prepareCommit?(): readonly Comm[] | Promise<readonly Comm[]>;
  snapshotState?(checkpointId: number): readonly WriterState[] | Promise<readonly WriterState[]>;
  close?(): void | Promise<void>;
}

export interface Committer<Comm> {
  commit(requests: readonly CommitRequest<Comm>[]): void | Promise<void>;
  close?(): void | Promise<void>;
}

export interface CommitRequest<Comm> {
  readonly committable: Comm;
  readonly numberOfRetries: number;
  retryLater(): void;
  updateAndRetryLater(committable: Comm): void;
  signalAlreadyCommitted(): void;
  signalFailedWithKnownReason(error: unknown): void;
  signalFailedWithUnknownReason(error: unknown): void;
}

export interface WriterInitContext {
  readonly subtaskIndex: number;
  readonly parallelism: number;
  readonly attemptNumber: number;
  readonly jobId: string;
  readonly restoredCheckpointId?: number | undefined;
  readonly metrics: import('./functions.ts').MetricGroup;
}
