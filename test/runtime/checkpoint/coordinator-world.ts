/** A checkpoint coordinator alone: tasks and coordinators are lists of what they were told, time is turned by hand. */
import { Configuration } from '../../../src/config/configuration.ts';
import type { JobGraph, JobVertex, PartitionerKind } from '../../../src/graph/job-graph.ts';
import { CheckpointCoordinator } from '../../../src/runtime/checkpoint/checkpoint-coordinator.ts';
import { type CheckpointIdCounter, InMemoryCheckpointIdCounter } from '../../../src/runtime/checkpoint/checkpoint-id-counter.ts';
import type { PlannedTask } from '../../../src/runtime/checkpoint/checkpoint-plan.ts';
import { readCheckpointSettings } from '../../../src/runtime/checkpoint/checkpoint-settings.ts';
import { CheckpointStatistics } from '../../../src/runtime/checkpoint/checkpoint-statistics.ts';
import {
  type CompletedCheckpointRecords,
  CompletedCheckpointStore,
  noRecords,
} from '../../../src/runtime/checkpoint/completed-checkpoint-store.ts';
import { RetainedCheckpoints } from '../../../src/runtime/checkpoint/retained-checkpoints.ts';
import { CheckpointCleaner } from '../../../src/runtime/checkpoint/storage/checkpoint-cleaner.ts';
import { CheckpointStorage } from '../../../src/runtime/checkpoint/storage/checkpoint-storage.ts';
import type { CheckpointOptions, SubtaskCheckpointMetrics } from '../../../src/runtime/rpc/gateways.ts';
import { registerFileSystem } from '../../../src/shared/file-system/file-system.ts';
import { silentLogger } from '../../../src/shared/logger.ts';
import type { TaskStateSnapshot } from '../../../src/state/snapshot/handles.ts';
import { readStateBackend } from '../../../src/state/storage/state-backend-settings.ts';
import { FaultyFileSystem } from '../../harness/faulty-file-system.ts';
import { ManualClock } from '../../harness/manual-clock.ts';
import { MemoryFileSystem } from '../../harness/memory-file-system.ts';

export const jobId = '0123456789abcdef0123456789abcdef';

export function vertexOf(name: string, parallelism: number, from?: { vertex: JobVertex; partitioner: PartitionerKind }): JobVertex {
  const id = Buffer.from(name.padEnd(16, '-')).toString('hex');
  return {
    id,
    name,
    parallelism,
    maxParallelism: 128,
    maxParallelismExplicit: false,
    slotSharingGroup: 'default',
    operators: [{ operatorId: String(id), streamNodeId: 1, name, type: from ? 'map' : 'source', bufferTimeoutMs: 100 }],
    chainEdges: [],
    inputs: from
      ? [{ edgeId: name, sourceVertexId: from.vertex.id, sourceOutputIndex: 0, inputIndex: 0, partitioner: from.partitioner }]
      : [],
    outputs: [],
  };
}

export const noMetrics: SubtaskCheckpointMetrics = {
  startDelayMs: 0,
  alignmentMs: 0,
  processedDuringAlignmentBytes: 0,
  syncMs: 0,
  asyncMs: 0,
  checkpointedBytes: 0,
  fullBytes: 0,
};

export interface Triggered {
  readonly attemptId: string;
  readonly checkpointId: number;
  readonly options: CheckpointOptions;
}

let schemes = 0;

export class CoordinatorWorld {
  readonly clock = new ManualClock();
  readonly memory = new MemoryFileSystem();
  readonly files: FaultyFileSystem;
  readonly jobGraph: JobGraph;
  readonly tasks = new Map<string, (PlannedTask & { state: PlannedTask['state'] })[]>();
  /** Everything that left the coordinator, in order, as short lines. */
  readonly said: string[] = [];
  readonly triggers: Triggered[] = [];
  readonly tooManyFailures: string[] = [];
  readonly coordinator: CheckpointCoordinator;
  readonly retained: RetainedCheckpoints;
  readonly statistics: CheckpointStatistics;
  readonly cleaner: CheckpointCleaner;
  /** Answers of the operator coordinators; a test may replace it. */
  snapshotCoordinators: (checkpointId: number) => Promise<ReadonlyMap<string, Uint8Array>>;

