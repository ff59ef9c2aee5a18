/**
 * The remote faces of the components, and the plain messages they exchange. Control side and data side meet only here.
 * Everything in a message survives msgpack and structured clone.
 */
import type { CollectedBlocks } from '../../api/executor.ts';
import type { JobGraph, JobVertex } from '../../graph/job-graph.ts';
import type { SerializedError } from '../../shared/errors.ts';
import type {
  AllocationId,
  BlobKey,
  ExecutionAttemptId,
  FencingToken,
  JobId,
  JobVertexId,
  OperatorId,
  TaskManagerId,
} from '../../shared/ids.ts';
import type { LogPieceRequest } from '../../shared/log-files.ts';
import type { TaskStateSnapshot } from '../../state/snapshot/handles.ts';
import type { CheckpointLocation } from '../../state/storage/checkpoint-streams.ts';
import type { FlameGraphKind, FlameGraphNode } from '../metrics/flame-graph.ts';
import type { ProfilingInfo } from '../metrics/profiling-service.ts';
import type { CheckpointStatisticsSnapshot } from './checkpoint-statistics.ts';

export type JobStatus =
  | 'INITIALIZING'
  | 'CREATED'
  | 'RUNNING'
  | 'FAILING'
  | 'FAILED'
  | 'CANCELLING'
  | 'CANCELED'
  | 'FINISHED'
  | 'RESTARTING'
  | 'SUSPENDED'
  | 'RECONCILING';

export type ExecutionState =
  | 'CREATED'
  | 'SCHEDULED'
  | 'DEPLOYING'
  | 'INITIALIZING'
  | 'RUNNING'
  | 'FINISHED'
  | 'CANCELING'
  | 'CANCELED'
  | 'FAILED'
  | 'RECONCILING';

/** Where a subtask runs: which thread of which process, and how other processes reach that thread. */
export interface TaskLocation {
  readonly taskManagerId: TaskManagerId;
  readonly host: string;
  readonly slotIndex: number;
  /** TCP port of the slot's own data listener. */
  readonly dataPort: number;
}

export interface InputChannelDescriptor {
  readonly producerAttemptId: ExecutionAttemptId;
  readonly producer: TaskLocation;
  /** Subtask index of the producer. */
  readonly producerSubtask: number;
}

/** One per JobEdge of the vertex, same order as `JobVertex.inputs`. */
export interface InputGateDescriptor {
  readonly edgeId: string;
  readonly inputIndex: number;
  readonly channels: readonly InputChannelDescriptor[];
}

export interface SubpartitionDescriptor {
  readonly consumerAttemptId: ExecutionAttemptId;
  readonly consumer: TaskLocation;
  readonly consumerSubtask: number;
}

/** One per JobOutput of the vertex, same order as `JobVertex.outputs`. */
export interface ResultPartitionDescriptor {
  readonly edgeId: string;
  readonly subpartitions: readonly SubpartitionDescriptor[];
}

/** All a TaskExecutor needs to start one attempt. */
export interface TaskDeploymentDescriptor {
  readonly jobId: JobId;
  readonly attemptId: ExecutionAttemptId;
  readonly attemptNumber: number;
  readonly subtaskIndex: number;
  readonly allocationId: AllocationId;
  readonly vertex: JobVertex;
  readonly inputGates: readonly InputGateDescriptor[];
  readonly resultPartitions: readonly ResultPartitionDescriptor[];
  /** Index into the JobGraph's vertices is enough: the graph itself was sent with `prepareJob`. */
  readonly restore?: TaskRestore | undefined;
}

/** What an attempt starts from. Handles are assigned already: only what this subtask is to read. */
export interface TaskRestore {
  readonly checkpointId: number;
  /** Where the snapshot's `_metadata` lies, for relative handles; undefined when all state is in the handles. */
  readonly directory: string | undefined;
  readonly operators: TaskStateSnapshot;
  /** The vertex had finished completely in that checkpoint: only end markers and barriers pass through. */
  readonly finished: boolean;
}

