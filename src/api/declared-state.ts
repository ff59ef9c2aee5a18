/**
 * State that a process literal declares, and finds in its context:
 *
 *     process({
 *       state: { total: state.value(() => 0) },
 *       processElement(payment, context, out: Collector<number>) {
 *         context.state.total.update(context.state.total.value() + payment.amount);
 *       },
 *     })
 */
import type { TypeInfo } from '../types/type-info.ts';
import type { Collector, OnTimerContext, ProcessContext, RuntimeContext } from './functions.ts';
import type {
  AggregatingState,
  AggregatingStateDescriptor,
  ListState,
  MapState,
  ReducingState,
  State,
  StateDescriptor,
  ValueState,
} from './state.ts';

/** A value that is never missing: keys without one have the default. */
export interface DefaultedValueState<T> extends State {
  value(): T;
  update(value: T): void;
}

/** Names its handle's type; the property's name becomes the state's name. */
export interface StateDeclaration<Handle> {
  readonly descriptor: (name: string) => StateDescriptor;
  readonly handle?: Handle | undefined;
}

export type StateDeclarations = Readonly<Record<string, StateDeclaration<unknown>>>;
export type StateHandles<S extends StateDeclarations> = { readonly [N in keyof S]: S[N] extends StateDeclaration<infer H> ? H : never };

function value<T>(defaultValue: () => T, type?: TypeInfo<T>): StateDeclaration<DefaultedValueState<T>>;
function value<T>(defaultValue?: undefined, type?: TypeInfo<T>): StateDeclaration<ValueState<T>>;
function value<T>(defaultValue?: () => T, type?: TypeInfo<T>): StateDeclaration<ValueState<T> | DefaultedValueState<T>> {
  return { descriptor: (name) => ({ kind: 'value', name, type, defaultValue }) };
}

export const state = {
  value,
  list: <T>(type?: TypeInfo<T>): StateDeclaration<ListState<T>> => ({ descriptor: (name) => ({ kind: 'list', name, type }) }),
  map: <K, V>(keyType?: TypeInfo<K>, type?: TypeInfo<V>): StateDeclaration<MapState<K, V>> => ({
    descriptor: (name) => ({ kind: 'map', name, keyType, type }),
  }),
  reducing: <T>(reduce: (a: T, b: T) => T, type?: TypeInfo<T>): StateDeclaration<ReducingState<T>> => ({
    descriptor: (name) => ({ kind: 'reducing', name, reduce, type }),
  }),
  aggregating: <IN, ACC, OUT>(
    aggregate: Omit<AggregatingStateDescriptor<IN, ACC, OUT>, 'kind' | 'name'>,
  ): StateDeclaration<AggregatingState<IN, OUT>> => ({ descriptor: (name) => ({ kind: 'aggregating', name, ...aggregate }) }),
};

/** What a context of declared state adds. */
export interface WithState<S extends StateDeclarations> {
  readonly state: StateHandles<S>;
}

interface LifeCycle {
  open?(context: RuntimeContext): void | Promise<void>;
  close?(): void | Promise<void>;
}

export interface DeclaredKeyedProcess<K, T, R, S extends StateDeclarations> extends LifeCycle {
  readonly state: S;
  processElement(value: T, context: ProcessContext<K> & WithState<S>, out: Collector<R>): Iterable<R> | void;
  onTimer?(timestamp: number, context: OnTimerContext<K> & WithState<S>, out: Collector<R>): Iterable<R> | void;
}

export interface DeclaredCoProcess<K, A, B, R, S extends StateDeclarations> extends LifeCycle {
  readonly state: S;
  processElement1(value: A, context: ProcessContext<K> & WithState<S>, out: Collector<R>): Iterable<R> | void;
  processElement2(value: B, context: ProcessContext<K> & WithState<S>, out: Collector<R>): Iterable<R> | void;
  onTimer?(timestamp: number, context: OnTimerContext<K> & WithState<S>, out: Collector<R>): Iterable<R> | void;
}

type AnyMethod = (value: unknown, context: object, out: unknown) => unknown;
const recordMethods = ['processElement', 'processElement1', 'processElement2', 'onTimer'] as const;

const opened = Symbol('opened state');

/** What one subtask has: each works on a copy of the literal. */
interface Instance {
  [opened]?: { readonly handles: object; context: object; extended: object };
}

/** The literal as an ordinary process function; anything without declared state stays what it is. */
export function withDeclaredState(literal: object): object {
  const { state: declarations } = literal as { readonly state?: StateDeclarations };
  if (Object.getPrototypeOf(literal) !== Object.prototype || typeof declarations !== 'object' || declarations === null) return literal;
  const functions: Record<string, unknown> = {
    ...literal,
    async open(this: Instance, context: RuntimeContext) {
      const handles = Object.fromEntries(
        Object.entries(declarations).map(([name, declaration]) => [name, openState(context, declaration.descriptor(name))]),
      );
      this[opened] = { handles, context: {}, extended: {} };
      await (literal as LifeCycle).open?.call(this, context);
    },
  };
  for (const name of recordMethods) {
    const method = (literal as Record<string, AnyMethod | undefined>)[name];
    if (!method) continue;
    functions[name] = function (this: Instance, first: unknown, context: object, out: unknown) {
      return method.call(this, first, withHandles(this, context), out);
    };
    // The user's own text: submission and replay are compared by it.
    functions[`declared ${name}`] = method;
  }
  return functions;
}

/** A task hands the same context to every call. */
function withHandles(instance: Instance, context: object): object {
  const state = instance[opened] as NonNullable<Instance[typeof opened]>;
  if (context !== state.context) {
    state.context = context;
    state.extended = Object.create(context, { state: { value: state.handles } }) as object;
  }
  return state.extended;
}

function openState(context: RuntimeContext, descriptor: StateDescriptor): unknown {
  switch (descriptor.kind) {
    case 'value':
      return context.getState(descriptor);
    case 'list':
      return context.getListState(descriptor);
    case 'map':
      return context.getMapState(descriptor);
    case 'reducing':
      return context.getReducingState(descriptor);
    case 'aggregating':
      return context.getAggregatingState(descriptor);
  }
}
