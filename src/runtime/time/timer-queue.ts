/**
 * Timers of one time domain: a set per timestamp, and a heap of the distinct timestamps. Many timers share few
 * timestamps in practice, so adding one is most often a Set insertion.
 */
import { keyIdentity } from '../../types/key-hash.ts';

interface TimersAt {
  readonly timestamp: number;
  /** By key identity; the key itself as the program made it. */
  readonly keys: Map<unknown, unknown>;
}

export class TimerQueue {
  readonly #byTimestamp = new Map<number, TimersAt>();
  readonly #heap: number[] = [];

  /** Registering twice is once. */
  add(timestamp: number, key: unknown): void {
    let at = this.#byTimestamp.get(timestamp);
    if (!at) {
      at = { timestamp, keys: new Map() };
      this.#byTimestamp.set(timestamp, at);
      this.#push(timestamp);
    }
    at.keys.set(keyIdentity(key), key);
  }

  delete(timestamp: number, key: unknown): void {
    // The timestamp stays in the heap; an empty one is skipped when its turn comes.
    this.#byTimestamp.get(timestamp)?.keys.delete(keyIdentity(key));
  }

  /** Earliest timestamp that has a timer, or Infinity. */
  get next(): number {
    while (this.#heap.length > 0) {
      const timestamp = this.#heap[0] as number;
      const at = this.#byTimestamp.get(timestamp);
      if (at && at.keys.size > 0) return timestamp;
      this.#pop();
      this.#byTimestamp.delete(timestamp);
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Removes one timer that is due at `now`; its key, or undefined when none is. */
  takeDue(now: number): { timestamp: number; key: unknown } | undefined {
    const timestamp = this.next;
    if (timestamp > now) return undefined;
    const { keys } = this.#byTimestamp.get(timestamp) as TimersAt;
    const [identity, key] = keys.entries().next().value as [unknown, unknown];
    keys.delete(identity);
    return { timestamp, key };
  }

  get size(): number {
    let size = 0;
    for (const { keys } of this.#byTimestamp.values()) size += keys.size;
    return size;
  }

  #push(timestamp: number): void {
    const heap = this.#heap;
    let index = heap.push(timestamp) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if ((heap[parent] as number) <= timestamp) break;
      heap[index] = heap[parent] as number;
      index = parent;
    }
    heap[index] = timestamp;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as number;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child++;
      if ((heap[child] as number) >= last) break;
      heap[index] = heap[child] as number;
      index = child;
    }
    heap[index] = last;
  }
}
