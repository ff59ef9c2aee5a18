/**
 * A source in the hand of a test: what is added comes out, in order, when there is room. It keeps everything, so a job that restarts
 * reads on from where its checkpoint was.
 */
import type { ReaderOutput, Source, SourceReader, SourceReaderContext, SourceSplit, SplitEnumeratorContext } from '../api/source.ts';
import { StaticSplitEnumerator } from '../connectors/static-splits.ts';

type Item<T> =
  | { readonly kind: 'record'; readonly value: T; readonly timestamp: number | undefined }
  | { readonly kind: 'watermark'; readonly timestamp: number }
  | { readonly kind: 'idle' };

interface Position extends SourceSplit {
  readonly next: number;
}

const itemsPerPoll = 100;

export class TestInput<T> implements Source<T, Position, Position[]> {
  readonly boundedness = 'CONTINUOUS_UNBOUNDED';
  readonly maxSourceParallelism = 1;
  readonly items: Item<T>[] = [];
  hasEnded = false;
  #onChange: (() => void)[] = [];

  add(value: T, timestamp?: number): this {
    return this.#put({ kind: 'record', value, timestamp });
  }

  addAll(values: Iterable<T>): this {
    for (const value of values) this.add(value);
    return this;
  }

  watermark(timestamp: number): this {
    return this.#put({ kind: 'watermark', timestamp });
  }

  /** Nothing is to be expected for now: watermarks go on without this input. */
  idle(): this {
    return this.#put({ kind: 'idle' });
  }

  end(): this {
    this.hasEnded = true;
    this.#tell();
    return this;
  }

  createEnumerator(context: SplitEnumeratorContext<Position>, checkpoint?: Position[]): StaticSplitEnumerator<Position> {
    return new StaticSplitEnumerator(context, checkpoint ?? [{ splitId: '0', next: 0 }]);
  }

  createReader(context: SourceReaderContext): SourceReader<T, Position> {
    return new TestReader(this, context);
  }

  /** Resolves when something is added. */
  whenChanged(): Promise<void> {
    return new Promise((resolve) => this.#onChange.push(resolve));
  }

  #put(item: Item<T>): this {
    this.items.push(item);
    this.#tell();
    return this;
  }

  #tell(): void {
    for (const resolve of this.#onChange.splice(0)) resolve();
  }
}

class TestReader<T> implements SourceReader<T, Position> {
  readonly #input: TestInput<T>;
  readonly #context: SourceReaderContext;
  #position: Position | undefined;
  #isNew = false;
  #wake: () => void = () => {};

  constructor(input: TestInput<T>, context: SourceReaderContext) {
    this.#input = input;
    this.#context = context;
  }

  start(): void {
    if (!this.#position) this.#context.sendSplitRequest();
  }

  pollNext(output: ReaderOutput<T>): 'MORE_AVAILABLE' | 'NOTHING_AVAILABLE' | 'END_OF_INPUT' {
    if (!this.#position) return 'NOTHING_AVAILABLE';
    const { items, hasEnded } = this.#input;
    let { next } = this.#position;
    if (this.#isNew) sayWatermarkAgain(items, next, output);
    this.#isNew = false;
    for (let left = itemsPerPoll; left > 0 && next < items.length && !output.isFull; left--) emit(items[next++] as Item<T>, output);
    this.#position = { ...this.#position, next };
    if (next < items.length) return 'MORE_AVAILABLE';
    return hasEnded ? 'END_OF_INPUT' : 'NOTHING_AVAILABLE';
  }

  isAvailable(): Promise<void> {
    if (this.#position && (this.#position.next < this.#input.items.length || this.#input.hasEnded)) return Promise.resolve();
    const added = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    return Promise.race([added, this.#input.whenChanged()]);
  }

  addSplits([position]: readonly Position[]): void {
    this.#position = position;
    this.#isNew = true;
    this.#wake();
  }

  notifyNoMoreSplits(): void {}

  snapshotState(): Position[] {
    return this.#position ? [this.#position] : [];
  }
}

function emit<T>(item: Item<T>, output: ReaderOutput<T>): void {
  switch (item.kind) {
    case 'record':
      output.markActive();
      output.collect(item.value, item.timestamp);
      return;
    case 'watermark':
      output.emitWatermark(item.timestamp);
      return;
    case 'idle':
      output.markIdle();
  }
}

/** Watermarks are not in checkpoints. */
function sayWatermarkAgain<T>(items: readonly Item<T>[], next: number, output: ReaderOutput<T>): void {
  const last = items.slice(0, next).findLast((item) => item.kind === 'watermark');
  if (last) emit(last, output);
}
