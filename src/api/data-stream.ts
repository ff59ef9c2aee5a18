/**
 * Streams as a program sees them. Each call adds a step to the job and gives a new handle; nothing runs before `execute`.
 * Flink's names; wherever Flink wants a one-method object, a plain function will do. In one file because the kinds of streams
 * make each other: keyBy gives a KeyedStream, its reduce gives a stream again.
 */
// biome-ignore-all lint/suspicious/noExplicitAny: the erased side of generic transformations
import { UserError } from '../shared/errors.ts';
import { renderValue } from '../shared/render-value.ts';
import type { TypeInfo } from '../types/type-info.ts';
import {
  type AsyncBatchOptions,
  type AsyncOptions,
  asyncSpec,
  type FlatMapAsyncLike,
  type MapAsyncBatchLike,
  type MapAsyncLike,
} from './async-data-stream.ts';
import { BroadcastConnectedStream, BroadcastStream } from './broadcast-stream.ts';
import { connectors } from './connector-registry.ts';
import {
  type BroadcastStateDeclarations,
  type DeclaredCoProcess,
  type DeclaredKeyedProcess,
  type DeclaredProcess,
  type NothingDeclared,
  type SideDeclarations,
  type SideStreams,
  type StateDeclarations,
  withDeclarations,
  withSideStreams,
} from './declared-state.ts';
import { type Duration, durationMs } from './duration.ts';
import { refuseAsync, refuseKeyedParts, selectorOf } from './function-checks.ts';
import type {
  CoFlatMapFunction,
  Collector,
  CoMapFunction,
  CoProcessFunction,
  FilterFunction,
  FlatMapFunction,
  KeyedProcessFunction,
  KeySelector,
  KeySelectorFn,
  MapFunction,
  OutputTagLike,
  Partitioner,
  ProcessFunction,
  ReduceFunction,
  SinkFunction,
} from './functions.ts';
import type { GenericWriteAheadSink } from './generic-write-ahead-sink.ts';
import { IntervalJoin } from './interval-join.ts';
import { JoinedStreams } from './joined-streams.ts';
import type { AsyncSpec } from './operator-specs.ts';
import { programPath } from './program-path.ts';
import type { Sink } from './sink.ts';
import type { MapStateDescriptor } from './state.ts';
import type { StreamExecutionEnvironment } from './stream-execution-environment.ts';
import { strategyOf, type TimestampAssignment } from './timestamp-extractors.ts';
import type { PhysicalTransformation, Transformation } from './transformation.ts';
import type { TwoPhaseCommitSinkFunction } from './two-phase-commit-sink-function.ts';
import { GlobalWindows, type WindowAssigner } from './windows/assigners.ts';
import { CountEvictor } from './windows/evictors.ts';
import { timeWindows } from './windows/short-forms.ts';
import { CountTrigger, PurgingTrigger } from './windows/triggers.ts';
import { checkedAmount, type GlobalWindow, type TimeWindow, type Window } from './windows/window.ts';
import { AllWindowedStream, WindowedStream } from './windows/windowed-stream.ts';

/** Steps of one group share slots; other groups have slots of their own. */
export interface SlotSharingGroup {
  readonly name: string;
}

/** What may be a key: of objects and arrays, all that is in them. */
export type Key = string | number | bigint | boolean | null | Date | readonly Key[] | { readonly [field: string]: Key };
/** K itself when it may be a key, else a type that nothing fits; interfaces count as the objects they describe. */
type Keyable<K> = K extends string | number | bigint | boolean | null | Date
  ? K
  : K extends
        | undefined
        | symbol
        | ((...args: never) => unknown)
        | ReadonlyMap<unknown, unknown>
        | ReadonlySet<unknown>
        | PromiseLike<unknown>
    ? never
    : { readonly [F in keyof K]: Keyable<K[F]> };
