/**
 * The checkpoints of one job, assembled: what its configuration asks for, where they go, and what attempts start from. The
 * coordinator takes them; this decides what a start or a restart takes from them.
 */
import { Configuration } from '../../config/configuration.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import { failpoint } from '../../shared/failpoint.ts';
import type { OperatorId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../../shared/time.ts';
import { readStateBackend } from '../../state/storage/state-backend-settings.ts';
import { readStreamSizes } from '../../state/storage/stream-sizes.ts';
import { CheckpointCoordinator, type CheckpointCoordinatorOptions } from '../checkpoint/checkpoint-coordinator.ts';
import { type CheckpointIdCounter, InMemoryCheckpointIdCounter } from '../checkpoint/checkpoint-id-counter.ts';
import { checkpointProperties, type JobEnd } from '../checkpoint/checkpoint-properties.ts';
import { type CheckpointSettings, readCheckpointSettings } from '../checkpoint/checkpoint-settings.ts';
import { CheckpointStatistics } from '../checkpoint/checkpoint-statistics.ts';
import { type CompletedCheckpoint, pointerOf, restoredSnapshotOf } from '../checkpoint/completed-checkpoint.ts';
import { type CompletedCheckpointRecords, CompletedCheckpointStore, noRecords } from '../checkpoint/completed-checkpoint-store.ts';
import { RetainedCheckpoints } from '../checkpoint/retained-checkpoints.ts';
import { adoptMaxParallelism, assignState, type StateAssignment } from '../checkpoint/state-assignment.ts';
import { CheckpointCleaner } from '../checkpoint/storage/checkpoint-cleaner.ts';
import { CheckpointStorage } from '../checkpoint/storage/checkpoint-storage.ts';
import { loadSnapshot } from '../checkpoint/storage/resolve-pointer.ts';
import type { Execution, ExecutionGraph } from '../executiongraph/execution-graph.ts';
import type { CheckpointStatisticsSnapshot } from '../rpc/checkpoint-statistics.ts';
import type { OperatorCoordinators } from './operator-coordinators.ts';

export interface JobCheckpointsOptions {
  readonly graph: ExecutionGraph;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** What outlives this process, for a job under high availability. */
  readonly records?: CompletedCheckpointRecords | undefined;
  readonly ids?: CheckpointIdCounter | undefined;
}

export class JobCheckpoints {
  readonly settings: CheckpointSettings;
  readonly #options: JobCheckpointsOptions;
  readonly #ids: CheckpointIdCounter;
  readonly #storage: CheckpointStorage;
  readonly #cleaner: CheckpointCleaner;
  readonly #retained: RetainedCheckpoints;
  readonly #statistics: CheckpointStatistics;
  #coordinator: CheckpointCoordinator | undefined;

  /** Throws UserErrors that name the key at fault. */
  constructor(options: JobCheckpointsOptions) {
    const { graph, clock, log } = options;
    const config = Configuration.of(graph.jobGraph.configuration);
    const backend = readStateBackend(config);
    this.#options = options;
    this.settings = readCheckpointSettings(config);
    this.#ids = options.ids ?? new InMemoryCheckpointIdCounter();
    this.#storage = new CheckpointStorage({
      jobId: graph.jobGraph.jobId,
      backend,
      savepointDirectory: config.get('execution.checkpointing.savepoint-dir') || undefined,
      sizes: readStreamSizes(config),
    });
    this.#cleaner = new CheckpointCleaner(log, () => this.#coordinator?.decide());
    this.#statistics = new CheckpointStatistics(
      { ...this.settings, stateBackend: backend.backend, storage: this.#storage.description },
      clock,
      config.get('web.checkpoints.history'),
    );
    this.#retained = new RetainedCheckpoints({
      store: new CompletedCheckpointStore(options.records ?? noRecords, this.settings.retained),
      storage: this.#storage,
      cleaner: this.#cleaner,
      statistics: this.#statistics,
      retention: this.settings.retention,
    });
    if (this.settings.unaligned)
      log.warn('Unaligned checkpoints are not there yet: execution.checkpointing.unaligned is ignored, and barriers are aligned.');
  }

  get coordinator(): CheckpointCoordinator | undefined {
    return this.#coordinator;
  }

  get statistics(): CheckpointStatisticsSnapshot {
    return this.#statistics.snapshot();
  }

  /** Newest first. */
  get retained(): CompletedCheckpoint[] {
    return [...this.#retained.all].reverse();
  }

  /**
   * What a new master starts the job from: its newest recorded checkpoint, else the snapshot it was submitted with, else
   * nothing. The graph takes over the stored max parallelism. Returns the states of the operator coordinators.
   */
  async restoreFirst(): Promise<ReadonlyMap<OperatorId, Uint8Array>> {
    const { graph, clock } = this.#options;
    const { restore } = graph.jobGraph;
    if (this.settings.intervalMs !== undefined) await this.#storage.prepare();
    await this.#retained.recover();
    let checkpoint = this.#retained.latest;
    if (!checkpoint && restore) {
      const loaded = await loadSnapshot(restore.path);
      graph.adopt(adoptMaxParallelism(graph.jobGraph, { ...loaded.metadata, directory: loaded.place.directory }, loaded.pointer));
      // Before it is adopted: a job that cannot be started from a snapshot must not own it.
      this.#assign(graph.jobGraph, { metadata: loaded.metadata, place: loaded.place }, restore.allowNonRestoredState);
      checkpoint = await this.#retained.adopt(loaded, restore.claimMode, clock.now());
    } else if (checkpoint) {
      graph.adopt(adoptMaxParallelism(graph.jobGraph, restoredSnapshotOf(checkpoint), pointerOf(checkpoint)));
    }
    await this.#beginIds(checkpoint?.metadata.checkpointId ?? 0);
    if (!checkpoint) return new Map();
    return this.#give(graph.executions, checkpoint, restore?.allowNonRestoredState ?? true).coordinators;
  }

  /** Above all that lie in the job's directory: whose they are is not known. */
  async #beginIds(restoredId: number): Promise<void> {
    const firstId = await this.#ids.startAt(Math.max(restoredId, await this.#storage.highestId()) + 1);
    await this.#retained.removeOrphans(firstId);
  }

  /** Goes back behind a damaged checkpoint, where the job wants that. False: there is no way back, or it is not wanted. */
  goBack(): boolean {
    const { graph, log } = this.#options;
    if (!Configuration.of(graph.jobGraph.configuration).get('weir.checkpoint.fall-back-when-damaged')) return false;
    const damaged = this.#retained.abandonLatest();
    if (!damaged) return false;
    log.warn(
      `${pointerOf(damaged)} is damaged. Job ${graph.jobGraph.jobId} goes back to the checkpoint before, as weir.checkpoint.fall-back-when-damaged ` +
        'asks: what sinks have committed since is written twice.',
    );
    return true;
  }

  /** Fresh attempts start from the newest completed checkpoint; undefined: there is none, they start from nothing. */
  async restore(executions: readonly Execution[]): Promise<(StateAssignment & { readonly checkpointId: number }) | undefined> {
    await this.#coordinator?.settled();
    const { latest } = this.#retained;
    if (!latest) return undefined;
    return { ...this.#give(executions, latest, true), checkpointId: latest.metadata.checkpointId };
  }

  begin(
    participants: Pick<CheckpointCoordinatorOptions, 'tasks' | 'onTooManyFailures'> & { readonly coordinators: OperatorCoordinators },
  ): CheckpointCoordinator {
    const { graph, clock, random, log } = this.#options;
    this.#coordinator = new CheckpointCoordinator({
      ...participants,
      jobGraph: graph.jobGraph,
      settings: this.settings,
      clock,
      random,
      log: log.of('CheckpointCoordinator'),
      ids: this.#ids,
      storage: this.#storage,
      cleaner: this.#cleaner,
      retained: this.#retained,
      statistics: this.#statistics,
    });
    return this.#coordinator;
  }

  /** The job had ended in an earlier process, which did not come to remove what it left. */
  async cleanUpAfter(end: JobEnd, keepAll: boolean): Promise<void> {
    await this.#retained.recover('readable');
    // Where checkpoints are kept, those whose records were removed already look like orphans.
    if (!keepAll && checkpointProperties(this.settings.retention).discardWhen[end]) await this.#beginIds(0);
    await this.end(end, keepAll);
  }

  /** The job has ended. `keepAll`: its checkpoints are to be looked at by somebody. */
  async end(end: JobEnd, keepAll: boolean): Promise<void> {
    await this.#coordinator?.shutDown();
    await this.#retained.end(end, keepAll);
    await this.#ids.clear();
  }

  #give(executions: readonly Execution[], checkpoint: CompletedCheckpoint, allowNonRestoredState: boolean): StateAssignment {
    const { graph, log } = this.#options;
    const assignment = this.#assign(graph.jobGraph, checkpoint, allowNonRestoredState);
    for (const execution of executions) execution.restore = assignment.tasks.get(execution.vertex.id)?.[execution.subtaskIndex];
    log.info(`Restoring job ${graph.jobGraph.jobId} from ${checkpoint.metadata.checkpointId} located at ${pointerOf(checkpoint)}.`);
    for (const { name, operatorId } of assignment.dropped) log.warn(`Skipping savepoint state for operator ${operatorId} ('${name}').`);
    this.#statistics.restored(checkpoint);
    failpoint('job.restore');
    return assignment;
  }

  #assign(
    jobGraph: JobGraph,
    checkpoint: Pick<CompletedCheckpoint, 'metadata' | 'place'>,
    allowNonRestoredState: boolean,
  ): StateAssignment {
    const { metadata, place } = checkpoint;
    const snapshot = { checkpointId: metadata.checkpointId, directory: place.directory, operators: metadata.operators };
    return assignState(jobGraph, snapshot, { pointer: place.directory ?? `checkpoint ${metadata.checkpointId}`, allowNonRestoredState });
  }
}
