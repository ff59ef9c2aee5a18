/** Keyed and operator state as user functions see it. Descriptors declare; handles belong to the current key. */
// biome-ignore-all lint/suspicious/noExplicitAny: StateDescriptor is a descriptor of any value type
import type { TypeInfo } from '../types/type-info.ts';
import type { StateTtl } from './state-ttl-config.ts';

export interface StateDescriptorOptions<T> {
  readonly type?: TypeInfo<T> | undefined;
}

export interface ValueStateDescriptor<T> {
  readonly kind: 'value';
  readonly name: string;
  readonly ttl?: StateTtl | undefined;
  readonly type?: TypeInfo<T> | undefined;
  readonly defaultValue?: (() => T) | undefined;
}
export interface ListStateDescriptor<T> {
  readonly kind: 'list';
  readonly name: string;
  readonly ttl?: StateTtl | undefined;
  readonly type?: TypeInfo<T> | undefined;
}
export interface MapStateDescriptor<K, V> {
  readonly kind: 'map';
  readonly name: string;
  readonly ttl?: StateTtl | undefined;
  readonly keyType?: TypeInfo<K> | undefined;
  readonly type?: TypeInfo<V> | undefined;
}
export interface ReducingStateDescriptor<T> {
  readonly kind: 'reducing';
  readonly name: string;
  readonly ttl?: StateTtl | undefined;
  readonly type?: TypeInfo<T> | undefined;
  readonly reduce: (a: T, b: T) => T;
}
export interface AggregatingStateDescriptor<IN, ACC, OUT> {
  readonly kind: 'aggregating';
  readonly name: string;
  readonly ttl?: StateTtl | undefined;
  readonly type?: TypeInfo<ACC> | undefined;
  readonly createAccumulator: () => ACC;
  readonly add: (value: IN, accumulator: ACC) => ACC;
  readonly getResult: (accumulator: ACC) => OUT;
  readonly merge?: ((a: ACC, b: ACC) => ACC) | undefined;
}
export type StateDescriptor =
  | ValueStateDescriptor<any>
  | ListStateDescriptor<any>
  | MapStateDescriptor<any, any>
  | ReducingStateDescriptor<any>
  | AggregatingStateDescriptor<any, any, any>;

export interface State {
  clear(): void;
}
export interface ValueState<T> extends State {
  /** The current key's value; null (or the descriptor's default) when there is none. */
  value(): T | null;
  update(value: T | null): void;
}
export interface ListState<T> extends State {
  get(): Iterable<T>;
  add(value: T): void;
  addAll(values: Iterable<T>): void;
  update(values: Iterable<T>): void;
}
export interface MapState<K, V> extends State, Iterable<[K, V]> {
  get(key: K): V | undefined;
  put(key: K, value: V): void;
  putAll(entries: Iterable<readonly [K, V]>): void;
  remove(key: K): void;
  contains(key: K): boolean;
  entries(): Iterable<[K, V]>;
  keys(): Iterable<K>;
  values(): Iterable<V>;
  isEmpty(): boolean;
}
export interface ReducingState<T> extends State {
  get(): T | null;
  add(value: T): void;
}
export interface AggregatingState<IN, OUT> extends State {
  get(): OUT | null;
  add(value: IN): void;
}

/** The handle that a descriptor asks for. */
export type StateOf<D extends StateDescriptor> =
  D extends ValueStateDescriptor<infer T>
    ? ValueState<T>
    : D extends ListStateDescriptor<infer T>
      ? ListState<T>
      : D extends MapStateDescriptor<infer K, infer V>
        ? MapState<K, V>
        : D extends ReducingStateDescriptor<infer T>
          ? ReducingState<T>
          : D extends AggregatingStateDescriptor<infer IN, any, infer OUT>
            ? AggregatingState<IN, OUT>
            : never;

/** State of one subtask. Its elements are spread anew when the parallelism changes. */
export interface OperatorStateStore {
  /** Elements are dealt out in contiguous blocks. */
  getListState<T>(descriptor: ListStateDescriptor<T>): ListState<T>;
  /** Every subtask gets the elements of all: clear, and add only your own part again. */
  getUnionListState<T>(descriptor: ListStateDescriptor<T>): ListState<T>;
  /** The same on every subtask. */
  getBroadcastState<K, V>(descriptor: MapStateDescriptor<K, V>): BroadcastState<K, V>;
}

export interface ReadOnlyBroadcastState<K, V> {
  get(key: K): V | undefined;
  contains(key: K): boolean;
  entries(): Iterable<[K, V]>;
}

export interface BroadcastState<K, V> extends ReadOnlyBroadcastState<K, V>, State {
  put(key: K, value: V): void;
  putAll(entries: Iterable<readonly [K, V]>): void;
  remove(key: K): void;
}
