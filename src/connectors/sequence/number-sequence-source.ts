/** Whole numbers from a range, both ends included, split over the readers. */
import type {
  InputStatus,
  ReaderOutput,
  Source,
  SourceReader,
  SourceReaderContext,
  SourceSplit,
  SplitEnumeratorContext,
} from '../../api/source.ts';
import { UserError } from '../../shared/errors.ts';
import { recordsPerPoll, SplitAtATimeReader, type SplitRun, StaticSplitEnumerator } from '../static-splits.ts';

interface SequenceSplit extends SourceSplit {
  readonly from: number;
  readonly to: number;
}

export class NumberSequenceSource implements Source<number, SequenceSplit, SequenceSplit[]> {
  readonly boundedness = 'BOUNDED';
  readonly emitsFreshRecords = true;
  readonly recordAt = (index: number): number => index;
  readonly #from: number;
  readonly #to: number;

  constructor(from: number, to: number) {
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from > to) {
      throw new UserError('BAD_SEQUENCE', {
        problem: `fromSequence(${from}, ${to}): two whole numbers are wanted, the first not above the second.`,
      });
    }
    this.#from = from;
    this.#to = to;
  }

  createEnumerator(context: SplitEnumeratorContext<SequenceSplit>, checkpoint?: SequenceSplit[]): StaticSplitEnumerator<SequenceSplit> {
    return new StaticSplitEnumerator(context, checkpoint ?? splitRange(this.#from, this.#to, context.currentParallelism()));
  }

  createReader(context: SourceReaderContext): SourceReader<number, SequenceSplit> {
    return new SplitAtATimeReader(context, (split) => new SequenceRun(split));
  }
}

function splitRange(from: number, to: number, parts: number): SequenceSplit[] {
  const total = to - from + 1;
  const splits: SequenceSplit[] = [];
  for (let part = 0, start = from; part < parts && start <= to; part++) {
    const size = Math.floor(total / parts) + (part < total % parts ? 1 : 0);
    if (size === 0) continue;
    splits.push({ splitId: String(part), from: start, to: start + size - 1 });
    start += size;
  }
  return splits;
}

class SequenceRun implements SplitRun<number, SequenceSplit> {
  readonly #split: SequenceSplit;
  #next: number;

  constructor(split: SequenceSplit) {
    this.#split = split;
    this.#next = split.from;
  }

  next(output: ReaderOutput<number>): InputStatus {
    const { to } = this.#split;
    this.#next = output.collectRange(this.#next, Math.min(to + 1, this.#next + recordsPerPoll));
    return this.#next <= to ? 'MORE_AVAILABLE' : 'END_OF_INPUT';
  }

  snapshot(): SequenceSplit {
    return { ...this.#split, from: this.#next };
  }
}
