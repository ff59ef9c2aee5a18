/**
 * What bounded connectors share: an enumerator that hands out a fixed list of splits on request, and a reader that works
 * through its splits one record at a time and remembers how far it came.
 */
import type {
  InputStatus,
  ReaderOutput,
  SourceReader,
  SourceReaderContext,
  SourceSplit,
  SplitEnumerator,
  SplitEnumeratorContext,
} from '../api/source.ts';

export class StaticSplitEnumerator<S extends SourceSplit> implements SplitEnumerator<S, S[]> {
  readonly #context: SplitEnumeratorContext<S>;
  readonly #splits: S[];

  constructor(context: SplitEnumeratorContext<S>, splits: readonly S[]) {
    this.#context = context;
    this.#splits = [...splits];
  }

  start(): void {}

  handleSplitRequest(subtaskIndex: number): void {
    const split = this.#splits.shift();
    if (split) this.#context.assignSplit(split, subtaskIndex);
    else this.#context.signalNoMoreSplits(subtaskIndex);
  }

  addSplitsBack(splits: readonly S[]): void {
    this.#splits.unshift(...splits);
  }

  addReader(): void {}

  snapshotState(): S[] {
    return [...this.#splits];
  }
}

/** Reads one split. `next` emits a bounded number of records and says whether there are more. */
export interface SplitRun<T, S> {
  next(output: ReaderOutput<T>): InputStatus;
  whenAvailable?(): Promise<void>;
  /** The split with its position. */
  snapshot(): S;
  close?(): void | Promise<void>;
}

/** Asks for a split when it has none; several can wait, as after a restore. */
export class SplitAtATimeReader<T, S extends SourceSplit> implements SourceReader<T, S> {
  readonly #context: SourceReaderContext;
  readonly #open: (split: S) => SplitRun<T, S>;
  readonly #waiting: S[] = [];
  #run: SplitRun<T, S> | undefined;
  #noMore = false;
  #requested = false;
  #wake: (() => void) | undefined;

  constructor(context: SourceReaderContext, open: (split: S) => SplitRun<T, S>) {
    this.#context = context;
    this.#open = open;
  }

  start(): void {}

  pollNext(output: ReaderOutput<T>): InputStatus {
    if (!this.#run) {
      const split = this.#waiting.shift();
      if (!split) return this.#withoutSplit();
      this.#run = this.#open(split);
    }
    const status = this.#run.next(output);
    if (status !== 'END_OF_INPUT') return status;
    const closed = this.#run.close?.();
    void closed;
    this.#run = undefined;
    return 'MORE_AVAILABLE';
  }

  isAvailable(): Promise<void> {
    if (this.#run) return this.#run.whenAvailable?.() ?? Promise.resolve();
    if (this.#waiting.length > 0 || this.#noMore) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  addSplits(splits: readonly S[]): void {
    this.#waiting.push(...splits);
    this.#requested = false;
    this.#wake?.();
  }

  notifyNoMoreSplits(): void {
    this.#noMore = true;
    this.#wake?.();
  }

  snapshotState(): S[] {
    return this.#run ? [this.#run.snapshot(), ...this.#waiting] : [...this.#waiting];
  }

  async close(): Promise<void> {
    await this.#run?.close?.();
  }

  #withoutSplit(): InputStatus {
    if (this.#noMore) return 'END_OF_INPUT';
    if (!this.#requested) {
      this.#requested = true;
      this.#context.sendSplitRequest();
    }
    return 'NOTHING_AVAILABLE';
  }
}

/** Records a reader emits in one call at most. */
export const recordsPerPoll = 256;
