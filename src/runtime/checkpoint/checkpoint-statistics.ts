/** Counts, the last few checkpoints, and a summary of the completed ones. Does not survive the JobManager. */
import type { ExecutionAttemptId } from '../../shared/ids.ts';
import type { Clock } from '../../shared/time.ts';
import {
  type CheckpointRecord,
  type CheckpointSettingsView,
  type CheckpointStatisticsSnapshot,
  type RestoreRecord,
  type SubtaskCheckpointRecord,
  totalsOf,
  type VertexCheckpointRecord,
} from '../rpc/checkpoint-statistics.ts';
import type { SubtaskCheckpointMetrics } from '../rpc/gateways.ts';
import { summarise } from '../rpc/number-summary.ts';
import type { CheckpointPlan } from './checkpoint-plan.ts';
import type { CheckpointProperties } from './checkpoint-properties.ts';
import { type CompletedCheckpoint, pointerOf } from './completed-checkpoint.ts';

/** Completed checkpoints that the summary looks back on. */
const summarised = 1000;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Tracked extends Mutable<Omit<CheckpointRecord, 'vertices'>> {
  readonly vertices: (Omit<VertexCheckpointRecord, 'subtasks'> & { readonly subtasks: SubtaskCheckpointRecord[] })[];
  readonly places: ReadonlyMap<ExecutionAttemptId, { readonly vertex: number; readonly index: number }>;
}

export class CheckpointStatistics {
  readonly #settings: CheckpointSettingsView;
  readonly #clock: Clock;
  readonly #historySize: number;
  /** Oldest first. */
  readonly #history: Tracked[] = [];
  readonly #completed: number[][] = [];
  readonly #counts = { restored: 0, total: 0, inProgress: 0, completed: 0, failed: 0 };
  #latestCompleted: Tracked | undefined;
  #latestSavepoint: Tracked | undefined;
  #latestFailed: Tracked | undefined;
  #restored: RestoreRecord | undefined;

  constructor(settings: CheckpointSettingsView, clock: Clock, historySize: number) {
    this.#settings = settings;
    this.#clock = clock;
    this.#historySize = historySize;
  }

  triggered(id: number, properties: CheckpointProperties, plan: CheckpointPlan, triggeredAt: number): void {
    const vertices = new Map<string, { index: number; record: Tracked['vertices'][number] }>();
    const places = new Map<ExecutionAttemptId, { vertex: number; index: number }>();
    for (const { vertex, subtaskIndex, attemptId } of plan.running) {
      let entry = vertices.get(vertex.id);
      if (!entry) {
        const participants = plan.running.filter((task) => task.vertex === vertex).length;
        entry = { index: vertices.size, record: { vertexId: vertex.id, parallelism: vertex.parallelism, participants, subtasks: [] } };
        vertices.set(vertex.id, entry);
      }
      places.set(attemptId, { vertex: entry.index, index: subtaskIndex });
    }
    this.#counts.total++;
    this.#counts.inProgress++;
    this.#history.push({
      id,
      status: 'IN_PROGRESS',
      kind: properties.kind,
      stops: properties.stop !== undefined,
      triggeredAt,
      vertices: [...vertices.values()].map(({ record }) => record),
      places,
      externalPath: undefined,
      discarded: false,
      failedAt: undefined,
      failureMessage: undefined,
    });
    if (this.#history.length > this.#historySize) this.#history.shift();
  }

  acknowledged(id: number, attemptId: ExecutionAttemptId, metrics: SubtaskCheckpointMetrics): void {
    const record = this.#find(id);
    const place = record?.places.get(attemptId);
    if (!record || !place) return;
    record.vertices[place.vertex]?.subtasks.push({ ...metrics, index: place.index, acknowledgedAt: this.#clock.now() });
  }

  completed(checkpoint: CompletedCheckpoint): void {
    this.#counts.inProgress--;
    this.#counts.completed++;
    const record = this.#find(checkpoint.metadata.checkpointId);
    if (!record) return;
    record.status = 'COMPLETED';
    record.externalPath = pointerOf(checkpoint);
    if (record.kind === 'savepoint') this.#latestSavepoint = record;
    else this.#latestCompleted = record;
    const totals = totalsOf(record);
    this.#completed.push([totals.checkpointedBytes, totals.fullBytes, totals.durationMs, totals.processedBytes, 0]);
    if (this.#completed.length > summarised) this.#completed.shift();
  }

  failed(id: number, message: string): void {
    this.#counts.inProgress--;
    this.#counts.failed++;
    const record = this.#find(id);
    if (!record) return;
    record.status = 'FAILED';
    record.failedAt = this.#clock.now();
    record.failureMessage = message;
    this.#latestFailed = record;
  }

  discarded(id: number): void {
    const record = this.#find(id);
    if (record) record.discarded = true;
    if (this.#latestCompleted?.id === id) this.#latestCompleted.discarded = true;
  }

  restored(checkpoint: CompletedCheckpoint): void {
    this.#counts.restored++;
    this.#restored = {
      id: checkpoint.metadata.checkpointId,
      restoredAt: this.#clock.now(),
      kind: checkpoint.properties.kind,
      externalPath: pointerOf(checkpoint),
    };
  }

  snapshot(): CheckpointStatisticsSnapshot {
    const column = (index: number): number[] => this.#completed.map((row) => row[index] as number);
    return {
      settings: this.#settings,
      counts: { ...this.#counts },
      summary: {
        checkpointedBytes: summarise(column(0)),
        fullBytes: summarise(column(1)),
        durationMs: summarise(column(2)),
        processedBytes: summarise(column(3)),
        persistedBytes: summarise(column(4)),
      },
      latest: {
        completed: copyOf(this.#latestCompleted),
        savepoint: copyOf(this.#latestSavepoint),
        failed: copyOf(this.#latestFailed),
        restored: this.#restored,
      },
      history: [...this.#history].reverse().map((record) => copyOf(record) as CheckpointRecord),
    };
  }

  #find(id: number): Tracked | undefined {
    return this.#history.findLast((record) => record.id === id);
  }
}

function copyOf(record: Tracked | undefined): CheckpointRecord | undefined {
  if (!record) return undefined;
  const { places: _places, ...rest } = record;
  return { ...rest, vertices: rest.vertices.map((vertex) => ({ ...vertex, subtasks: [...vertex.subtasks] })) };
}
