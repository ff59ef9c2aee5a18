/**
 * Base classes for functions written as classes, under Flink's names. `KeyedProcessFunction` and its like are an interface for
 * the compiler (a literal will do) and a base class at run time (`extends KeyedProcessFunction<K, T, R>`).
 */
import type { AsyncFunction, ResultFuture } from './async-functions.ts';
import type * as functions from './functions.ts';

export abstract class AbstractRichFunction implements functions.RichFunction {
  #context: functions.RuntimeContext | undefined;

  setRuntimeContext(context: functions.RuntimeContext): void {
    this.#context = context;
  }

  /** From `open` on. */
  getRuntimeContext(): functions.RuntimeContext {
    if (this.#context) return this.#context;
    throw new Error('The runtime context has not been initialized: it is there from open() on, not in the constructor.');
  }

  open(_context: functions.RuntimeContext): void | Promise<void> {}

  close(): void | Promise<void> {}
}

export abstract class RichMapFunction<T, R> extends AbstractRichFunction implements functions.MapFunction<T, R> {
  abstract map(value: T): R;
}

export abstract class RichFlatMapFunction<T, R> extends AbstractRichFunction implements functions.FlatMapFunction<T, R> {
  abstract flatMap(value: T, out: functions.Collector<R>): Iterable<R> | void;
}

export abstract class RichFilterFunction<T> extends AbstractRichFunction implements functions.FilterFunction<T> {
  abstract filter(value: T): boolean;
}

export abstract class RichReduceFunction<T> extends AbstractRichFunction implements functions.ReduceFunction<T> {
  abstract reduce(a: T, b: T): T;
}

export abstract class RichCoMapFunction<A, B, R> extends AbstractRichFunction implements functions.CoMapFunction<A, B, R> {
  abstract map1(value: A): R;
  abstract map2(value: B): R;
}

export abstract class RichCoFlatMapFunction<A, B, R> extends AbstractRichFunction implements functions.CoFlatMapFunction<A, B, R> {
  abstract flatMap1(value: A, out: functions.Collector<R>): Iterable<R> | void;
  abstract flatMap2(value: B, out: functions.Collector<R>): Iterable<R> | void;
}

export abstract class RichAsyncFunction<T, R> extends AbstractRichFunction implements AsyncFunction<T, R> {
  abstract asyncInvoke(input: T, resultFuture: ResultFuture<R>): Promise<Iterable<R> | void> | void;
}

export abstract class RichSinkFunction<T> extends AbstractRichFunction implements functions.SinkFunction<T> {
  abstract invoke(value: T, context: Parameters<functions.SinkFunction<T>['invoke']>[1]): void | Promise<void>;
}

export abstract class RichSourceFunction<T> extends AbstractRichFunction implements functions.SourceFunction<T> {
  abstract run(context: functions.SourceFunctionContext<T>): void | Promise<void>;
  abstract cancel(): void;
}

abstract class ProcessFunctionBase<T, R> extends AbstractRichFunction implements functions.ProcessFunction<T, R> {
  abstract processElement(value: T, context: functions.ProcessContext, out: functions.Collector<R>): Iterable<R> | void;
}

abstract class KeyedProcessFunctionBase<K, T, R> extends AbstractRichFunction implements functions.KeyedProcessFunction<K, T, R> {
  abstract processElement(value: T, context: functions.ProcessContext<K>, out: functions.Collector<R>): Iterable<R> | void;

  onTimer(_timestamp: number, _context: functions.OnTimerContext<K>, _out: functions.Collector<R>): Iterable<R> | void {}
}

abstract class CoProcessFunctionBase<A, B, R, K = never> extends AbstractRichFunction implements functions.CoProcessFunction<A, B, R, K> {
  abstract processElement1(value: A, context: functions.ProcessContext<K>, out: functions.Collector<R>): Iterable<R> | void;
  abstract processElement2(value: B, context: functions.ProcessContext<K>, out: functions.Collector<R>): Iterable<R> | void;

  onTimer(_timestamp: number, _context: functions.OnTimerContext<K>, _out: functions.Collector<R>): Iterable<R> | void {}
}

abstract class KeyedCoProcessFunctionBase<K, A, B, R> extends CoProcessFunctionBase<A, B, R, K> {}

abstract class BroadcastProcessFunctionBase<A, B, R, K = never>
  extends AbstractRichFunction
  implements functions.BroadcastProcessFunction<A, B, R, K>
{
  abstract processElement(value: A, context: functions.ReadOnlyBroadcastContext<K>, out: functions.Collector<R>): Iterable<R> | void;
  abstract processBroadcastElement(value: B, context: functions.BroadcastContext<K>, out: functions.Collector<R>): Iterable<R> | void;

  onTimer(_timestamp: number, _context: functions.BroadcastOnTimerContext<K>, _out: functions.Collector<R>): Iterable<R> | void {}
}

abstract class KeyedBroadcastProcessFunctionBase<K, A, B, R> extends BroadcastProcessFunctionBase<A, B, R, K> {}

export type ProcessFunction<T, R> = functions.ProcessFunction<T, R>;
export const ProcessFunction: typeof ProcessFunctionBase = ProcessFunctionBase;
export type KeyedProcessFunction<K, T, R> = functions.KeyedProcessFunction<K, T, R>;
export const KeyedProcessFunction: typeof KeyedProcessFunctionBase = KeyedProcessFunctionBase;
export type CoProcessFunction<A, B, R, K = never> = functions.CoProcessFunction<A, B, R, K>;
export const CoProcessFunction: typeof CoProcessFunctionBase = CoProcessFunctionBase;
export type KeyedCoProcessFunction<K, A, B, R> = functions.CoProcessFunction<A, B, R, K>;
export const KeyedCoProcessFunction: typeof KeyedCoProcessFunctionBase = KeyedCoProcessFunctionBase;
export type BroadcastProcessFunction<A, B, R, K = never> = functions.BroadcastProcessFunction<A, B, R, K>;
export const BroadcastProcessFunction: typeof BroadcastProcessFunctionBase = BroadcastProcessFunctionBase;
export type KeyedBroadcastProcessFunction<K, A, B, R> = functions.BroadcastProcessFunction<A, B, R, K>;
export const KeyedBroadcastProcessFunction: typeof KeyedBroadcastProcessFunctionBase = KeyedBroadcastProcessFunctionBase;
