/** Records made by a function of their index, at full speed or at a given rate. Replays from its position. */
import type {
  InputStatus,
  ReaderOutput,
  Source,
  SourceReader,
  SourceReaderContext,
  SplitEnumerator,
  SplitEnumeratorContext,
} from '../../api/source.ts';
import { UserError } from '../../shared/errors.ts';
import type { TypeInfo } from '../../types/type-info.ts';
import { NumberSequenceSource } from '../sequence/number-sequence-source.ts';
import { recordsPerPoll, SplitAtATimeReader, type SplitRun } from '../static-splits.ts';

export interface GeneratorFunction<T> {
  map(index: number): T;
}

/** How fast a source may emit. */
export class RateLimiterStrategy {
  /** Records a second of the whole source; undefined: no limit. */
  readonly recordsPerSecond: number | undefined;

  private constructor(recordsPerSecond: number | undefined) {
    this.recordsPerSecond = recordsPerSecond;
  }

  static noOp(): RateLimiterStrategy {
    return new RateLimiterStrategy(undefined);
  }

  /** Shared evenly by the source's subtasks. */
  static perSecond(records: number): RateLimiterStrategy {
    if (records > 0 && Number.isFinite(records)) return new RateLimiterStrategy(records);
    throw new UserError('BAD_RATE', { problem: `RateLimiterStrategy.perSecond(${records}): a rate above 0 is wanted.` });
  }
}

interface IndexSplit {
  readonly splitId: string;
  readonly from: number;
  readonly to: number;
}

/** Indexes 0 to `count` - 1; `Number.MAX_SAFE_INTEGER` for a source without end. */
export class DataGeneratorSource<T> implements Source<T, IndexSplit, IndexSplit[]> {
  readonly boundedness: 'BOUNDED' | 'CONTINUOUS_UNBOUNDED';
  readonly outputType: TypeInfo<T> | undefined;
  readonly recordAt: (index: number) => T;
  readonly #rate: RateLimiterStrategy;
  readonly #indexes: Source<number, IndexSplit, IndexSplit[]>;

  constructor(
    generator: ((index: number) => T) | GeneratorFunction<T>,
    count: number = Number.MAX_SAFE_INTEGER,
    rate: RateLimiterStrategy = RateLimiterStrategy.noOp(),
    type?: TypeInfo<T>,
  ) {
    if (!Number.isSafeInteger(count) || count < 1)
      throw new UserError('BAD_COUNT', {
        problem: `DataGeneratorSource: the number of records must be a whole number above 0, not ${count}.`,
      });
    this.recordAt = typeof generator === 'function' ? generator : (index) => generator.map(index);
    this.boundedness = count === Number.MAX_SAFE_INTEGER ? 'CONTINUOUS_UNBOUNDED' : 'BOUNDED';
    this.outputType = type;
    this.#rate = rate;
    this.#indexes = new NumberSequenceSource(0, count - 1) as unknown as Source<number, IndexSplit, IndexSplit[]>;
  }

  createEnumerator(
    context: SplitEnumeratorContext<IndexSplit>,
    checkpoint?: IndexSplit[],
  ): SplitEnumerator<IndexSplit, IndexSplit[]> | Promise<SplitEnumerator<IndexSplit, IndexSplit[]>> {
    return this.#indexes.createEnumerator(context, checkpoint);
  }

  createReader(context: SourceReaderContext): SourceReader<T, IndexSplit> {
    const { recordsPerSecond } = this.#rate;
    const limit = recordsPerSecond === undefined ? undefined : new TokenBucket(recordsPerSecond / context.parallelism);
    return new SplitAtATimeReader(context, (split) => new GeneratorRun<T>(split, limit));
  }
}

class GeneratorRun<T> implements SplitRun<T, IndexSplit> {
  readonly #split: IndexSplit;
  readonly #limit: TokenBucket | undefined;
  #next: number;

  constructor(split: IndexSplit, limit: TokenBucket | undefined) {
    this.#split = split;
    this.#limit = limit;
    this.#next = split.from;
  }

  next(output: ReaderOutput<T>): InputStatus {
    const allowed = this.#limit?.take(recordsPerPoll) ?? recordsPerPoll;
    const first = this.#next;
    this.#next = output.collectRange(first, Math.min(this.#split.to + 1, first + allowed));
    this.#limit?.giveBack(allowed - (this.#next - first));
    if (this.#next > this.#split.to) return 'END_OF_INPUT';
    return this.#limit?.isEmpty ? 'NOTHING_AVAILABLE' : 'MORE_AVAILABLE';
  }

  whenAvailable(): Promise<void> {
    return this.#limit?.refilled() ?? Promise.resolve();
  }

  snapshot(): IndexSplit {
    return { ...this.#split, from: this.#next };
  }
}

/** Fills steadily and holds a tenth of a second's records at most, so that a pause is not made up for by a burst. */
class TokenBucket {
  readonly #perMs: number;
  readonly #capacity: number;
  #tokens: number;
  #filledAt = performance.now();

  constructor(perSecond: number) {
    this.#perMs = perSecond / 1000;
    this.#capacity = Math.max(1, perSecond / 10);
    this.#tokens = Math.min(1, this.#capacity);
  }

  get isEmpty(): boolean {
    this.#fill();
    return this.#tokens < 1;
  }

  take(wanted: number): number {
    this.#fill();
    const taken = Math.min(wanted, Math.floor(this.#tokens));
    this.#tokens -= taken;
    return taken;
  }

  giveBack(tokens: number): void {
    this.#tokens += tokens;
  }

  refilled(): Promise<void> {
    const missing = 1 - this.#tokens;
    return missing <= 0 ? Promise.resolve() : new Promise((resume) => setTimeout(resume, Math.max(1, missing / this.#perMs)));
  }

  #fill(): void {
    const now = performance.now();
    this.#tokens = Math.min(this.#capacity, this.#tokens + (now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
  }
}