type KeySelectorLike<T, K> = ((value: T) => K & Keyable<K>) | KeySelector<T, K & Keyable<K>>;
/** A field or a selector, and the key that it gives. */
export type Selector<T> = KeyField<T> | ((value: T) => unknown);
export type KeyBy<T, S> = S extends (value: T) => infer K ? K : S extends keyof T ? T[S] : never;
/** S, when its keys are of the type of the other stream's keys. */
export type MatchingSelector<T, S, K> = [KeyBy<T, S>] extends [K] ? unknown : [K] extends [KeyBy<T, S>] ? unknown : SameKeyAsFirst<T, K>;
type SameKeyAsFirst<T, K> = (value: T) => K;
/** Positions of a tuple, or any number for an array, whose values are of type V. */
type IndexOf<T extends readonly unknown[], V> = number extends T['length']
  ? T[number] extends V
    ? number
    : never
  : { [I in Extract<keyof T, `${number}`>]: T[I] extends V ? (I extends `${infer N extends number}` ? N : never) : never }[Extract<
      keyof T,
      `${number}`
    >];
export type FieldOf<T, V> = T extends readonly unknown[]
  ? IndexOf<T, V>
  : { [F in keyof T]-?: T[F] extends V ? F : never }[keyof T] & string;
type KeyField<T> = T extends readonly unknown[]
  ? IndexOf<T, unknown>
  : { [F in keyof T]-?: T[F] extends Keyable<T[F]> ? F : never }[keyof T] & string;
type MapLike<T, R> = ((value: T) => R) | MapFunction<T, R>;
type FlatMapLike<T, R> = ((value: T, out: Collector<R>) => Iterable<R> | void) | FlatMapFunction<T, R>;
export type ReduceLike<T> = ((a: T, b: T) => T) | ReduceFunction<T>;
type PartitionerLike<K> = Partitioner<K> | ((key: K, numPartitions: number) => number);
type RecordOf<S> = S extends DataStream<infer R> ? R : never;
type AwaitedNever<R> = R extends PromiseLike<unknown> ? never : R;

/** How a record becomes bytes. */
export interface SerializationSchema<T> {
  serialize(value: T): string | Uint8Array;
}

export type WriteMode = 'NO_OVERWRITE' | 'OVERWRITE';

export class DataStream<T> {
  readonly environment: StreamExecutionEnvironment;
  readonly transformation: Transformation;

  constructor(environment: StreamExecutionEnvironment, transformation: Transformation) {
    this.environment = environment;
    this.transformation = transformation;
  }

  map<R>(mapper: MapLike<T, AwaitedNever<R>>): SingleOutputStreamOperator<R> {
    refuseAsync(mapper, 'map');
    return this.one('Map', { type: 'map', function: mapper });
  }

  /** Many results per record: return an array, be a generator, or call `out.collect`. */
  flatMap<R>(flatMapper: FlatMapLike<T, R>): SingleOutputStreamOperator<R> {
    refuseAsync(flatMapper, 'flatMap');
    return this.one('Flat Map', { type: 'flat-map', function: flatMapper });
  }

  filter<S extends T>(predicate: (value: T) => value is S): SingleOutputStreamOperator<S>;
  filter(predicate: ((value: T) => boolean) | FilterFunction<T>): SingleOutputStreamOperator<T>;
  filter(predicate: ((value: T) => boolean) | FilterFunction<T>): SingleOutputStreamOperator<T> {
    refuseAsync(predicate, 'filter');
    return this.one('Filter', { type: 'filter', function: predicate });
  }

  process<R, O extends SideDeclarations>(processFunction: DeclaredProcess<T, R, O>): SingleOutputStreamOperator<R> & SideStreams<O>;
  process<R>(processFunction: ProcessFunction<T, R>): SingleOutputStreamOperator<R>;
  process<R>(processFunction: object): SingleOutputStreamOperator<R> {
    refuseAsync(processFunction, 'processElement');
    refuseKeyedParts(processFunction);
    return withSideStreams(this.one<R>('Process', { type: 'process', function: withDeclarations(processFunction) }), processFunction);
  }

