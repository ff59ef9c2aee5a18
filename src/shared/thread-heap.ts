/** The heap of a worker thread as another thread sees it: it can be read, and watched, while the worker is in an endless loop. */
import type { Worker } from 'node:worker_threads';
import { within } from './time.ts';

export interface ThreadMemory {
  readonly heapBytes: number;
  /** Buffers outside the heap. */
  readonly externalBytes: number;
}

/** Growth meets V8's own limit in about a second; garbage that waits for its collection is gone by the next look. */
export const heapLookMs = 200;

export class ThreadHeap {
  readonly #worker: Worker;
  #reading: Promise<ThreadMemory | undefined> | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
  }

  /**
   * Undefined once the thread is over, and before Node.js 22.16. A thread inside a system call does not answer: then all
   * callers wait for the same answer.
   */
  read(): Promise<ThreadMemory | undefined> {
    if (!('getHeapStatistics' in this.#worker)) return Promise.resolve(undefined);
    this.#reading ??= this.#worker
      .getHeapStatistics()
      .then(
        ({ used_heap_size, external_memory }) => ({ heapBytes: used_heap_size, externalBytes: external_memory }),
        () => undefined,
      )
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }

  /** Calls back once when the heap stays above the limit from one look to the next. The returned function ends the watch. */
  watch(limitBytes: number, onFull: (heapBytes: number) => void): () => void {
    let wasFull = false;
    const timer = setInterval(async () => {
      const memory = await within(heapLookMs, this.read());
      const isFull = memory !== undefined && memory.heapBytes > limitBytes;
      if (isFull && wasFull) {
        clearInterval(timer);
        onFull(memory.heapBytes);
      }
      wasFull = isFull;
    }, heapLookMs);
    timer.unref();
    return () => clearInterval(timer);
  }
}
