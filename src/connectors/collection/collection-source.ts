/** Elements of the program itself: an array split into ranges, or an iterable that one subtask reads. */
import type { InputStatus, ReaderOutput, Source, SourceSplit } from '../../api/source.ts';
import { UserError } from '../../shared/errors.ts';
import { cloneValue } from '../../types/clone.ts';
import { decodeValue, encodeValue } from '../../types/value-codec.ts';
import { recordsPerPoll, SplitAtATimeReader, type SplitRun, StaticSplitEnumerator } from '../static-splits.ts';

interface RangeSplit extends SourceSplit {
  readonly from: number;
  readonly to: number;
}

export function collectionSource<T>(values: readonly T[]): Source<T, RangeSplit, RangeSplit[]> {
  // Encoded when the source is made: what the program does to its array afterwards does not show.
  const encoded = values.map((value) => (typeof value === 'object' && value !== null ? encodeValue(value) : value));
  return {
    boundedness: 'BOUNDED',
    maxSourceParallelism: 1,
    recordAt: (index) => {
      const value = encoded[index];
      return (value instanceof Uint8Array ? decodeValue(value) : value) as T;
    },
    emitsFreshRecords: true,
    createEnumerator: (context, checkpoint) =>
      new StaticSplitEnumerator(context, checkpoint ?? [{ splitId: '0', from: 0, to: encoded.length }]),
    createReader: (context) => new SplitAtATimeReader(context, (split) => new CollectionRun<T>(split)),
  };
}

class CollectionRun<T> implements SplitRun<T, RangeSplit> {
  readonly #split: RangeSplit;
  #next: number;

  constructor(split: RangeSplit) {
    this.#split = split;
    this.#next = split.from;
  }

  next(output: ReaderOutput<T>): InputStatus {
    this.#next = output.collectRange(this.#next, Math.min(this.#split.to, this.#next + recordsPerPoll));
    return this.#next < this.#split.to ? 'MORE_AVAILABLE' : 'END_OF_INPUT';
  }

  snapshot(): RangeSplit {
    return { ...this.#split, from: this.#next };
  }
}

interface IterableSplit extends SourceSplit {
  readonly taken: number;
}

/** Read by one subtask; after a failure it starts over and skips what was taken, so the iterable must be repeatable. */
export function iterableSource<T>(
  create: (context: { readonly signal: AbortSignal }) => Iterable<T> | AsyncIterable<T>,
): Source<T, IterableSplit, IterableSplit[]> {
  const used = new WeakSet<object>();
  const open = (signal: AbortSignal, split: IterableSplit): SplitRun<T, IterableSplit> => {
    const iterable = create({ signal });
    if (used.has(iterable)) refuseSecondUse(iterable);
    used.add(iterable);
    return iterableRun(iterable, split);
  };
  return {
    boundedness: 'BOUNDED',
    maxSourceParallelism: 1,
    createEnumerator: (context, checkpoint) => new StaticSplitEnumerator(context, checkpoint ?? [{ splitId: '0', taken: 0 }]),
    createReader: (context) => new SplitAtATimeReader(context, (split) => open(context.signal, split)),
  };
}

function iterableRun<T>(iterable: Iterable<T> | AsyncIterable<T>, split: IterableSplit): SplitRun<T, IterableSplit> {
  if (Symbol.asyncIterator in iterable) return new AsyncIterableRun(iterable[Symbol.asyncIterator](), split);
  if (Symbol.iterator in iterable) return new IterableRun(iterable[Symbol.iterator](), split);
  throw new UserError('NOT_ITERABLE', { problem: 'fromCollection() wants an array, an iterable, or a function that makes one.' });
}

/** An array or a set can be read again from its start; an iterator that has begun cannot. */
function refuseSecondUse(iterable: Partial<Iterable<unknown> & AsyncIterable<unknown>>): void {
  const iterator: unknown = iterable[Symbol.asyncIterator]?.() ?? iterable[Symbol.iterator]?.();
  if (iterator !== iterable) return;
  throw new UserError('ITERATOR_USED_UP', {
    problem: 'fromCollection() was given an iterator, which can be read only once, and the job starts again after a failure.',
    tryNext: ['Pass the generator function itself: env.fromCollection(function* () { … })'],
  });
}

class IterableRun<T> implements SplitRun<T, IterableSplit> {
  readonly #iterator: Iterator<T>;
  #taken: number;

  constructor(iterator: Iterator<T>, split: IterableSplit) {
    this.#iterator = iterator;
    for (let skipped = 0; skipped < split.taken; skipped++) iterator.next();
    this.#taken = split.taken;
  }

  next(output: ReaderOutput<T>): InputStatus {
    for (let emitted = 0; emitted < recordsPerPoll; emitted++) {
      const step = this.#iterator.next();
      if (step.done) return 'END_OF_INPUT';
      this.#taken++;
      output.collect(step.value);
      if (output.isFull) break;
    }
    return 'MORE_AVAILABLE';
  }

  snapshot(): IterableSplit {
    return { splitId: '0', taken: this.#taken };
  }

  close(): void {
    this.#iterator.return?.();
  }
}

/** Pulls ahead of the task by a bounded number of records. What the program does to one after it was pulled does not show. */
class AsyncIterableRun<T> implements SplitRun<T, IterableSplit> {
  static readonly #ahead = 256;
  readonly #iterator: AsyncIterator<T>;
  readonly #queue: T[] = [];
  #skip: number;
  #taken: number;
  #done = false;
  #failure: { error: unknown } | undefined;
  #pulling = false;
  #wake: (() => void) | undefined;

  constructor(iterator: AsyncIterator<T>, split: IterableSplit) {
    this.#iterator = iterator;
    this.#skip = split.taken;
    this.#taken = split.taken;
    this.#pull();
  }

  next(output: ReaderOutput<T>): InputStatus {
    for (let emitted = 0; emitted < recordsPerPoll && this.#queue.length > 0; emitted++) {
      this.#taken++;
      output.collect(this.#queue.shift() as T);
      if (output.isFull) break;
    }
    if (this.#queue.length > 0) return 'MORE_AVAILABLE';
    if (this.#failure) throw this.#failure.error;
    if (this.#done) return 'END_OF_INPUT';
    this.#pull();
    return 'NOTHING_AVAILABLE';
  }

  whenAvailable(): Promise<void> {
    if (this.#queue.length > 0 || this.#done || this.#failure) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  snapshot(): IterableSplit {
    return { splitId: '0', taken: this.#taken };
  }

  async close(): Promise<void> {
    if (this.#done) return;
    this.#done = true;
    void this.#iterator.return?.();
  }

  #pull(): void {
    if (this.#pulling || this.#done || this.#queue.length >= AsyncIterableRun.#ahead) return;
    this.#pulling = true;
    this.#iterator.next().then(
      (step) => {
        this.#pulling = false;
        if (step.done) this.#done = true;
        else if (this.#skip > 0) this.#skip--;
        else this.#queue.push(cloneValue(step.value) as T);
        this.#wake?.();
        this.#wake = undefined;
        this.#pull();
      },
      (error: unknown) => {
        this.#pulling = false;
        this.#failure = { error };
        this.#wake?.();
      },
    );
  }
}