/** What the JobMaster and ResourceManager call on a TaskManager. */
export interface TaskExecutorGateway {
  /** Reserves a slot for a job; the TaskManager starts the slot's thread. */
  requestSlot(request: { slotIndex: number; jobId: JobId; allocationId: AllocationId; fencing: FencingToken }): Promise<TaskLocation>;
  freeSlot(request: { allocationId: AllocationId; reason: string; fencing: FencingToken }): Promise<void>;
  /** Sends the JobGraph once per job and TaskManager, before the first submitTask. */
  prepareJob(request: { jobGraph: JobGraph; fencing: FencingToken }): Promise<void>;
  /** Resolves when the attempt is accepted; its life goes on in `updateTaskExecutionState`. */
  submitTask(request: { descriptor: TaskDeploymentDescriptor; fencing: FencingToken }): Promise<void>;
  /** Asks the attempt to stop; a task stuck in user code is terminated with its slot after task.cancellation.timeout. */
  cancelTask(request: { attemptId: ExecutionAttemptId; fencing: FencingToken }): Promise<void>;
  /** From an operator's coordinator (split enumerator) to its subtask. */
  sendOperatorEventToTask(request: {
    attemptId: ExecutionAttemptId;
    operatorId: OperatorId;
    event: OperatorEvent;
    fencing: FencingToken;
  }): Promise<void>;
  triggerCheckpoint(request: {
    attemptId: ExecutionAttemptId;
    checkpointId: number;
    timestamp: number;
    options: CheckpointOptions;
    fencing: FencingToken;
  }): Promise<void>;
  /** Best effort: may be lost, late or doubled. `subsumedId`: a checkpoint that is no longer needed. */
  notifyCheckpointComplete(request: {
    attemptId: ExecutionAttemptId;
    checkpointId: number;
    subsumedId: number | undefined;
    fencing: FencingToken;
  }): Promise<void>;
  notifyCheckpointAborted(request: {
    attemptId: ExecutionAttemptId;
    checkpointId: number;
    latestCompletedId: number | undefined;
    fencing: FencingToken;
  }): Promise<void>;
  requestLogList(): Promise<{ name: string; size: number; mtime: number }[]>;
  readLogPiece(request: LogPieceRequest): Promise<Uint8Array>;
  requestThreadDump(): Promise<{ threadName: string; stringifiedThreadInfo: string }[]>;
  /** Samples the threads of these attempts for so long. */
  requestFlameGraph(request: {
    attemptIds: readonly ExecutionAttemptId[];
    kind: FlameGraphKind;
    durationMs: number;
  }): Promise<FlameGraphNode>;
  startProfiling(request: { mode: string; seconds: number }): Promise<ProfilingInfo>;
  listProfilings(): Promise<ProfilingInfo[]>;
  readProfilePiece(request: { name: string; offset: number; length: number }): Promise<Uint8Array>;
  requestMetrics(): Promise<MetricDump>;
}

/** Travels with the trigger and inside barriers. */
export interface CheckpointOptions {
  readonly kind: 'checkpoint' | 'savepoint';
  readonly alignment: 'exactly-once' | 'at-least-once';
  /** Ends the job once it is complete: `suspend` stops the records at the barrier, `drain` lets everything flow out first. */
  readonly stop?: 'suspend' | 'drain' | undefined;
  /** Refers to no file of an earlier checkpoint. */
  readonly full?: boolean | undefined;
  readonly location: CheckpointLocation;
}

/** Definitions: reference of fault tolerance, 1.9. Milliseconds and bytes. */
export interface SubtaskCheckpointMetrics {
  readonly startDelayMs: number;
  readonly alignmentMs: number;
  readonly processedDuringAlignmentBytes: number;
  readonly syncMs: number;
  readonly asyncMs: number;
  readonly checkpointedBytes: number;
  readonly fullBytes: number;
}

/** Closed list; whether a reason counts as a failure of the job is the failure manager's business. */
export type CheckpointDeclineReason =
  | 'TASK_NOT_READY'
  | 'TASK_CLOSING'
  | 'DECLINED_SUBSUMED'
  | 'DECLINED_ON_CANCELLATION_BARRIER'
  | 'INPUT_END_OF_STREAM'
  | 'CHECKPOINT_DECLINED'
  | 'CHECKPOINT_ASYNC_EXCEPTION'
  | 'IO_EXCEPTION';

