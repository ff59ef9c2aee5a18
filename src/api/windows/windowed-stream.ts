/** Streams cut into windows: per key ({@link WindowedStream}) or as a whole ({@link AllWindowedStream}). */
// biome-ignore-all lint/suspicious/noExplicitAny: the erased side of generic windows
import { UserError } from '../../shared/errors.ts';
import { type FieldOf, type KeyedStream, type ReduceLike, SingleOutputStreamOperator } from '../data-stream.ts';
import type { Duration } from '../duration.ts';
import { refuseAsync } from '../function-checks.ts';
import type { Collector, OutputTagLike } from '../functions.ts';
import type { WindowAssigner } from './assigners.ts';
import type { Evictor } from './evictors.ts';
import type {
  AggregateFunction,
  AllWindowFunction,
  ProcessAllWindowFunction,
  ProcessWindowContext,
  ProcessWindowFunction,
  WindowFunction,
} from './functions.ts';
import type { TriggerFunction } from './trigger.ts';
import type { Window } from './window.ts';
import { WindowBuilder } from './window-builder.ts';
import type { FieldAggregate, WindowContents, WindowForm } from './window-spec.ts';

type ApplyLike<IN, R, K, W extends Window> =
  | ((key: K, window: W, elements: Iterable<IN>, out: Collector<R>) => Iterable<R> | void)
  | WindowFunction<IN, R, K, W>;
type ProcessLike<IN, R, K, W extends Window> =
  | ((key: K, context: ProcessWindowContext<W>, elements: Iterable<IN>, out: Collector<R>) => Iterable<R> | void)
  | ProcessWindowFunction<IN, R, K, W>;
/** Finishes an incremental fold: its elements are the one folded value. */
type FinishLike<V, R, K, W extends Window> =
  | ((key: K, window: W, elements: readonly [V], out: Collector<R>) => Iterable<R> | void)
  | WindowFunction<V, R, K, W>
  | ProcessWindowFunction<V, R, K, W>;
type ApplyAllLike<IN, R, W extends Window> =
  | ((window: W, elements: Iterable<IN>, out: Collector<R>) => Iterable<R> | void)
  | AllWindowFunction<IN, R, W>;
type ProcessAllLike<IN, R, W extends Window> =
  | ((context: ProcessWindowContext<W>, elements: Iterable<IN>, out: Collector<R>) => Iterable<R> | void)
  | ProcessAllWindowFunction<IN, R, W>;
type FinishAllLike<V, R, W extends Window> =
  | ((window: W, elements: readonly [V], out: Collector<R>) => Iterable<R> | void)
  | AllWindowFunction<V, R, W>
  | ProcessAllWindowFunction<V, R, W>;

/** What both kinds have: when windows fire, what stays in them, what is late. */
abstract class Windowed<T, W extends Window> {
  readonly #input: KeyedStream<T, any>;
  readonly #builder: WindowBuilder;
  readonly #isAll: boolean;

  protected constructor(input: KeyedStream<T, any>, assigner: WindowAssigner<any, W>, isAll: boolean) {
    this.#input = input;
    this.#builder = new WindowBuilder(assigner);
    this.#isAll = isAll;
  }

  /** When windows are evaluated; each assigner has a default. */
  trigger(trigger: TriggerFunction<T, W>): this {
    this.#builder.trigger(trigger);
    return this;
  }

  /** Drops elements before or after the evaluation. */
  evictor(evictor: Evictor<T, W>): this {
    this.#builder.evictor(evictor);
    return this;
  }

  /** How long behind its end a window is kept: an element that still comes evaluates it again. Event time only. */
  allowedLateness(lateness: Duration): this {
    this.#builder.allowedLateness(lateness);
    return this;
  }

  /** Elements that came too late go to `getSideOutput(tag)`; otherwise they are dropped, and counted in `numLateRecordsDropped`. */
  sideOutputLateData(tag: OutputTagLike<T>): this {
    this.#builder.sideOutputLateData(tag);
    return this;
  }

  protected withFields(aggregate: FieldAggregate, field: string | number, first = true): SingleOutputStreamOperator<T> {
    return this.step({ kind: 'field', aggregate, field, first }, 'value', undefined);
  }