  /** By field name, tuple index, or a function of the record. */
  keyBy<F extends KeyField<T> & keyof T>(field: F): KeyedStream<T, T[F]>;
  keyBy<K>(selector: KeySelectorLike<T, K>): KeyedStream<T, K>;
  keyBy(selector: unknown): KeyedStream<T, unknown> {
    const keySelector = selectorOf(selector, 'keyBy');
    return new KeyedStream(this.environment, this.#partition({ kind: 'hash', keySelector }), keySelector);
  }

  /** All records of all streams, in no particular order. */
  union<const S extends readonly DataStream<any>[]>(...others: S): DataStream<T | RecordOf<S[number]>> {
    const inputs = [this, ...others].map((stream) => stream.transformation);
    return new DataStream<T | RecordOf<S[number]>>(
      this.environment,
      this.environment.builder.add((id) => ({ kind: 'union', id, inputs })),
    );
  }

  /** With a broadcast stream: elements that are looked up in a state that every subtask has. */
  connect<U, D extends BroadcastStateDeclarations>(other: BroadcastStream<U, D>): BroadcastConnectedStream<T, U, D>;
  connect<U>(other: DataStream<U>): ConnectedStreams<T, U>;
  connect<U>(other: DataStream<U> | BroadcastStream<U>): ConnectedStreams<T, U> | BroadcastConnectedStream<T, U> {
    return other instanceof BroadcastStream ? new BroadcastConnectedStream(this, other) : new ConnectedStreams(this, other);
  }

  /** Pairs of records of both streams with one key in one window. */
  join<U>(other: DataStream<U>): JoinedStreams<T, U, 'join'> {
    return new JoinedStreams(this, other, 'join');
  }

  /** All records of both streams with one key in one window: also those without a partner. */
  coGroup<U>(other: DataStream<U>): JoinedStreams<T, U, 'coGroup'> {
    return new JoinedStreams(this, other, 'coGroup');
  }

  /** Windows need keys: this one only says so. */
  window(_assigner: never): unknown {
    throw new UserError('NOT_KEYED', {
      problem: 'window() is for keyed streams.',
      tryNext: ['Call keyBy before window.', 'windowAll() makes windows over all records, in one subtask.'],
    });
  }

  /** Windows over all records, whatever their key: in one subtask. */
  windowAll<W extends Window>(assigner: WindowAssigner<T, W>): AllWindowedStream<T, W> {
    return new AllWindowedStream(this.keyBy(() => 0) as KeyedStream<T, number>, assigner);
  }

  /** Every so many records; with a slide: the last `size` records at every `slide` records. */
  countWindowAll(size: number, slide?: number): AllWindowedStream<T, GlobalWindow> {
    return counting(this.windowAll(GlobalWindows.create()), size, slide);
  }

  /** By event time where timestamps are assigned before, else by the clock. */
  timeWindowAll(size: Duration, slide?: Duration): AllWindowedStream<T, TimeWindow> {
    return this.windowAll(timeWindows(this.transformation, size, slide));
  }

  /** Calls the outside world for each record, many calls at once; see {@link AsyncOptions}. The calls under way are part of each checkpoint. */
  mapAsync<R>(call: MapAsyncLike<T, R>, options: AsyncOptions<T, R> = {}): SingleOutputStreamOperator<R> {
    return this.asyncOperator('Async Map', asyncSpec('mapAsync', call, options));
  }

  /** As `mapAsync`, with any number of results for each record: a promise of an iterable, or an async iterable. */
  flatMapAsync<R>(call: FlatMapAsyncLike<T, R>, options: AsyncOptions<T, Iterable<R>> = {}): SingleOutputStreamOperator<R> {
    return this.asyncOperator('Async Flat Map', asyncSpec('flatMapAsync', call, options));
  }

  /** One call for several records: gives an array with one result for each, in their order. */
  mapAsyncBatch<R>(call: MapAsyncBatchLike<T, R>, options: AsyncBatchOptions<T, R>): SingleOutputStreamOperator<R> {
    return this.asyncOperator('Async Batch Map', asyncSpec('mapAsyncBatch', call, options));
  }

  /** Used by `AsyncDataStream`. Answers come when another record's key is set: there is no keyed state. */
  asyncOperator<R>(name: string, spec: AsyncSpec): SingleOutputStreamOperator<R> {
    return this.one(name, spec, { keySelectors: undefined });
  }

  /** A strategy, or an assigner in Flink's older forms. */
  assignTimestampsAndWatermarks(assignment: TimestampAssignment<T>): SingleOutputStreamOperator<T> {
    return this.one('Timestamps/Watermarks', { type: 'timestamps-and-watermarks', watermarks: strategyOf(assignment).spec });
  }

  shuffle(): DataStream<T> {
    return this.#repartitioned('shuffle');
  }

  rebalance(): DataStream<T> {
    return this.#repartitioned('rebalance');
  }

  rescale(): DataStream<T> {
    return this.#repartitioned('rescale');
  }

  global(): DataStream<T> {
    return this.#repartitioned('global');
  }

  /**
   * Every record to every subtask. With states, given as descriptors or declared by name, for `connect`: the elements of another stream
   * read these states, this stream's records change them.
   */
  broadcast(): DataStream<T>;
  broadcast(...states: readonly [MapStateDescriptor<any, any>, ...MapStateDescriptor<any, any>[]]): BroadcastStream<T>;
  broadcast<const D extends BroadcastStateDeclarations>(states: D): BroadcastStream<T, D>;
  broadcast(...states: readonly object[]): DataStream<T> | BroadcastStream<T, any> {
    const stream = this.#repartitioned('broadcast');
    if (states.length === 0) return stream;
    const areDescriptors = states.every((state) => (state as { kind?: unknown }).kind === 'map');
    if (areDescriptors) return new BroadcastStream(stream, states as MapStateDescriptor<unknown, unknown>[], {});
    return new BroadcastStream(stream, [], states[0] as BroadcastStateDeclarations);
  }

  forward(): DataStream<T> {
    return this.#repartitioned('forward');
  }

  partitionCustom<F extends KeyField<T> & keyof T>(partitioner: PartitionerLike<T[F]>, field: F): DataStream<T>;
  partitionCustom<K>(partitioner: PartitionerLike<K>, selector: ((value: T) => K) | KeySelector<T, K>): DataStream<T>;
  partitionCustom<K>(partitioner: PartitionerLike<K>, selector: unknown): DataStream<T> {
    const choose = typeof partitioner === 'function' ? partitioner : (key: K, count: number) => partitioner.partition(key, count);
    const keySelector = selectorOf(selector, 'partitionCustom');
    return new DataStream(
      this.environment,
      this.#partition({ kind: 'custom', keySelector, choose: choose as (key: never, partitions: number) => number }),
    );
  }

  project<const F extends readonly (keyof T & string)[]>(...fields: F): SingleOutputStreamOperator<Pick<T, F[number]>> {
    return this.map((value) => Object.fromEntries(fields.map((field) => [field, value[field]])) as any).name(
      'Projection',
    ) as SingleOutputStreamOperator<Pick<T, F[number]>>;
  }

  print(prefix?: string): DataStreamSink<T> {
    return this.#sink('Print to Std. Out', { type: 'print', stderr: false, ...(prefix === undefined ? {} : { prefix }) });
  }

  printToErr(prefix?: string): DataStreamSink<T> {
    return this.#sink('Print to Std. Err', { type: 'print', stderr: true, ...(prefix === undefined ? {} : { prefix }) });
  }

  addSink(sink: SinkFunction<T> | ((value: T) => void | Promise<void>)): DataStreamSink<T>;
  addSink(sink: TwoPhaseCommitSinkFunction<T, any, any> | GenericWriteAheadSink<T>): DataStreamSink<T>;
  addSink(
    sink: SinkFunction<T> | TwoPhaseCommitSinkFunction<T, any, any> | GenericWriteAheadSink<T> | ((value: T) => void | Promise<void>),
  ): DataStreamSink<T> {
    const sinkFunction = typeof sink === 'function' ? { invoke: sink } : 'asSinkFunction' in sink ? sink.asSinkFunction() : sink;
    return this.#sink('Unnamed', { type: 'sink-function', function: sinkFunction });
  }

  sinkTo(sink: Sink<T, any, any>): DataStreamSink<T> {
    return this.#sink('Sink', { type: 'sink-writer', sink });
  }

  /** One file at parallelism 1, else a directory with one file per subtask. */
  writeAsText(path: string, mode: WriteMode = 'NO_OVERWRITE'): DataStreamSink<T> {
    return this.sinkTo(connectors().textFileSink(programPath(path), { overwrite: mode === 'OVERWRITE' })).name(`Sink: ${path}`);
  }

  /** Tuples as lines of fields; plain objects give their fields' values. */
  writeAsCsv(path: string, mode: WriteMode = 'NO_OVERWRITE', rowDelimiter = '\n', fieldDelimiter = ','): DataStreamSink<T> {
    const render = (value: T): string => csvRow(value, fieldDelimiter);
    const options = { overwrite: mode === 'OVERWRITE', render: render as (value: unknown) => string, delimiter: rowDelimiter };
    return this.sinkTo(connectors().textFileSink(programPath(path), options)).name(`Sink: ${path}`);
  }

  writeToSocket(
    host: string,
    port: number,
    schema: ((value: T) => string | Uint8Array) | SerializationSchema<T> = (value) => `${renderValue(value)}\n`,
  ): DataStreamSink<T> {
    const serialize = typeof schema === 'function' ? schema : (value: T) => schema.serialize(value);
    return this.sinkTo(connectors().socketSink({ host, port, serialize: serialize as (value: never) => string })).setParallelism(1);
  }

  /** Refused: what is on a feedback edge when a job fails would be lost, and nothing could make up for it. */
  iterate(): never {
    throw new UserError('NO_ITERATIONS', {
      problem: 'iterate() is not there: records on a feedback edge are in no checkpoint, so a job could not recover exactly once.',
      tryNext: [
        'Iterate within a process function, whose state and timers are in checkpoints.',
        'Send what is to be processed again through a topic or a directory that the job reads.',
      ],
    });
  }

  getSideOutput<X>(tag: OutputTagLike<X>): DataStream<X> {
    const input = this.transformation;
    return new DataStream(
      this.environment,
      this.environment.builder.add((id) => ({ kind: 'side-output', id, input, tag: tag.id })),
    );
  }

  /**
   * Runs the job and hands the records to this process as they come; leaving the loop cancels the job. With a limit: the first
   * records as an array.
   */
  executeAndCollect(jobName?: string): AsyncGenerator<T, void, undefined>;
  executeAndCollect(limit: number): Promise<T[]>;
  executeAndCollect(jobName: string, limit: number): Promise<T[]>;
  executeAndCollect(nameOrLimit?: string | number, limit?: number): AsyncGenerator<T, void, undefined> | Promise<T[]> {
    const most = typeof nameOrLimit === 'number' ? nameOrLimit : limit;
    const records = this.environment.collect(this.#collected(), typeof nameOrLimit === 'string' ? nameOrLimit : undefined);
    return most === undefined ? (records as AsyncGenerator<T, void, undefined>) : firstOf(records as AsyncGenerator<T>, most);
  }

  /** The records of the job that `executeAsync` starts next: iterate over them once it runs. */
  collectAsync(): AsyncGenerator<T, void, undefined> {
    return this.environment.collectLater(this.#collected()) as AsyncGenerator<T, void, undefined>;
  }

  getId(): number {
    return this.transformation.id;
  }

  getParallelism(): number {
    return (this.transformation as PhysicalTransformation).parallelism ?? this.environment.getParallelism();
  }

  getExecutionEnvironment(): StreamExecutionEnvironment {
    return this.environment;
  }

  protected one<R>(
    name: string,
    spec: { readonly type: string; readonly [setting: string]: unknown },
    settings: Partial<PhysicalTransformation> = {},
  ): SingleOutputStreamOperator<R> {
    return new SingleOutputStreamOperator<R>(
      this.environment,
      this.environment.builder.physical(name, spec, [this.transformation], { ...this.keySettings(), ...settings }),
    );
  }

  protected keySettings(): Partial<PhysicalTransformation> {
    return {};
  }

  #sink(name: string, spec: { readonly type: string; readonly [setting: string]: unknown }): DataStreamSink<T> {
    const transformation = this.environment.builder.physical(`Sink: ${name}`, spec, [this.transformation], this.keySettings());
    return new DataStreamSink<T>(transformation);
  }

  /** Adds the sink that sends the records to the client; the result's id. */
  #collected(): string {
    const resultId = `collect-${this.environment.builder.nextId}`;
    this.#sink('Collect', { type: 'collect', resultId }).setParallelism(1);
    return resultId;
  }

  #repartitioned(kind: 'forward' | 'rescale' | 'rebalance' | 'shuffle' | 'broadcast' | 'global'): DataStream<T> {
    return new DataStream(this.environment, this.#partition({ kind }));
  }

  #partition(partitioner: Extract<Transformation, { kind: 'partition' }>['partitioner']): Transformation {
    const input = this.transformation;
    return this.environment.builder.add((id) => ({ kind: 'partition', id, input, partitioner }));
  }
}

