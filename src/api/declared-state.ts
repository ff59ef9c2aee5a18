/**
 * State that a process literal declares, and finds in its context:
 *
 *     process({
 *       state: { total: state.value(() => 0) },
 *       side: { large: side<Payment>() },
 *       processElement(payment, context, out: Collector<number>) {
 *         context.state.total.update(context.state.total.value() + payment.amount);
 *         if (payment.amount > 100) context.side.large(payment);
 *       },
 *     })
 */
import type { TypeInfo } from '../types/type-info.ts';
import type { DataStream } from './data-stream.ts';
import type {
  BroadcastContext,
  BroadcastOnTimerContext,
  Collector,
  OnTimerContext,
  OutputTagLike,
  ProcessContext,
  ReadOnlyBroadcastContext,
  RuntimeContext,
} from './functions.ts';
import { OutputTag } from './output-tag.ts';
import type {
  AggregatingState,
  AggregatingStateDescriptor,
  BroadcastState,
  ListState,
  MapState,
  MapStateDescriptor,
  ReadOnlyBroadcastState,
  ReducingState,
  State,
  StateDescriptor,
  ValueState,
} from './state.ts';
import type { StateTtl } from './state-ttl-config.ts';

/** A value that is never missing: keys without one have the default. */
export interface DefaultedValueState<T> extends State {
  value(): T;
  update(value: T): void;
}

/** Names its handle's type; the property's name becomes the state's name. */
export interface StateDeclaration<Handle> {
  readonly descriptor: (name: string) => StateDescriptor;
  /** The same, with values that are gone when they have not been used for that long. */
  withTtl(ttl: StateTtl): StateDeclaration<Handle>;
  readonly handle?: Handle | undefined;
}

/** The type of a literal without declarations. */
export type NothingDeclared = Record<never, never>;
export type StateDeclarations = Readonly<Record<string, StateDeclaration<unknown>>>;
export type StateHandles<S extends StateDeclarations> = { readonly [N in keyof S]: S[N] extends StateDeclaration<infer H> ? H : never };

function value<T>(defaultValue: () => T, type?: TypeInfo<T>): StateDeclaration<DefaultedValueState<T>>;
function value<T>(defaultValue?: undefined, type?: TypeInfo<T>): StateDeclaration<ValueState<T>>;
function value<T>(defaultValue?: () => T, type?: TypeInfo<T>): StateDeclaration<ValueState<T> | DefaultedValueState<T>> {
  return declaration((name) => ({ kind: 'value', name, type, defaultValue }));
}

function declaration<Handle>(descriptor: (name: string) => StateDescriptor): StateDeclaration<Handle> {
  return { descriptor, withTtl: (ttl) => declaration((name) => ({ ...descriptor(name), ttl })) };
}

export const state = {
  value,
  list: <T>(type?: TypeInfo<T>): StateDeclaration<ListState<T>> => declaration((name) => ({ kind: 'list', name, type })),
  map: <K, V>(keyType?: TypeInfo<K>, type?: TypeInfo<V>): StateDeclaration<MapState<K, V>> =>
    declaration((name) => ({ kind: 'map', name, keyType, type })),
  reducing: <T>(reduce: (a: T, b: T) => T, type?: TypeInfo<T>): StateDeclaration<ReducingState<T>> =>
    declaration((name) => ({ kind: 'reducing', name, reduce, type })),
  aggregating: <IN, ACC, OUT>(
    aggregate: Omit<AggregatingStateDescriptor<IN, ACC, OUT>, 'kind' | 'name'>,
  ): StateDeclaration<AggregatingState<IN, OUT>> => declaration((name) => ({ kind: 'aggregating', name, ...aggregate })),
};

/** A side output: the property's name becomes its name. */
export interface SideDeclaration<T> {
  readonly type: TypeInfo<T> | undefined;
  /** Only for the compiler: carries T. */
  readonly __type?: T | undefined;
}

export type SideDeclarations = Readonly<Record<string, SideDeclaration<unknown>>>;
export type SideEmitters<O extends SideDeclarations> = {
  readonly [N in keyof O]: O[N] extends SideDeclaration<infer T> ? (value: T) => void : never;
};

export function side<T>(type?: TypeInfo<T>): SideDeclaration<T> {
  return { type };
}

/** What declared side outputs add to the stream that `process` gives. */
export interface SideStreams<O extends SideDeclarations> {
  readonly side: { readonly [N in keyof O]: O[N] extends SideDeclaration<infer T> ? DataStream<T> : never };
}

