/**
 * What must restart together: subtasks that exchange records through pipelined edges, directly or through others. A job with
 * an all-to-all edge between all its parts is one region; parallel pipelines of forward edges are several. Pure.
 */
import type { JobGraph } from '../../graph/job-graph.ts';
import type { SubtaskId } from '../executiongraph/execution-graph.ts';
import { isPointwise, producersOf } from './channel-wiring.ts';

export type PipelinedRegion = readonly SubtaskId[];

/** Every subtask is in exactly one region. All edges are pipelined: there is no blocking exchange. */
export function pipelinedRegions(jobGraph: JobGraph): PipelinedRegion[] {
  const first = new Map<string, number>();
  const subtasks: SubtaskId[] = [];
  for (const { id, parallelism } of jobGraph.vertices) {
    first.set(id, subtasks.length);
    for (let subtaskIndex = 0; subtaskIndex < parallelism; subtaskIndex++) subtasks.push({ vertexId: id, subtaskIndex });
  }
  const sets = new DisjointSets(subtasks.length);
  for (const vertex of jobGraph.vertices) {
    for (const { sourceVertexId, partitioner } of vertex.inputs) {
      const producers = jobGraph.vertices.find(({ id }) => id === sourceVertexId)?.parallelism ?? 0;
      const producer = first.get(sourceVertexId) as number;
      const consumer = first.get(vertex.id) as number;
      if (!isPointwise(partitioner)) for (let other = 1; other < producers; other++) sets.join(producer, producer + other);
      for (let index = 0; index < vertex.parallelism; index++) {
        const connected = isPointwise(partitioner) ? producersOf(partitioner, index, producers, vertex.parallelism) : [0];
        for (const other of connected) sets.join(producer + other, consumer + index);
      }
    }
  }
  const regions = new Map<number, SubtaskId[]>();
  subtasks.forEach((subtask, index) => {
    const root = sets.rootOf(index);
    const region = regions.get(root);
    if (region) region.push(subtask);
    else regions.set(root, [subtask]);
  });
  return [...regions.values()];
}

class DisjointSets {
  readonly #parents: number[];

  constructor(size: number) {
    this.#parents = Array.from({ length: size }, (_, index) => index);
  }

  rootOf(element: number): number {
    let root = element;
    while (this.#parents[root] !== root) root = this.#parents[root] as number;
    for (let at = element; at !== root; ) {
      const next = this.#parents[at] as number;
      this.#parents[at] = root;
      at = next;
    }
    return root;
  }

  join(one: number, other: number): void {
    this.#parents[this.rootOf(one)] = this.rootOf(other);
  }
}
