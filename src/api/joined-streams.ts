/**
 * Two streams combined by key and window, under Flink's names:
 *
 *     orders.join(payments).where('orderId').equalTo('orderId').window(TumblingEventTimeWindows.of('1min')).apply((order, payment) => …)
 */
// biome-ignore-all lint/suspicious/noExplicitAny: the erased side of generic windows
import {
  type DataStream,
  type KeyBy,
  type KeyedStream,
  type MatchingSelector,
  type Selector,
  SingleOutputStreamOperator,
} from './data-stream.ts';
import type { Duration } from './duration.ts';
import { refuseAsync, selectorOf } from './function-checks.ts';
import type { Collector, OutputTagLike } from './functions.ts';
import type { WindowAssigner } from './windows/assigners.ts';
import type { Evictor } from './windows/evictors.ts';
import type { CoGroupFunction, FlatJoinFunction, JoinFunction } from './windows/functions.ts';
import type { TriggerFunction } from './windows/trigger.ts';
import type { Window } from './windows/window.ts';
import { WindowBuilder } from './windows/window-builder.ts';
import type { WindowForm } from './windows/window-spec.ts';

type Combining = 'join' | 'coGroup';
type WindowedStreams<A, B, W extends Window, C extends Combining> = C extends 'join' ? JoinedWindows<A, B, W> : CoGroupedWindows<A, B, W>;

/** What `join` and `coGroup` give: the keys of the first stream are wanted. */
export class JoinedStreams<A, B, C extends Combining> {
  readonly #first: DataStream<A>;
  readonly #second: DataStream<B>;
  readonly #combining: C;

  constructor(first: DataStream<A>, second: DataStream<B>, combining: C) {
    this.#first = first;
    this.#second = second;
    this.#combining = combining;
  }

  /** The key of the first stream: a field, an index or a function of its records. */
  where<S extends Selector<A>>(selector: S): JoinedWhere<A, B, KeyBy<A, S>, C> {
    const first = this.#first.keyBy(selectorOf(selector, 'where') as (value: A) => any);
    return new JoinedWhere(first as KeyedStream<A, KeyBy<A, S>>, this.#second, this.#combining);
  }
}

export class JoinedWhere<A, B, K, C extends Combining> {
  readonly #first: KeyedStream<A, K>;
  readonly #second: DataStream<B>;
  readonly #combining: C;

  constructor(first: KeyedStream<A, K>, second: DataStream<B>, combining: C) {
    this.#first = first;
    this.#second = second;
    this.#combining = combining;
  }

  /** The key of the second stream, of the same type. */
  equalTo<S extends Selector<B>>(selector: S & MatchingSelector<B, S, K>): JoinedEqualTo<A, B, C> {
    const second = this.#second.keyBy(selectorOf(selector, 'equalTo') as (value: B) => any);
    return new JoinedEqualTo<A, B, C>(this.#first, second, this.#combining);
  }
}

export class JoinedEqualTo<A, B, C extends Combining> {
  readonly #first: KeyedStream<A, any>;
  readonly #second: KeyedStream<B, any>;
  readonly #combining: C;

  constructor(first: KeyedStream<A, any>, second: KeyedStream<B, any>, combining: C) {
    this.#first = first;
    this.#second = second;
    this.#combining = combining;
  }

  window<W extends Window>(assigner: WindowAssigner<A | B, W>): WindowedStreams<A, B, W, C> {
    const windows =
      this.#combining === 'join'
        ? new JoinedWindows<A, B, W>(this.#first, this.#second, assigner)
        : new CoGroupedWindows<A, B, W>(this.#first, this.#second, assigner);
    return windows as WindowedStreams<A, B, W, C>;
  }
}

abstract class TwoStreamWindows<A, B, W extends Window> {
  readonly #first: KeyedStream<A, any>;
  readonly #second: KeyedStream<B, any>;
  readonly #builder: WindowBuilder;

  constructor(first: KeyedStream<A, any>, second: KeyedStream<B, any>, assigner: WindowAssigner<any, W>) {
    this.#first = first;
    this.#second = second;
    this.#builder = new WindowBuilder(assigner);
  }

  trigger(trigger: TriggerFunction<A | B, W>): this {
    this.#builder.trigger(trigger);
    return this;
  }

  /** Elements of both sides, as [0 or 1, element], in the order in which they came. */
  evictor(evictor: Evictor<readonly [0, A] | readonly [1, B], W>): this {
    this.#builder.evictor(evictor);
    return this;
  }

  allowedLateness(lateness: Duration): this {
    this.#builder.allowedLateness(lateness);
    return this;
  }

  sideOutputLateData(tag: OutputTagLike<A | B>): this {
    this.#builder.sideOutputLateData(tag);
    return this;
  }

  protected step<R>(name: string, form: WindowForm, userFunction: unknown): SingleOutputStreamOperator<R> {
    const { environment } = this.#first;
    return new SingleOutputStreamOperator<R>(
      environment,
      environment.builder.physical(
        name,
        this.#builder.spec({ kind: 'elements' }, form, userFunction, true),
        [this.#first.transformation, this.#second.transformation],
        { keySelectors: [this.#first.keySelector, this.#second.keySelector] },
      ),
    );
  }
}

export class JoinedWindows<A, B, W extends Window> extends TwoStreamWindows<A, B, W> {
  /** For each pair of a key and window. A generator, or a function with the collector as third parameter, gives any number of results. */
  apply<R>(joinFunction: (first: A, second: B, out: Collector<R>) => Generator<R> | void): SingleOutputStreamOperator<R>;
  apply<R>(joinFunction: ((first: A, second: B) => R) | JoinFunction<A, B, R>): SingleOutputStreamOperator<R>;
  apply<R>(joinFunction: FlatJoinFunction<A, B, R>): SingleOutputStreamOperator<R>;
  apply(joinFunction: unknown): SingleOutputStreamOperator<any> {
    refuseAsync(joinFunction, 'join');
    const join = typeof joinFunction === 'function' ? joinFunction : (joinFunction as { join: (...args: unknown[]) => unknown }).join;
    return this.step('Window Join', join.length > 2 || isGenerator(join) ? 'flat-join' : 'join', joinFunction);
  }

  /** The older name of {@link apply}. */
  with<R>(joinFunction: ((first: A, second: B) => R) | JoinFunction<A, B, R>): SingleOutputStreamOperator<R> {
    return this.apply<R>(joinFunction);
  }
}

export class CoGroupedWindows<A, B, W extends Window> extends TwoStreamWindows<A, B, W> {
  /** For each key and window: all of the first stream, and all of the second. One of them may be empty. */
  apply<R>(
    coGroupFunction: ((first: Iterable<A>, second: Iterable<B>, out: Collector<R>) => Iterable<R> | void) | CoGroupFunction<A, B, R>,
  ): SingleOutputStreamOperator<R> {
    refuseAsync(coGroupFunction, 'coGroup');
    return this.step('Window CoGroup', 'co-group', coGroupFunction);
  }

  /** The older name of {@link apply}. */
  with<R>(
    coGroupFunction: ((first: Iterable<A>, second: Iterable<B>, out: Collector<R>) => Iterable<R> | void) | CoGroupFunction<A, B, R>,
  ): SingleOutputStreamOperator<R> {
    return this.apply(coGroupFunction);
  }
}

const generatorFunction = Object.getPrototypeOf(function* () {}) as object;

function isGenerator(join: object): boolean {
  return Object.getPrototypeOf(join) === generatorFunction;
}