  protected withReduce(reduce: ReduceLike<T>, finish: unknown): SingleOutputStreamOperator<any> {
    refuseAsync(reduce, 'reduce');
    return this.step({ kind: 'reduce', reduce }, this.#finishing(finish), finish);
  }

  protected withAggregate(aggregate: AggregateFunction<T, any, any>, finish: unknown): SingleOutputStreamOperator<any> {
    requireAggregate(aggregate);
    return this.step({ kind: 'aggregate', aggregate }, this.#finishing(finish), finish);
  }

  protected withElements(kind: 'process' | 'apply', userFunction: unknown): SingleOutputStreamOperator<any> {
    refuseAsync(userFunction, kind);
    return this.step({ kind: 'elements' }, this.#isAll ? `${kind}-all` : kind, userFunction);
  }

  protected step<R>(contents: WindowContents, form: WindowForm, userFunction: unknown): SingleOutputStreamOperator<R> {
    const { environment, transformation, keySelector } = this.#input;
    return new SingleOutputStreamOperator<R>(
      environment,
      environment.builder.physical(
        this.#builder.name,
        this.#builder.spec(contents, form, userFunction),
        [transformation],
        this.#isAll ? { keySelectors: [keySelector], parallelism: 1, forceNonParallel: true } : { keySelectors: [keySelector] },
      ),
    );
  }

  #finishing(finish: unknown): WindowForm {
    if (finish === undefined) return 'value';
    const kind = typeof finish === 'object' && finish !== null && 'process' in finish ? 'process' : 'apply';
    refuseAsync(finish, kind);
    return this.#isAll ? `${kind}-all` : kind;
  }
}

export class WindowedStream<T, K, W extends Window> extends Windowed<T, W> {
  readonly #key: K | undefined = undefined;

  constructor(input: KeyedStream<T, K>, assigner: WindowAssigner<any, W>) {
    super(input, assigner, false);
    void this.#key;
  }

  /** Folds each window as its elements come. The second function gets the window with the result. */
  reduce(reducer: ReduceLike<T>): SingleOutputStreamOperator<T>;
  reduce<R>(reducer: ReduceLike<T>, finish: FinishLike<T, R, K, W>): SingleOutputStreamOperator<R>;
  reduce(reducer: ReduceLike<T>, finish?: unknown): SingleOutputStreamOperator<any> {
    return this.withReduce(reducer, finish);
  }

  /** Folds each window into an accumulator as its elements come. The second function gets the window with the result. */
  aggregate<ACC, V>(aggregate: AggregateFunction<T, ACC, V>): SingleOutputStreamOperator<V>;
  aggregate<ACC, V, R>(aggregate: AggregateFunction<T, ACC, V>, finish: FinishLike<V, R, K, W>): SingleOutputStreamOperator<R>;
  aggregate(aggregate: AggregateFunction<T, any, any>, finish?: unknown): SingleOutputStreamOperator<any> {
    return this.withAggregate(aggregate, finish);
  }

  /** All elements of a window at once, with what is known about it. */
  process<R>(processFunction: ProcessLike<T, R, K, W>): SingleOutputStreamOperator<R> {
    return this.withElements('process', processFunction);
  }

  /** All elements of a window at once. */
  apply<R>(windowFunction: ApplyLike<T, R, K, W>): SingleOutputStreamOperator<R> {
    return this.withElements('apply', windowFunction);
  }

  sum(field: FieldOf<T, number | bigint>): SingleOutputStreamOperator<T> {
    return this.withFields('sum', field);
  }

  min(field: FieldOf<T, number | bigint | string>): SingleOutputStreamOperator<T> {
    return this.withFields('min', field);
  }

  max(field: FieldOf<T, number | bigint | string>): SingleOutputStreamOperator<T> {
    return this.withFields('max', field);
  }

  minBy(field: FieldOf<T, number | bigint | string>, first = true): SingleOutputStreamOperator<T> {
    return this.withFields('minBy', field, first);
  }

  maxBy(field: FieldOf<T, number | bigint | string>, first = true): SingleOutputStreamOperator<T> {
    return this.withFields('maxBy', field, first);
  }
}

/** Windows over all records, in one subtask. */
export class AllWindowedStream<T, W extends Window> extends Windowed<T, W> {
  constructor(input: KeyedStream<T, number>, assigner: WindowAssigner<any, W>) {
    super(input, assigner, true);
  }

  reduce(reducer: ReduceLike<T>): SingleOutputStreamOperator<T>;
  reduce<R>(reducer: ReduceLike<T>, finish: FinishAllLike<T, R, W>): SingleOutputStreamOperator<R>;
  reduce(reducer: ReduceLike<T>, finish?: unknown): SingleOutputStreamOperator<any> {
    return this.withReduce(reducer, finish);
  }

  aggregate<ACC, V>(aggregate: AggregateFunction<T, ACC, V>): SingleOutputStreamOperator<V>;
  aggregate<ACC, V, R>(aggregate: AggregateFunction<T, ACC, V>, finish: FinishAllLike<V, R, W>): SingleOutputStreamOperator<R>;
  aggregate(aggregate: AggregateFunction<T, any, any>, finish?: unknown): SingleOutputStreamOperator<any> {
    return this.withAggregate(aggregate, finish);
  }

  process<R>(processFunction: ProcessAllLike<T, R, W>): SingleOutputStreamOperator<R> {
    return this.withElements('process', processFunction);
  }

  apply<R>(windowFunction: ApplyAllLike<T, R, W>): SingleOutputStreamOperator<R> {
    return this.withElements('apply', windowFunction);
  }

  sum(field: FieldOf<T, number | bigint>): SingleOutputStreamOperator<T> {
    return this.withFields('sum', field);
  }

  min(field: FieldOf<T, number | bigint | string>): SingleOutputStreamOperator<T> {
    return this.withFields('min', field);
  }

  max(field: FieldOf<T, number | bigint | string>): SingleOutputStreamOperator<T> {
    return this.withFields('max', field);
  }

  minBy(field: FieldOf<T, number | bigint | string>, first = true): SingleOutputStreamOperator<T> {
    return this.withFields('minBy', field, first);
  }

  maxBy(field: FieldOf<T, number | bigint | string>, first = true): SingleOutputStreamOperator<T> {
    return this.withFields('maxBy', field, first);
  }
}

function requireAggregate(aggregate: unknown): void {
  const methods = ['createAccumulator', 'add', 'getResult'] as const;
  const missing = methods.filter((method) => typeof (aggregate as Record<string, unknown> | null)?.[method] !== 'function');
  if (missing.length > 0) {
    throw new UserError('NOT_AN_AGGREGATE', {
      problem: `aggregate() wants an object with createAccumulator, add and getResult; ${missing.join(' and ')} is missing.`,
    });
  }
  for (const method of methods) refuseAsync(aggregate, method);
}
