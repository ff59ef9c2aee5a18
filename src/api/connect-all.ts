/**
 * Any number of streams that share one operator and its state, each with a handler of its own:
 *
 *     connectAll({ orders: orders.keyBy('id'), refunds: refunds.keyBy('orderId') }).process({
 *       state: { total: state.value(() => 0) },
 *       on: { orders(order, context) { … }, refunds(refund, context) { … } },
 *     })
 */
// biome-ignore-all lint/suspicious/noExplicitAny: the erased side of generic streams
import { UserError } from '../shared/errors.ts';
import { type DataStream, KeyedStream, type SingleOutputStreamOperator } from './data-stream.ts';
import type { Declared, NothingDeclared, SideDeclarations, SideStreams, StateDeclarations } from './declared-state.ts';
import { refuseAsync } from './function-checks.ts';
import type { Collector, KeySelectorFn, OnTimerContext, ProcessContext, RuntimeContext } from './functions.ts';

type Streams = Readonly<Record<string, DataStream<any>>>;
type RecordOf<S> = S extends DataStream<infer T> ? T : never;
/** The key that all streams have, or never. */
type KeyOf<S extends Streams> = S[keyof S] extends KeyedStream<any, infer K> ? K : never;

export interface ConnectedHandlers<S extends Streams, R, D extends StateDeclarations, O extends SideDeclarations> {
  readonly state?: D;
  readonly side?: O;
  readonly on: {
    readonly [N in keyof S]: (
      value: RecordOf<S[N]>,
      context: ProcessContext<KeyOf<S>> & Declared<D, O>,
      out: Collector<R>,
    ) => Iterable<R> | void;
  };
  onTimer?(timestamp: number, context: OnTimerContext<KeyOf<S>> & Declared<D, O>, out: Collector<R>): Iterable<R> | void;
  open?(context: RuntimeContext): void | Promise<void>;
  close?(): void | Promise<void>;
}

export class MultipleConnectedStreams<S extends Streams> {
  readonly #streams: S;

  constructor(streams: S) {
    this.#streams = streams;
  }

  process<R, O extends SideDeclarations, D extends StateDeclarations = NothingDeclared>(
    handlers: ConnectedHandlers<S, R, D, O> & { readonly side: O },
  ): SingleOutputStreamOperator<R> & SideStreams<O>;
  process<R, D extends StateDeclarations = NothingDeclared>(
    handlers: ConnectedHandlers<S, R, D, NothingDeclared>,
  ): SingleOutputStreamOperator<R>;
  process(handlers: ConnectedHandlers<S, unknown, any, any>): SingleOutputStreamOperator<any> {
    const names = Object.keys(this.#streams);
    const selectors = this.#keySelectors();
    const tagged = names.map((name, index) => {
      refuseAsync(handlers.on?.[name], `on.${name}`);
      return (this.#streams[name] as DataStream<unknown>).map((value): Tagged => [index, value]).name(`Input ${name}`);
    });
    const [first, ...others] = tagged as unknown as readonly [DataStream<Tagged>, ...DataStream<Tagged>[]];
    const all = others.length === 0 ? first : first.union(...others);
    const literal = oneFunction(handlers, names);
    const result = selectors
      ? all.keyBy(([index, value]) => (selectors[index] as KeySelectorFn)(value) as any).process(literal as never)
      : all.process(literal as never);
    return (result as SingleOutputStreamOperator<any>).name('Connected Process');
  }

  /** Undefined when no stream is keyed. */
  #keySelectors(): KeySelectorFn[] | undefined {
    const streams = Object.entries(this.#streams);
    const selectors = streams.flatMap(([, stream]) => (stream instanceof KeyedStream ? [stream.keySelector] : []));
    if (selectors.length === 0) return undefined;
    if (selectors.length === streams.length) return selectors;
    const [name] = streams.find(([, stream]) => !(stream instanceof KeyedStream)) as [string, unknown];
    throw new UserError('NOT_KEYED', {
      problem: `connectAll(): the stream '${name}' has no key, and others do.`,
      tryNext: ['Call keyBy on all of them, or on none.'],
    });
  }
}

/** The streams by name; all of them keyed, by keys of one type, or none. */
export function connectAll<const S extends Streams>(streams: S): MultipleConnectedStreams<S> {
  if (Object.keys(streams).length > 0) return new MultipleConnectedStreams(streams);
  throw new UserError('NO_STREAMS', { problem: 'connectAll() wants at least one stream.', tryNext: ['connectAll({ orders, payments })'] });
}

type Tagged = readonly [input: number, value: unknown];

/** A process function of one input that hands each record to its handler. The handlers stay visible: replays are compared by them. */
function oneFunction(handlers: ConnectedHandlers<Streams, unknown, any, any>, names: readonly string[]): object {
  const { on, ...rest } = handlers;
  const byInput = names.map((name) => on[name] as (value: unknown, context: object, out: unknown) => Iterable<unknown> | void);
  const visible = Object.fromEntries(names.map((name, index) => [`on ${name}`, byInput[index]]));
  return {
    ...rest,
    ...visible,
    processElement([index, value]: Tagged, context: object, out: unknown) {
      return (byInput[index] as (typeof byInput)[number]).call(this, value, context, out);
    },
  };
}
