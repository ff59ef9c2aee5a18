/**
 * The StreamGraph: transformations with the virtual steps (union, side output, partitioning) folded into edges. It still
 * holds the program's functions; the JobGraph made from it does not.
 */
import type { CachedFile } from '../api/distributed-cache.ts';
import type { KeySelectorFn } from '../api/functions.ts';
import type { ChainingStrategy, OperatorSpec, Partitioner } from '../api/transformation.ts';
import type { OperatorId } from '../shared/ids.ts';

export interface StreamNode {
  /** Id of the physical transformation. */
  readonly id: number;
  readonly name: string;
  readonly description?: string | undefined;
  readonly uid?: string | undefined;
  readonly uidHash?: string | undefined;
  readonly operatorId: OperatorId;
  readonly spec: OperatorSpec;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly maxParallelismExplicit: boolean;
  readonly slotSharingGroup: string;
  readonly chaining: ChainingStrategy;
  readonly bufferTimeoutMs: number;
  readonly keySelectors: readonly (KeySelectorFn | undefined)[];
  readonly inputs: readonly StreamEdge[];
  readonly location?: string | undefined;
}

export interface StreamEdge {
  readonly sourceId: number;
  readonly targetId: number;
  readonly inputIndex: number;
  readonly partitioner: Partitioner;
  /** Id of the partition transformation the partitioner came from; absent for the implicit forward/rebalance. */
  readonly partitionNodeId?: number | undefined;
  readonly outputTag?: string | undefined;
}

export interface StreamGraph {
  readonly jobName: string;
  readonly jobType: 'STREAMING' | 'BATCH';
  /** Topological order. */
  readonly nodes: readonly StreamNode[];
  /** Partitioners by partition transformation id, for routing in a replayed program. */
  readonly partitioners: ReadonlyMap<number, Partitioner>;
  /** What the program registered for its functions. */
  readonly cachedFiles: Readonly<Record<string, CachedFile>>;
  /** Job-scoped configuration as set by the program (`env.configure`, setters). */
  readonly configuration: Readonly<Record<string, string>>;
}
