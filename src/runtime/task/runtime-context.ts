/** What a user function may ask about where it runs. */
import { DoubleCounter, Histogram, IntCounter, LongCounter, requireMergeable } from '../../api/accumulators.ts';
import type { DistributedCache } from '../../api/distributed-cache.ts';
import type { Accumulator, JobInfo, MetricGroup, RuntimeContext, TaskInfo } from '../../api/functions.ts';
import type { KeyedStateAccess } from '../../api/operators.ts';
import type { StateDescriptor } from '../../api/state.ts';
import { Configuration } from '../../config/configuration.ts';
import { UserError } from '../../shared/errors.ts';
import { openKeyedState } from '../../state/ttl/ttl-state.ts';

export interface TaskFacts {
  readonly jobId: string;
  readonly jobName: string;
  readonly taskName: string;
  readonly subtaskIndex: number;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly attemptNumber: number;
  readonly configuration: Readonly<Record<string, string>>;
  /** Periodic checkpoints are taken. */
  readonly isCheckpointed: boolean;
}

export class TaskRuntimeContext implements RuntimeContext {
  readonly operatorName: string;
  readonly metrics: MetricGroup;
  readonly #facts: TaskFacts;
  readonly #cache: DistributedCache;
  /** Processing time. */
  readonly #now: () => number;
  readonly #keyedState: KeyedStateAccess | undefined;
  readonly #accumulators: Map<string, Accumulator<unknown, unknown>>;

  constructor(
    facts: TaskFacts,
    operatorName: string,
    keyedState: KeyedStateAccess | undefined,
    accumulators: Map<string, Accumulator<unknown, unknown>>,
    metrics: MetricGroup,
    now: () => number,
    cache: DistributedCache,
  ) {
    this.#facts = facts;
    this.operatorName = operatorName;
    this.#keyedState = keyedState;
    this.#accumulators = accumulators;
    this.metrics = metrics;
    this.#now = now;
    this.#cache = cache;
  }

  getJobInfo(): JobInfo {
    return { getJobId: () => this.jobId, getJobName: () => this.jobName };
  }

  getTaskInfo(): TaskInfo {
    return {
      getTaskName: () => this.taskName,
      getTaskNameWithSubtasks: () => this.getTaskNameWithSubtasks(),
      getNumberOfParallelSubtasks: () => this.getNumberOfParallelSubtasks(),
      getMaxNumberOfParallelSubtasks: () => this.getMaxNumberOfParallelSubtasks(),
      getIndexOfThisSubtask: () => this.getIndexOfThisSubtask(),
      getAttemptNumber: () => this.getAttemptNumber(),
    };
  }

  getMetricGroup(): MetricGroup {
    return this.metrics;
  }

  get jobId(): string {
    return this.#facts.jobId;
  }

  get jobName(): string {
    return this.#facts.jobName;
  }

  get taskName(): string {
    return this.#facts.taskName;
  }

  getIndexOfThisSubtask(): number {
    return this.#facts.subtaskIndex;
  }

  getNumberOfParallelSubtasks(): number {
    return this.#facts.parallelism;
  }

  getMaxNumberOfParallelSubtasks(): number {
    return this.#facts.maxParallelism;
  }

  getAttemptNumber(): number {
    return this.#facts.attemptNumber;
  }

  isCheckpointingEnabled(): boolean {
    return this.#facts.isCheckpointed;
  }

  getTaskNameWithSubtasks(): string {
    return `${this.#facts.taskName} (${this.#facts.subtaskIndex + 1}/${this.#facts.parallelism})`;
  }

  getGlobalJobParameters(): Readonly<Record<string, string>> {
    return Configuration.of(this.#facts.configuration).get('pipeline.global-job-parameters') ?? {};
  }

  getState(descriptor: StateDescriptor): never {
    if (this.#keyedState) return openKeyedState(this.#keyedState, descriptor, this.#now) as never;
    throw new UserError('NOT_KEYED', {
      problem: `Operator '${this.operatorName}': keyed state '${descriptor.name}' can only be used on a keyed stream.`,
      tryNext: ['Call keyBy before this step.'],
    });
  }

  getListState = (descriptor: StateDescriptor): never => this.getState(descriptor);
  getMapState = (descriptor: StateDescriptor): never => this.getState(descriptor);
  getReducingState = (descriptor: StateDescriptor): never => this.getState(descriptor);
  getAggregatingState = (descriptor: StateDescriptor): never => this.getState(descriptor);

  getDistributedCache(): DistributedCache {
    return this.#cache;
  }

  addAccumulator<V, R>(name: string, accumulator: Accumulator<V, R>): void {
    requireMergeable(name, accumulator.type);
    if (this.#accumulators.has(name))
      throw new UserError('DUPLICATE_ACCUMULATOR', { problem: `The accumulator '${name}' already exists and cannot be added.` });
    this.#accumulators.set(name, accumulator as Accumulator<unknown, unknown>);
  }

  getAccumulator<V, R>(name: string): Accumulator<V, R> | undefined {
    return this.#accumulators.get(name) as Accumulator<V, R> | undefined;
  }

  getIntCounter(name: string): Accumulator<number, number> {
    return this.#counter(name, () => new IntCounter());
  }

  getLongCounter(name: string): Accumulator<number, number> {
    return this.#counter(name, () => new LongCounter());
  }

  getDoubleCounter(name: string): Accumulator<number, number> {
    return this.#counter(name, () => new DoubleCounter());
  }

  getHistogram(name: string): Accumulator<number, ReadonlyMap<number, number>> {
    return this.#counter(name, () => new Histogram());
  }

  #counter<A>(name: string, create: () => A): A {
    let accumulator = this.#accumulators.get(name) as A | undefined;
    if (!accumulator) {
      accumulator = create();
      this.#accumulators.set(name, accumulator as Accumulator<unknown, unknown>);
    }
    return accumulator;
  }
}