/** Broadcast states are maps. */
// biome-ignore lint/suspicious/noExplicitAny: keys and values of any type
export type BroadcastStateDeclarations = Readonly<Record<string, StateDeclaration<MapState<any, any>>>>;
type BroadcastHandles<D> = {
  readonly [N in keyof D]: D[N] extends StateDeclaration<MapState<infer K, infer V>> ? BroadcastState<K, V> : never;
};
type ReadOnlyBroadcastHandles<D> = {
  readonly [N in keyof D]: D[N] extends StateDeclaration<MapState<infer K, infer V>> ? ReadOnlyBroadcastState<K, V> : never;
};

/** What declarations add to a context. */
export interface Declared<S extends StateDeclarations, O extends SideDeclarations> {
  readonly state: StateHandles<S>;
  readonly side: SideEmitters<O>;
}

interface LifeCycle {
  open?(context: RuntimeContext): void | Promise<void>;
  close?(): void | Promise<void>;
}

export interface DeclaredProcess<T, R, O extends SideDeclarations> extends LifeCycle {
  readonly side: O;
  processElement(value: T, context: ProcessContext & Declared<NothingDeclared, O>, out: Collector<R>): Iterable<R> | void;
}

export interface DeclaredKeyedProcess<K, T, R, S extends StateDeclarations, O extends SideDeclarations = NothingDeclared>
  extends LifeCycle {
  readonly state?: S;
  readonly side?: O;
  processElement(value: T, context: ProcessContext<K> & Declared<S, O>, out: Collector<R>): Iterable<R> | void;
  onTimer?(timestamp: number, context: OnTimerContext<K> & Declared<S, O>, out: Collector<R>): Iterable<R> | void;
}

export interface DeclaredCoProcess<K, A, B, R, S extends StateDeclarations, O extends SideDeclarations = NothingDeclared>
  extends LifeCycle {
  readonly state?: S;
  readonly side?: O;
  processElement1(value: A, context: ProcessContext<K> & Declared<S, O>, out: Collector<R>): Iterable<R> | void;
  processElement2(value: B, context: ProcessContext<K> & Declared<S, O>, out: Collector<R>): Iterable<R> | void;
  onTimer?(timestamp: number, context: OnTimerContext<K> & Declared<S, O>, out: Collector<R>): Iterable<R> | void;
}

/** On the broadcast side keyed state has no key: `applyToKeyedState` goes over all of them, also by the name it was declared with. */
export interface DeclaredBroadcastContext<K, D, S extends StateDeclarations, O extends SideDeclarations> extends BroadcastContext<K> {
  readonly broadcast: BroadcastHandles<D>;
  readonly side: SideEmitters<O>;
  applyToKeyedState: BroadcastContext<K>['applyToKeyedState'] &
    (<N extends keyof S & string>(name: N, apply: (key: K, state: StateHandles<S>[N]) => void) => void);
}

export interface DeclaredBroadcastProcess<
  K,
  A,
  B,
  R,
  D extends BroadcastStateDeclarations,
  S extends StateDeclarations,
  O extends SideDeclarations = NothingDeclared,
> extends LifeCycle {
  readonly state?: S;
  readonly side?: O;
  processElement(
    value: A,
    context: ReadOnlyBroadcastContext<K> & Declared<S, O> & { readonly broadcast: ReadOnlyBroadcastHandles<D> },
    out: Collector<R>,
  ): Iterable<R> | void;
  processBroadcastElement(value: B, context: DeclaredBroadcastContext<K, D, S, O>, out: Collector<R>): Iterable<R> | void;
  onTimer?(
    timestamp: number,
    context: BroadcastOnTimerContext<K> & Declared<S, O> & { readonly broadcast: ReadOnlyBroadcastHandles<D> },
    out: Collector<R>,
  ): Iterable<R> | void;
}

type AnyContext = Partial<BroadcastContext<unknown>> & { output(tag: OutputTagLike, value: unknown): void };
type AnyMethod = (value: unknown, context: object, out: unknown) => unknown;
const recordMethods = ['processElement', 'processElement1', 'processElement2', 'processBroadcastElement', 'onTimer'] as const;

const own = Symbol('declared');
const extension = Symbol('extension of contexts');

/** What one subtask has: each works on a copy of the literal. */
interface Instance {
  [own]?: {
    /** Empty until the state is open. */
    readonly handles: object;
    /** By method: a task hands the same context to every call of one. */
    readonly contexts: ({ readonly context: object; readonly extended: object } | undefined)[];
  };
  [extension]?: (instance: Instance, position: number, context: object) => object;
}

