/** What a process says about itself, under Flink's names: the heap is V8's, the rest of the resident memory is non-heap. */
import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { MetricDump } from '../rpc/gateways.ts';

let collections = 0;
let collectionMs = 0;
let observer: PerformanceObserver | undefined;
let lastCpu = process.cpuUsage();
let lastCpuAt = performance.now();

/** Counts garbage collections from now on. */
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

export function processMetrics(): MetricDump {
  const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const heap = getHeapStatistics();
  const { user, system } = process.cpuUsage();
  return {
    'Status.JVM.CPU.Load': cpuLoad(),
    'Status.JVM.CPU.Time': (user + system) * 1000,
    'Status.JVM.Memory.Heap.Used': heapUsed,
    'Status.JVM.Memory.Heap.Committed': heapTotal,
    'Status.JVM.Memory.Heap.Max': heap.heap_size_limit,
    'Status.JVM.Memory.NonHeap.Used': Math.max(0, rss - heapTotal),
    'Status.JVM.Memory.NonHeap.Committed': Math.max(0, rss - heapTotal),
    'Status.JVM.Memory.NonHeap.Max': -1,
    'Status.JVM.Memory.Metaspace.Used': 0,
    'Status.JVM.Memory.Metaspace.Committed': 0,
    'Status.JVM.Memory.Metaspace.Max': -1,
    'Status.JVM.Memory.Direct.Count': 0,
    'Status.JVM.Memory.Direct.MemoryUsed': external + arrayBuffers,
    'Status.JVM.Memory.Direct.TotalCapacity': external + arrayBuffers,
    'Status.JVM.Memory.Mapped.Count': 0,
    'Status.JVM.Memory.Mapped.MemoryUsed': 0,
    'Status.JVM.Memory.Mapped.TotalCapacity': 0,
    'Status.JVM.Threads.Count': 1,
    'Status.JVM.ClassLoader.ClassesLoaded': 0,
    'Status.JVM.ClassLoader.ClassesUnloaded': 0,
    'Status.JVM.GarbageCollector.All.Count': collections,
    'Status.JVM.GarbageCollector.All.Time': Math.round(collectionMs),
  };
}

/** Share of one core since the last call. */
function cpuLoad(): number {
  const used = process.cpuUsage(lastCpu);
  const now = performance.now();
  const elapsedMs = now - lastCpuAt;
  lastCpu = process.cpuUsage();
  lastCpuAt = now;
  return elapsedMs <= 0 ? 0 : (used.user + used.system) / 1000 / elapsedMs;
}
