/**
 * The life of one job: starts it, follows its attempts, and ends it. Everything happens on the JobManager's main thread; user
 * code of the job (split enumerators) runs behind {@link OperatorCoordinators}.
 *
 * The parts decide and act: {@link Scheduler} places attempts, {@link Failover} restarts them, {@link JobCheckpoints} says what
 * they start from. This is where their news meet.
 */

import type { CollectedBlocks } from '../../api/executor.ts';
import { Configuration } from '../../config/configuration.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import { deserializeError, ExternalError, type SerializedError, serializeError, UserError } from '../../shared/errors.ts';
import type { AllocationId, ExecutionAttemptId, FencingToken, JobId, OperatorId, TaskManagerId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../../shared/time.ts';
import type { Acknowledgement, CheckpointCoordinator, Decline } from '../checkpoint/checkpoint-coordinator.ts';
import { UncertainRecordError } from '../checkpoint/completed-checkpoint-store.ts';
import { type Execution, ExecutionGraph } from '../executiongraph/execution-graph.ts';
import { isGloballyTerminal } from '../executiongraph/states.ts';
import { persistently } from '../ha/persistently.ts';
import type { ResourceManager } from '../resourcemanager/resource-manager.ts';
import type {
  AccumulatorReport,
  ArchivedExecutionGraph,
  JobResult,
  JobStatus,
  OperatorEvent,
  TaskExecutionStateUpdate,
} from '../rpc/gateways.ts';
import type { JobUserCode, JobUserCodeListener } from '../rpc/job-user-code.ts';
import { Failover } from '../scheduler/failover.ts';
import { createRestartStrategy, type RestartStrategy } from '../scheduler/restart-strategy.ts';
import { Scheduler } from '../scheduler/scheduler.ts';
import { CollectedRecords } from './collected-records.ts';
import { recoverySuppressed, stateDamaged } from './final-failure.ts';
import { JobCheckpoints, type JobCheckpointsOptions } from './job-checkpoints.ts';
import { JobSnapshots } from './job-snapshots.ts';
import { OperatorCoordinators } from './operator-coordinators.ts';
import { TaskMessages } from './task-messages.ts';

export interface JobMasterOptions {
  readonly jobGraph: JobGraph;
  readonly resourceManager: ResourceManager;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly log: Logger;
  readonly fencing: FencingToken;
  createUserCode(jobGraph: JobGraph, listener: JobUserCodeListener): JobUserCode;
  /** What outlives this process, for a job under high availability. `isRecovered`: an earlier process had accepted the job. */
  readonly recorded?: (Pick<JobCheckpointsOptions, 'records' | 'ids'> & { readonly isRecovered: boolean }) | undefined;
  /** The end is certain, and nothing has been cleaned up yet. */
  readonly beforeCleanUp?: ((result: JobResult) => Promise<void>) | undefined;
  /** Aborted: this process shuts down, and what failed is not tried again. */
  readonly signal?: AbortSignal | undefined;
  readonly onTerminal: (master: JobMaster) => void;
}

const never = new AbortController().signal;
const restoreRetryMs = 1000;

export class JobMaster {
  readonly #options: JobMasterOptions;
  readonly #graph: ExecutionGraph;
  readonly #scheduler: Scheduler;
  readonly #tasks: TaskMessages;
  readonly #collected: CollectedRecords;
  readonly #done = Promise.withResolvers<JobResult>();
  /** Checkpoints and savepoints on demand. */
  readonly snapshots: JobSnapshots;
  #strategy: RestartStrategy | undefined;
  #failover: Failover | undefined;
  #checkpoints: JobCheckpoints | undefined;
  #coordinators: OperatorCoordinators | undefined;
  #lastModification: number;
  #result: JobResult | undefined;
  #closed: Promise<boolean> = Promise.resolve(true);

  constructor(options: JobMasterOptions) {
    const { jobGraph, clock, resourceManager, fencing, log } = options;
    this.#options = options;
    this.#graph = new ExecutionGraph(jobGraph, clock);
    this.#lastModification = clock.now();
    this.#collected = new CollectedRecords(clock);
    this.#scheduler = new Scheduler({
      graph: this.#graph,
      resourceManager,
      fencing,
      log,
      onFailure: (execution, cause) => this.#attemptFailed(execution, cause),
      onCancelled: (execution) => this.#attemptChanged(execution, 'CANCELED'),
    });
    this.#tasks = new TaskMessages(this.#graph, this.#scheduler, fencing);
    this.snapshots = new JobSnapshots({
      jobId: jobGraph.jobId,
      requireCoordinator: () => this.#requireCoordinator(),
      executions: () => this.#graph.executions,
      whenTerminal: (executions) => this.#scheduler.whenTerminal(executions),
      whenDone: () => this.whenDone(),
      cancel: () => this.cancel(),
      resume: () => this.#resumeCheckpoints(),
      failGlobally: (cause) => this.failJob(serializeError(cause)),
    });
  }

  get jobId(): JobId {
    return this.#options.jobGraph.jobId;
  }

  get status(): JobStatus {
    return this.#graph.status;
  }

  get lastModification(): number {
    return this.#lastModification;
  }

  get result(): JobResult | undefined {
    return this.#result;
  }

  get graph(): ExecutionGraph {
    return this.#graph;
  }

  whenDone(): Promise<JobResult> {
    return this.#done.promise;
  }

  /** The job is done, and what it leaves behind on disk is as it shall be. False: that was given up; somebody else has to do it. */
  async whenClosed(): Promise<boolean> {
    await this.#done.promise;
    return this.#closed;
  }

  archive(): ArchivedExecutionGraph {
    const checkpoints = this.#checkpoints?.statistics;
    return { ...this.#graph.archive(), ...(checkpoints ? { checkpoints } : {}) };
  }

  async start(): Promise<void> {
    const { jobGraph } = this.#options;
    try {
      this.#strategy = createRestartStrategy(Configuration.of(jobGraph.configuration), this.#options.random);
      const stored = await this.#prepareCheckpoints();
      if (this.#graph.status !== 'INITIALIZING') return;
      this.#coordinators = this.#createCoordinators();
      this.#beginCheckpoints(this.#coordinators);
      this.#failover = this.#createFailover(this.#strategy, this.#coordinators);
      await this.#coordinators.start(stored);
      if (this.#graph.status !== 'INITIALIZING') return;
      this.#become('CREATED');
      this.#become('RUNNING');
      await this.#scheduler.deploy(this.#graph.executions);
    } catch (error) {
      this.failJob(serializeError(error));
    }
  }

  cancel(): void {
    const { status } = this.#graph;
    if (status === 'CANCELLING' || isGloballyTerminal(status)) return;
    this.#become('CANCELLING');
    this.#windDown(new Error('cancelled'), () => this.#end('CANCELED'));
  }

  /** This process stops leading: the tasks end, and everything that the job needs to go on elsewhere stays. */
  async suspend(): Promise<void> {
    if (isGloballyTerminal(this.#graph.status)) return;
    this.#become('SUSPENDED');
    this.#failover?.stop();
    this.#scheduler.cancelRequests(new Error('suspended'));
    this.#scheduler.cancel(this.#graph.executions);
    this.#scheduler.release(`job ${this.jobId} is suspended`);
    await this.#checkpoints?.coordinator?.shutDown();
    await this.#coordinators?.close();
  }

  /** A failure that no single task is to blame for. */
  failJob(cause: SerializedError): void {
    const { status } = this.#graph;
    if (status === 'RUNNING' || status === 'RESTARTING') {
      this.#failover?.failedGlobally(cause);
    } else if (status === 'INITIALIZING') {
      this.#graph.recordFailure(cause);
      this.#end('FAILED', cause);
    }
  }

  updateState(update: TaskExecutionStateUpdate): void {
    const execution = this.#graph.execution(update.attemptId);
    if (!execution || execution.isTerminal) return;
    if (update.accumulators) execution.report(update.accumulators);
    if (update.state === 'FAILED') {
      this.#attemptFailed(execution, update.error ?? serializeError(new Error('the task failed without a reason')));
    } else if (execution.state !== 'CANCELING' || update.state === 'CANCELED' || update.state === 'FINISHED') {
      this.#attemptChanged(execution, update.state);
    }
  }

  report(report: AccumulatorReport): void {
    this.#graph.execution(report.attemptId)?.report(report);
  }

  eventFromTask(attemptId: ExecutionAttemptId, operatorId: OperatorId, _subtaskIndex: number, event: OperatorEvent): void {
    const execution = this.#graph.execution(attemptId);
    if (!execution || !this.#graph.isCurrent(execution)) return;
    if (event.type === 'collected') {
      const { resultId, block } = event.payload as { resultId: string; block: Uint8Array };
      this.#collected.put(
        resultId,
        block,
        () => void this.#tasks.sendEvent(execution, operatorId, { type: 'acknowledge' }).catch(() => {}),
      );
    } else {
      this.#coordinators?.handleEvent(execution, operatorId, event);
    }
  }

  acknowledgeCheckpoint(acknowledgement: Acknowledgement): void {
    this.#checkpoints?.coordinator?.acknowledge(acknowledgement);
  }

  declineCheckpoint(decline: Decline): void {
    this.#checkpoints?.coordinator?.decline(decline);
  }

  slotsLost(allocationIds: readonly AllocationId[], cause: SerializedError): void {
    this.#scheduler.slotsLost(allocationIds, cause);
  }

  taskManagerLost(taskManagerId: TaskManagerId, cause: SerializedError): void {
    this.#scheduler.taskManagerLost(taskManagerId, cause);
  }

  /** Records of `executeAndCollect` that nobody has fetched yet. */
  get hasCollected(): boolean {
    return this.#collected.hasSome;
  }

  /** Waits for records of `executeAndCollect`, at most `waitMs`; an empty answer with `done` is the end. */
  takeCollected(resultId: string, waitMs?: number): Promise<CollectedBlocks> {
    return this.#collected.take(resultId, waitMs);
  }

  /** Returns what the operator coordinators start from. */
  async #prepareCheckpoints(): Promise<ReadonlyMap<OperatorId, Uint8Array>> {
    const { clock, random, log, jobGraph } = this.#options;
    if (jobGraph.jobType === 'BATCH') return new Map();
    for (;;) {
      this.#checkpoints = new JobCheckpoints({ graph: this.#graph, clock, random, log, ...this.#options.recorded });
      try {
        return await this.#checkpoints.restoreFirst();
      } catch (error) {
        // A job that ran does not end because its storage does not answer for a moment.
        if (!this.#options.recorded?.isRecovered || !isPassing(error)) throw error;
        log.warn(`Job ${this.jobId} cannot be recovered now, which is tried again in ${restoreRetryMs} ms.`, error);
        await new Promise<void>((resolve) => clock.schedule(restoreRetryMs, resolve));
        if (this.#graph.status !== 'INITIALIZING') return new Map();
      }
    }
  }

  #createCoordinators(): OperatorCoordinators {
    const { createUserCode } = this.#options;
    return new OperatorCoordinators(
      {
        graph: this.#graph,
        send: (execution, operatorId, event) => this.#tasks.sendEvent(execution, operatorId, event),
        onEventLost: (execution, error) => {
          const lost = new ExternalError('OPERATOR_EVENT_LOST', {
            problem: `An event of its coordinator did not reach ${execution.taskName}. The task is restarted, so that nothing is lost.`,
            retriable: true,
            cause: error,
          });
          this.#scheduler.cancelOnTaskManager(execution);
          this.#attemptFailed(execution, serializeError(lost));
        },
        onFailure: (cause) => this.failJob(cause),
      },
      (listener) => createUserCode(this.#graph.jobGraph, listener),
    );
  }

  #beginCheckpoints(coordinators: OperatorCoordinators): void {
    this.#checkpoints?.begin({
      coordinators,
      tasks: this.#tasks,
      onTooManyFailures: (cause, attemptId) => {
        const execution = attemptId === undefined ? undefined : this.#graph.execution(attemptId);
        // An attempt that was replaced since is not to blame any more.
        if (execution && (!this.#graph.isCurrent(execution) || execution.isTerminal)) return;
        this.failJob(serializeError(cause));
      },
    });
  }

  #createFailover(strategy: RestartStrategy, coordinators: OperatorCoordinators): Failover {
    const { clock, log, jobGraph } = this.#options;
    return new Failover({
      graph: this.#graph,
      scheduler: this.#scheduler,
      strategy,
      scope: Configuration.of(jobGraph.configuration).get('jobmanager.execution.failover-strategy'),
      clock,
      log,
      restore: async (executions, isGlobal) => {
        const restored = await this.#checkpoints?.restore(executions);
        if (isGlobal) await coordinators.reset(restored?.coordinators ?? new Map());
        else for (const execution of executions) coordinators.subtaskReset(execution, restored?.checkpointId);
      },
      become: (status) => this.#become(status),
      mend: () => this.#checkpoints?.goBack() ?? false,
      onGivenUp: (cause, reason) => this.#fail(cause, reason),
    });
  }

  #attemptChanged(execution: Execution, state: 'INITIALIZING' | 'RUNNING' | 'FINISHED' | 'CANCELED'): void {
    execution.become(state);
    this.#touched();
    if (!this.#graph.isCurrent(execution)) return;
    if (execution.isTerminal) this.#attemptEnded(execution);
    if (this.#graph.status === 'RUNNING' && this.#graph.executions.every((other) => other.state === 'FINISHED')) this.#end('FINISHED');
  }

  #attemptFailed(execution: Execution, cause: SerializedError): void {
    const wasCancelled = execution.state === 'CANCELING';
    execution.become('FAILED');
    execution.failure = cause;
    this.#touched();
    this.#options.log.warn(`${execution.taskName} (${execution.attemptId}) failed: ${cause.message}`);
    if (!this.#graph.isCurrent(execution)) return;
    const { status } = this.#graph;
    const restartable = !wasCancelled && (status === 'RUNNING' || status === 'RESTARTING');
    if (!restartable) this.#graph.recordConcurrentFailure(cause, execution);
    this.#attemptEnded(execution);
    if (restartable) this.#failover?.taskFailed(execution, cause);
  }

  #attemptEnded(execution: Execution): void {
    this.#checkpoints?.coordinator?.taskEnded(execution.attemptId, execution.taskName, execution.state === 'FINISHED');
    this.#coordinators?.attemptEnded(execution);
    this.#scheduler.stateChanged();
  }

  #fail(cause: SerializedError, reason: 'not-recoverable' | 'suppressed'): void {
    const final =
      reason === 'suppressed'
        ? recoverySuppressed(this.#strategy?.description ?? '', cause)
        : stateDamaged(this.#checkpoints?.retained ?? [], cause);
    this.#become('FAILING');
    this.#windDown(deserializeError(cause), () => this.#end('FAILED', final, reason === 'not-recoverable'));
  }

  /** Cancels everything; `then` runs when all attempts have ended. */
  #windDown(cause: Error, then: () => void): void {
    const { executions } = this.#graph;
    this.#failover?.stop();
    this.#scheduler.cancelRequests(cause);
    this.#scheduler.cancel(executions);
    void this.#scheduler.whenTerminal(executions).then(then);
  }

  #end(status: 'FINISHED' | 'CANCELED' | 'FAILED', failure?: SerializedError, keepCheckpoints = false): void {
    if (this.#result) return;
    this.#become(status);
    this.#result = {
      jobId: this.jobId,
      status,
      netRuntimeMs: this.#options.clock.now() - this.#graph.startTime,
      accumulators: this.#graph.accumulators(),
      failure,
    };
    this.#options.log.info(`Job ${this.jobId} (${this.#options.jobGraph.name}) reached ${status}.`);
    if (failure) this.#options.log.error(`Job ${this.jobId} failed: ${failure.message}`);
    this.#failover?.stop();
    this.#collected.end();
    this.#scheduler.release(`job ${this.jobId} is ${status}`);
    void this.#coordinators?.close();
    this.#closed = this.#cleanUp(this.#result, keepCheckpoints).then(
      () => true,
      (error: unknown) => {
        this.#options.log.warn(`Cleaning up after job ${this.jobId} failed.`, error);
        return false;
      },
    );
    this.#options.onTerminal(this);
    this.#done.resolve(this.#result);
  }

  async #cleanUp(result: JobResult, keepCheckpoints: boolean): Promise<void> {
    const { beforeCleanUp, clock, log, signal = never } = this.#options;
    const cleanUp = async (): Promise<void> => {
      await beforeCleanUp?.(result);
      await this.#checkpoints?.end(result.status, keepCheckpoints);
    };
    await persistently(`Cleaning up after job ${this.jobId}`, cleanUp, { clock, log, signal });
  }

  #requireCoordinator(): CheckpointCoordinator {
    const coordinator = this.#checkpoints?.coordinator;
    if (coordinator && this.#graph.status === 'RUNNING') return coordinator;
    throw new UserError(coordinator ? 'JOB_NOT_RUNNING' : 'NO_CHECKPOINTS', {
      problem: coordinator
        ? `Job ${this.jobId} is ${this.#graph.status}: only a running job takes checkpoints and savepoints.`
        : `Job ${this.jobId} takes no checkpoints and savepoints: it is a batch job, or is just starting.`,
    });
  }

  #resumeCheckpoints(): void {
    if (this.#graph.status === 'RUNNING') this.#checkpoints?.coordinator?.startPeriodic();
  }

  #become(status: JobStatus): void {
    this.#graph.become(status);
    this.#touched();
    if (status === 'RUNNING') this.#resumeCheckpoints();
    else this.#checkpoints?.coordinator?.stopPeriodic();
  }

  #touched(): void {
    this.#lastModification = this.#options.clock.now();
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof UncertainRecordError || (error instanceof ExternalError && error.retriable);
}
