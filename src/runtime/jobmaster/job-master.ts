/**
 * The life of one job: gets slots, deploys, follows the attempts' states, restarts or fails the job, and ends it. Everything
 * happens on the JobManager's main thread; user code of the job (split enumerators) runs behind {@link JobUserCode}.
 */
import { Configuration } from '../../config/configuration.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import { deserializeError, type SerializedError, serializeError } from '../../shared/errors.ts';
import type { AllocationId, ExecutionAttemptId, JobId, OperatorId, TaskManagerId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../../shared/time.ts';
import { type Execution, ExecutionGraph } from '../executiongraph/execution-graph.ts';
import { isGloballyTerminal } from '../executiongraph/states.ts';
import type { AllocatedSlot, ResourceManager } from '../resourcemanager/resource-manager.ts';
import type {
  AccumulatorReport,
  ArchivedExecutionGraph,
  JobManagerGateway,
  JobResult,
  JobStatus,
  OperatorEvent,
  TaskExecutionStateUpdate,
} from '../rpc/gateways.ts';
import { deploymentDescriptor } from '../scheduler/deployment.ts';
import { createRestartStrategy, type RestartStrategy } from '../scheduler/restart-strategy.ts';
import { requiredSlots, slotName } from '../scheduler/slot-sharing.ts';

/** The job's user code beside the JobManager; a worker thread in production. */
export interface JobUserCode {
  start(): Promise<void>;
  handleEvent(operatorId: OperatorId, subtaskIndex: number, event: OperatorEvent): void;
  subtaskFailed(operatorId: OperatorId, subtaskIndex: number): void;
  /** Everything anew: all subtasks restart. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

export interface JobUserCodeListener {
  sendEvent(operatorId: OperatorId, subtaskIndex: number, event: OperatorEvent): void;
  fail(cause: SerializedError): void;
}

export interface JobMasterOptions {
  readonly jobGraph: JobGraph;
  readonly resourceManager: ResourceManager;
  readonly clock: Clock;
  readonly log: Logger;
  readonly fencing: string;
  createUserCode(jobGraph: JobGraph, listener: JobUserCodeListener): JobUserCode;
  readonly onTerminal: (master: JobMaster) => void;
}

export class JobMaster {
  readonly #options: JobMasterOptions;
  readonly #graph: ExecutionGraph;
  readonly #restart: RestartStrategy;
  readonly #slots = new Map<string, AllocatedSlot>();
  /** Counts the tries to get slots and deploy: one that was overtaken by a restart does nothing more. */
  #schedulings = 0;
  readonly #collected = new Map<string, { records: unknown[]; waiting: (() => void)[]; done: boolean }>();
  /** Operators with a coordinator: the sources, by their vertex. */
  readonly #coordinated: ReadonlyMap<string, readonly OperatorId[]>;
  #userCode: JobUserCode | undefined;
  #lastModification: number;
  #cancelRestart: (() => void) | undefined;
  #result: JobResult | undefined;
  readonly #resultWaiters: ((result: JobResult) => void)[] = [];

  constructor(options: JobMasterOptions) {
    this.#options = options;
    this.#graph = new ExecutionGraph(options.jobGraph, options.clock);
    this.#restart = createRestartStrategy(Configuration.of(options.jobGraph.configuration));
    this.#lastModification = options.clock.now();
    this.#coordinated = new Map(
      options.jobGraph.vertices.map((vertex) => [
        vertex.id,
        vertex.operators.filter((operator) => operator.type === 'source').map((operator) => operator.operatorId),
      ]),
    );
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

  whenDone(): Promise<JobResult> {
    return this.#result ? Promise.resolve(this.#result) : new Promise((resolve) => this.#resultWaiters.push(resolve));
  }

  /** Records of `executeAndCollect` that nobody has fetched yet. */
  get hasCollected(): boolean {
    return [...this.#collected.values()].some((box) => box.records.length > 0);
  }

  archive(): ArchivedExecutionGraph {
    return this.#graph.archive();
  }

  get graph(): ExecutionGraph {
    return this.#graph;
  }

  async start(): Promise<void> {
    try {
      this.#userCode = this.#options.createUserCode(this.#options.jobGraph, {
        sendEvent: (operatorId, subtaskIndex, event) => this.#eventToTask(operatorId, subtaskIndex, event),
        fail: (cause) => this.failJob(cause),
      });
      await this.#userCode.start();
      if (this.#graph.status !== 'INITIALIZING') return;
      this.#become('CREATED');
      await this.#schedule();
    } catch (error) {
      this.failJob(serializeError(error));
    }
  }

  cancel(): void {
    const { status } = this.#graph;
    if (status === 'CANCELLING' || isGloballyTerminal(status)) return;
    this.#cancelRestart?.();
    this.#options.resourceManager.cancelRequests(this.jobId, new Error('cancelled'));
    this.#become('CANCELLING');
    this.#cancelExecutions(this.#graph.executions);
    this.#whenAllTerminal(() => this.#end('CANCELED'));
  }

  /** A failure no restart strategy is asked about when the job has not run yet. */
  failJob(cause: SerializedError): void {
    if (isGloballyTerminal(this.#graph.status) || this.#graph.status === 'CANCELLING' || this.#graph.status === 'FAILING') return;
    this.#graph.recordFailure(cause);
    this.#recover(cause);
  }

  updateState(update: TaskExecutionStateUpdate): void {
    const execution = this.#graph.execution(update.attemptId);
    if (!execution || execution.isTerminal) return;
    if (update.accumulators) execution.report(update.accumulators);
    if (update.state === 'CANCELED' && execution.state !== 'CANCELING') execution.become('CANCELED');
    else execution.become(update.state);
    this.#touched();
    if (!this.#graph.isCurrent(execution)) return;
    if (update.state === 'FAILED')
      this.#executionFailed(execution, update.error ?? serializeError(new Error('the task failed without a reason')));
    else this.#checkProgress();
  }

  report(report: AccumulatorReport): void {
    this.#graph.execution(report.attemptId)?.report(report);
  }

  eventFromTask(attemptId: ExecutionAttemptId, operatorId: OperatorId, subtaskIndex: number, event: OperatorEvent): void {
    const execution = this.#graph.execution(attemptId);
    if (!execution || !this.#graph.isCurrent(execution)) return;
    if (event.type === 'collected') this.#collect(event.payload as { resultId: string; records: unknown[] });
    else this.#userCode?.handleEvent(operatorId, subtaskIndex, event);
  }

  acknowledgeCheckpoint(_ack: Parameters<JobManagerGateway['acknowledgeCheckpoint']>[0]): void {}

  declineCheckpoint(_decline: Parameters<JobManagerGateway['declineCheckpoint']>[0]): void {}

  /** All attempts in these slots are gone. */
  slotsLost(allocationIds: readonly AllocationId[], cause: SerializedError): void {
    for (const [name, slot] of this.#slots) {
      if (!allocationIds.includes(slot.allocationId)) continue;
      this.#slots.delete(name);
      this.#options.resourceManager.releaseSlot(slot);
      for (const execution of this.#graph.executions) {
        if (execution.isTerminal || execution.location === undefined || this.#slotNameOf(execution) !== name) continue;
        execution.become('FAILED');
        this.#executionFailed(execution, cause);
      }
    }
  }

  taskManagerLost(taskManagerId: TaskManagerId, cause: SerializedError): void {
    this.slotsLost(
      [...this.#slots.values()]
        .filter((slot) => slot.taskManager.registration.taskManagerId === taskManagerId)
        .map((slot) => slot.allocationId),
      cause,
    );
  }

  /** Waits for records of `executeAndCollect`, at most `waitMs`; an empty answer with `done` is the end. */
  async takeCollected(resultId: string, waitMs?: number): Promise<{ records: unknown[]; done: boolean }> {
    const box = this.#box(resultId);
    if (box.records.length === 0 && !box.done && !this.#result) {
      await new Promise<void>((resolve) => {
        box.waiting.push(resolve);
        if (waitMs !== undefined) this.#options.clock.schedule(waitMs, resolve);
      });
    }
    const records = box.records.splice(0);
    return { records, done: records.length === 0 && this.#result !== undefined };
  }

  async #schedule(): Promise<void> {
    const { resourceManager, log, jobGraph } = this.#options;
    const scheduling = ++this.#schedulings;
    // As in Flink: a job that waits for slots is running, and a slot that does not come is a failure like any other.
    this.#become('RUNNING');
    const wanted = requiredSlots(jobGraph).filter((slot) => !this.#slots.has(slotName(slot)));
    for (const execution of this.#graph.executions) execution.become('SCHEDULED');
    if (wanted.length > 0) log.info(`Job ${this.jobId} requests ${wanted.length} slot(s).`);
    const requests = wanted.map(async (slot) => ({ name: slotName(slot), slot: await resourceManager.requestSlot(this.jobId) }));
    const settled = await Promise.allSettled(requests);
    for (const outcome of settled) if (outcome.status === 'fulfilled') this.#keepSlot(outcome.value.name, outcome.value.slot);
    if (scheduling !== this.#schedulings || this.#graph.status !== 'RUNNING') return;
    const refused = settled.find((outcome) => outcome.status === 'rejected');
    if (refused) throw refused.reason;
    await this.#deploy();
  }

  async #deploy(): Promise<void> {
    const { jobGraph, fencing } = this.#options;
    const executions = this.#graph.executions;
    for (const execution of executions) execution.location = this.#slotOf(execution).location;
    await this.#prepareTaskManagers();
    await Promise.all(
      executions.map(async (execution) => {
        if (execution.isTerminal || !this.#graph.isCurrent(execution)) return;
        const slot = this.#slotOf(execution);
        execution.become('DEPLOYING');
        try {
          await slot.taskManager.gateway.submitTask({
            descriptor: deploymentDescriptor(this.#graph, execution, slot.allocationId),
            fencing,
          });
        } catch (error) {
          this.updateState({ jobId: jobGraph.jobId, attemptId: execution.attemptId, state: 'FAILED', error: serializeError(error) });
        }
      }),
    );
  }

  /** At every deployment: a TaskManager forgets a job that holds no slot of it any more. */
  async #prepareTaskManagers(): Promise<void> {
    const { jobGraph, fencing } = this.#options;
    const gateways = new Set([...this.#slots.values()].map(({ taskManager }) => taskManager.gateway));
    await Promise.all([...gateways].map((gateway) => gateway.prepareJob({ jobGraph, fencing })));
  }

  #slotNameOf(execution: Execution): string {
    return slotName({ group: execution.vertex.slotSharingGroup, index: execution.subtaskIndex });
  }

  #slotOf(execution: Execution): AllocatedSlot {
    const slot = this.#slots.get(this.#slotNameOf(execution));
    if (!slot) throw new Error(`no slot for ${execution.taskName}`);
    return slot;
  }

  #executionFailed(execution: Execution, cause: SerializedError): void {
    execution.failure = cause;
    this.#options.log.warn(`${execution.taskName} (${execution.attemptId}) failed: ${cause.message}`);
    const { status } = this.#graph;
    if (status === 'RUNNING') {
      this.#graph.recordFailure(cause, execution);
      this.#recover(cause);
    } else {
      this.#graph.recordConcurrentFailure(cause, execution);
      this.#checkProgress();
    }
  }

  /** Restart-all for now: a streaming job with a shuffle is one region anyway. */
  #recover(cause: SerializedError): void {
    const restartable = this.#graph.status === 'RUNNING';
    const delayMs = restartable ? this.#restart.delayBeforeRestart(this.#options.clock.now()) : undefined;
    if (delayMs === undefined) {
      this.#fail(cause, restartable);
      return;
    }
    this.#options.log.info(`Job ${this.jobId} restarts in ${delayMs} ms.`);
    this.#become('RESTARTING');
    this.#options.resourceManager.cancelRequests(this.jobId, deserializeError(cause));
    this.#cancelExecutions(this.#graph.executions);
    const due = this.#options.clock.now() + delayMs;
    this.#whenAllTerminal(() => {
      this.#cancelRestart = this.#options.clock.schedule(due - this.#options.clock.now(), () => void this.#restartNow());
    });
  }

  async #restartNow(): Promise<void> {
    if (this.#graph.status !== 'RESTARTING') return;
    try {
      this.#graph.resetForNewAttempt(this.#graph.executions);
      await this.#userCode?.reset();
      await this.#schedule();
    } catch (error) {
      this.failJob(serializeError(error));
    }
  }

  #fail(cause: SerializedError, suppressed: boolean): void {
    if (this.#graph.status === 'INITIALIZING') {
      this.#end('FAILED', cause);
      return;
    }
    const final = suppressed
      ? {
          name: 'JobException',
          message: `Recovery is suppressed by ${this.#restart.description}`,
          stack: `JobException: Recovery is suppressed by ${this.#restart.description}`,
          cause,
        }
      : cause;
    this.#become('FAILING');
    this.#options.resourceManager.cancelRequests(this.jobId, deserializeError(cause));
    this.#cancelExecutions(this.#graph.executions);
    this.#whenAllTerminal(() => this.#end('FAILED', final));
  }

  #cancelExecutions(executions: readonly Execution[]): void {
    for (const execution of executions) {
      if (execution.isTerminal) continue;
      if (execution.state === 'CREATED' || execution.state === 'SCHEDULED') {
        execution.become('CANCELED');
        continue;
      }
      if (execution.state !== 'CANCELING') execution.become('CANCELING');
      const slot = this.#slots.get(this.#slotNameOf(execution));
      void slot?.taskManager.gateway.cancelTask({ attemptId: execution.attemptId, fencing: this.#options.fencing }).catch(() => {});
    }
  }

  #terminalActions: (() => void)[] = [];

  #whenAllTerminal(action: () => void): void {
    this.#terminalActions = [action];
    this.#checkProgress();
  }

  #checkProgress(): void {
    const executions = this.#graph.executions;
    if (!executions.every((execution) => execution.isTerminal)) return;
    if (this.#graph.status === 'RUNNING' && executions.every((execution) => execution.state === 'FINISHED')) {
      this.#end('FINISHED');
      return;
    }
    const actions = this.#terminalActions;
    this.#terminalActions = [];
    for (const action of actions) action();
  }

  #end(status: 'FINISHED' | 'CANCELED' | 'FAILED', failure?: SerializedError): void {
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
    for (const box of this.#collected.values()) {
      box.done = true;
      for (const wake of box.waiting.splice(0)) wake();
    }
    this.#releaseSlots();
    void this.#userCode?.close();
    for (const resolve of this.#resultWaiters) resolve(this.#result);
    this.#options.onTerminal(this);
  }

  /** A slot may come when the job is over, or after another one has taken its place. */
  #keepSlot(name: string, slot: AllocatedSlot): void {
    if (this.#result || this.#slots.has(name)) this.#releaseSlot(slot);
    else this.#slots.set(name, slot);
  }

  #releaseSlots(): void {
    for (const slot of this.#slots.values()) this.#releaseSlot(slot);
    this.#slots.clear();
  }

  #releaseSlot(slot: AllocatedSlot): void {
    void slot.taskManager.gateway
      .freeSlot({ allocationId: slot.allocationId, reason: `job ${this.jobId} is ${this.#graph.status}`, fencing: this.#options.fencing })
      .catch(() => {})
      .then(() => this.#options.resourceManager.releaseSlot(slot));
  }

  #eventToTask(operatorId: OperatorId, subtaskIndex: number, event: OperatorEvent): void {
    const vertexId = [...this.#coordinated].find(([, operators]) => operators.includes(operatorId))?.[0];
    const execution = vertexId === undefined ? undefined : this.#graph.executionsOf(vertexId)[subtaskIndex];
    if (!execution || execution.isTerminal) return;
    const slot = this.#slots.get(this.#slotNameOf(execution));
    void slot?.taskManager.gateway
      .sendOperatorEventToTask({ attemptId: execution.attemptId, operatorId, event, fencing: this.#options.fencing })
      .catch(() => {});
  }

  #collect({ resultId, records }: { resultId: string; records: unknown[] }): void {
    const box = this.#box(resultId);
    for (const record of records) box.records.push(record);
    for (const wake of box.waiting.splice(0)) wake();
  }

  #box(resultId: string): { records: unknown[]; waiting: (() => void)[]; done: boolean } {
    let box = this.#collected.get(resultId);
    if (!box) {
      box = { records: [], waiting: [], done: false };
      this.#collected.set(resultId, box);
    }
    return box;
  }

  #become(status: JobStatus): void {
    this.#graph.become(status);
    this.#touched();
  }

  #touched(): void {
    this.#lastModification = this.#options.clock.now();
  }
}