/** What a TaskManager calls on the JobManager. */
export interface JobManagerGateway {
  registerTaskManager(
    registration: TaskManagerRegistration,
  ): Promise<{ fencing: FencingToken; heartbeatIntervalMs: number; heartbeatTimeoutMs: number }>;
  heartbeatFromTaskManager(heartbeat: {
    taskManagerId: TaskManagerId;
    freeSlots: number;
    accumulators: AccumulatorReport[];
    metrics: MetricDump;
  }): Promise<void>;
  updateTaskExecutionState(update: TaskExecutionStateUpdate): Promise<void>;
  /** A slot's thread died or was freed by the TaskManager itself; its attempts were reported before. */
  slotLost(report: { taskManagerId: TaskManagerId; allocationId: AllocationId; cause: SerializedError }): Promise<void>;
  sendOperatorEventToCoordinator(request: {
    jobId: JobId;
    attemptId: ExecutionAttemptId;
    operatorId: OperatorId;
    subtaskIndex: number;
    event: OperatorEvent;
  }): Promise<void>;
  acknowledgeCheckpoint(ack: {
    jobId: JobId;
    attemptId: ExecutionAttemptId;
    checkpointId: number;
    state: TaskStateSnapshot;
    metrics: SubtaskCheckpointMetrics;
  }): Promise<void>;
  declineCheckpoint(decline: {
    jobId: JobId;
    attemptId: ExecutionAttemptId;
    checkpointId: number;
    reason: CheckpointDeclineReason;
    cause: SerializedError | undefined;
  }): Promise<void>;
  /** Reads a piece of a blob; an empty piece is the end. */
  readBlob(request: { key: BlobKey; offset: number; length: number }): Promise<Uint8Array>;
}

export interface TaskManagerRegistration {
  readonly taskManagerId: TaskManagerId;
  readonly host: string;
  readonly pid: number;
  readonly dataPort: number;
  readonly slots: readonly { slotIndex: number; allocationId?: AllocationId | undefined; jobId?: JobId | undefined; dataPort: number }[];
  readonly hardware: { cpuCores: number; physicalMemory: number; freeMemory: number; managedMemory: number };
  readonly memoryConfiguration: Readonly<Record<string, number>>;
}

export interface TaskExecutionStateUpdate {
  readonly jobId: JobId;
  readonly attemptId: ExecutionAttemptId;
  readonly state: 'INITIALIZING' | 'RUNNING' | 'FINISHED' | 'CANCELED' | 'FAILED';
  readonly error?: SerializedError | undefined;
  readonly accumulators?: AccumulatorReport | undefined;
  readonly io?: IoMetrics | undefined;
}

export interface AccumulatorReport {
  readonly attemptId: ExecutionAttemptId;
  /** Metrics of the attempt's operators, as `<operator>.<metric>`. */
  readonly metrics: MetricDump;
  /** name -> { type, value (its JSON form), merge kind }. */
  readonly user: Readonly<Record<string, { type: string; value: unknown }>>;
  readonly io: IoMetrics;
}

export interface IoMetrics {
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly idleMs: number;
  readonly busyMs: number;
  readonly backPressuredMs: number;
  readonly watermark: number;
}

/** Differences of counts; the watermark is the newest. */
export interface RecentIo extends IoMetrics {
  readonly overMs: number;
}

/** Values by full metric name, numbers or strings. */
export type MetricDump = Readonly<Record<string, number | string>>;

/** Between a coordinator and its subtasks; the payload is the operator's own business. */
export interface OperatorEvent {
  readonly type: string;
  readonly payload?: unknown;
}

/** What REST and application mode call. Implemented by the Dispatcher. */
export interface DispatcherGateway {
  submitJob(jobGraph: JobGraph): Promise<void>;
  /** Stores an artifact (a .tgz of the bundle directory) and returns its content hash. */
  putBlob(path: string): Promise<BlobKey>;
  listJobs(): Promise<JobOverview[]>;
  /** Throws UserError('JOB_NOT_FOUND'). Finished jobs are answered from the archive. */
  requestJob(jobId: JobId): Promise<ArchivedExecutionGraph>;
  requestJobResult(jobId: JobId): Promise<JobResult | undefined>;
  /** Throws UserError('JOB_NOT_FOUND' | 'JOB_ALREADY_TERMINATED'). Resolves when cancelling has begun. */
  cancelJob(jobId: JobId): Promise<void>;
  /** Resolves with the checkpoint's id. Throws UserError('JOB_NOT_FOUND' | 'JOB_ALREADY_TERMINATED' | 'JOB_NOT_RUNNING'), and why it failed. */
  triggerCheckpoint(jobId: JobId, options: { readonly full: boolean }): Promise<number>;
  /** Resolves with its location; `directory` undefined: the configured one. Throws as `triggerCheckpoint`, and UserError('NO_SAVEPOINT_DIRECTORY'). */
  triggerSavepoint(jobId: JobId, options: { readonly directory: string | undefined; readonly cancelJob: boolean }): Promise<string>;
  /** Resolves with the savepoint's location when the job has finished. */
  stopWithSavepoint(jobId: JobId, options: { readonly directory: string | undefined; readonly drain: boolean }): Promise<string>;
  /** Throws what is wrong with the path, or ExternalError when deleting failed. */
  disposeSavepoint(path: string): Promise<void>;
  clientHeartbeat(jobId: JobId, expiresAtMs: number): Promise<void>;
  clusterOverview(): Promise<ClusterOverview>;
  taskManagers(): Promise<TaskManagerInfo[]>;
  /** Records of `executeAndCollect` that are there; waits for some, at most `waitMs`. */
  takeCollected(jobId: JobId, resultId: string, waitMs?: number): Promise<CollectedBlocks>;
  taskExecutor(id: TaskManagerId): TaskExecutorGateway | undefined;
  /** Runs a program beside the JobManager and submits what it executes; an abort ends the program. */
  runProgram(request: RunProgramRequest, signal?: AbortSignal): Promise<{ jobId: JobId }>;
  planProgram(request: RunProgramRequest, signal?: AbortSignal): Promise<JobGraph>;
  shutDownCluster(): Promise<void>;
}

