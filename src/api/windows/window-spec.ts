/** What a windowed stream asks the engine for: plain settings and functions, see `src/runtime/operators/windows`. */
// biome-ignore-all lint/suspicious/noExplicitAny: record types of user functions end here
import type { ReduceFunction } from '../functions.ts';
import type { OperatorSpec } from '../transformation.ts';
import type { WindowAlignment, WindowAssigner } from './assigners.ts';
import type { Evictor } from './evictors.ts';
import type { AggregateFunction } from './functions.ts';
import type { Trigger } from './trigger.ts';

/** What is kept of a window's elements. */
export type WindowContents =
  | { readonly kind: 'elements' }
  | { readonly kind: 'reduce'; readonly reduce: ReduceFunction<any> | ((a: any, b: any) => any) }
  | { readonly kind: 'field'; readonly aggregate: FieldAggregate; readonly field: string | number; readonly first: boolean }
  | { readonly kind: 'aggregate'; readonly aggregate: AggregateFunction<any, any, any> };

export type FieldAggregate = 'sum' | 'min' | 'max' | 'minBy' | 'maxBy';

/** How the function is called: what its parameters are. */
export type WindowForm =
  /** No function: the contents are the result. */
  'value' | 'process' | 'apply' | 'process-all' | 'apply-all' | 'join' | 'flat-join' | 'co-group';

export type WindowSpec = OperatorSpec & {
  readonly type: 'window';
  readonly assigner: WindowAssigner<any, any>;
  readonly trigger: Trigger<any, any>;
  readonly evictor?: Evictor<any, any> | undefined;
  readonly allowedLatenessMs: number;
  readonly lateTag?: string | undefined;
  readonly contents: WindowContents;
  readonly form: WindowForm;
  readonly function?: unknown;
  /** The windows fire at their ends only and are all alike: elements are kept once for all windows that they are in. */
  readonly shared?: WindowAlignment | undefined;
  /** Sessions that fire at their ends only. */
  readonly plainSessions: boolean;
  /** Of two inputs: elements are kept as [0 or 1, element]. */
  readonly sided: boolean;
};

export type IntervalJoinSpec = OperatorSpec & {
  readonly type: 'interval-join';
  readonly function: unknown;
  readonly lowerMs: number;
  readonly upperMs: number;
  readonly leftLateTag?: string | undefined;
  readonly rightLateTag?: string | undefined;
};