/** A step whose settings can still be changed. */
export class SingleOutputStreamOperator<T> extends DataStream<T> {
  get #physical(): PhysicalTransformation {
    return this.transformation as PhysicalTransformation;
  }

  name(name: string): this {
    this.#physical.name = name;
    return this;
  }

  getName(): string {
    return this.#physical.name;
  }

  /** Ties the operator's state to this word, whatever else changes in the program. */
  uid(uid: string): this {
    this.#physical.uid = uid;
    return this;
  }

  /** The operator id itself, for state whose step had no `uid`: 32 hexadecimal digits, as logs and REST show them. */
  setUidHash(hash: string): this {
    this.#physical.uidHash = operatorId(hash);
    return this;
  }

  setDescription(description: string): this {
    this.#physical.description = description;
    return this;
  }

  setParallelism(parallelism: number): this {
    setParallelism(this.#physical, parallelism);
    return this;
  }

  /** This step runs once, whatever is set later. */
  forceNonParallel(): this {
    this.#physical.parallelism = 1;
    this.#physical.forceNonParallel = true;
    return this;
  }

  setMaxParallelism(maxParallelism: number): this {
    this.#physical.maxParallelism = positive(maxParallelism, 'setMaxParallelism', 32768);
    return this;
  }

  slotSharingGroup(group: string | SlotSharingGroup): this {
    this.#physical.slotSharingGroup = typeof group === 'string' ? group : group.name;
    return this;
  }

  disableChaining(): this {
    this.#physical.chaining = 'never';
    return this;
  }

  startNewChain(): this {
    this.#physical.chaining = 'head';
    return this;
  }

  setBufferTimeout(timeout: Duration | -1): this {
    this.#physical.bufferTimeoutMs = timeout === -1 ? -1 : durationMs(timeout, 'setBufferTimeout');
    return this;
  }

  returns<R extends T>(type: TypeInfo<R>): SingleOutputStreamOperator<R> {
    this.#physical.outputType = type;
    return this as unknown as SingleOutputStreamOperator<R>;
  }
}

