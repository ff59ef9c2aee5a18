/** Which producers feed which consumers: all of them, or for pointwise edges (forward, rescale) the ones in their range. Pure. */
import type { PartitionerKind } from '../../graph/job-graph.ts';

export function isPointwise(partitioner: PartitionerKind): boolean {
  return partitioner === 'forward' || partitioner === 'rescale';
}

/** Consumers of one producer, ascending. */
export function consumersOf(partitioner: PartitionerKind, producer: number, producers: number, consumers: number): number[] {
  if (!isPointwise(partitioner)) return range(0, consumers);
  if (producers >= consumers) return [Math.floor((producer * consumers) / producers)];
  const start = Math.ceil((producer * consumers) / producers);
  return range(start, Math.ceil(((producer + 1) * consumers) / producers));
}

/** Producers of one consumer, ascending: the inverse of {@link consumersOf}. */
export function producersOf(partitioner: PartitionerKind, consumer: number, producers: number, consumers: number): number[] {
  return range(0, producers).filter((producer) => consumersOf(partitioner, producer, producers, consumers).includes(consumer));
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, index) => start + index);
}
