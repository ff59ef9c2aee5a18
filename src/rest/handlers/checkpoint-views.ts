/** Checkpoint statistics in the shapes of Flink's API. */
import {
  type CheckpointRecord,
  type CheckpointSettingsView,
  type CheckpointStatisticsSnapshot,
  type NumberSummary,
  type RestoreRecord,
  type SubtaskCheckpointRecord,
  totalsOf,
  type VertexCheckpointRecord,
} from '../../runtime/rpc/checkpoint-statistics.ts';
import { summarise } from '../../runtime/rpc/number-summary.ts';

type View = Record<string, unknown>;

/** Java's largest long, which says "no periodic checkpoints"; a JavaScript number cannot hold it. */
const never = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON('9223372036854775807');

export function statisticsView({ counts, summary, latest, history }: CheckpointStatisticsSnapshot): View {
  return {
    counts: {
      restored: counts.restored,
      total: counts.total,
      in_progress: counts.inProgress,
      completed: counts.completed,
      failed: counts.failed,
    },
    summary: {
      checkpointed_size: summaryView(summary.checkpointedBytes),
      state_size: summaryView(summary.fullBytes),
      end_to_end_duration: summaryView(summary.durationMs),
      alignment_buffered: summaryView(summarise([0])),
      processed_data: summaryView(summary.processedBytes),
      persisted_data: summaryView(summary.persistedBytes),
    },
    latest: {
      completed: latest.completed ? checkpointView(latest.completed, false) : null,
      savepoint: latest.savepoint ? checkpointView(latest.savepoint, false) : null,
      failed: latest.failed ? checkpointView(latest.failed, false) : null,
      restored: latest.restored ? restoreView(latest.restored) : null,
    },
    history: history.map((record) => checkpointView(record, false)),
  };
}

export function settingsView(settings: CheckpointSettingsView): View {
  return {
    mode: settings.alignment === 'exactly-once' ? 'exactly_once' : 'at_least_once',
    interval: settings.intervalMs ?? never,
    timeout: settings.timeoutMs,
    min_pause: settings.minPauseMs,
    max_concurrent: settings.maxConcurrent,
    externalization: {
      enabled: settings.retention !== 'NO_EXTERNALIZED_CHECKPOINTS',
      delete_on_cancellation: settings.retention !== 'RETAIN_ON_CANCELLATION',
    },
    state_backend: settings.stateBackend === 'hashmap' ? 'HashMapStateBackend' : settings.stateBackend,
    checkpoint_storage: settings.storage,
    // What was asked for is done aligned as yet.
    unaligned_checkpoints: false,
    tolerable_failed_checkpoints: settings.tolerableFailures,
    aligned_checkpoint_timeout: settings.alignedTimeoutMs,
    checkpoints_after_tasks_finish: settings.afterTasksFinish,
    state_changelog_enabled: false,
    changelog_periodic_materialization_interval: 600_000,
    changelog_storage: 'memory',
  };
}

/** `withTasks`: the sums of each vertex, which the overview leaves out. */
export function checkpointView(record: CheckpointRecord, withTasks: boolean): View {
  const { id, status, kind, stops, triggeredAt, vertices, failedAt } = record;
  return {
    className: status.toLowerCase(),
    id,
    status,
    is_savepoint: kind === 'savepoint',
    savepointFormat: kind === 'savepoint' ? 'CANONICAL' : null,
    trigger_timestamp: triggeredAt,
    ...sums(record, failedAt),
    checkpoint_type: kind === 'checkpoint' ? 'CHECKPOINT' : stops ? 'SYNC_SAVEPOINT' : 'SAVEPOINT',
    tasks: withTasks ? Object.fromEntries(vertices.map((vertex) => [vertex.vertexId, vertexSums(record, vertex)])) : {},
    ...(status === 'COMPLETED' ? { external_path: record.externalPath, discarded: record.discarded } : {}),
    ...(status === 'FAILED' ? { failure_timestamp: failedAt, failure_message: record.failureMessage ?? null } : {}),
  };
}