export function broadcastDescriptors(declared: BroadcastStateDeclarations): MapStateDescriptor<unknown, unknown>[] {
  return Object.entries(declared).map(([name, { descriptor }]) => descriptor(name) as MapStateDescriptor<unknown, unknown>);
}

/** The literal as an ordinary process function; what declares nothing stays as it is. */
export function withDeclarations(literal: object, broadcast: BroadcastStateDeclarations = {}): object {
  const { state: states = {}, side: sides = {} } = literal as { readonly state?: StateDeclarations; readonly side?: SideDeclarations };
  if (Object.getPrototypeOf(literal) !== Object.prototype) return literal;
  if (isEmpty(states) && isEmpty(sides) && isEmpty(broadcast)) return literal;
  const extend = (instance: Instance, position: number, context: object): object => {
    const { handles, contexts } = ownOf(instance);
    const known = contexts[position];
    if (known?.context === context) return known.extended;
    const extended = extendContext(context as AnyContext, handles, states, sides, broadcast);
    contexts[position] = { context, extended };
    return extended;
  };
  const functions: Record<string | symbol, unknown> = {
    ...literal,
    [extension]: extend,
    async open(this: Instance, context: RuntimeContext) {
      const { handles } = ownOf(this);
      for (const [name, declaration] of Object.entries(states)) {
        const value = openState(context, declaration.descriptor(name));
        Object.defineProperty(handles, name, { value, enumerable: true });
      }
      await (literal as LifeCycle).open?.call(this, context);
    },
  };
  for (const [position, name] of recordMethods.entries()) {
    const method = (literal as Record<string, AnyMethod | undefined>)[name];
    if (!method) continue;
    functions[name] = function (this: Instance, first: unknown, context: object, out: unknown) {
      return method.call(this, first, extend(this, position, context), out);
    };
    // The user's own text: submission and replay are compared by it.
    functions[`declared ${name}`] = method;
  }
  return functions;
}

/** Adds the streams of the declared side outputs. */
// biome-ignore lint/suspicious/noExplicitAny: a stream of any records
export function withSideStreams<S extends DataStream<any>>(stream: S, literal: object): S {
  const { side: sides } = literal as { readonly side?: SideDeclarations };
  if (Object.getPrototypeOf(literal) !== Object.prototype || sides === undefined) return stream;
  const streams = Object.entries(sides).map(([name, { type }]) => [name, stream.getSideOutput(new OutputTag<unknown>(name, type))]);
  return Object.assign(stream, { side: Object.fromEntries(streams) as object });
}

function extendContext(
  context: AnyContext,
  handles: object,
  states: StateDeclarations,
  sides: SideDeclarations,
  broadcast: BroadcastStateDeclarations,
): object {
  const emitters = Object.keys(sides).map((name) => {
    const tag = { id: name };
    return [name, (value: unknown) => context.output(tag, value)];
  });
  const extended = Object.create(context, {
    state: { value: handles },
    side: { value: Object.fromEntries(emitters) },
  }) as AnyContext;
  const { getBroadcastState, applyToKeyedState } = context;
  if (getBroadcastState) {
    const named = broadcastDescriptors(broadcast).map((descriptor) => [descriptor.name, getBroadcastState(descriptor)]);
    Object.defineProperty(extended, 'broadcast', { value: Object.fromEntries(named) });
  }
  if (applyToKeyedState) {
    const apply = (of: string | StateDescriptor, call: never): void =>
      applyToKeyedState(typeof of === 'string' ? (states[of] as StateDeclaration<unknown>).descriptor(of) : of, call);
    Object.defineProperty(extended, 'applyToKeyedState', { value: apply });
  }
  return extended;
}

function isEmpty(declarations: object): boolean {
  return Object.keys(declarations).length === 0;
}

/** What the user's own method gets for a context, where it is called directly. */
export function declaredContext(userFunction: unknown, method: (typeof recordMethods)[number], context: object): object {
  if (typeof userFunction !== 'object' || userFunction === null) return context;
  const extend = (userFunction as Instance)[extension];
  return extend ? extend(userFunction, recordMethods.indexOf(method), context) : context;
}

function ownOf(instance: Instance): NonNullable<Instance[typeof own]> {
  instance[own] ??= { handles: {}, contexts: [] };
  return instance[own];
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
