/** Records of `executeAndCollect` on their way from a task to the client, by result. */
import type { Clock } from '../../shared/time.ts';

interface Box {
  readonly records: unknown[];
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
    return [...this.#boxes.values()].some(({ records }) => records.length > 0);
  }

  put(resultId: string, records: readonly unknown[]): void {
    const box = this.#box(resultId);
    for (const record of records) box.records.push(record);
    for (const wake of box.waiting.splice(0)) wake();
  }

  /** No more will come. */
  end(): void {
    this.#isDone = true;
    for (const { waiting } of this.#boxes.values()) for (const wake of waiting.splice(0)) wake();
  }

  /** Waits for records, at most `waitMs`; an empty answer with `done` is the end. */
  async take(resultId: string, waitMs?: number): Promise<{ records: unknown[]; done: boolean }> {
    const box = this.#box(resultId);
    if (box.records.length === 0 && !this.#isDone) {
      await new Promise<void>((resolve) => {
        box.waiting.push(resolve);
        if (waitMs !== undefined) this.#clock.schedule(waitMs, resolve);
      });
    }
    const records = box.records.splice(0);
    return { records, done: records.length === 0 && this.#isDone };
  }

  #box(resultId: string): Box {
    let box = this.#boxes.get(resultId);
    if (!box) {
      box = { records: [], waiting: [] };
      this.#boxes.set(resultId, box);
    }
    return box;
  }
}
