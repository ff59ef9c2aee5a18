/**
 * The JobGraph: what is submitted. Plain JSON, no functions: chains of operators (vertices) and the edges between them.
 * A slot finds the functions by replaying the program; `streamNodeId` says which recorded transformation an operator is.
 */
import type { BlobKey, JobId, JobVertexId, OperatorId } from '../shared/ids.ts';

/** How records choose the consuming subtask. `forward` and `rescale` are pointwise, the rest all-to-all. */
export type PartitionerKind = 'forward' | 'rescale' | 'rebalance' | 'shuffle' | 'hash' | 'broadcast' | 'global' | 'custom';

export interface JobGraph {
  readonly formatVersion: 1;
  readonly weirVersion: string;
  readonly jobId: JobId;
  readonly name: string;
  readonly jobType: 'STREAMING' | 'BATCH';
  /** Topological order: a vertex stands behind all vertices it reads from. */
  readonly vertices: readonly JobVertex[];
  /** The job's effective configuration: job-scoped keys from conf file, -D, flags and the program. */
  readonly configuration: Readonly<Record<string, string>>;
  readonly program: ProgramDescriptor;
  /** Over operators, names, uids, edges and function source hashes; replay must reach the same. */
  readonly fingerprint: GraphFingerprint;
  readonly restore?:
    | { readonly path: string; readonly allowNonRestoredState: boolean; readonly claimMode: 'CLAIM' | 'NO_CLAIM' | 'LEGACY' }
    | undefined;
}

export interface JobVertex {
  readonly id: JobVertexId;
  /** `Source: a -> Map`, as Flink joins the chain's names. */
  readonly name: string;
  readonly parallelism: number;
  readonly maxParallelism: number;
  /** True when the program (not a default) fixed it. */
  readonly maxParallelismExplicit: boolean;
  readonly slotSharingGroup: string;
  /** Chain in topological order; [0] is the head. */
  readonly operators: readonly ChainedOperator[];
  /** Edges inside the chain, by index into `operators`. */
  readonly chainEdges: readonly ChainEdge[];
  /** Edges that enter the head, in input order. */
  readonly inputs: readonly JobEdge[];
  /** Edges that leave any operator of the chain; position = result partition index. */
  readonly outputs: readonly JobOutput[];
}

export interface ChainedOperator {
  readonly operatorId: OperatorId;
  readonly streamNodeId: number;
  readonly name: string;
  readonly description?: string | undefined;
  readonly uid?: string | undefined;
  /** An id the program gave by hand: state is looked for under it first. */
  readonly uidHash?: OperatorId | undefined;
  /** Kind of the operator specification: `map`, `source`, `keyed-process`, … */
  readonly type: string;
  /** Which input of a two-input head is fed inside the chain is never needed: only one-input operators are chained. */
  readonly bufferTimeoutMs: number;
}

export interface ChainEdge {
  readonly from: number;
  readonly to: number;
  /** Set when the edge carries a side output. */
  readonly outputTag?: string | undefined;
}

/** Seen from the consumer. */
export interface JobEdge {
  readonly edgeId: string;
  readonly sourceVertexId: JobVertexId;
  /** Which of the producer's `outputs`. */
  readonly sourceOutputIndex: number;
  /** Input number at the head operator: 0, or 0 and 1 for connected streams; several edges may share one (union). */
  readonly inputIndex: number;
  readonly partitioner: PartitionerKind;
}

/** Seen from the producer. */
export interface JobOutput {
  readonly edgeId: string;
  readonly targetVertexId: JobVertexId;
  /** Operator of the chain that feeds it, by index. */
  readonly operatorIndex: number;
  readonly outputTag?: string | undefined;
  readonly partitioner: PartitionerKind;
  /** Stream edge (transformation id of the partition step) whose key selector or custom partitioner applies. */
  readonly partitionNodeId?: number | undefined;
  readonly bufferTimeoutMs: number;
}

/** Everything a slot needs to run the program again and get the same transformations. */
export interface ProgramDescriptor {
  /** Absent for programs that live in this process only (MiniCluster). */
  readonly artifact?: BlobKey | undefined;
  /** Module inside the artifact. */
  readonly entryModule: string;
  /** `-c`. */
  readonly entryClass?: string | undefined;
  readonly args: readonly string[];
  /** Index of the `execute` call this graph came from, from 0. */
  readonly executeIndex: number;
  /** What earlier `execute` calls gave the program, shipped (program/shipped-value.ts). */
  readonly earlierResults: readonly string[];
  /** The call came when `main` had already returned, from something that it did not wait for. */
  readonly afterMain?: boolean | undefined;
  readonly pinned: PinnedEnvironment;
}

export interface PinnedEnvironment {
  readonly timeMs: number;
  readonly randomSeed: string;
  /** Not pinned, only compared: a thread cannot have a time zone of its own. */
  readonly timeZone: string;
  readonly workingDirectory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Values of `env.once(name, …)`, shipped. */
  readonly once: Readonly<Record<string, string>>;
  /** Configuration the program saw, dynamic properties included. */
  readonly configuration: Readonly<Record<string, string>>;
}

export interface GraphFingerprint {
  readonly hash: string;
  /** One line per stream node (`id|type|name|uid|source hash|inputs`), so that the first difference can be named. */
  readonly nodes: readonly string[];
}
