/** The book-keeping of one job: vertices spread into subtasks, each with its attempts, their states and what they reported. */
import { mergedAccumulators } from '../../api/accumulators.ts';
import { Configuration } from '../../config/configuration.ts';
import type { JobGraph, JobVertex } from '../../graph/job-graph.ts';
import { assert } from '../../shared/assert.ts';
import type { SerializedError } from '../../shared/errors.ts';
import { type ExecutionAttemptId, type JobVertexId, newExecutionAttemptId } from '../../shared/ids.ts';
import type { Clock } from '../../shared/time.ts';
import { IoHistory, noIo } from '../metrics/recent-io.ts';
import type {
  AccumulatorReport,
  ArchivedExecution,
  ArchivedExecutionGraph,
  ExecutionState,
  FailureRecord,
  JobStatus,
  MetricDump,
  TaskLocation,
  TaskRestore,
} from '../rpc/gateways.ts';
import { checkExecutionStep, checkJobStep, executionStates, isTerminalExecution, jobStatuses } from './states.ts';

type Accumulators = Readonly<Record<string, { type: string; value: unknown }>>;
/** One attempt of one subtask. */
export class Execution {
  readonly attemptId: ExecutionAttemptId;
  readonly attemptNumber: number;
  readonly vertex: JobVertex;
  readonly subtaskIndex: number;
  readonly #clock: Clock;
  readonly #timestamps: Record<ExecutionState, number>;
  #state: ExecutionState = 'CREATED';
  location: TaskLocation | undefined;
  /** What it starts from; undefined: from nothing. */
  restore: TaskRestore | undefined;
  failure: SerializedError | undefined;
  accumulators: Accumulators = {};
  #metrics: MetricDump = {};
  readonly #io: IoHistory;

  constructor(vertex: JobVertex, subtaskIndex: number, attemptNumber: number, clock: Clock) {
    this.vertex = vertex;
    this.subtaskIndex = subtaskIndex;
    this.attemptNumber = attemptNumber;
    this.attemptId = newExecutionAttemptId(vertex.id, subtaskIndex, attemptNumber);
    this.#clock = clock;
    this.#timestamps = Object.fromEntries(executionStates.map((state) => [state, 0])) as Record<ExecutionState, number>;
    this.#timestamps.CREATED = clock.now();
    this.#io = new IoHistory(clock.now());
  }

  get state(): ExecutionState {
    return this.#state;
  }

