/**
 * The split-based source (FLIP-27). The enumerator runs beside the JobManager and hands out splits; readers run in tasks,
 * poll records from their splits and snapshot positions.
 */
import type { TypeInfo } from '../types/type-info.ts';

export interface SourceSplit {
  readonly splitId: string;
}

/** `S` and `C` are plain data (what codecs carry): splits and enumerator checkpoints cross processes. */
export interface Source<T, S extends SourceSplit = SourceSplit, C = unknown> {
  readonly boundedness: 'BOUNDED' | 'CONTINUOUS_UNBOUNDED';
  readonly outputType?: TypeInfo<T> | undefined;
  /** 1 for sources that cannot be read in parallel. */
  readonly maxSourceParallelism?: number | undefined;
  /** For sources whose records follow from a number: makes one. Readers then emit by {@link ReaderOutput.collectRange}. */
  readonly recordAt?: ((index: number) => T) | undefined;
  /**
   * True when each record is an object of its own, which the reader neither keeps nor changes: it goes into the chain
   * without a copy.
   */
  readonly emitsFreshRecords?: boolean | undefined;
  createEnumerator(context: SplitEnumeratorContext<S>, checkpoint?: C): SplitEnumerator<S, C> | Promise<SplitEnumerator<S, C>>;
  createReader(context: SourceReaderContext): SourceReader<T, S>;
}

export interface SplitEnumerator<S extends SourceSplit, C> {
  start(): void | Promise<void>;
  handleSplitRequest(subtaskIndex: number, requesterHost: string | undefined): void | Promise<void>;
  addSplitsBack(splits: readonly S[], subtaskIndex: number): void;
  addReader(subtaskIndex: number): void | Promise<void>;
  handleSourceEvent?(subtaskIndex: number, event: unknown): void | Promise<void>;
  snapshotState(checkpointId: number): C | Promise<C>;
  notifyCheckpointComplete?(checkpointId: number): void | Promise<void>;
  close?(): void | Promise<void>;
}

export interface SplitEnumeratorContext<S extends SourceSplit> {
  currentParallelism(): number;
  registeredReaders(): ReadonlyMap<number, { readonly subtaskIndex: number; readonly location: string }>;
  assignSplits(assignment: ReadonlyMap<number, readonly S[]>): void;
  assignSplit(split: S, subtaskIndex: number): void;
  signalNoMoreSplits(subtaskIndex: number): void;
  sendEventToSourceReader(subtaskIndex: number, event: unknown): void;
  /** Runs `work` off the event handlers and hands the result to `handler` in order; repeats every `periodMs` when given. */
  callAsync<R>(work: () => Promise<R> | R, handler: (result: R | undefined, error: unknown) => void, periodMs?: number): void;
  readonly signal: AbortSignal;
}

export type InputStatus = 'MORE_AVAILABLE' | 'NOTHING_AVAILABLE' | 'END_OF_INPUT';

export interface SourceReader<T, S extends SourceSplit> {
  start(): void | Promise<void>;
  /**
   * Emits a bounded number of records (a few hundred at most, or until `output.isFull`) and says whether there is more.
   * Synchronous: a reader that waits for the outside world returns NOTHING_AVAILABLE and settles `isAvailable()` later.
   */
  pollNext(output: ReaderOutput<T>): InputStatus;
  /** Settles when `pollNext` has something to do. */
  isAvailable(): Promise<void>;
  addSplits(splits: readonly S[]): void;
  notifyNoMoreSplits(): void;
  handleSourceEvent?(event: unknown): void;
  snapshotState(checkpointId: number): readonly S[];
  notifyCheckpointComplete?(checkpointId: number): void | Promise<void>;
  close?(): void | Promise<void>;
}

export interface ReaderOutput<T> {
  collect(record: T, timestamp?: number): void;
  /**
   * Emits the records that the source's `recordAt` makes for `from` to before `end`, as far as downstream takes them now;
   * returns the number of the first one that was not emitted. Faster than collecting them one by one.
   */
  collectRange(from: number, end: number): number;
  emitWatermark(timestamp: number): void;
  markIdle(): void;
  markActive(): void;
  /** True when downstream cannot take more now: return from `pollNext` (MORE_AVAILABLE) soon. */
  readonly isFull: boolean;
  /** Per-split output, for per-split watermarks. */
  createOutputForSplit(splitId: string): ReaderOutput<T>;
  releaseOutputForSplit(splitId: string): void;
}

export interface SourceReaderContext {
  readonly indexOfSubtask: number;
  readonly parallelism: number;
  readonly configuration: Readonly<Record<string, string>>;
  sendSplitRequest(): void;
  sendSourceEventToCoordinator(event: unknown): void;
  readonly signal: AbortSignal;
}
