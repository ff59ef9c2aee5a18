/**
 * What a process says about itself, under the names that Flink has for its JVM: the heap is the one of V8, of all threads
 * together; the rest of the resident memory is non-heap; compiled code is metaspace; buffers outside the heaps are direct memory.
 */
import { readFileSync } from 'node:fs';
import type { MetricDump } from '../rpc/gateways.ts';
import { reportThread, type ThreadReport } from './thread-report.ts';

/** `workers`: what the process's other threads said last. */
export function processMetrics(workers: readonly ThreadReport[] = []): MetricDump {
  const threads = [reportThread(), ...workers];
  const sum = (read: (thread: ThreadReport) => number): number => threads.reduce((total, thread) => total + read(thread), 0);
  const committed = sum((thread) => thread.heapCommitted);
  const nonHeap = Math.max(0, process.memoryUsage.rss() - committed);
  const external = sum((thread) => thread.external);
  const code = sum((thread) => thread.code);
  const { user, system } = process.cpuUsage();
  return {
    'Status.JVM.CPU.Load': cpuLoad(),
    'Status.JVM.CPU.Time': (user + system) * 1000,
    'Status.JVM.Memory.Heap.Used': sum((thread) => thread.heapUsed),
    'Status.JVM.Memory.Heap.Committed': committed,
    'Status.JVM.Memory.Heap.Max': sum((thread) => thread.heapLimit),
    'Status.JVM.Memory.NonHeap.Used': nonHeap,
    'Status.JVM.Memory.NonHeap.Committed': nonHeap,
    'Status.JVM.Memory.NonHeap.Max': -1,
    'Status.JVM.Memory.Metaspace.Used': code,
    'Status.JVM.Memory.Metaspace.Committed': code,
    'Status.JVM.Memory.Metaspace.Max': -1,
    'Status.JVM.Memory.Direct.Count': 0,
    'Status.JVM.Memory.Direct.MemoryUsed': external,
    'Status.JVM.Memory.Direct.TotalCapacity': external,
    'Status.JVM.Memory.Mapped.Count': 0,
    'Status.JVM.Memory.Mapped.MemoryUsed': 0,
    'Status.JVM.Memory.Mapped.TotalCapacity': 0,
    'Status.JVM.Threads.Count': threadCount() ?? threads.length,
    'Status.JVM.ClassLoader.ClassesLoaded': 0,
    'Status.JVM.ClassLoader.ClassesUnloaded': 0,
    'Status.JVM.GarbageCollector.All.Count': sum((thread) => thread.collections),
    'Status.JVM.GarbageCollector.All.Time': Math.round(sum((thread) => thread.collectionMs)),
  };
}

/** Threads of the operating system; undefined where there is no /proc. */
function threadCount(): number | undefined {
  try {
    return Number(/^Threads:\s*(\d+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}

const shortestSampleMs = 1000;
let load = 0;
let lastCpu = process.cpuUsage();
let lastCpuAt = performance.now();

/** Share of one core, over the time since the last sample. */
function cpuLoad(): number {
  const elapsedMs = performance.now() - lastCpuAt;
  if (elapsedMs < shortestSampleMs) return load;
  const used = process.cpuUsage(lastCpu);
  load = (used.user + used.system) / 1000 / elapsedMs;
  lastCpu = process.cpuUsage();
  lastCpuAt = performance.now();
  return load;
}
