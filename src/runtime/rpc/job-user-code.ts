/**
 * A job's user code beside its JobMaster: the coordinators of its sources. In production it is a worker thread, so that it can
 * neither stop the JobManager's heartbeats nor take it down. Calls are one-way and arrive in order, in both directions.
 */
import type { SerializedError } from '../../shared/errors.ts';
import type { OperatorId } from '../../shared/ids.ts';
import type { OperatorEvent } from './gateways.ts';

export interface JobUserCode {
  /** `stored`: what a snapshot gave, by operator. Resolves when all coordinators have started. */
  start(stored: ReadonlyMap<OperatorId, Uint8Array>): Promise<void>;
  handleEvent(operatorId: OperatorId, subtaskIndex: number, attemptNumber: number, event: OperatorEvent): void;
  /** The present attempt is gone. */
  subtaskFailed(operatorId: OperatorId, subtaskIndex: number): void;
  /** The next attempt starts from that checkpoint; undefined: from nothing. */
  subtaskReset(operatorId: OperatorId, subtaskIndex: number, checkpointId: number | undefined): void;
  /** Each coordinator answers with `snapshotTaken` or `snapshotFailed`. */
  snapshot(checkpointId: number): void;
  checkpointCompleted(checkpointId: number): void;
  /** Everything anew: all subtasks restart. What the old coordinators had under way is void. */
  reset(stored: ReadonlyMap<OperatorId, Uint8Array>): Promise<void>;
  close(): Promise<void>;
}

export interface JobUserCodeListener {
  /** For one attempt: when another one has taken its place, the event is for nobody. */
  sendEvent(operatorId: OperatorId, subtaskIndex: number, attemptNumber: number, event: OperatorEvent): void;
  /** What was sent before is in this state, what is sent from now on is not. */
  snapshotTaken(checkpointId: number, operatorId: OperatorId, state: Uint8Array): void;
  snapshotFailed(checkpointId: number, operatorId: OperatorId, cause: SerializedError): void;
  /** Fails the job. */
  fail(cause: SerializedError): void;
}
