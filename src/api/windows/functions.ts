/**
 * What a program does with a window. As for rich functions: an interface for the compiler (a literal or a plain function will do), and a
 * base class at run time (`extends ProcessWindowFunction<IN, OUT, K, W>`).
 */
import type { Collector, OutputTagLike, RichFunction } from '../functions.ts';
import { AbstractRichFunction } from '../rich-functions.ts';
import type {
  AggregatingState,
  AggregatingStateDescriptor,
  ListState,
  ListStateDescriptor,
  MapState,
  MapStateDescriptor,
  ReducingState,
  ReducingStateDescriptor,
  ValueState,
  ValueStateDescriptor,
} from '../state.ts';
import type { Window } from './window.ts';

/** Folds elements one by one, into an accumulator of another type. `merge` is needed where windows merge or share work. */
export interface AggregateFunction<IN, ACC, OUT> {
  createAccumulator(): ACC;
  add(value: IN, accumulator: ACC): ACC;
  getResult(accumulator: ACC): OUT;
  merge?(a: ACC, b: ACC): ACC;
}

export interface KeyedStateStore {
  getState<T>(descriptor: ValueStateDescriptor<T>): ValueState<T>;
  getListState<T>(descriptor: ListStateDescriptor<T>): ListState<T>;
  getMapState<K, V>(descriptor: MapStateDescriptor<K, V>): MapState<K, V>;
  getReducingState<T>(descriptor: ReducingStateDescriptor<T>): ReducingState<T>;
  getAggregatingState<IN, ACC, OUT>(descriptor: AggregatingStateDescriptor<IN, ACC, OUT>): AggregatingState<IN, OUT>;
}

export interface ProcessWindowContext<W extends Window> {
  window(): W;
  currentProcessingTime(): number;
  currentWatermark(): number;
  /** State of this key and window; clear it in `clear`. Not for windows that merge. */
  windowState(): KeyedStateStore;
  /** State of this key, whatever the window. */
  globalState(): KeyedStateStore;
  output<X>(tag: OutputTagLike<X>, value: X): void;
}

interface ProcessWindowMethods<IN, OUT, K, W extends Window> extends RichFunction {
  process(key: K, context: ProcessWindowContext<W>, elements: Iterable<IN>, out: Collector<OUT>): Iterable<OUT> | void;
  /** The window is over: its state can go. */
  clear?(context: ProcessWindowContext<W>): void;
}

interface WindowMethods<IN, OUT, K, W extends Window> extends RichFunction {
  apply(key: K, window: W, elements: Iterable<IN>, out: Collector<OUT>): Iterable<OUT> | void;
}

interface ProcessAllWindowMethods<IN, OUT, W extends Window> extends RichFunction {
  process(context: ProcessWindowContext<W>, elements: Iterable<IN>, out: Collector<OUT>): Iterable<OUT> | void;
  clear?(context: ProcessWindowContext<W>): void;
}

interface AllWindowMethods<IN, OUT, W extends Window> extends RichFunction {
  apply(window: W, elements: Iterable<IN>, out: Collector<OUT>): Iterable<OUT> | void;
}

/** Pairs of a window join. With a third parameter it emits any number of results. */
export interface JoinFunction<A, B, R> extends RichFunction {
  join(first: A, second: B): R;
}

export interface FlatJoinFunction<A, B, R> extends RichFunction {
  join(first: A, second: B, out: Collector<R>): Iterable<R> | void;
}

/** Both sides of a key and window. */
export interface CoGroupFunction<A, B, R> extends RichFunction {
  coGroup(first: Iterable<A>, second: Iterable<B>, out: Collector<R>): Iterable<R> | void;
}

export interface ProcessJoinContext {
  getLeftTimestamp(): number;
  getRightTimestamp(): number;
  /** Of the result: the larger one. */
  getTimestamp(): number;
  output<X>(tag: OutputTagLike<X>, value: X): void;
}

interface ProcessJoinMethods<A, B, R> extends RichFunction {
  processElement(left: A, right: B, context: ProcessJoinContext, out: Collector<R>): Iterable<R> | void;
}

abstract class ProcessWindowFunctionBase<IN, OUT, K, W extends Window>
  extends AbstractRichFunction
  implements ProcessWindowMethods<IN, OUT, K, W>
{
  abstract process(key: K, context: ProcessWindowContext<W>, elements: Iterable<IN>, out: Collector<OUT>): Iterable<OUT> | void;

  clear(_context: ProcessWindowContext<W>): void {}
}

abstract class ProcessAllWindowFunctionBase<IN, OUT, W extends Window>
  extends AbstractRichFunction
  implements ProcessAllWindowMethods<IN, OUT, W>
{
  abstract process(context: ProcessWindowContext<W>, elements: Iterable<IN>, out: Collector<OUT>): Iterable<OUT> | void;

  clear(_context: ProcessWindowContext<W>): void {}
}

abstract class WindowFunctionBase<IN, OUT, K, W extends Window> extends AbstractRichFunction implements WindowMethods<IN, OUT, K, W> {
  abstract apply(key: K, window: W, elements: Iterable<IN>, out: Collector<OUT>): Iterable<OUT> | void;
}

abstract class AllWindowFunctionBase<IN, OUT, W extends Window> extends AbstractRichFunction implements AllWindowMethods<IN, OUT, W> {
  abstract apply(window: W, elements: Iterable<IN>, out: Collector<OUT>): Iterable<OUT> | void;
}

abstract class ProcessJoinFunctionBase<A, B, R> extends AbstractRichFunction implements ProcessJoinMethods<A, B, R> {
  abstract processElement(left: A, right: B, context: ProcessJoinContext, out: Collector<R>): Iterable<R> | void;
}

export type ProcessWindowFunction<IN, OUT, K, W extends Window> = ProcessWindowMethods<IN, OUT, K, W>;
export const ProcessWindowFunction: typeof ProcessWindowFunctionBase = ProcessWindowFunctionBase;
export type WindowFunction<IN, OUT, K, W extends Window> = WindowMethods<IN, OUT, K, W>;
export const WindowFunction: typeof WindowFunctionBase = WindowFunctionBase;
export type ProcessAllWindowFunction<IN, OUT, W extends Window> = ProcessAllWindowMethods<IN, OUT, W>;
export const ProcessAllWindowFunction: typeof ProcessAllWindowFunctionBase = ProcessAllWindowFunctionBase;
export type AllWindowFunction<IN, OUT, W extends Window> = AllWindowMethods<IN, OUT, W>;
export const AllWindowFunction: typeof AllWindowFunctionBase = AllWindowFunctionBase;
export type ProcessJoinFunction<A, B, R> = ProcessJoinMethods<A, B, R>;
export const ProcessJoinFunction: typeof ProcessJoinFunctionBase = ProcessJoinFunctionBase;
