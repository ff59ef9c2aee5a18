/**
 * What outlives a JobManager process, and who may act. A service (file system now, ZooKeeper later) implements this.
 *
 * Keeps true: at most one leadership is in force; what a leader recorded before it lost its leadership is seen by the next
 * one, and nothing it tries to record afterwards counts: the call rejects with {@link LeadershipLostError}.
 */
import type { JobGraph } from '../../graph/job-graph.ts';
import type { BlobKey, FencingToken, JobId } from '../../shared/ids.ts';
import type { CheckpointIdCounter } from '../checkpoint/checkpoint-id-counter.ts';
import type { CompletedCheckpointRecords } from '../checkpoint/completed-checkpoint-store.ts';
import type { JobResult } from '../rpc/gateways.ts';

export class LeadershipLostError extends Error {
  override readonly name = 'LeadershipLostError';
}

export interface HighAvailability {
  /** Resolves when this process leads; `onWaiting` is called when that is not so at once. Rejects when `signal` is aborted. */
  lead(signal: AbortSignal, onWaiting: () => void): Promise<Leadership>;
}

export interface Leadership {
  readonly fencing: FencingToken;
  /** Resolves with the reason when another process leads, or when leadership can no longer be proved. */
  readonly lost: Promise<string>;
  /** Where TaskManagers and clients find the leader. */
  publishAddress(address: { rpcHost: string; rpcPort: number; restHost: string; restPort: number }): Promise<void>;
  readonly jobs: JobRecords;
  readonly blobs: BlobArchive;
  checkpointsOf(jobId: JobId): CompletedCheckpointRecords;
  checkpointIdsOf(jobId: JobId): CheckpointIdCounter;
  /** Lets the next leader begin at once. Nothing recorded is removed. */
  release(): Promise<void>;
}

/** Accepted jobs, and those whose end is known while what they left is still being removed. */
export interface JobRecords {
  put(jobGraph: JobGraph): Promise<void>;
  list(): Promise<JobGraph[]>;
  /** From here on the job is not run again. */
  putResult(result: JobResult): Promise<void>;
  listResults(): Promise<JobResult[]>;
  /** All of the job is removed but its result. */
  remove(jobId: JobId): Promise<void>;
  removeResult(jobId: JobId): Promise<void>;
}

/** Artifacts by content hash: written once, the same for every leader. */
export interface BlobArchive {
  put(key: BlobKey, file: string): Promise<void>;
  /** False when it is not there. */
  fetch(key: BlobKey, target: string): Promise<boolean>;
  /** Removes all but these. */
  retain(keys: ReadonlySet<BlobKey>): Promise<void>;
}
