/**
 * Takes the checkpoints and savepoints of one job: asks the decider, triggers, gathers acknowledgements, completes or gives
 * up, and tells everybody. The rules are in the parts; this is the order in which they act.
 *
 * Keeps true: one trigger phase at a time; completions happen one after another; a checkpoint that is being completed is not
 * given up any more, so whoever restores waits for it first ({@link CheckpointCoordinator.settled}).
 */
import type { JobGraph } from '../../graph/job-graph.ts';
import { deserializeError, ExternalError, UserError } from '../../shared/errors.ts';
import { failpoint } from '../../shared/failpoint.ts';
import { pathIn } from '../../shared/file-system/file-system.ts';
import type { ExecutionAttemptId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../../shared/time.ts';
import { streamHandlesOf, type TaskStateSnapshot } from '../../state/snapshot/handles.ts';
import type { CheckpointOptions, JobManagerGateway } from '../rpc/gateways.ts';
import { CheckpointFailure, type CheckpointFailureReason, reasonOfDecline } from './checkpoint-failure-reason.ts';
import type { CheckpointIdCounter } from './checkpoint-id-counter.ts';
import type { CheckpointedCoordinators, CheckpointedTasks } from './checkpoint-participants.ts';
import { type CheckpointPlan, planCheckpoint } from './checkpoint-plan.ts';
import { type CheckpointProperties, checkpointProperties, isPlainSavepoint, savepointProperties } from './checkpoint-properties.ts';
import { CheckpointRequestDecider, type DecidableRequest, type Decision } from './checkpoint-request-decider.ts';
import type { CheckpointSettings } from './checkpoint-settings.ts';
import type { CheckpointStatistics } from './checkpoint-statistics.ts';
import type { CompletedCheckpoint } from './completed-checkpoint.ts';
import { UncertainRecordError } from './completed-checkpoint-store.ts';
import { type FailedCheckpoint, FailureAccounting } from './failure-accounting.ts';
import { encodeMetadata } from './metadata/metadata-codec.ts';
import { PendingCheckpoint } from './pending-checkpoint.ts';
import { PeriodicTrigger } from './periodic-trigger.ts';
import type { RetainedCheckpoints } from './retained-checkpoints.ts';
import type { CheckpointCleaner } from './storage/checkpoint-cleaner.ts';
import type { CheckpointStorage } from './storage/checkpoint-storage.ts';

export interface CheckpointCoordinatorOptions {
  readonly jobGraph: JobGraph;
  readonly settings: CheckpointSettings;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly log: Logger;
  readonly ids: CheckpointIdCounter;
  readonly storage: CheckpointStorage;
  readonly cleaner: CheckpointCleaner;
  readonly retained: RetainedCheckpoints;
  readonly statistics: CheckpointStatistics;
  readonly tasks: CheckpointedTasks;
  readonly coordinators: CheckpointedCoordinators;
  /** More checkpoints failed than are tolerated. `attemptId`: the attempt that is to blame. */
  readonly onTooManyFailures: (cause: UserError, attemptId: ExecutionAttemptId | undefined) => void;
}

export type Acknowledgement = Parameters<JobManagerGateway['acknowledgeCheckpoint']>[0];
export type Decline = Parameters<JobManagerGateway['declineCheckpoint']>[0];

interface Request extends DecidableRequest {
  readonly properties: CheckpointProperties;
  /** Of a savepoint; undefined: the configured one. */
  readonly directory: string | undefined;
  readonly outcome: PromiseWithResolvers<CompletedCheckpoint>;
}

interface Pending {
  readonly checkpoint: PendingCheckpoint;
  readonly request: Request;
  readonly cancelExpiry: () => void;
}

/** How many of the last ids are remembered, to tell late messages from nonsense. */
const recentIds = 16;

export class CheckpointCoordinator {
  readonly #options: CheckpointCoordinatorOptions;
  readonly #decider: CheckpointRequestDecider<Request>;
  readonly #failures: FailureAccounting;
  readonly #periodic: PeriodicTrigger | undefined;
  readonly #pending = new Map<number, Pending>();
  /**
   * The last checkpoints that ended, for acknowledgements that come late, with the directories of those that were given up. What
   * came twice for a completed one is in use.
   */
  readonly #recent = new Map<number, string | undefined>();
  #sequence = 0;
  #isTriggering = false;
  #isShutDown = false;
  /** Grows when all work is given up: a trigger phase that was under way then is void. */
  #era = 0;
  #lastCompletionMs = Number.NEGATIVE_INFINITY;
  #settled: Promise<void> = Promise.resolve();

  constructor(options: CheckpointCoordinatorOptions) {
    this.#options = options;
    const { settings, clock, random } = options;
    this.#decider = new CheckpointRequestDecider(settings);
    this.#failures = new FailureAccounting(settings);
    if (settings.intervalMs !== undefined) {
      const onDue = (): void => void this.#submit({ ...this.#checkpointRequest(false), periodic: true }).catch(() => {});
      this.#periodic = new PeriodicTrigger({ clock, random, intervalMs: settings.intervalMs, minPauseMs: settings.minPauseMs, onDue });
    }
  }

  /** The job runs. */
  startPeriodic(): void {
    if (!this.#isShutDown && !this.#periodic?.isRunning) this.#periodic?.start();
  }

  /** The job does not run: all that is under way or waits is given up, except what is being completed. */
  stopPeriodic(reason: CheckpointFailureReason = 'CHECKPOINT_COORDINATOR_SUSPEND'): void {
    this.#periodic?.stop();
    this.#era++;
    for (const request of this.#decider.drain()) request.outcome.reject(new CheckpointFailure(reason));
    for (const pending of this.#pending.values()) this.#abort(pending, new CheckpointFailure(reason));
  }

  triggerCheckpoint(options: { readonly full: boolean }): Promise<CompletedCheckpoint> {
    return this.#submit(this.#checkpointRequest(options.full));
  }

  /** Throws UserError('NO_SAVEPOINT_DIRECTORY'). */
  async triggerSavepoint(options: {
    readonly directory: string | undefined;
    readonly stop?: CheckpointOptions['stop'];
  }): Promise<CompletedCheckpoint> {
    const { storage, settings } = this.#options;
    storage.requireSavepointDirectory(options.directory);
    const properties = savepointProperties({ forced: !settings.unaligned, stop: options.stop });
    return this.#submit({
      ...this.#checkpointRequest(true),
      kind: 'savepoint',
      properties,
      forced: properties.forced,
      directory: options.directory,
    });
  }

  acknowledge({ attemptId, checkpointId, state, metrics }: Acknowledgement): void {
    const { retained, statistics, log } = this.#options;
    const registered = retained.register(state, checkpointId);
    const pending = this.#pending.get(checkpointId);
    switch (pending?.checkpoint.acknowledge(attemptId, registered)) {
      case 'success':
        statistics.acknowledged(checkpointId, attemptId, metrics);
        this.#completeWhenFull(pending as Pending);
        return;
      case 'duplicate':
        return;
      case 'unknown':
        log.warn(`${attemptId} acknowledged checkpoint ${checkpointId} and does not belong to it.`);
        this.#discardState(state, pending?.checkpoint.target?.place.directory);
        return;
      default:
        if (!this.#recent.has(checkpointId)) return;
        log.info(`${attemptId} acknowledged checkpoint ${checkpointId}, which had ended.`);
        this.#discardState(state, this.#recent.get(checkpointId));
    }
  }

  decline({ attemptId, checkpointId, reason, cause }: Decline): void {
    const pending = this.#pending.get(checkpointId);
    const task = pending?.checkpoint.plan.running.find((other) => other.attemptId === attemptId);
    if (!pending || !task) return;
    const failure = new CheckpointFailure(reasonOfDecline(reason), {
      detail: `It was ${task.taskName}${cause ? `: ${cause.message}` : '.'}`,
      cause: cause && deserializeError(cause),
    });
    this.#abort(pending, failure, attemptId);
  }

  /** The attempt will acknowledge nothing any more. */
  taskEnded(attemptId: ExecutionAttemptId, taskName: string, finished: boolean): void {
    const reason = finished ? 'CHECKPOINT_DECLINED_TASK_CLOSING' : 'TASK_FAILURE';
    for (const pending of this.#pending.values()) {
      if (!pending.checkpoint.isMissing(attemptId)) continue;
      this.#abort(pending, new CheckpointFailure(reason, { detail: `It was ${taskName}.` }));
    }
  }

  /** No completion is under way. */
  async settled(): Promise<void> {
    await this.#settled;
  }

  /** Nothing is triggered or completed any more. */
  async shutDown(): Promise<void> {
    this.#isShutDown = true;
    this.stopPeriodic('CHECKPOINT_COORDINATOR_SHUTDOWN');
    await this.#settled;
  }

  /** Something the decision depends on has changed. */
  decide(): void {
    if (!this.#isShutDown) this.#act(this.#decider.choose(this.#facts()));
  }

  #checkpointRequest(full: boolean): Request {
    return {
      kind: 'checkpoint',
      forced: false,
      periodic: false,
      sequence: ++this.#sequence,
      properties: checkpointProperties(this.#options.settings.retention, full),
      directory: undefined,
      outcome: Promise.withResolvers(),
    };
  }

  #submit(request: Request): Promise<CompletedCheckpoint> {
    request.outcome.promise.catch(() => {});
    if (this.#isShutDown) request.outcome.reject(new CheckpointFailure('CHECKPOINT_COORDINATOR_SHUTDOWN'));
    else this.#act(this.#decider.submit(request, this.#facts()));
    return request.outcome.promise;
  }

  #facts(): Parameters<CheckpointRequestDecider<Request>['choose']>[0] {
    return {
      nowMs: this.#options.clock.now(),
      isTriggering: this.#isTriggering,
      pendingCount: this.#pending.size,
      cleaningCount: this.#options.cleaner.count,
      lastCompletionMs: this.#lastCompletionMs,
    };
  }

  #act({ start, refused, rearmAfterMs }: Decision<Request>): void {
    for (const { request, reason } of refused) request.outcome.reject(new CheckpointFailure(reason));
    if (rearmAfterMs !== undefined && this.#periodic?.isRunning) this.#periodic.rearm(rearmAfterMs);
    if (start) void this.#trigger(start);
  }

  async #trigger(request: Request): Promise<void> {
    const { clock, log, statistics, jobGraph, settings, tasks, coordinators, ids, retained } = this.#options;
    const era = this.#era;
    this.#isTriggering = true;
    let pending: Pending | undefined;
    let checkpointId: number | undefined;
    try {
      const planNow = (): CheckpointPlan => planCheckpoint(jobGraph, (vertexId) => tasks.tasksOf(vertexId), settings);
      // No id is used up where there is nothing to plan.
      planNow();
      const timestamp = clock.now();
      checkpointId = await ids.next();
      if (era !== this.#era)
        throw new CheckpointFailure(this.#isShutDown ? 'CHECKPOINT_COORDINATOR_SHUTDOWN' : 'CHECKPOINT_COORDINATOR_SUSPEND');
      // Whoever finished while the id was recorded is not waited for: from here on the checkpoint hears of it.
      const plan = planNow();
      // A snapshot that stays its owner's must not be built upon.
      const properties = { ...request.properties, full: request.properties.full || retained.latest?.properties.unclaimed === true };
      const checkpoint = new PendingCheckpoint({
        checkpointId,
        timestamp,
        jobGraph,
        plan,
        properties,
        coordinated: coordinators.operatorIds,
      });
      pending = this.#begin(checkpoint, request);
      statistics.triggered(checkpointId, properties, plan, timestamp);
      log.info(`Triggering ${nameOf(properties)} ${checkpointId} for job ${jobGraph.jobId}.`);
      await this.#prepare(checkpoint, request);
      this.#sendTriggers(pending);
    } catch (error) {
      if (pending) this.#abort(pending, triggerFailure(error));
      else this.#refuse(request, error);
    } finally {
      this.#isTriggering = false;
      if (checkpointId !== undefined) coordinators.release(checkpointId);
    }
    if (pending) this.#completeWhenFull(pending);
    this.decide();
  }

  #begin(checkpoint: PendingCheckpoint, request: Request): Pending {
    const { clock, settings } = this.#options;
    const pending: Pending = {
      checkpoint,
      request,
      cancelExpiry: clock.schedule(settings.timeoutMs, () => {
        const missing = checkpoint.missing;
        const detail = missing.length > 0 ? `Not acknowledged after ${settings.timeoutMs} ms: ${missing.join(', ')}.` : undefined;
        this.#abort(pending, new CheckpointFailure('CHECKPOINT_EXPIRED', { detail }));
      }),
    };
    this.#pending.set(checkpoint.checkpointId, pending);
    return pending;
  }

  /** Directory first, then the coordinators' states. */
  async #prepare(checkpoint: PendingCheckpoint, request: Request): Promise<void> {
    const { storage, coordinators, cleaner } = this.#options;
    const target =
      request.kind === 'savepoint' ? await storage.forSavepoint(request.directory) : await storage.forCheckpoint(checkpoint.checkpointId);
    if (checkpoint.hasEnded) {
      if (target.place.directory !== undefined) cleaner.removeDirectory(target.place.directory);
      return checkpoint.aborted;
    }
    checkpoint.target = target;
    failpoint('checkpoint.trigger', String(checkpoint.checkpointId));
    const states = await Promise.race([coordinators.snapshot(checkpoint.checkpointId), checkpoint.aborted]);
    for (const [operatorId, state] of states) checkpoint.acknowledgeCoordinator(operatorId, state);
    if (checkpoint.hasEnded) return checkpoint.aborted;
  }

  /** In one go: events that the coordinators send from now on arrive behind the triggers. */
  #sendTriggers(pending: Pending): void {
    const { tasks, settings } = this.#options;
    const { checkpoint } = pending;
    const { checkpointId, timestamp, plan, properties, target } = checkpoint;
    const options: CheckpointOptions = {
      kind: properties.kind,
      alignment: properties.stop === undefined ? settings.alignment : 'exactly-once',
      ...(properties.stop ? { stop: properties.stop } : {}),
      ...(properties.full ? { full: true } : {}),
      location: (target as NonNullable<typeof target>).location,
    };
    checkpoint.triggersSent();
    for (const { attemptId, taskName } of plan.toTrigger) {
      tasks.trigger(attemptId, checkpointId, timestamp, options).catch((error: unknown) => {
        this.#abort(
          pending,
          new CheckpointFailure('TRIGGER_CHECKPOINT_FAILURE', { detail: `It did not reach ${taskName}.`, cause: error }),
        );
      });
    }
  }

  #refuse(request: Request, error: unknown): void {
    const failure = triggerFailure(error);
    request.outcome.reject(error instanceof UserError ? error : failure);
    if (!request.periodic || failure.reason !== 'NOT_ALL_REQUIRED_TASKS_RUNNING')
      this.#options.log.info(`A ${nameOf(request.properties)} was not triggered: ${failure.message}`);
    this.#account({ checkpointId: undefined, properties: request.properties, failure, attemptId: undefined });
  }

  #completeWhenFull(pending: Pending): void {
    if (!pending.checkpoint.isFullyAcknowledged) return;
    pending.cancelExpiry();
    pending.checkpoint.beginCompleting();
    this.#settled = this.#settled.then(() => this.#complete(pending));
  }

  async #complete(pending: Pending): Promise<void> {
    const { clock, log, retained, statistics, jobGraph } = this.#options;
    const { checkpoint, request } = pending;
    const { checkpointId, properties } = checkpoint;
    const target = checkpoint.target as NonNullable<typeof checkpoint.target>;
    let completed: CompletedCheckpoint;
    let subsumedId: number | undefined;
    try {
      // Acknowledged behind a newer one, which has been completed before it: what was committed with that is not taken back.
      if (!isPlainSavepoint(properties) && checkpointId < (retained.latest?.metadata.checkpointId ?? 0))
        throw new CheckpointFailure('CHECKPOINT_SUBSUMED');
      retained.confirm(checkpointId);
      const metadata = checkpoint.metadata();
      await target.publish(encodeMetadata(metadata));
      failpoint('checkpoint.published');
      completed = { metadata, properties, place: target.place, completedAt: clock.now() };
      if (!isPlainSavepoint(properties)) subsumedId = await retained.add(completed);
      failpoint('checkpoint.recorded');
    } catch (error) {
      this.#giveUp(pending, completionFailure(error), undefined, !(error instanceof UncertainRecordError));
      return;
    }
    this.#end(pending, undefined);
    checkpoint.complete();
    this.#lastCompletionMs = clock.now();
    this.#failures.succeeded(checkpointId);
    statistics.completed(completed);
    log.info(`Completed ${nameOf(properties)} ${checkpointId} for job ${jobGraph.jobId}.`);
    request.outcome.resolve(completed);
    if (!isPlainSavepoint(properties)) this.#announce(checkpoint, subsumedId);
    this.decide();
  }

  #announce({ checkpointId, plan }: PendingCheckpoint, subsumedId: number | undefined): void {
    const { tasks, coordinators } = this.#options;
    for (const older of this.#pending.values()) {
      if (older.checkpoint.checkpointId < checkpointId && older.request.kind !== 'savepoint')
        this.#abort(older, new CheckpointFailure('CHECKPOINT_SUBSUMED'));
    }
    for (const { attemptId } of plan.running) tasks.notifyComplete(attemptId, checkpointId, subsumedId);
    coordinators.notifyComplete(checkpointId);
  }

  /** Nothing happens to one that is being completed. */
  #abort(pending: Pending, failure: CheckpointFailure, attemptId?: ExecutionAttemptId): void {
    if (pending.checkpoint.hasEnded || pending.checkpoint.isCompleting) return;
    this.#giveUp(pending, failure, attemptId, true);
  }

  #giveUp(pending: Pending, failure: CheckpointFailure, attemptId: ExecutionAttemptId | undefined, deleteFiles: boolean): void {
    const { log, cleaner, statistics, tasks, coordinators, retained } = this.#options;
    const { checkpoint, request } = pending;
    const { checkpointId, properties, plan, target } = checkpoint;
    const directory = target?.place.directory;
    this.#end(pending, deleteFiles ? directory : undefined);
    checkpoint.abort(failure);
    if (deleteFiles && directory !== undefined) cleaner.removeDirectory(directory);
    log.warn(`${nameOf(properties)} ${checkpointId} was given up: ${failure.message}`);
    statistics.failed(checkpointId, failure.message);
    request.outcome.reject(failure.cause instanceof UserError && failure.reason === 'TRIGGER_CHECKPOINT_FAILURE' ? failure.cause : failure);
    const latest = retained.latest?.metadata.checkpointId;
    for (const task of plan.running) tasks.notifyAborted(task.attemptId, checkpointId, latest);
    coordinators.notifyAborted(checkpointId);
    this.#account({ checkpointId, properties, failure, attemptId });
    this.decide();
  }

  #account(failed: FailedCheckpoint): void {
    const cause = this.#failures.failed(failed);
    if (cause) this.#options.onTooManyFailures(cause, failed.attemptId);
  }

  #end(pending: Pending, givenUpDirectory: string | undefined): void {
    const { checkpointId } = pending.checkpoint;
    pending.cancelExpiry();
    this.#pending.delete(checkpointId);
    this.#recent.set(checkpointId, givenUpDirectory);
    for (const oldest of this.#recent.keys()) {
      if (this.#recent.size <= recentIds) break;
      this.#recent.delete(oldest);
    }
  }

  /** What a task wrote for a checkpoint that does not want it. Shared files stay: the registry knows them. */
  #discardState(state: TaskStateSnapshot, directory: string | undefined): void {
    if (directory === undefined) return;
    const files = Object.values(state)
      .flatMap(streamHandlesOf)
      .flatMap((stream) => (stream.kind === 'relative' ? [pathIn(directory, stream.name)] : []));
    this.#options.cleaner.removeFiles(files);
  }
}

function nameOf(properties: CheckpointProperties): string {
  if (properties.kind === 'checkpoint') return 'checkpoint';
  return properties.stop === undefined ? 'savepoint' : `savepoint (${properties.stop})`;
}

function triggerFailure(error: unknown): CheckpointFailure {
  if (error instanceof CheckpointFailure) return error;
  // It counts: no checkpoint of this job would ever complete there.
  const inTheWay = error instanceof UserError && error.code === 'CHECKPOINT_EXISTS';
  const reason = inTheWay || isInputOutput(error) ? 'IO_EXCEPTION' : 'TRIGGER_CHECKPOINT_FAILURE';
  return new CheckpointFailure(reason, { detail: error instanceof Error ? error.message : String(error), cause: error });
}

function completionFailure(error: unknown): CheckpointFailure {
  if (error instanceof CheckpointFailure) return error;
  return new CheckpointFailure('FINALIZE_CHECKPOINT_FAILURE', {
    detail: error instanceof Error ? error.message : String(error),
    cause: error,
  });
}

function isInputOutput(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (cause instanceof ExternalError || 'errno' in cause) return true;
  return false;
}
