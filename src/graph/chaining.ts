/** When two operators run in one task by direct call. */
import type { StreamNode } from './stream-graph.ts';

type ChainFacts = Pick<StreamNode, 'id' | 'inputs' | 'parallelism' | 'slotSharingGroup' | 'chaining' | 'maxParallelism'>;

/** `target` has one input, by a forward edge, and agrees with `source` on parallelism, slot group and chaining. */
export function couldChain(target: ChainFacts, source: ChainFacts, chainingEnabled: boolean): boolean {
  const edge = target.inputs[0];
  return (
    chainingEnabled &&
    edge !== undefined &&
    target.inputs.length === 1 &&
    edge.sourceId === source.id &&
    edge.partitioner.kind === 'forward' &&
    source.parallelism === target.parallelism &&
    source.maxParallelism === target.maxParallelism &&
    source.slotSharingGroup === target.slotSharingGroup &&
    target.chaining === 'always' &&
    source.chaining !== 'never'
  );
}