export class DataStreamSink<T> {
  readonly transformation: PhysicalTransformation;
  readonly #type: T | undefined = undefined;

  constructor(transformation: PhysicalTransformation) {
    this.transformation = transformation;
    void this.#type;
  }

  name(name: string): this {
    this.transformation.name = name;
    return this;
  }

  uid(uid: string): this {
    this.transformation.uid = uid;
    return this;
  }

  setUidHash(hash: string): this {
    this.transformation.uidHash = operatorId(hash);
    return this;
  }

  setDescription(description: string): this {
    this.transformation.description = description;
    return this;
  }

  setParallelism(parallelism: number): this {
    setParallelism(this.transformation, parallelism);
    return this;
  }

  setMaxParallelism(maxParallelism: number): this {
    this.transformation.maxParallelism = positive(maxParallelism, 'setMaxParallelism', 32768);
    return this;
  }

  slotSharingGroup(group: string | SlotSharingGroup): this {
    this.transformation.slotSharingGroup = typeof group === 'string' ? group : group.name;
    return this;
  }

  disableChaining(): this {
    this.transformation.chaining = 'never';
    return this;
  }
}

export class KeyedStream<T, K> extends DataStream<T> {
  readonly keySelector: KeySelectorFn;
  readonly #key: K | undefined = undefined;