  get isTerminal(): boolean {
    return isTerminalExecution(this.#state);
  }

  /** It had finished in the checkpoint it was restored from. */
  get isStub(): boolean {
    return this.restore?.finished === true;
  }

  /** `Map (2/4)`. */
  get taskName(): string {
    return `${this.vertex.name} (${this.subtaskIndex + 1}/${this.vertex.parallelism})`;
  }

  become(state: ExecutionState): void {
    if (state === this.#state) return;
    checkExecutionStep(this.#state, state);
    this.#state = state;
    this.#timestamps[state] = this.#clock.now();
  }

  /** What an attempt said when it ended is final: a heartbeat that was on its way carries older numbers. */
  report(report: AccumulatorReport): void {
    if (this.isTerminal) return;
    this.#io.report(report.io, this.#clock.now());
    this.accumulators = report.user;
    this.#metrics = report.metrics;
  }

  archive(): ArchivedExecution {
    return {
      attemptId: this.attemptId,
      attemptNumber: this.attemptNumber,
      subtaskIndex: this.subtaskIndex,
      state: this.#state,
      timestamps: { ...this.#timestamps },
      location: this.location,
      failure: this.failure,
      io: this.#io.io,
      recent: this.isTerminal ? { ...noIo, watermark: this.#io.io.watermark, overMs: 0 } : this.#io.recent,
      accumulators: this.accumulators,
      metrics: this.#metrics,
    };
  }
}

/** One parallel instance of a vertex, whatever its attempt. */
export interface SubtaskId {
  readonly vertexId: JobVertexId;
  readonly subtaskIndex: number;
}

interface Subtask {
  current: Execution;
  /** Newest first. */
  readonly prior: Execution[];
}

export class ExecutionGraph {
  readonly #clock: Clock;
  #jobGraph: JobGraph;
  #subtasks: ReadonlyMap<string, readonly Subtask[]>;
  readonly #byAttempt = new Map<ExecutionAttemptId, Execution>();
  readonly #timestamps: Record<JobStatus, number>;
  readonly #statusTimes: Record<JobStatus, number>;
  #status: JobStatus = 'INITIALIZING';
  #restarts = 0;
  #failure: FailureRecord | undefined;
  /** Newest first. */
  readonly #history: (FailureRecord & { readonly concurrent: FailureRecord[] })[] = [];
  readonly #historySize: number;
  readonly #attemptsHistorySize: number;

  constructor(jobGraph: JobGraph, clock: Clock) {
    this.#jobGraph = jobGraph;
    this.#clock = clock;
    const config = Configuration.of(jobGraph.configuration);
    this.#historySize = Math.max(1, config.get('web.exception-history-size'));
    this.#attemptsHistorySize = Math.max(1, config.get('jobmanager.execution.attempts-history-size'));
    this.#timestamps = Object.fromEntries(jobStatuses.map((status) => [status, 0])) as Record<JobStatus, number>;
    this.#statusTimes = { ...this.#timestamps };
    this.#timestamps.INITIALIZING = clock.now();
    this.#subtasks = this.#firstAttempts();
  }

  get jobGraph(): JobGraph {
    return this.#jobGraph;
  }

  /** Before anything is deployed: a restored snapshot has a say in the graph. */
  adopt(jobGraph: JobGraph): void {
    this.#jobGraph = jobGraph;
    this.#byAttempt.clear();
    this.#subtasks = this.#firstAttempts();
  }

  get status(): JobStatus {
    return this.#status;
  }

  get executions(): Execution[] {
    return [...this.#subtasks.values()].flat().map((subtask) => subtask.current);
  }

  executionsOf(vertexId: string): Execution[] {
    return (this.#subtasks.get(vertexId) ?? []).map((subtask) => subtask.current);
  }

  execution(attemptId: ExecutionAttemptId): Execution | undefined {
    return this.#byAttempt.get(attemptId);
  }

  /** The newest attempt of a subtask. */
  subtask({ vertexId, subtaskIndex }: SubtaskId): Execution {
    const subtask = this.#subtasks.get(vertexId)?.[subtaskIndex];
    assert(subtask, () => `there is no subtask ${subtaskIndex} of vertex ${vertexId}`);
    return subtask.current;
  }

  /** True when the attempt is the newest of its subtask. */
  isCurrent(execution: Execution): boolean {
    return this.#subtasks.get(execution.vertex.id)?.[execution.subtaskIndex]?.current === execution;
  }

  become(status: JobStatus): void {
    if (status === this.#status) return;
    checkJobStep(this.#status, status);
    const now = this.#clock.now();
    this.#statusTimes[this.#status] += now - this.#timestamps[this.#status];
    if (status === 'RESTARTING') this.#restarts++;
    this.#status = status;
    this.#timestamps[status] = now;
  }

  recordFailure(error: SerializedError, execution?: Execution): void {
    const record = { ...this.#record(error, execution), concurrent: [] };
    this.#failure = record;
    this.#history.unshift(record);
    this.#history.length = Math.min(this.#history.length, this.#historySize);
  }

  /** A task that failed while the job was already leaving for another failure. */
  recordConcurrentFailure(error: SerializedError, execution: Execution): void {
    this.#history[0]?.concurrent.push({ ...this.#record(error, execution), concurrent: [] });
  }

  #record(error: SerializedError, execution: Execution | undefined): Omit<FailureRecord, 'concurrent'> {
    return { timestamp: this.#clock.now(), error, taskName: execution?.taskName, location: execution?.location };
  }

  get failure(): FailureRecord | undefined {
    return this.#failure;
  }

  /** A fresh attempt for each of the given executions, in the same order. */
  resetForNewAttempt(executions: readonly Execution[]): Execution[] {
    return executions.map((execution) => {
      const subtask = this.#subtasks.get(execution.vertex.id)?.[execution.subtaskIndex] as Subtask;
      subtask.prior.unshift(execution);
      for (const forgotten of subtask.prior.splice(this.#attemptsHistorySize)) this.#byAttempt.delete(forgotten.attemptId);
      subtask.current = this.#newExecution(execution.vertex, execution.subtaskIndex, execution.attemptNumber + 1);
      return subtask.current;
    });
  }

  accumulators(): Accumulators {
    return mergedAccumulators(this.executions.map(({ accumulators }) => accumulators));
  }

  get startTime(): number {
    return this.#timestamps.INITIALIZING;
  }

  timestamp(status: JobStatus): number {
    return this.#timestamps[status];
  }

  archive(): ArchivedExecutionGraph {
    return {
      jobId: this.#jobGraph.jobId,
      name: this.#jobGraph.name,
      status: this.#status,
      jobGraph: this.#jobGraph,
      timestamps: { ...this.#timestamps },
      statusTimes: { ...this.#statusTimes },
      restarts: this.#restarts,
      vertices: this.#jobGraph.vertices.map((vertex) => ({
        vertexId: vertex.id,
        subtasks: (this.#subtasks.get(vertex.id) ?? []).map(({ current, prior }) => ({
          current: current.archive(),
          prior: prior.map((execution) => execution.archive()),
        })),
      })),
      failure: this.#failure,
      exceptionHistory: this.#history.map((record) => ({ ...record, concurrent: [...record.concurrent] })),
      accumulators: this.accumulators(),
    };
  }

  #firstAttempts(): ReadonlyMap<string, readonly Subtask[]> {
    return new Map(
      this.#jobGraph.vertices.map((vertex) => [
        vertex.id,
        Array.from({ length: vertex.parallelism }, (_, index) => ({ current: this.#newExecution(vertex, index, 0), prior: [] })),
      ]),
    );
  }

  #newExecution(vertex: JobVertex, subtaskIndex: number, attemptNumber: number): Execution {
    const execution = new Execution(vertex, subtaskIndex, attemptNumber, this.#clock);
    this.#byAttempt.set(execution.attemptId, execution);
    return execution;
  }
}
