/** Harnesses for one step of a program, whatever it is; and under Flink's names, for the members of the ProcessFunction family. */
// biome-ignore-all lint/suspicious/noExplicitAny: states and keys of any type
import type { DataStream } from '../api/data-stream.ts';
import type { BroadcastProcessFunction, CoProcessFunction, KeyedProcessFunction, ProcessFunction } from '../api/functions.ts';
import type { MapStateDescriptor } from '../api/state.ts';
import { type HarnessOptions, OperatorTestHarness } from './operator-test-harness.ts';

/**
 * Drives one step by hand: `await testOperator((bids: DataStream<Bid>) => bids.keyBy('auction').process(totals))`. The function may be
 * called several times: each instance of the step has functions of its own.
 */
export function testOperator<A, R>(
  step: (input: DataStream<A>) => DataStream<R>,
  options?: HarnessOptions,
): Promise<OperatorTestHarness<R>>;
export function testOperator<A, B, R>(
  step: (first: DataStream<A>, second: DataStream<B>) => DataStream<R>,
  options?: HarnessOptions,
): Promise<OperatorTestHarness<R>>;
export function testOperator(
  step: (...inputs: DataStream<any>[]) => DataStream<any>,
  options: HarnessOptions = {},
): Promise<OperatorTestHarness<any>> {
  return OperatorTestHarness.open(step, options);
}

/** A literal in place of an instance is copied for each subtask and restart; an instance is shared by them. */
export const ProcessFunctionTestHarnesses = {
  forProcessFunction: <T, R>(processFunction: ProcessFunction<T, R>, options?: HarnessOptions): Promise<OperatorTestHarness<R>> =>
    testOperator((input: DataStream<T>) => input.process(processFunction), options),

  forKeyedProcessFunction: <K, T, R>(
    processFunction: KeyedProcessFunction<K, T, R>,
    keySelector: (value: T) => K,
    options?: HarnessOptions,
  ): Promise<OperatorTestHarness<R>> =>
    testOperator((input: DataStream<T>) => input.keyBy(keySelector as any).process<R>(processFunction as any), options),

  forCoProcessFunction: <A, B, R>(processFunction: CoProcessFunction<A, B, R>, options?: HarnessOptions): Promise<OperatorTestHarness<R>> =>
    testOperator((first: DataStream<A>, second: DataStream<B>) => first.connect(second).process(processFunction), options),

  forKeyedCoProcessFunction: <K, A, B, R>(
    processFunction: CoProcessFunction<A, B, R, K>,
    firstKey: (value: A) => K,
    secondKey: (value: B) => K,
    options?: HarnessOptions,
  ): Promise<OperatorTestHarness<R>> =>
    testOperator(
      (first: DataStream<A>, second: DataStream<B>) =>
        first
          .connect(second)
          .keyBy(firstKey as any, secondKey as any)
          .process<R>(processFunction as any),
      options,
    ),

  forBroadcastProcessFunction: <A, B, R>(
    processFunction: BroadcastProcessFunction<A, B, R>,
    ...states: readonly [MapStateDescriptor<any, any>, ...MapStateDescriptor<any, any>[]]
  ): Promise<OperatorTestHarness<R>> =>
    testOperator((elements: DataStream<A>, broadcast: DataStream<B>) =>
      elements.connect(broadcast.broadcast(...states)).process(processFunction),
    ),

  forKeyedBroadcastProcessFunction: <K, A, B, R>(
    processFunction: BroadcastProcessFunction<A, B, R, K>,
    keySelector: (value: A) => K,
    ...states: readonly [MapStateDescriptor<any, any>, ...MapStateDescriptor<any, any>[]]
  ): Promise<OperatorTestHarness<R>> =>
    testOperator((elements: DataStream<A>, broadcast: DataStream<B>) =>
      elements
        .keyBy(keySelector as any)
        .connect(broadcast.broadcast(...states))
        .process<R>(processFunction as any),
    ),
} as const;