  constructor(environment: StreamExecutionEnvironment, transformation: Transformation, keySelector: KeySelectorFn) {
    super(environment, transformation);
    this.keySelector = keySelector;
    void this.#key;
  }

  /** Rolling: emits the reduced value after each record. */
  reduce(reducer: ReduceLike<T>): SingleOutputStreamOperator<T> {
    refuseAsync(reducer, 'reduce');
    return this.one('Keyed Reduce', { type: 'keyed-reduce', function: reducer });
  }

  sum(field: FieldOf<T, number | bigint>): SingleOutputStreamOperator<T> {
    return this.#aggregate('sum', field);
  }

  min(field: FieldOf<T, number | bigint | string>): SingleOutputStreamOperator<T> {
    return this.#aggregate('min', field);
  }

  max(field: FieldOf<T, number | bigint | string>): SingleOutputStreamOperator<T> {
    return this.#aggregate('max', field);
  }

  minBy(field: FieldOf<T, number | bigint | string>, first = true): SingleOutputStreamOperator<T> {
    return this.#aggregate('minBy', field, first);
  }

  maxBy(field: FieldOf<T, number | bigint | string>, first = true): SingleOutputStreamOperator<T> {
    return this.#aggregate('maxBy', field, first);
  }

  override process<R, O extends SideDeclarations, S extends StateDeclarations = NothingDeclared>(
    processFunction: DeclaredKeyedProcess<K, T, R, S, O> & { readonly side: O },
  ): SingleOutputStreamOperator<R> & SideStreams<O>;
  override process<R, S extends StateDeclarations>(
    processFunction: DeclaredKeyedProcess<K, T, R, S> & { readonly state: S },
  ): SingleOutputStreamOperator<R>;
  override process<R>(processFunction: KeyedProcessFunction<K, T, R>): SingleOutputStreamOperator<R>;
  override process<R>(processFunction: object): SingleOutputStreamOperator<R> {
    refuseAsync(processFunction, 'processElement');
    const stream = this.one<R>('KeyedProcess', { type: 'keyed-process', function: withDeclarations(processFunction) });
    return withSideStreams(stream, processFunction);
  }