  constructor(
    options: {
      readonly configuration?: Readonly<Record<string, string>>;
      readonly vertices?: readonly JobVertex[];
      readonly records?: CompletedCheckpointRecords;
      readonly random?: number;
      readonly ids?: CheckpointIdCounter;
    } = {},
  ) {
    const scheme = `world${schemes++}`;
    this.files = new FaultyFileSystem(scheme, this.memory);
    registerFileSystem(scheme, this.files);
    const source = vertexOf('source', 1);
    const vertices = options.vertices ?? [source, vertexOf('map', 1, { vertex: source, partitioner: 'rebalance' })];
    const configuration = {
      'execution.checkpointing.interval': '1000 ms',
      'state.checkpoints.dir': `${scheme}:/checkpoints`,
      ...options.configuration,
    };
    this.jobGraph = { jobId, name: 'job', vertices, configuration } as unknown as JobGraph;
    const config = Configuration.of(configuration);
    const settings = readCheckpointSettings(config);
    for (const vertex of vertices) {
      this.tasks.set(
        String(vertex.id),
        Array.from({ length: vertex.parallelism }, (_, subtaskIndex) => ({
          attemptId: `${vertex.name}-${subtaskIndex}`,
          vertex,
          subtaskIndex,
          state: 'RUNNING' as const,
          taskName: `${vertex.name} (${subtaskIndex + 1}/${vertex.parallelism})`,
          isStub: false,
        })),
      );
    }
    const operatorIds = vertices.filter(({ inputs }) => inputs.length === 0).map(({ id }) => String(id));
    this.snapshotCoordinators = async () => new Map(operatorIds.map((id) => [id, Uint8Array.of(1)]));
    const storage = new CheckpointStorage({
      jobId,
      backend: readStateBackend(config),
      savepointDirectory: `${scheme}:/savepoints`,
      sizes: { inlineThresholdBytes: 100, inlineLimitBytes: 5 * 2 ** 20, writeBufferBytes: 100 },
    });
    this.statistics = new CheckpointStatistics({ ...settings, stateBackend: 'hashmap', storage: storage.description }, this.clock, 10);
    this.cleaner = new CheckpointCleaner(silentLogger, () => this.coordinator.decide());
    this.retained = new RetainedCheckpoints({
      store: new CompletedCheckpointStore(options.records ?? noRecords, settings.retained),
      storage,
      cleaner: this.cleaner,
      statistics: this.statistics,
      retention: settings.retention,
    });
    this.coordinator = new CheckpointCoordinator({
      jobGraph: this.jobGraph,
      settings,
      clock: this.clock,
      random: () => options.random ?? 0,
      log: silentLogger,
      ids: options.ids ?? new InMemoryCheckpointIdCounter(),
      storage,
      cleaner: this.cleaner,
      retained: this.retained,
      statistics: this.statistics,
      tasks: {
        tasksOf: (vertexId) => this.tasks.get(String(vertexId)) ?? [],
        trigger: async (attemptId, checkpointId, _timestamp, checkpointOptions) => {
          this.triggers.push({ attemptId, checkpointId, options: checkpointOptions });
          this.said.push(`trigger ${checkpointId} ${attemptId}`);
        },
        notifyComplete: (attemptId, checkpointId, subsumedId) =>
          void this.said.push(`complete ${checkpointId} ${attemptId}${subsumedId === undefined ? '' : ` subsumes ${subsumedId}`}`),
        notifyAborted: (attemptId, checkpointId, latest) =>
          void this.said.push(`abort ${checkpointId} ${attemptId} latest ${latest ?? '-'}`),
      },
      coordinators: {
        operatorIds,
        snapshot: (checkpointId) => {
          this.said.push(`snapshot ${checkpointId}`);
          return this.snapshotCoordinators(checkpointId);
        },
        release: (checkpointId) => void this.said.push(`release ${checkpointId}`),
        notifyComplete: (checkpointId) => void this.said.push(`complete ${checkpointId} coordinators`),
        notifyAborted: (checkpointId) => void this.said.push(`abort ${checkpointId} coordinators`),
      },
      onTooManyFailures: (cause, attemptId) =>
        void this.tooManyFailures.push(`${attemptId ?? 'job'}: ${cause.facts.found ?? cause.facts.problem}`),
    });
  }

  /** Lets everything settle that needs no time to pass: promises and file operations. */
  async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  async advance(ms: number): Promise<void> {
    // What was begun arms its timers first.
    await this.settle();
    this.clock.advance(ms);
    await this.settle();
  }

  acknowledge(checkpointId: number, attemptId: string, state: TaskStateSnapshot = {}): void {
    this.coordinator.acknowledge({ jobId, attemptId, checkpointId, state, metrics: noMetrics });
  }

  decline(
    checkpointId: number,
    attemptId: string,
    reason: Parameters<CheckpointCoordinator['decline']>[0]['reason'] = 'CHECKPOINT_DECLINED',
  ): void {
    this.coordinator.decline({ jobId, attemptId, checkpointId, reason, cause: undefined });
  }

  /** All tasks of the job, at once. */
  async acknowledgeAll(checkpointId: number): Promise<void> {
    for (const tasks of this.tasks.values())
      for (const { attemptId, state } of tasks) if (state === 'RUNNING') this.acknowledge(checkpointId, attemptId);
    await this.settle();
  }

  /** Files below the job's checkpoint directory. */
  get stored(): string[] {
    return this.memory.below(`/checkpoints/${jobId}`);
  }

  /** What was said since the last time. */
  heard(): string[] {
    return this.said.splice(0);
  }
}
