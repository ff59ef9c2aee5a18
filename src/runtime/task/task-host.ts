/**
 * What surrounds the tasks of one slot thread: the seam between the control plane (which deploys, cancels and is told)
 * and the tasks. Production runs one {@link SlotRuntime} in a worker thread; MiniCluster may run it on the main thread.
 */
import type { JobGraph } from '../../graph/job-graph.ts';
import type { SerializedError } from '../../shared/errors.ts';
import type { ExecutionAttemptId, JobId, OperatorId } from '../../shared/ids.ts';
import type { TaskStateSnapshot } from '../../state/snapshot/handles.ts';
import type { ThreadReport } from '../metrics/thread-report.ts';
import type { SegmentGrant } from '../network/memory/segments.ts';
import type {
  AccumulatorReport,
  CheckpointDeclineReason,
  CheckpointOptions,
  OperatorEvent,
  SubtaskCheckpointMetrics,
  TaskDeploymentDescriptor,
  TaskExecutionStateUpdate,
} from '../rpc/gateways.ts';

/** Calls into a slot. Every method is safe to call for an attempt that is already gone. */
export interface SlotRuntimeGateway {
  /** Loads (or replays) the program once per job; later submitTask calls need it. */
  prepareJob(request: { jobGraph: JobGraph; artifactDirectory: string | undefined }): Promise<void>;
  submitTask(request: { descriptor: TaskDeploymentDescriptor; channels: SharedChannels }): Promise<void>;
  cancelTask(attemptId: ExecutionAttemptId): void;
  operatorEvent(request: { attemptId: ExecutionAttemptId; operatorId: OperatorId; event: OperatorEvent }): void;
  triggerCheckpoint(request: { attemptId: ExecutionAttemptId; checkpointId: number; timestamp: number; options: CheckpointOptions }): void;
  notifyCheckpointComplete(request: { attemptId: ExecutionAttemptId; checkpointId: number; subsumedId: number | undefined }): void;
  notifyCheckpointAborted(request: { attemptId: ExecutionAttemptId; checkpointId: number; latestCompletedId: number | undefined }): void;
  /** Ring ends of a dead peer: its channels fail (consumer side) or are drained to nowhere (producer side). */
  peerLost(request: { attemptIds: readonly ExecutionAttemptId[]; cause: SerializedError }): void;
}

/** Calls out of a slot, to the TaskManager's main thread. */
export interface SlotRuntimeListener {
  taskStateChanged(update: TaskExecutionStateUpdate): void;
  operatorEvent(request: {
    jobId: JobId;
    attemptId: ExecutionAttemptId;
    operatorId: OperatorId;
    subtaskIndex: number;
    event: OperatorEvent;
  }): void;
  acknowledgeCheckpoint(ack: {
    jobId: JobId;
    attemptId: ExecutionAttemptId;
    checkpointId: number;
    state: TaskStateSnapshot;
    metrics: SubtaskCheckpointMetrics;
  }): void;
  declineCheckpoint(decline: {
    jobId: JobId;
    attemptId: ExecutionAttemptId;
    checkpointId: number;
    reason: CheckpointDeclineReason;
    cause: SerializedError | undefined;
  }): void;
  report(report: { accumulators: AccumulatorReport[]; thread: ThreadReport }): void;
  /** Something no single attempt can be blamed for (unhandled rejection, process.exit in user code): all tasks of the slot fail. */
  slotFailed(cause: SerializedError): void;
}

/** Memory of the channels of one task, given by the TaskManager's main thread when the task is deployed. */
export interface SharedChannels {
  /** By `channelKey(producerAttemptId, edgeId, consumerAttemptId)`: where the ends of channels between two slots meet. */
  readonly rings: Readonly<Record<string, SharedArrayBuffer>>;
  /** By edge: the segments of a result partition. */
  readonly partitions: Readonly<Record<string, SegmentGrant>>;
  /** By edge: how many segments the channels of a gate may buffer beyond those that each has for itself. */
  readonly gates: Readonly<Record<string, number>>;
}

export const noChannels: SharedChannels = { rings: {}, partitions: {}, gates: {} };

export function channelKey(producer: ExecutionAttemptId, edgeId: string, consumer: ExecutionAttemptId): string {
  return `${producer}|${edgeId}|${consumer}`;
}
