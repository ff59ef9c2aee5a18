/**
 * The functions a program hands to Weir. Everywhere a one-method interface stands, a plain function is accepted too.
 * Per-record methods are synchronous; lifecycle methods may return a promise.
 */
import type { DistributedCache } from './distributed-cache.ts';
import type {
  AggregatingState,
  AggregatingStateDescriptor,
  BroadcastState,
  ListState,
  ListStateDescriptor,
  MapState,
  MapStateDescriptor,
  OperatorStateStore,
  ReadOnlyBroadcastState,
  ReducingState,
  ReducingStateDescriptor,
  StateDescriptor,
  StateOf,
  ValueState,
  ValueStateDescriptor,
} from './state.ts';

export interface Collector<T> {
  collect(value: T): void;
}

/** Life cycle shared by all rich functions: any function object may have these methods. */
export interface RichFunction {
  open?(context: RuntimeContext): void | Promise<void>;
  close?(): void | Promise<void>;
  /** Set before `open`. */
  setRuntimeContext?(context: RuntimeContext): void;
}

/** For functions with state of their own making: any function object may have these methods. */
export interface CheckpointedFunction {
  /** Before `open`; declares operator state, which is filled when the job was restored. */
  initializeState(context: FunctionInitializationContext): void | Promise<void>;
  /** At each checkpoint: what is in operator state after this call is stored. */
  snapshotState(context: FunctionSnapshotContext): void | Promise<void>;
}

/** Told after the fact, best effort. Any function object may have these methods. */
export interface CheckpointListener {
  notifyCheckpointComplete(checkpointId: number): void | Promise<void>;
  notifyCheckpointAborted?(checkpointId: number): void | Promise<void>;
}

export interface FunctionInitializationContext {
  isRestored(): boolean;
  getRestoredCheckpointId(): number | undefined;
  getOperatorStateStore(): OperatorStateStore;
  getTaskOwnedLogs(): TaskOwnedLogs;
}

/** Names a log in operator state. Plain data. */
export interface TaskOwnedLog {
  readonly path: string | null;
  readonly size: number;
  readonly bytes: Uint8Array | null;
  readonly checksum: number;
}

/**
 * Records that the function keeps outside of checkpoints, under `taskowned/` of the job's checkpoint directory: nobody but the
 * function deletes them.
 */
export interface TaskOwnedLogs {
  /** Durable when it resolves. */
  write(records: readonly unknown[]): Promise<TaskOwnedLog>;
  read(log: TaskOwnedLog): Promise<unknown[]>;
  /** Fine when it is gone already. */
  delete(log: TaskOwnedLog): Promise<void>;
}

export interface FunctionSnapshotContext {
  getCheckpointId(): number;
  getCheckpointTimestamp(): number;
}

export interface MapFunction<T, R> extends RichFunction {
  map(value: T): R;
}
export interface FlatMapFunction<T, R> extends RichFunction {
  flatMap(value: T, out: Collector<R>): Iterable<R> | void;
}
export interface FilterFunction<T> extends RichFunction {
  filter(value: T): boolean;
}
export interface ReduceFunction<T> extends RichFunction {
  reduce(a: T, b: T): T;
}
export interface KeySelector<T, K> {
  getKey(value: T): K;
}
export interface Partitioner<K> {
  partition(key: K, numPartitions: number): number;
}
export interface CoMapFunction<A, B, R> extends RichFunction {
  map1(value: A): R;
  map2(value: B): R;
}
export interface CoFlatMapFunction<A, B, R> extends RichFunction {
  flatMap1(value: A, out: Collector<R>): Iterable<R> | void;
  flatMap2(value: B, out: Collector<R>): Iterable<R> | void;
}
/** A normalised key selector, as transformations hold it. */
// biome-ignore lint/suspicious/noExplicitAny: user record types end here
export type KeySelectorFn = (value: any) => unknown;

export interface JobInfo {
  getJobId(): string;
  getJobName(): string;
}