export interface RunProgramRequest {
  readonly artifactPath: string;
  readonly entryClass?: string | undefined;
  readonly args: readonly string[];
  readonly parallelism?: number | undefined;
  readonly jobId?: JobId | undefined;
  readonly restore?: JobGraph['restore'];
  readonly configuration: Readonly<Record<string, string>>;
}

export interface JobOverview {
  readonly jobId: JobId;
  readonly name: string;
  readonly status: JobStatus;
  readonly startTime: number;
  /** -1 until globally terminal. */
  readonly endTime: number;
  readonly lastModification: number;
  readonly tasksByState: Readonly<Record<ExecutionState, number>>;
}

export interface JobResult {
  readonly jobId: JobId;
  readonly status: 'FINISHED' | 'CANCELED' | 'FAILED';
  readonly netRuntimeMs: number;
  readonly accumulators: Readonly<Record<string, { type: string; value: unknown }>>;
  readonly failure?: SerializedError | undefined;
}

/** A job as REST shows it: data only, a copy. */
export interface ArchivedExecutionGraph {
  readonly jobId: JobId;
  readonly name: string;
  readonly status: JobStatus;
  readonly jobGraph: JobGraph;
  /** When each status was entered, 0 when never. */
  readonly timestamps: Readonly<Record<JobStatus, number>>;
  /** Milliseconds spent in each status before the present one. */
  readonly statusTimes: Readonly<Record<JobStatus, number>>;
  readonly restarts: number;
  readonly vertices: readonly ArchivedVertex[];
  readonly failure?: FailureRecord | undefined;
  readonly exceptionHistory: readonly FailureRecord[];
  /** Undefined for a job that takes none. */
  readonly checkpoints?: CheckpointStatisticsSnapshot | undefined;
  readonly accumulators: Readonly<Record<string, { type: string; value: unknown }>>;
}

export interface ArchivedVertex {
  readonly vertexId: JobVertexId;
  readonly subtasks: readonly { readonly current: ArchivedExecution; readonly prior: readonly ArchivedExecution[] }[];
}

export interface ArchivedExecution {
  readonly attemptId: ExecutionAttemptId;
  readonly attemptNumber: number;
  readonly subtaskIndex: number;
  readonly state: ExecutionState;
  readonly timestamps: Readonly<Record<ExecutionState, number>>;
  readonly location?: TaskLocation | undefined;
  readonly failure?: SerializedError | undefined;
  readonly io: IoMetrics;
  /** What came since the report before the last one, and in how long; zero for an attempt that has ended. */
  readonly recent: RecentIo;
  readonly accumulators: Readonly<Record<string, { type: string; value: unknown }>>;
  /** Metrics of its operators, as `<operator>.<metric>`. */
  readonly metrics: MetricDump;
}

export interface FailureRecord {
  readonly timestamp: number;
  readonly error: SerializedError;
  readonly taskName?: string | undefined;
  readonly location?: TaskLocation | undefined;
  readonly concurrent: readonly FailureRecord[];
}

export interface ClusterOverview {
  readonly taskManagers: number;
  readonly slotsTotal: number;
  readonly slotsAvailable: number;
  readonly jobsRunning: number;
  readonly jobsFinished: number;
  readonly jobsCancelled: number;
  readonly jobsFailed: number;
}

export interface TaskManagerInfo extends TaskManagerRegistration {
  readonly lastHeartbeat: number;
  readonly freeSlots: number;
  /** Jobs by the slots they hold; one entry per slot. */
  readonly allocatedTo: readonly JobId[];
  readonly metrics: MetricDump;
}