  override connect<U, D extends BroadcastStateDeclarations>(other: BroadcastStream<U, D>): BroadcastConnectedStream<T, U, D, K>;
  override connect<U>(other: KeyedStream<U, K>): ConnectedStreams<T, U, K>;
  override connect<U>(other: DataStream<U>): ConnectedStreams<T, U>;
  override connect<U>(
    other: DataStream<U> | BroadcastStream<U>,
  ): ConnectedStreams<T, U, any> | BroadcastConnectedStream<T, U, NothingDeclared, any> {
    return super.connect(other as DataStream<U>);
  }

  override window<W extends Window>(assigner: WindowAssigner<T, W>): WindowedStream<T, K, W> {
    return new WindowedStream(this, assigner);
  }

  /** Pairs of records with one key whose times differ by no more than `between` says. */
  intervalJoin<U>(other: KeyedStream<U, K>): IntervalJoin<T, U> {
    return new IntervalJoin(this, other);
  }

  /** Every so many records of a key; with a slide: its last `size` records at every `slide` records. */
  countWindow(size: number, slide?: number): WindowedStream<T, K, GlobalWindow> {
    return counting(this.window(GlobalWindows.create()), size, slide);
  }

  /** By event time where timestamps are assigned before, else by the clock. */
  timeWindow(size: Duration, slide?: Duration): WindowedStream<T, K, TimeWindow> {
    return this.window(timeWindows(this.transformation, size, slide));
  }

  protected override keySettings(): Partial<PhysicalTransformation> {
    return { keySelectors: [this.keySelector] };
  }

  #aggregate(aggregate: 'sum' | 'min' | 'max' | 'minBy' | 'maxBy', field: string | number, first = true): SingleOutputStreamOperator<T> {
    return this.one('Keyed Aggregation', { type: 'keyed-aggregate', aggregate, field, first });
  }
}

/** Two streams that share one operator and its state. */
export class ConnectedStreams<A, B, K = never> {
  readonly #first: DataStream<A>;
  readonly #second: DataStream<B>;

  constructor(first: DataStream<A>, second: DataStream<B>) {
    this.#first = first;
    this.#second = second;
  }

  /** Each stream by a field, an index or a function of its records; the keys of both are of one type. */
  keyBy<S1 extends Selector<A>, S2 extends Selector<B>>(
    first: S1,
    second: S2 & MatchingSelector<B, S2, KeyBy<A, S1>>,
  ): ConnectedStreams<A, B, KeyBy<A, S1>> {
    return new ConnectedStreams<A, B, KeyBy<A, S1>>(
      this.#first.keyBy(selectorOf(first, 'keyBy') as (value: A) => any),
      this.#second.keyBy(selectorOf(second, 'keyBy') as (value: B) => any),
    );
  }

  map<R>(mapper: CoMapFunction<A, B, AwaitedNever<R>>): SingleOutputStreamOperator<R> {
    refuseAsync(mapper, 'map1');
    refuseAsync(mapper, 'map2');
    return this.#two('Co-Map', { type: 'co-map', function: mapper });
  }