/** Undefined when the vertex had no part in it. */
export function vertexCheckpointView(record: CheckpointRecord, vertexId: string): View | undefined {
  const vertex = record.vertices.find((other) => other.vertexId === vertexId);
  if (!vertex) return undefined;
  const of = (value: (subtask: SubtaskCheckpointRecord) => number): View => summaryView(summarise(vertex.subtasks.map(value)));
  return {
    ...vertexSums(record, vertex),
    summary: {
      checkpointed_size: of(({ checkpointedBytes }) => checkpointedBytes),
      state_size: of(({ fullBytes }) => fullBytes),
      end_to_end_duration: of(({ acknowledgedAt }) => acknowledgedAt - record.triggeredAt),
      checkpoint_duration: { sync: of(({ syncMs }) => whole(syncMs)), async: of(({ asyncMs }) => whole(asyncMs)) },
      alignment: {
        buffered: of(() => 0),
        processed: of(({ processedDuringAlignmentBytes }) => processedDuringAlignmentBytes),
        persisted: of(() => 0),
        duration: of(({ alignmentMs }) => whole(alignmentMs)),
      },
      start_delay: of(({ startDelayMs }) => whole(startDelayMs)),
    },
    subtasks: Array.from({ length: vertex.parallelism }, (_, index) =>
      subtaskView(
        record,
        index,
        vertex.subtasks.find((subtask) => subtask.index === index),
      ),
    ),
  };
}

function subtaskView(record: CheckpointRecord, index: number, subtask: SubtaskCheckpointRecord | undefined): View {
  if (!subtask) return { className: 'pending', index, status: 'pending_or_failed' };
  return {
    className: 'completed',
    index,
    status: 'completed',
    ack_timestamp: subtask.acknowledgedAt,
    end_to_end_duration: Math.max(0, subtask.acknowledgedAt - record.triggeredAt),
    checkpointed_size: subtask.checkpointedBytes,
    state_size: subtask.fullBytes,
    checkpoint: { sync: whole(subtask.syncMs), async: whole(subtask.asyncMs) },
    alignment: { buffered: 0, processed: subtask.processedDuringAlignmentBytes, persisted: 0, duration: whole(subtask.alignmentMs) },
    start_delay: whole(subtask.startDelayMs),
    unaligned_checkpoint: false,
    aborted: record.status === 'FAILED',
  };
}

function vertexSums(record: CheckpointRecord, vertex: VertexCheckpointRecord): View {
  return { id: record.id, status: record.status, ...sums({ vertices: [vertex], triggeredAt: record.triggeredAt }, undefined) };
}

/** A checkpoint that failed took until then. */
function sums(of: Pick<CheckpointRecord, 'vertices' | 'triggeredAt'>, failedAt: number | undefined): View {
  const totals = totalsOf(of);
  return {
    latest_ack_timestamp: totals.latestAckAt,
    checkpointed_size: totals.checkpointedBytes,
    state_size: totals.fullBytes,
    end_to_end_duration: failedAt === undefined ? totals.durationMs : Math.max(0, failedAt - of.triggeredAt),
    alignment_buffered: 0,
    processed_data: totals.processedBytes,
    persisted_data: 0,
    num_subtasks: totals.participants,
    num_acknowledged_subtasks: totals.acknowledged,
  };
}

function restoreView({ id, restoredAt, kind, externalPath }: RestoreRecord): View {
  return { id, restore_timestamp: restoredAt, is_savepoint: kind === 'savepoint', external_path: externalPath };
}

function summaryView({ min, max, average, p50, p90, p95, p99, p999 }: NumberSummary): View {
  const text = (value: number): number | string => (Number.isNaN(value) ? 'NaN' : value);
  return { min, max, avg: average, p50: text(p50), p90: text(p90), p95: text(p95), p99: text(p99), p999: text(p999) };
}

function whole(ms: number): number {
  return Math.round(ms);
}
