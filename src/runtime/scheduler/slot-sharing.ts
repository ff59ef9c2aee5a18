/** Which subtasks share a slot: in a sharing group, slot i hosts subtask i of every vertex that has one. Pure. */
import type { JobGraph } from '../../graph/job-graph.ts';

export interface SharedSlot {
  readonly group: string;
  readonly index: number;
}

/** One entry per slot the job needs. */
export function requiredSlots(jobGraph: JobGraph): SharedSlot[] {
  const widest = new Map<string, number>();
  for (const vertex of jobGraph.vertices)
    widest.set(vertex.slotSharingGroup, Math.max(widest.get(vertex.slotSharingGroup) ?? 0, vertex.parallelism));
  return [...widest].flatMap(([group, count]) => Array.from({ length: count }, (_, index) => ({ group, index })));
}

export function slotName(slot: SharedSlot): string {
  return `${slot.group}#${slot.index}`;
}