  flatMap<R>(flatMapper: CoFlatMapFunction<A, B, R>): SingleOutputStreamOperator<R> {
    refuseAsync(flatMapper, 'flatMap1');
    refuseAsync(flatMapper, 'flatMap2');
    return this.#two('Co-Flat Map', { type: 'co-flat-map', function: flatMapper });
  }

  process<R, O extends SideDeclarations, S extends StateDeclarations = NothingDeclared>(
    processFunction: DeclaredCoProcess<K, A, B, R, S, O> & { readonly side: O },
  ): SingleOutputStreamOperator<R> & SideStreams<O>;
  process<R, S extends StateDeclarations>(
    processFunction: DeclaredCoProcess<K, A, B, R, S> & { readonly state: S },
  ): SingleOutputStreamOperator<R>;
  process<R>(processFunction: CoProcessFunction<A, B, R, K>): SingleOutputStreamOperator<R>;
  process<R>(processFunction: object): SingleOutputStreamOperator<R> {
    refuseAsync(processFunction, 'processElement1');
    refuseAsync(processFunction, 'processElement2');
    if (!this.#keyed) refuseKeyedParts(processFunction);
    const spec = { type: 'co-process', function: withDeclarations(processFunction), keyed: this.#keyed };
    return withSideStreams(this.#two<R>('Co-Process', spec), processFunction);
  }

  get #keyed(): boolean {
    return this.#first instanceof KeyedStream && this.#second instanceof KeyedStream;
  }

  #two<R>(name: string, spec: { readonly type: string; readonly [setting: string]: unknown }): SingleOutputStreamOperator<R> {
    const { environment } = this.#first;
    const inputs = [this.#first.transformation, this.#second.transformation];
    const keySelectors = this.#keyed
      ? [this.#first, this.#second].map((stream) => (stream as unknown as KeyedStream<unknown, unknown>).keySelector)
      : undefined;
    return new SingleOutputStreamOperator<R>(
      environment,
      environment.builder.physical(name, spec, inputs, keySelectors ? { keySelectors } : {}),
    );
  }
}

function counting<S extends AllWindowedStream<any, GlobalWindow> | WindowedStream<any, any, GlobalWindow>>(
  windowed: S,
  size: number,
  slide: number | undefined,
): S {
  if (slide === undefined) windowed.trigger(PurgingTrigger.of(CountTrigger.of(size)));
  else windowed.evictor(CountEvictor.of(checkedAmount(size, 'The size of a count window', 1, 'elements'))).trigger(CountTrigger.of(slide));
  return windowed;
}

async function firstOf<T>(records: AsyncGenerator<T>, limit: number): Promise<T[]> {
  const first: T[] = [];
  if (limit <= 0) throw new UserError('BAD_LIMIT', { problem: `executeAndCollect(${limit}): a limit above 0 is wanted.` });
  for await (const record of records) {
    first.push(record);
    if (first.length === limit) break;
  }
  return first;
}

function csvRow(value: unknown, delimiter: string): string {
  if (typeof value !== 'object' || value === null) {
    throw new UserError('NOT_A_ROW', { problem: `writeAsCsv() writes tuples and objects, and got ${renderValue(value)}.` });
  }
  const fields = Array.isArray(value) ? value : Object.values(value);
  return fields.map((field) => (field === null || field === undefined ? '' : renderValue(field))).join(delimiter);
}

function operatorId(hash: string): string {
  if (/^[0-9a-fA-F]{32}$/.test(hash)) return hash.toLowerCase();
  throw new UserError('BAD_UID_HASH', { problem: `setUidHash('${hash}'): 32 hexadecimal digits are wanted.` });
}

function setParallelism(transformation: PhysicalTransformation, parallelism: number): void {
  positive(parallelism, 'setParallelism', 32768);
  if (transformation.forceNonParallel && parallelism !== 1) {
    throw new UserError('NOT_PARALLEL', {
      problem: `'${transformation.name}' cannot run in parallel: setParallelism(${parallelism}).`,
      found: transformation.location,
    });
  }
  transformation.parallelism = parallelism;
}

export function positive(value: number, call: string, max: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new UserError('BAD_PARALLELISM', { problem: `${call}(${value}): a whole number from 1 to ${max} is wanted.` });
}
