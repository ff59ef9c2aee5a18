/** What is known about the checkpoints of a job, as REST shows it. Data only, a copy. Times in ms, sizes in bytes. */
import type { JobVertexId } from '../../shared/ids.ts';
import type { SubtaskCheckpointMetrics } from './gateways.ts';

export interface CheckpointStatisticsSnapshot {
  readonly settings: CheckpointSettingsView;
  readonly counts: {
    readonly restored: number;
    readonly total: number;
    readonly inProgress: number;
    readonly completed: number;
    readonly failed: number;
  };
  /** Over completed checkpoints. */
  readonly summary: {
    readonly checkpointedBytes: NumberSummary;
    readonly fullBytes: NumberSummary;
    readonly durationMs: NumberSummary;
    readonly processedBytes: NumberSummary;
    readonly persistedBytes: NumberSummary;
  };
  readonly latest: {
    readonly completed: CheckpointRecord | undefined;
    readonly savepoint: CheckpointRecord | undefined;
    readonly failed: CheckpointRecord | undefined;
    readonly restored: RestoreRecord | undefined;
  };
  /** Newest first. */
  readonly history: readonly CheckpointRecord[];
}

export interface CheckpointSettingsView {
  /** Undefined: no periodic checkpoints. */
  readonly intervalMs: number | undefined;
  readonly alignment: 'exactly-once' | 'at-least-once';
  readonly timeoutMs: number;
  readonly minPauseMs: number;
  readonly maxConcurrent: number;
  readonly tolerableFailures: number;
  readonly retention: 'NO_EXTERNALIZED_CHECKPOINTS' | 'DELETE_ON_CANCELLATION' | 'RETAIN_ON_CANCELLATION';
  readonly afterTasksFinish: boolean;
  readonly unaligned: boolean;
  readonly alignedTimeoutMs: number;
  readonly stateBackend: string;
  readonly storage: string;
}

export interface CheckpointRecord {
  readonly id: number;
  readonly status: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
  readonly kind: 'checkpoint' | 'savepoint';
  readonly stops: boolean;
  readonly triggeredAt: number;
  readonly vertices: readonly VertexCheckpointRecord[];
  readonly externalPath: string | undefined;
  /** Its files are gone. */
  readonly discarded: boolean;
  readonly failedAt: number | undefined;
  readonly failureMessage: string | undefined;
}

export interface VertexCheckpointRecord {
  readonly vertexId: JobVertexId;
  /** How many take part: those that had not finished. */
  readonly participants: number;
  readonly parallelism: number;
  /** Those that have acknowledged, by index. */
  readonly subtasks: readonly SubtaskCheckpointRecord[];
}

export interface SubtaskCheckpointRecord extends SubtaskCheckpointMetrics {
  readonly index: number;
  readonly acknowledgedAt: number;
}

export interface RestoreRecord {
  readonly id: number;
  readonly restoredAt: number;
  readonly kind: 'checkpoint' | 'savepoint';
  readonly externalPath: string;
}

/** NaN where there was nothing to summarise; zero for min, max and average, as Flink shows them. */
export interface NumberSummary {
  readonly min: number;
  readonly max: number;
  readonly average: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
}

/** Over all subtasks that have acknowledged. */
export function totalsOf({ vertices, triggeredAt }: Pick<CheckpointRecord, 'vertices' | 'triggeredAt'>): {
  readonly acknowledged: number;
  readonly participants: number;
  readonly checkpointedBytes: number;
  readonly fullBytes: number;
  readonly processedBytes: number;
  /** -1 while nobody has acknowledged. */
  readonly latestAckAt: number;
  readonly durationMs: number;
} {
  const subtasks = vertices.flatMap((vertex) => vertex.subtasks);
  const sum = (of: (subtask: SubtaskCheckpointRecord) => number): number => subtasks.reduce((total, subtask) => total + of(subtask), 0);
  const latestAckAt = Math.max(-1, ...subtasks.map(({ acknowledgedAt }) => acknowledgedAt));
  return {
    acknowledged: subtasks.length,
    participants: vertices.reduce((total, { participants }) => total + participants, 0),
    checkpointedBytes: sum(({ checkpointedBytes }) => checkpointedBytes),
    fullBytes: sum(({ fullBytes }) => fullBytes),
    processedBytes: sum(({ processedDuringAlignmentBytes }) => processedDuringAlignmentBytes),
    latestAckAt,
    durationMs: latestAckAt < 0 ? -1 : Math.max(0, latestAckAt - triggeredAt),
  };
}
