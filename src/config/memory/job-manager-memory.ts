/** How the JobManager's memory is divided (Flink's model). */
import type { Configuration } from '../configuration.ts';
import { humanMemorySize } from '../values.ts';
import { fromFraction, fromInverse, legacyHeap, memoryError, readRange } from './memory-range.ts';
import { checkOverhead } from './task-manager-memory.ts';

export interface JobManagerMemory {
  readonly process: number;
  readonly flink: number;
  readonly heap: number;
  readonly offHeap: number;
  readonly metaspace: number;
  readonly overhead: number;
}

/** Throws UserError('MEMORY_E…'). */
export function deriveJobManagerMemory(config: Configuration): JobManagerMemory {
  const heapSize = config.getOptional('jobmanager.memory.heap.size') ?? legacyHeap(config, 'jobmanager');
  const flinkSize = config.getOptional('jobmanager.memory.flink.size');
  const processSize = config.getOptional('jobmanager.memory.process.size');
  const offHeap = config.get('jobmanager.memory.off-heap.size');
  if (heapSize !== undefined) return withTotals(config, ...heapAndOffHeap(config, heapSize, flinkSize), processSize);
  if (flinkSize !== undefined) return withTotals(config, flinkSize - positive(flinkSize, offHeap), offHeap, processSize);
  if (processSize === undefined) {
    throw memoryError('E1', 'None of the JobManager sizes is set.', [
      'jobmanager.memory.process.size: 1600m',
      'jobmanager.memory.flink.size: 1152m',
      'jobmanager.memory.heap.size: 1024m',
    ]);
  }
  const metaspace = config.get('jobmanager.memory.jvm-metaspace.size');
  const overhead = fromFraction(processSize, readRange(config, 'jobmanager.memory.jvm-overhead', 'JVM overhead'));
  const flink = processSize - metaspace - overhead;
  if (flink < 0) {
    throw memoryError(
      'E2',
      `JVM metaspace ${humanMemorySize(metaspace)} and JVM overhead ${humanMemorySize(overhead)} exceed jobmanager.memory.process.size ${humanMemorySize(processSize)}.`,
    );
  }
  return { process: processSize, flink, heap: flink - positive(flink, offHeap), offHeap, metaspace, overhead };
}

function positive(flink: number, offHeap: number): number {
  if (flink > offHeap) return offHeap;
  throw memoryError(
    'E8',
    `JobManager flink memory ${humanMemorySize(flink)} must be more than its off-heap memory ${humanMemorySize(offHeap)}.`,
    ['Raise jobmanager.memory.process.size.'],
  );
}

function heapAndOffHeap(config: Configuration, heap: number, flink: number | undefined): [number, number] {
  const set = config.getOptional('jobmanager.memory.off-heap.size');
  if (flink === undefined) return [heap, set ?? config.get('jobmanager.memory.off-heap.size')];
  if (heap > flink || (set !== undefined && heap + set !== flink)) {
    throw memoryError(
      'E7',
      `jobmanager.memory.heap.size ${humanMemorySize(heap)}${set === undefined ? '' : ` and off-heap.size ${humanMemorySize(set)}`} do not make up flink.size ${humanMemorySize(flink)}.`,
      ['Set only one of them.'],
    );
  }
  return [heap, set ?? flink - heap];
}

function withTotals(config: Configuration, heap: number, offHeap: number, processSize: number | undefined): JobManagerMemory {
  const flink = heap + offHeap;
  const metaspace = config.get('jobmanager.memory.jvm-metaspace.size');
  const range = readRange(config, 'jobmanager.memory.jvm-overhead', 'JVM overhead');
  if (processSize === undefined) {
    const overhead = fromInverse(flink + metaspace, range);
    return { process: flink + metaspace + overhead, flink, heap, offHeap, metaspace, overhead };
  }
  const overhead = processSize - flink - metaspace;
  if (overhead < 0)
    throw memoryError(
      'E6',
      `jobmanager.memory.process.size ${humanMemorySize(processSize)} is less than flink memory ${humanMemorySize(flink)} plus metaspace ${humanMemorySize(metaspace)}.`,
    );
  return { process: processSize, flink, heap, offHeap, metaspace, overhead: checkOverhead(overhead, range, 'jobmanager') };
}

const leastSensibleHeap = 128 * 2 ** 20;

/** What works and is hardly meant. */
export function jobManagerMemoryWarnings(memory: JobManagerMemory, config: Configuration): string[] {
  const warnings: string[] = [];
  const heap = humanMemorySize(memory.heap);
  if (memory.heap < leastSensibleHeap)
    warnings.push(
      `The JobManager's heap is ${heap}, less than the recommended ${humanMemorySize(leastSensibleHeap)}: raise jobmanager.memory.process.size.`,
    );
  const cache = config.get('jobstore.cache-size');
  if (memory.heap < cache) warnings.push(`The JobManager's heap is ${heap}, less than jobstore.cache-size (${cache} bytes).`);
  return warnings;
}
