/**
 * Who gets the next container: the queue that is furthest below its share, in it the application of highest priority, then
 * the oldest. Pure: it is told what runs and what is wanted, and names one container at a time.
 *
 * The first in line is never overtaken: when its container does not fit yet, what comes free is kept for it.
 */
import type { ApplicationId, Resource } from '../protocol/records.ts';
import type { QueueSettings, YarnSettings } from './settings.ts';

export interface Demand {
  readonly applicationId: ApplicationId;
  readonly queue: string;
  readonly priority: number;
  /** Smaller is older. */
  readonly sequence: number;
  /** The container it wants next, already rounded. */
  readonly next: Resource;
}

/** Undefined when nobody wants a container, or when the first in line has to wait. */
export function nextInLine(
  settings: YarnSettings,
  usedByQueue: ReadonlyMap<string, Resource>,
  demands: readonly Demand[],
): Demand | undefined {
  const usedMb = [...usedByQueue.values()].reduce((sum, { memoryMb }) => sum + memoryMb, 0);
  const usedVcores = [...usedByQueue.values()].reduce((sum, { vcores }) => sum + vcores, 0);
  const used = (queue: QueueSettings): Resource => usedByQueue.get(queue.name) ?? { memoryMb: 0, vcores: 0 };
  const ratio = (queue: QueueSettings): number => used(queue).memoryMb / Math.max(1, queue.capacity * settings.node.memoryMb);
  for (const queue of [...settings.queues].sort((a, b) => ratio(a) - ratio(b))) {
    const [first] = demands.filter((demand) => demand.queue === queue.name).sort(byRank);
    if (first === undefined) continue;
    // A queue at its limit waits for itself and for nobody else.
    if (used(queue).memoryMb + first.next.memoryMb > queue.maximumCapacity * settings.node.memoryMb) continue;
    const fits =
      usedMb + first.next.memoryMb <= settings.node.memoryMb &&
      (!settings.vcoresBind || usedVcores + first.next.vcores <= settings.node.vcores);
    return fits ? first : undefined;
  }
  return undefined;
}

function byRank(a: Demand, b: Demand): number {
  return b.priority - a.priority || a.sequence - b.sequence;
}

/** As the scheduler grants it: in steps of the smallest container. */
export function rounded(wanted: Resource, { minimum }: YarnSettings): Resource {
  const step = (value: number, size: number): number => Math.max(1, Math.ceil(value / size)) * size;
  return { memoryMb: step(wanted.memoryMb, minimum.memoryMb), vcores: step(wanted.vcores, minimum.vcores) };
}