export interface TaskInfo {
  getTaskName(): string;
  /** `name (2/4)`. */
  getTaskNameWithSubtasks(): string;
  getNumberOfParallelSubtasks(): number;
  getMaxNumberOfParallelSubtasks(): number;
  /** From 0. */
  getIndexOfThisSubtask(): number;
  /** From 0; one more with each restart. */
  getAttemptNumber(): number;
}

/** Everything a function may ask about where it runs. */
export interface RuntimeContext {
  readonly jobId: string;
  readonly jobName: string;
  readonly taskName: string;
  readonly operatorName: string;
  getJobInfo(): JobInfo;
  getTaskInfo(): TaskInfo;
  getMetricGroup(): MetricGroup;
  getIndexOfThisSubtask(): number;
  getNumberOfParallelSubtasks(): number;
  getMaxNumberOfParallelSubtasks(): number;
  getAttemptNumber(): number;
  /** Periodic checkpoints are taken: `notifyCheckpointComplete` will come. */
  isCheckpointingEnabled(): boolean;
  getTaskNameWithSubtasks(): string;
  /** Global job parameters (`env.getConfig().setGlobalJobParameters`). */
  getGlobalJobParameters(): Readonly<Record<string, string>>;
  getState<T>(descriptor: ValueStateDescriptor<T>): ValueState<T>;
  getListState<T>(descriptor: ListStateDescriptor<T>): ListState<T>;
  getMapState<K, V>(descriptor: MapStateDescriptor<K, V>): MapState<K, V>;
  getReducingState<T>(descriptor: ReducingStateDescriptor<T>): ReducingState<T>;
  getAggregatingState<IN, ACC, OUT>(descriptor: AggregatingStateDescriptor<IN, ACC, OUT>): AggregatingState<IN, OUT>;
  /** Files that the program registered with `env.registerCachedFile`. */
  getDistributedCache(): DistributedCache;
  addAccumulator<V, R>(name: string, accumulator: Accumulator<V, R>): void;
  getAccumulator<V, R>(name: string): Accumulator<V, R> | undefined;
  getIntCounter(name: string): Accumulator<number, number>;
  getLongCounter(name: string): Accumulator<number, number>;
  getDoubleCounter(name: string): Accumulator<number, number>;
  getHistogram(name: string): Accumulator<number, ReadonlyMap<number, number>>;
  readonly metrics: MetricGroup;
}

/** Job-wide sums; merged in the JobManager by `type`. */
export interface Accumulator<V, R> {
  /** `IntCounter`, `LongCounter`, `DoubleCounter`, `Histogram`, `AverageAccumulator`, `IntMinimum`, … */
  readonly type: string;
  add(value: V): void;
  getLocalValue(): R;
  resetLocal(): void;
  /** JSON form, sent to the JobManager; the merge for each type is in `accumulators.ts`. */
  toJson(): unknown;
}

export interface MetricGroup {
  counter(name: string): { inc(by?: number): void; dec(by?: number): void; getCount(): number };
  gauge(name: string, read: () => number | string): void;
  meter(name: string): { markEvent(by?: number): void; getRate(): number; getCount(): number };
  histogram(name: string): { update(value: number): void };
  addGroup(key: string, value?: string): MetricGroup;
}

export type TimeDomain = 'EVENT_TIME' | 'PROCESSING_TIME';

export interface TimerService {
  currentProcessingTime(): number;
  currentWatermark(): number;
  registerEventTimeTimer(timestamp: number): void;
  registerProcessingTimeTimer(timestamp: number): void;
  deleteEventTimeTimer(timestamp: number): void;
  deleteProcessingTimeTimer(timestamp: number): void;
}

/** `new OutputTag<T>('late')`, or `{ id: 'late' }`. */
export interface OutputTagLike<T = unknown> {
  readonly id: string;
  /** Only for the compiler: carries T. */
  readonly __type?: T | undefined;
}

