/** Whom the checkpoint coordinator talks to: the tasks of the job, and the coordinators of its operators. */
import type { ExecutionAttemptId, JobVertexId, OperatorId } from '../../shared/ids.ts';
import type { CheckpointOptions } from '../rpc/gateways.ts';
import type { PlannedTask } from './checkpoint-plan.ts';

export interface CheckpointedTasks {
  /** The present attempts of a vertex, by subtask. */
  tasksOf(vertexId: JobVertexId): readonly PlannedTask[];
  /**
   * Messages to one task arrive in the order of these calls, and in order with the events of its coordinator. Rejects when
   * the message did not arrive.
   */
  trigger(attemptId: ExecutionAttemptId, checkpointId: number, timestamp: number, options: CheckpointOptions): Promise<void>;
  /** Best effort. */
  notifyComplete(attemptId: ExecutionAttemptId, checkpointId: number, subsumedId: number | undefined): void;
  notifyAborted(attemptId: ExecutionAttemptId, checkpointId: number, latestCompletedId: number | undefined): void;
}

export interface CheckpointedCoordinators {
  readonly operatorIds: readonly OperatorId[];
  /**
   * Takes the state of all coordinators. From the moment one has given its state, its events are held back until
   * {@link release}: they reach tasks behind the trigger. Rejects when one fails, or when an earlier event did not arrive.
   */
  snapshot(checkpointId: number): Promise<ReadonlyMap<OperatorId, Uint8Array>>;
  /** Lets the held events go; also when the checkpoint came to nothing. */
  release(checkpointId: number): void;
  notifyComplete(checkpointId: number): void;
  notifyAborted(checkpointId: number): void;
}
