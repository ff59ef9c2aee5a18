/**
 * Emits records when they are due, whatever the pipeline does: record n of a subtask is due n intervals behind its start. A
 * pipeline that pauses gets all that came due meanwhile, each with the time it should have left, so that no delay is left out.
 */
import type { InputStatus, ReaderOutput, Source, SourceReader, SourceReaderContext, SourceSplit, SplitEnumerator } from 'weir';
import { hostClock } from '../workloads/payments.ts';

export class OpenLoopSource<T> implements Source<T> {
  readonly boundedness = 'BOUNDED';
  readonly #make: (index: number, due: number) => T;
  readonly #perSecond: number;
  readonly #records: number;

  constructor(make: (index: number, due: number) => T, perSecond: number, records: number) {
    this.#make = make;
    this.#perSecond = perSecond;
    this.#records = records;
  }

  createEnumerator(): SplitEnumerator<SourceSplit, null> {
    return { start() {}, handleSplitRequest() {}, addSplitsBack() {}, addReader() {}, snapshotState: () => null };
  }

  createReader(context: SourceReaderContext): SourceReader<T, SourceSplit> {
    return new OpenLoopReader(context, this.#make, this.#perSecond, this.#records);
  }
}

const recordsPerPoll = 256;

class OpenLoopReader<T> implements SourceReader<T, SourceSplit> {
  readonly #make: (index: number, due: number) => T;
  readonly #first: number;
  readonly #step: number;
  readonly #intervalMs: number;
  readonly #records: number;
  #begun = 0;
  #emitted = 0;

  constructor(context: SourceReaderContext, make: (index: number, due: number) => T, perSecond: number, records: number) {
    this.#make = make;
    this.#first = context.indexOfSubtask;
    this.#step = context.parallelism;
    this.#intervalMs = (1000 * context.parallelism) / perSecond;
    this.#records = Math.floor(records / context.parallelism);
  }

  start(): void {
    this.#begun = hostClock();
  }

  pollNext(output: ReaderOutput<T>): InputStatus {
    const now = hostClock();
    for (let n = 0; n < recordsPerPoll; n++) {
      if (this.#emitted === this.#records) return 'END_OF_INPUT';
      const due = this.#begun + this.#emitted * this.#intervalMs;
      if (due > now) return 'NOTHING_AVAILABLE';
      output.collect(this.#make(this.#first + this.#emitted * this.#step, due));
      this.#emitted++;
      if (output.isFull) return 'MORE_AVAILABLE';
    }
    return 'MORE_AVAILABLE';
  }

  isAvailable(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 1));
  }

  addSplits(): void {}
  notifyNoMoreSplits(): void {}
  snapshotState(): SourceSplit[] {
    return [];
  }
}
