/**
 * The stream of one generator as a source. Its parallel readers share the event numbers, block by block in turns, so that the data is the
 * same whatever the parallelism, and all readers are near the same event time.
 */
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
import type { NexmarkEvent } from './events.ts';
import { Generator, type GeneratorOptions } from './generator.ts';

interface NexmarkSplit extends SourceSplit {
  /** Its blocks are `block`, `block + step`, … */
  readonly next: number;
  readonly step: number;
}

/** Whole groups of persons, auctions and bids. */
const blockSize = 500;

export class NexmarkSource implements Source<NexmarkEvent, NexmarkSplit, NexmarkSplit[]> {
  readonly boundedness = 'BOUNDED';
  readonly emitsFreshRecords = true;
  readonly recordAt: (n: number) => NexmarkEvent;
  readonly #events: number;

  constructor(events: number, options: GeneratorOptions) {
    this.#events = events;
    const generator = new Generator(options);
    this.recordAt = (n) => generator.event(n);
  }

  createEnumerator(
    context: SplitEnumeratorContext<NexmarkSplit>,
    checkpoint?: NexmarkSplit[],
  ): SplitEnumerator<NexmarkSplit, NexmarkSplit[]> {
    const step = context.currentParallelism();
    const splits = checkpoint ?? Array.from({ length: step }, (_, index) => ({ splitId: String(index), next: index * blockSize, step }));
    return new Blocks(context, splits);
  }

  createReader(context: SourceReaderContext): SourceReader<NexmarkEvent, NexmarkSplit> {
    return new BlockReader(context, this.#events);
  }
}

/** A split for each reader at the start; what is left after a restore goes to whoever asks. */
class Blocks implements SplitEnumerator<NexmarkSplit, NexmarkSplit[]> {
  readonly #context: SplitEnumeratorContext<NexmarkSplit>;
  readonly #splits: NexmarkSplit[];

  constructor(context: SplitEnumeratorContext<NexmarkSplit>, splits: readonly NexmarkSplit[]) {
    this.#context = context;
    this.#splits = [...splits];
  }

  start(): void {}

  handleSplitRequest(subtaskIndex: number): void {
    const split = this.#splits.shift();
    if (split) this.#context.assignSplit(split, subtaskIndex);
    else this.#context.signalNoMoreSplits(subtaskIndex);
  }

  addSplitsBack(splits: readonly NexmarkSplit[]): void {
    this.#splits.unshift(...splits);
  }

  addReader(): void {}

  snapshotState(): NexmarkSplit[] {
    return [...this.#splits];
  }
}

class BlockReader implements SourceReader<NexmarkEvent, NexmarkSplit> {
  readonly #context: SourceReaderContext;
  readonly #events: number;
  #splits: NexmarkSplit[] = [];
  #turn = 0;
  #isAsking = false;
  #noMore = false;
  #wake: () => void = () => {};

  constructor(context: SourceReaderContext, events: number) {
    this.#context = context;
    this.#events = events;
  }

  start(): void {}

  /** A block at most; several splits, as after a restore, take turns. */
  pollNext(output: ReaderOutput<NexmarkEvent>): InputStatus {
    if (this.#splits.length === 0) return this.#withoutSplit();
    this.#turn %= this.#splits.length;
    const split = this.#splits[this.#turn] as NexmarkSplit;
    const end = Math.min(split.next - (split.next % blockSize) + blockSize, this.#events);
    const emitted = split.next < end ? output.collectRange(split.next, end) : end;
    const isBlockDone = emitted >= end;
    const next = isBlockDone ? split.next - (split.next % blockSize) + blockSize * split.step : emitted;
    if (next < this.#events) this.#splits[this.#turn] = { ...split, next };
    else this.#splits.splice(this.#turn, 1);
    if (isBlockDone) this.#turn++;
    return 'MORE_AVAILABLE';
  }

  isAvailable(): Promise<void> {
    if (this.#splits.length > 0 || this.#noMore) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  addSplits(splits: readonly NexmarkSplit[]): void {
    this.#splits.push(...splits);
    this.#isAsking = false;
    this.#wake();
  }

  notifyNoMoreSplits(): void {
    this.#noMore = true;
    this.#wake();
  }

  snapshotState(): NexmarkSplit[] {
    return [...this.#splits];
  }

  #withoutSplit(): InputStatus {
    if (this.#noMore) return 'END_OF_INPUT';
    if (!this.#isAsking) this.#context.sendSplitRequest();
    this.#isAsking = true;
    return 'NOTHING_AVAILABLE';
  }
}
