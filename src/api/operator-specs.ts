/**
 * The closed list of built-in operators: what each `OperatorSpec.type` carries. `src/api` makes these, the operator
 * registry in `src/runtime/operators` builds the running operator from them. Functions may be plain or rich.
 */
// biome-ignore-all lint/suspicious/noExplicitAny: record types of user functions end here

import type { AsyncFunction, AsyncRetryStrategy } from './async-functions.ts';
import type {
  BroadcastProcessFunction,
  CoFlatMapFunction,
  CoMapFunction,
  CoProcessFunction,
  FilterFunction,
  FlatMapFunction,
  KeyedProcessFunction,
  MapFunction,
  ProcessFunction,
  ReduceFunction,
  SinkFunction,
  SourceFunction,
} from './functions.ts';
import type { StreamOperatorFactory } from './operators.ts';
import type { Sink } from './sink.ts';
import type { Source } from './source.ts';
import type { MapStateDescriptor } from './state.ts';
import type { OperatorSpec } from './transformation.ts';
import type { WatermarkStrategySpec } from './watermark.ts';
import type { IntervalJoinSpec, WindowSpec } from './windows/window-spec.ts';

/** User functions come as given: a function, a function object, or a literal; runtime normalises once at open. */
export type SourceSpec = OperatorSpec & {
  readonly type: 'source';
  readonly source: Source<any, any, any>;
  readonly watermarks: WatermarkStrategySpec<any>;
};
export type SourceFunctionSpec = OperatorSpec & {
  readonly type: 'source-function';
  readonly function: SourceFunction<any>;
  readonly parallel: boolean;
};
export type MapSpec = OperatorSpec & { readonly type: 'map'; readonly function: MapFunction<any, any> | ((value: any) => any) };
export type FlatMapSpec = OperatorSpec & {
  readonly type: 'flat-map';
  readonly function: FlatMapFunction<any, any> | ((value: any, out: any) => Iterable<any> | void);
};
export type FilterSpec = OperatorSpec & { readonly type: 'filter'; readonly function: FilterFunction<any> | ((value: any) => boolean) };
export type ProcessSpec = OperatorSpec & { readonly type: 'process'; readonly function: ProcessFunction<any, any> };
export type KeyedProcessSpec = OperatorSpec & { readonly type: 'keyed-process'; readonly function: KeyedProcessFunction<any, any, any> };
export type KeyedReduceSpec = OperatorSpec & {
  readonly type: 'keyed-reduce';
  readonly function: ReduceFunction<any> | ((a: any, b: any) => any);
};
/** `sum` adds the field; `min`/`max` update the field; `minBy`/`maxBy` keep the record (`first`: earliest wins ties). */
export type KeyedAggregateSpec = OperatorSpec & {
  readonly type: 'keyed-aggregate';
  readonly aggregate: 'sum' | 'min' | 'max' | 'minBy' | 'maxBy';
  readonly field: string | number;
  readonly first?: boolean;
};
export type CoMapSpec = OperatorSpec & { readonly type: 'co-map'; readonly function: CoMapFunction<any, any, any> };
export type CoFlatMapSpec = OperatorSpec & { readonly type: 'co-flat-map'; readonly function: CoFlatMapFunction<any, any, any> };
/** `keyed` says whether state and timers are allowed. */
export type CoProcessSpec = OperatorSpec & {
  readonly type: 'co-process';
  readonly function: CoProcessFunction<any, any, any, any>;
  readonly keyed: boolean;
};
/** Input 0 the elements, input 1 what is broadcast. `states`: the broadcast states that the function may ask for. */
export type BroadcastProcessSpec = OperatorSpec & {
  readonly type: 'broadcast-process';
  readonly function: BroadcastProcessFunction<any, any, any, any>;
  readonly states: readonly MapStateDescriptor<any, any>[];
  readonly keyed: boolean;
};
/** `form`: the method that `function` has, unless it is that method itself. */
export type AsyncSpec = OperatorSpec & {
  readonly type: 'async';
  readonly form: 'asyncInvoke' | 'mapAsync' | 'flatMapAsync' | 'mapAsyncBatch';
  readonly function: AsyncFunction<any, any> | ((...args: any[]) => unknown) | object;
  readonly ordered: boolean;
  readonly capacity: number;
  /** 0: none. */
  readonly timeoutMs: number;
  readonly onTimeout?: 'skip' | ((value: any) => unknown) | undefined;
  readonly retry?: AsyncRetryStrategy<unknown> | undefined;
  readonly batch?: { readonly size: number; readonly waitMs: number } | undefined;
};
export type TimestampsSpec = OperatorSpec & { readonly type: 'timestamps-and-watermarks'; readonly watermarks: WatermarkStrategySpec<any> };
export type SinkSpec = OperatorSpec & { readonly type: 'sink-writer'; readonly sink: Sink<any, any, any> };
export type SinkFunctionSpec = OperatorSpec & { readonly type: 'sink-function'; readonly function: SinkFunction<any> };
/** `print`: `<prefix>:<subtask+1>> value`, as Flink prints. */
export type PrintSpec = OperatorSpec & { readonly type: 'print'; readonly prefix?: string; readonly stderr: boolean };
/** `executeAndCollect`: records flow back to the client through the coordinator of this operator. */
export type CollectSpec = OperatorSpec & { readonly type: 'collect'; readonly resultId: string };
/** An operator written against the runtime contract (tables, users). */
export type CustomSpec = OperatorSpec & { readonly type: 'custom'; readonly factory: StreamOperatorFactory };

export type BuiltInSpec =
  | SourceSpec
  | SourceFunctionSpec
  | MapSpec
  | FlatMapSpec
  | FilterSpec
  | ProcessSpec
  | KeyedProcessSpec
  | KeyedReduceSpec
  | KeyedAggregateSpec
  | CoMapSpec
  | CoFlatMapSpec
  | CoProcessSpec
  | BroadcastProcessSpec
  | AsyncSpec
  | TimestampsSpec
  | SinkSpec
  | SinkFunctionSpec
  | PrintSpec
  | CollectSpec
  | WindowSpec
  | IntervalJoinSpec
  | CustomSpec;
