/**
 * A bounded source whose readers stop at given positions until a checkpoint has completed that was taken while they stood
 * there: what a test wants to happen between two checkpoints happens there, however slow the machine.
 */
import type { ReaderOutput, Source, SourceReader, SourceReaderContext, SourceSplit } from '../../src/api/source.ts';
import { StaticSplitEnumerator } from '../../src/connectors/static-splits.ts';

interface NumbersSplit extends SourceSplit {
  readonly next: number;
  readonly end: number;
}

export interface GatedNumbers {
  /** Numbers 0 … perSplit-1 of each split, as `split * perSplit + n`. */
  readonly splits: number;
  readonly perSplit: number;
  /** Positions within a split, ascending. */
  readonly gates: readonly number[];
  /** Positions where every reader waits for {@link GatedNumberSource.release}. */
  readonly holds?: readonly number[];
}

/** How often a position has been passed lies with the test, not with an attempt: a gate that was passed once stays open. */
export class GatedNumberSource implements Source<number, NumbersSplit, NumbersSplit[]> {
  readonly boundedness = 'BOUNDED';
  readonly #options: GatedNumbers;
  readonly #opened = new Set<string>();
  readonly #released: Released = { value: false, waiting: [] };

  constructor(options: GatedNumbers) {
    this.#options = options;
  }

  /** Readers that are held go on, and none is held any more. */
  release(): void {
    this.#released.value = true;
    for (const wake of this.#released.waiting.splice(0)) wake();
  }

  createEnumerator(...[context, checkpoint]: Parameters<Source<number, NumbersSplit, NumbersSplit[]>['createEnumerator']>) {
    const { splits, perSplit } = this.#options;
    const all = Array.from({ length: splits }, (_, index) => ({
      splitId: String(index),
      next: index * perSplit,
      end: (index + 1) * perSplit,
    }));
    return new StaticSplitEnumerator<NumbersSplit>(context, checkpoint ?? all);
  }

  createReader(context: SourceReaderContext): SourceReader<number, NumbersSplit> {
    return new GatedReader(context, this.#options, this.#opened, this.#released);
  }
}

interface Released {
  value: boolean;
  readonly waiting: (() => void)[];
}

class GatedReader implements SourceReader<number, NumbersSplit> {
  readonly #context: SourceReaderContext;
  readonly #options: GatedNumbers;
  readonly #opened: Set<string>;
  readonly #splits: NumbersSplit[] = [];
  /** Gates this reader stood at when a checkpoint was taken. */
  readonly #seenBy = new Map<number, string | undefined>();
  readonly #released: Released;
  #requested = false;
  #noMore = false;
  #wake: () => void = () => {};

  constructor(context: SourceReaderContext, options: GatedNumbers, opened: Set<string>, released: Released) {
    this.#context = context;
    this.#options = options;
    this.#opened = opened;
    this.#released = released;
  }

  start(): void {}

  pollNext(output: ReaderOutput<number>): 'MORE_AVAILABLE' | 'NOTHING_AVAILABLE' | 'END_OF_INPUT' {
    const split = this.#splits[0];
    if (!split) {
      if (this.#noMore) return 'END_OF_INPUT';
      if (!this.#requested) this.#context.sendSplitRequest();
      this.#requested = true;
      return 'NOTHING_AVAILABLE';
    }
    let { next } = split;
    for (let emitted = 0; emitted < 50 && next < split.end && !output.isFull && !this.#isGated(next); emitted++) output.collect(next++);
    if (next === split.end) this.#splits.shift();
    else this.#splits[0] = { ...split, next };
    return next < split.end && this.#isGated(next) ? 'NOTHING_AVAILABLE' : 'MORE_AVAILABLE';
  }

  isAvailable(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (!this.#released.value) this.#released.waiting.push(resolve);
      const split = this.#splits[0];
      if (split ? !this.#isGated(split.next) : this.#noMore) resolve();
    });
  }

  addSplits(splits: readonly NumbersSplit[]): void {
    this.#splits.push(...splits);
    this.#requested = false;
    this.#wake();
  }

  notifyNoMoreSplits(): void {
    this.#noMore = true;
    this.#wake();
  }

  snapshotState(checkpointId: number): NumbersSplit[] {
    const next = this.#splits[0]?.next;
    this.#seenBy.set(checkpointId, next !== undefined && this.#isGated(next) ? String(next) : undefined);
    return [...this.#splits];
  }

  notifyCheckpointComplete(checkpointId: number): void {
    const gate = this.#seenBy.get(checkpointId);
    if (gate !== undefined) this.#opened.add(gate);
    this.#wake();
  }

  #isGated(next: number): boolean {
    const position = next % this.#options.perSplit;
    if (this.#options.holds?.includes(position) && !this.#released.value) return true;
    return this.#options.gates.includes(position) && !this.#opened.has(String(next));
  }
}
