/** What one thread says about its own V8: each thread has a heap and a garbage collector of its own. */
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapCodeStatistics, getHeapStatistics } from 'node:v8';

/** Sizes in bytes; survives structured clone. */
export interface ThreadReport {
  readonly heapUsed: number;
  readonly heapCommitted: number;
  readonly heapLimit: number;
  /** Buffers outside the heap, shared ones of this thread included. */
  readonly external: number;
  /** Compiled code and its metadata. */
  readonly code: number;
  readonly collections: number;
  readonly collectionMs: number;
}

let collections = 0;
let collectionMs = 0;
let observer: PerformanceObserver | undefined;

/** Counts this thread's garbage collections from now on. */
export function observeCollections(): void {
  if (observer) return;
  observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      collections += 1;
      collectionMs += entry.duration;
    }
  });
  observer.observe({ entryTypes: ['gc'] });
}

export function reportThread(): ThreadReport {
  const heap = getHeapStatistics();
  const code = getHeapCodeStatistics();
  return {
    heapUsed: heap.used_heap_size,
    heapCommitted: heap.total_heap_size,
    heapLimit: heap.heap_size_limit,
    external: heap.external_memory,
    code: code.code_and_metadata_size + code.bytecode_and_metadata_size,
    collections,
    collectionMs,
  };
}
