/** The operators of a chain and where each emits to: what both forms of a chain, called and generated, are made from. */
import type { StreamOperator } from '../../api/operators.ts';
import type { Partitioner } from '../../api/transformation.ts';
import type { StreamNode } from '../../graph/stream-graph.ts';
import type { HeapKeyedStateBackend } from '../../state/keyed/heap-keyed-state-backend.ts';
import type { ResultPartitionWriter } from '../network/channel.ts';
import type { Fusion } from '../operators/fusion.ts';
import type { EmissionFlow } from './chain-driver.ts';

export interface ChainPlan {
  /** [0] is the head. */
  readonly operators: readonly PlannedOperator[];
  readonly flow: EmissionFlow;
  /** Of the head, when its input is keyed. */
  readonly keyedState: HeapKeyedStateBackend | undefined;
  /** Values are handed on without copies. */
  readonly objectReuse: boolean;
}

export interface PlannedOperator {
  readonly node: StreamNode;
  readonly operator: StreamOperator;
  readonly fusion: Fusion | undefined;
  /** In the order in which a record is given to them. */
  readonly targets: readonly PlannedTarget[];
  /** What it emits nobody else holds. */
  readonly emitsOwned: boolean;
  /** It reads a record at once and has forgotten it when it returns. */
  readonly keepsNothing: boolean;
  /** Copies what it emits; errors name it. */
  readonly cloner: (value: unknown) => unknown;
}

export type PlannedTarget = PlannedEdge | PlannedChainEdge;

export interface PlannedChainEdge {
  readonly kind: 'chained';
  readonly tag: string | undefined;
  /** Index of the consumer. */
  readonly to: number;
}

export interface PlannedEdge {
  readonly kind: 'edge';
  readonly tag: string | undefined;
  readonly partition: ResultPartitionWriter;
  readonly partitioner: Partitioner;
  /** Of the consumer. */
  readonly maxParallelism: number;
  readonly operatorName: string;
  readonly random: () => number;
}

/**
 * A value is fixed when it is emitted, for all who get it: what the first consumer's code does to an object that somebody
 * still holds must not reach the second one.
 */
export function hasSeveralChained(targets: readonly PlannedTarget[]): boolean {
  return targets.filter(({ kind }) => kind === 'chained').length > 1;
}

export function selectsByKey({ partitioner }: PlannedEdge): boolean {
  return partitioner.kind === 'hash' || partitioner.kind === 'custom';
}
