/** A source with one split per reader, whose readers have nothing to give now and then. */
import type {
  InputStatus,
  ReaderOutput,
  Source,
  SourceReader,
  SourceReaderContext,
  SourceSplit,
  SplitEnumerator,
  SplitEnumeratorContext,
} from 'weir';
import { sourceRecords } from './oracle.ts';
import type { SourceNode } from './plan.ts';
import { share } from './random.ts';
import type { Rec, TimedRecord } from './records.ts';

export class SplitSource implements Source<Rec> {
  readonly boundedness = 'BOUNDED';
  readonly #node: SourceNode;
  readonly #spoil: (record: Rec) => void;

  constructor(node: SourceNode, spoil: (record: Rec) => void) {
    this.#node = node;
    this.#spoil = spoil;
  }

  createEnumerator(context: SplitEnumeratorContext<SourceSplit>): SplitEnumerator<SourceSplit, unknown> {
    return {
      start() {},
      handleSplitRequest() {},
      addSplitsBack() {},
      addReader(subtaskIndex) {
        context.assignSplit({ splitId: String(subtaskIndex) }, subtaskIndex);
        context.signalNoMoreSplits(subtaskIndex);
      },
      snapshotState: () => undefined,
    };
  }

  createReader(context: SourceReaderContext): SourceReader<Rec, SourceSplit> {
    return new SplitReader(this.#node, context.parallelism, this.#spoil);
  }
}

class SplitReader implements SourceReader<Rec, SourceSplit> {
  readonly #node: SourceNode;
  readonly #parallelism: number;
  readonly #spoil: (record: Rec) => void;
  readonly #records: TimedRecord[] = [];
  #next = 0;
  #noMore = false;
  #resting = false;
  #wake: (() => void) | undefined;

  constructor(node: SourceNode, parallelism: number, spoil: (record: Rec) => void) {
    this.#node = node;
    this.#parallelism = parallelism;
    this.#spoil = spoil;
  }

  start(): void {}

  pollNext(output: ReaderOutput<Rec>): InputStatus {
    for (let emitted = 0; emitted < 50 && this.#next < this.#records.length; emitted++) {
      const { value, time } = this.#records[this.#next] as TimedRecord;
      if (!this.#resting && share(value.id, this.#node.salt, 40) === 0) {
        this.#resting = true;
        return 'NOTHING_AVAILABLE';
      }
      this.#resting = false;
      this.#next++;
      output.collect(value, time);
      this.#spoil(value);
    }
    if (this.#next < this.#records.length) return 'MORE_AVAILABLE';
    return this.#noMore ? 'END_OF_INPUT' : 'NOTHING_AVAILABLE';
  }

  isAvailable(): Promise<void> {
    if (this.#resting) return new Promise((resolve) => setImmediate(resolve));
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  addSplits(splits: readonly SourceSplit[]): void {
    for (const { splitId } of splits)
      this.#records.push(...sourceRecords(this.#node).filter((_, index) => index % this.#parallelism === Number(splitId)));
    this.#wake?.();
  }

  notifyNoMoreSplits(): void {
    this.#noMore = true;
    this.#wake?.();
  }

  snapshotState(): SourceSplit[] {
    return [];
  }
}
