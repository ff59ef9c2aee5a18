/** A clock that a test turns: time stands still in between, and what is due runs in order while it is turned. */
import type { Clock } from '../shared/time.ts';

interface Scheduled {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  readonly isExact = true;
  #now: number;
  #order = 0;
  readonly #scheduled = new Set<Scheduled>();

  constructor(now = 0) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  /** How long work takes is real. */
  monotonic(): number {
    return performance.now();
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const scheduled = { at: this.#now + Math.max(0, delayMs), order: this.#order++, callback };
    this.#scheduled.add(scheduled);
    return () => this.#scheduled.delete(scheduled);
  }

  /** What is due already. */
  runDue(): void {
    for (let due = this.#next(this.#now); due !== undefined; due = this.#next(this.#now)) {
      this.#scheduled.delete(due);
      due.callback();
    }
  }

  /** Moves on to this time; `settle` is awaited behind each moment at which something was due. */
  async advanceTo(time: number, settle: () => Promise<void>): Promise<void> {
    for (let next = this.#next(time); next !== undefined; next = this.#next(time)) {
      this.#now = Math.max(this.#now, next.at);
      this.runDue();
      await settle();
    }
    this.#now = Math.max(this.#now, time);
    await settle();
  }

  /** The earliest up to this time. */
  #next(until: number): Scheduled | undefined {
    let earliest: Scheduled | undefined;
    for (const scheduled of this.#scheduled) {
      if (scheduled.at > until) continue;
      if (!earliest || scheduled.at < earliest.at || (scheduled.at === earliest.at && scheduled.order < earliest.order))
        earliest = scheduled;
    }
    return earliest;
  }
}
