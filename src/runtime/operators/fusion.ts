/**
 * How an operator can be part of a generated chain: what it does to one record, told as data, so that the chain's code can do
 * it in place. The operator's own `processElement` does the same and stays the authority; an operator without a fusion is
 * called.
 */
import { selectedField } from '../../api/function-checks.ts';
import type { KeySelectorFn } from '../../api/functions.ts';
import type { KeyedAggregateSpec } from '../../api/operator-specs.ts';
import type { StreamOperator } from '../../api/operators.ts';
import type { ValueState } from '../../api/state.ts';
import { type FunctionFacts, factsOf, type ValueFacts } from './function-facts.ts';
import type { InterruptibleOperator } from './interruptible-operator.ts';
import type { TimestampedCollector } from './timestamped-collector.ts';

// biome-ignore lint/suspicious/noExplicitAny: record types of user functions end here
export type AnyFunction = (...args: any[]) => unknown;

/** A user function as it is to be called. */
export interface UserCall {
  readonly call: AnyFunction;
  /** `this`, for methods. */
  readonly receiver: object | undefined;
  readonly facts: FunctionFacts;
}

export type Fusion =
  | { readonly kind: 'map'; readonly user: UserCall }
  | { readonly kind: 'filter'; readonly user: UserCall }
  | CollectingFusion
  | ReduceFusion
  | AggregateFusion
  | SinkFusion
  | SourceFusion;

/** `user(former, value)`, kept in state and emitted. */
export interface ReduceFusion {
  readonly kind: 'reduce';
  readonly user: UserCall;
  readonly state: ValueState<unknown>;
  readonly operator: InterruptibleOperator;
}

/** A reduce over one field that the engine does itself. */
export interface AggregateFusion {
  readonly kind: 'aggregate';
  readonly aggregate: KeyedAggregateSpec;
  readonly state: ValueState<unknown>;
  readonly operator: InterruptibleOperator;
}

/** Makes records by number: `user(index)`. */
export interface SourceFusion {
  readonly kind: 'source';
  readonly user: UserCall;
  readonly assigner: ((record: unknown, timestamp: number) => number) | undefined;
  /** Told each record before it is emitted; when it says so, `update` is called behind the record. */
  readonly events:
    | { readonly onEvent: (record: unknown, timestamp: number) => boolean; readonly update: () => void; readonly onlyReads: boolean }
    | undefined;
  readonly output: { collectRange: (from: number, end: number) => number };
}

/** `user(value, context?, collector)`; what it returns is emitted as well. */
export interface CollectingFusion {
  readonly kind: 'collecting';
  readonly user: UserCall;
  readonly context: object | undefined;
  readonly collector: TimestampedCollector;
  /** What the collector is given, in whatever method of the function. */
  readonly collected: ValueFacts;
  readonly operator: InterruptibleOperator;
}

/** `user(value, context)`; a promise is waited for. */
export interface SinkFusion {
  readonly kind: 'sink';
  readonly user: UserCall;
  readonly context: object;
  readonly operator: FusibleSink;
}

export interface FusibleSink extends StreamOperator {
  readonly interrupted: boolean;
  /** Of the record in hand. */
  timestamp: number;
  waitIfAsync(result: void | Promise<void>): void;
}

export interface FusibleOperator extends StreamOperator {
  /** Called once, after `setup`. */
  fusion(): Fusion | undefined;
}

export function fusionOf(operator: StreamOperator): Fusion | undefined {
  return (operator as Partial<FusibleOperator>).fusion?.();
}

/**
 * `value[method]`, or the plain function itself. Where declared state wraps the user's own method, it is that one: its context
 * has to be a `declaredContext`.
 */
export function userCall(value: unknown, method: string): UserCall {
  if (typeof value === 'function') return { call: value as AnyFunction, receiver: undefined, facts: factsOf(value) };
  const methods = value as Record<string, unknown>;
  const call = (methods[`declared ${method}`] ?? methods[method]) as AnyFunction;
  return { call, receiver: value as object, facts: factsOf(call) };
}

/** What the collector at this position is given; unknown where another method of the function may be given it too. */
export function collectedBy(value: unknown, method: string, position: number, otherMethod?: string): ValueFacts {
  const other = otherMethod !== undefined && typeof value === 'object' ? (value as Record<string, unknown>)[otherMethod] : undefined;
  return other === undefined ? userCall(value, method).facts.collected(position) : { kind: 'unknown' };
}

/** A key selector through which nobody can come to know a record. */
export function onlyReadsRecord(selector: KeySelectorFn): boolean {
  if (selectedField(selector) !== undefined) return true;
  const facts = factsOf(selector);
  return facts.onlyReads(0) && facts.result.kind !== 'parameter';
}
