import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JobGraph, JobVertex, PartitionerKind } from '../../../src/graph/job-graph.ts';
import { producersOf } from '../../../src/runtime/scheduler/channel-wiring.ts';
import { pipelinedRegions } from '../../../src/runtime/scheduler/pipelined-regions.ts';

interface Edge {
  readonly from: number;
  readonly to: number;
  readonly partitioner: PartitionerKind;
}

function graph(parallelisms: readonly number[], edges: readonly Edge[]): JobGraph {
  const vertices = parallelisms.map((parallelism, index) => ({
    id: `v${index}`,
    parallelism,
    inputs: edges
      .filter(({ to }) => to === index)
      .map(({ from, partitioner }) => ({ sourceVertexId: `v${from}`, partitioner, inputIndex: 0, edgeId: '', sourceOutputIndex: 0 })),
  }));
  return { vertices: vertices as unknown as JobVertex[] } as unknown as JobGraph;
}

function names(job: JobGraph): string[] {
  return pipelinedRegions(job)
    .map((region) =>
      region
        .map(({ vertexId, subtaskIndex }) => `${vertexId}.${subtaskIndex}`)
        .sort()
        .join(' '),
    )
    .sort();
}

test('parallel pipelines of forward edges restart alone', () => {
  expect(names(graph([2, 2], [{ from: 0, to: 1, partitioner: 'forward' }]))).toEqual(['v0.0 v1.0', 'v0.1 v1.1']);
});

test('an all-to-all edge makes one region', () => {
  expect(names(graph([2, 2], [{ from: 0, to: 1, partitioner: 'hash' }]))).toEqual(['v0.0 v0.1 v1.0 v1.1']);
});

test('a rescaling edge joins those it connects', () => {
  expect(names(graph([4, 2], [{ from: 0, to: 1, partitioner: 'rescale' }]))).toEqual(['v0.0 v0.1 v1.0', 'v0.2 v0.3 v1.1']);
});

test('parts of a job that exchange nothing are regions of their own', () => {
  expect(names(graph([1, 2, 1], [{ from: 1, to: 2, partitioner: 'rebalance' }]))).toEqual(['v0.0', 'v1.0 v1.1 v2.0']);
});

test('agrees with walking from subtask to subtask over the channels', () => {
  const job = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }).chain((parallelisms) =>
    fc
      .array(
        fc.record({
          ends: fc.tuple(fc.nat(parallelisms.length - 1), fc.nat(parallelisms.length - 1)),
          partitioner: fc.constantFrom<PartitionerKind>('forward', 'rescale', 'hash', 'broadcast'),
        }),
        { maxLength: 6 },
      )
      .map((edges) => ({
        parallelisms,
        edges: edges
          .filter(({ ends: [a, b] }) => a !== b)
          .map(({ ends: [a, b], partitioner }) => ({ from: Math.min(a, b), to: Math.max(a, b), partitioner })),
      })),
  );
  fc.assert(
    fc.property(job, ({ parallelisms, edges }) => {
      const neighbours = new Map<string, Set<string>>();
      parallelisms.forEach((parallelism, vertex) => {
        for (let index = 0; index < parallelism; index++) neighbours.set(`v${vertex}.${index}`, new Set());
      });
      for (const { from, to, partitioner } of edges) {
        const [producers, consumers] = [parallelisms[from] as number, parallelisms[to] as number];
        for (let consumer = 0; consumer < consumers; consumer++) {
          for (const producer of producersOf(partitioner, consumer, producers, consumers)) {
            neighbours.get(`v${from}.${producer}`)?.add(`v${to}.${consumer}`);
            neighbours.get(`v${to}.${consumer}`)?.add(`v${from}.${producer}`);
          }
        }
      }
      const expected: string[] = [];
      const seen = new Set<string>();
      for (const start of neighbours.keys()) {
        if (seen.has(start)) continue;
        const region = [start];
        seen.add(start);
        for (let at = 0; at < region.length; at++) {
          for (const next of neighbours.get(region[at] as string) ?? []) {
            if (seen.has(next)) continue;
            seen.add(next);
            region.push(next);
          }
        }
        expected.push(region.sort().join(' '));
      }
      expect(names(graph(parallelisms, edges))).toEqual(expected.sort());
    }),
  );
});