export interface ProcessContext<K = never> {
  /** Event time of the record in hand; null without one. */
  timestamp(): number | null;
  timerService(): TimerService;
  output<X>(tag: OutputTagLike<X>, value: X): void;
  /** Only on keyed streams. */
  getCurrentKey(): K;
}
export interface OnTimerContext<K = never> extends ProcessContext<K> {
  timeDomain(): TimeDomain;
}

export interface ProcessFunction<T, R> extends RichFunction {
  processElement(value: T, context: ProcessContext, out: Collector<R>): Iterable<R> | void;
}
export interface KeyedProcessFunction<K, T, R> extends RichFunction {
  processElement(value: T, context: ProcessContext<K>, out: Collector<R>): Iterable<R> | void;
  onTimer?(timestamp: number, context: OnTimerContext<K>, out: Collector<R>): Iterable<R> | void;
}
export interface CoProcessFunction<A, B, R, K = never> extends RichFunction {
  processElement1(value: A, context: ProcessContext<K>, out: Collector<R>): Iterable<R> | void;
  processElement2(value: B, context: ProcessContext<K>, out: Collector<R>): Iterable<R> | void;
  onTimer?(timestamp: number, context: OnTimerContext<K>, out: Collector<R>): Iterable<R> | void;
}
/** On the element side of a broadcast: the broadcast state can be read. Timers and keyed state only on keyed streams. */
export interface ReadOnlyBroadcastContext<K = never> extends ProcessContext<K> {
  currentProcessingTime(): number;
  currentWatermark(): number;
  getBroadcastState<BK, BV>(descriptor: MapStateDescriptor<BK, BV>): ReadOnlyBroadcastState<BK, BV>;
}
export interface BroadcastOnTimerContext<K = never> extends ReadOnlyBroadcastContext<K> {
  timeDomain(): TimeDomain;
}
/** On the broadcast side: every subtask gets each element, and changes its copy of the state in the same way. There is no key. */
export interface BroadcastContext<K = never> {
  /** Event time of the record in hand; null without one. */
  timestamp(): number | null;
  currentProcessingTime(): number;
  currentWatermark(): number;
  output<X>(tag: OutputTagLike<X>, value: X): void;
  getBroadcastState<BK, BV>(descriptor: MapStateDescriptor<BK, BV>): BroadcastState<BK, BV>;
  /** Calls `apply` for each key of this subtask that has a value in the keyed state. Only where the elements are keyed. */
  applyToKeyedState<D extends StateDescriptor>(descriptor: D, apply: (key: K, state: StateOf<D>) => void): void;
}
export interface BroadcastProcessFunction<A, B, R, K = never> extends RichFunction {
  processElement(value: A, context: ReadOnlyBroadcastContext<K>, out: Collector<R>): Iterable<R> | void;
  processBroadcastElement(value: B, context: BroadcastContext<K>, out: Collector<R>): Iterable<R> | void;
  onTimer?(timestamp: number, context: BroadcastOnTimerContext<K>, out: Collector<R>): Iterable<R> | void;
}
export interface SinkContext {
  /** Event time of the record in hand; null without one. */
  timestamp(): number | null;
  currentProcessingTime(): number;
  currentWatermark(): number;
}

export interface SinkFunction<T> extends RichFunction {
  invoke(value: T, context: SinkContext): void | Promise<void>;
  /** End of the input: write what is held back. */
  finish?(): void | Promise<void>;
}
/** The classic push source: `run` emits until done or cancelled; it may await. Not replayable unless it keeps state. */
export interface SourceFunction<T> extends RichFunction {
  run(context: SourceFunctionContext<T>): void | Promise<void>;
  cancel(): void;
}
export interface SourceFunctionContext<T> {
  /** False asks the source to await `ready()` before it emits more. */
  collect(value: T): boolean;
  collectWithTimestamp(value: T, timestamp: number): boolean;
  emitWatermark(timestamp: number): void;
  markAsTemporarilyIdle(): void;
  ready(): Promise<void>;
  readonly signal: AbortSignal;
}
