/**
 * Records of `executeAndCollect` on their way from a task to the client, by result, as blocks of bytes that only the client reads. The task is told what was taken, and sends
 * only so much ahead: a client that is slow, or stays away, does not fill the JobManager.
 */
import type { CollectedBlocks } from '../../api/executor.ts';
import type { Clock } from '../../shared/time.ts';

interface Batch {
  readonly block: Uint8Array;
  readonly onTaken: () => void;
}

interface Box {
  readonly batches: Batch[];
  readonly waiting: (() => void)[];
}

export class CollectedRecords {
  readonly #clock: Clock;
  readonly #boxes = new Map<string, Box>();
  #isDone = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Records that nobody has fetched yet. */
  get hasSome(): boolean {
    return [...this.#boxes.values()].some(({ batches }) => batches.length > 0);
  }

  put(resultId: string, block: Uint8Array, onTaken: () => void): void {
    const box = this.#box(resultId);
    box.batches.push({ block, onTaken });
    for (const wake of box.waiting.splice(0)) wake();
  }

  /** No more will come. */
  end(): void {
    this.#isDone = true;
    for (const { waiting } of this.#boxes.values()) for (const wake of waiting.splice(0)) wake();
  }

  /** Waits for records, at most `waitMs`; an empty answer with `done` is the end. */
  async take(resultId: string, waitMs?: number): Promise<CollectedBlocks> {
    const box = this.#box(resultId);
    if (box.batches.length === 0 && !this.#isDone) {
      await new Promise<void>((resolve) => {
        box.waiting.push(resolve);
        if (waitMs !== undefined) this.#clock.schedule(waitMs, resolve);
      });
    }
    const taken = box.batches.splice(0);
    for (const { onTaken } of taken) onTaken();
    return { blocks: taken.map(({ block }) => block), done: taken.length === 0 && this.#isDone };
  }

  #box(resultId: string): Box {
    let box = this.#boxes.get(resultId);
    if (!box) {
      box = { batches: [], waiting: [] };
      this.#boxes.set(resultId, box);
    }
    return box;
  }
}
