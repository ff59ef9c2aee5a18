/**
 * Pairs of two keyed streams whose times differ by no more than given:
 *
 *     orders.intervalJoin(payments).between('-5s', '1h').process((order, payment) => [{ ...order, ...payment }])
 */
// biome-ignore-all lint/suspicious/noExplicitAny: the erased side of generic streams
import { UserError } from '../shared/errors.ts';
import { type KeyedStream, SingleOutputStreamOperator } from './data-stream.ts';
import { type Duration, durationMs } from './duration.ts';
import { refuseAsync } from './function-checks.ts';
import type { Collector, OutputTagLike } from './functions.ts';
import type { ProcessJoinContext, ProcessJoinFunction } from './windows/functions.ts';

export class IntervalJoin<A, B> {
  readonly #left: KeyedStream<A, any>;
  readonly #right: KeyedStream<B, any>;

  constructor(left: KeyedStream<A, any>, right: KeyedStream<B, any>) {
    this.#left = left;
    this.#right = right;
  }

  /** As it is: pairs are found by event time. */
  inEventTime(): this {
    return this;
  }

  inProcessingTime(): never {
    throw new UserError('NOT_EVENT_TIME', {
      problem: 'Time-bounded stream joins are only supported in event time.',
      tryNext: ['Leave inProcessingTime() out, and assign timestamps to both streams.', 'Use a window join with processing-time windows.'],
    });
  }

  /** The right element's time less the left one's is from `lower` to `upper`, both included; negative: the right one came before. */
  between(lower: Duration, upper: Duration): BoundedIntervalJoin<A, B> {
    const [lowerMs, upperMs] = [signedMs(lower), signedMs(upper)];
    if (!Number.isSafeInteger(lowerMs) || !Number.isSafeInteger(upperMs) || lowerMs > upperMs) {
      throw new UserError('BAD_INTERVAL', {
        problem: `between(${lowerMs}, ${upperMs}): whole numbers of milliseconds are wanted, the lower bound not above the upper one.`,
      });
    }
    return new BoundedIntervalJoin<A, B>(this.#left, this.#right, lowerMs, upperMs);
  }
}

export class BoundedIntervalJoin<A, B> {
  readonly #left: KeyedStream<A, any>;
  readonly #right: KeyedStream<B, any>;
  #lowerMs: number;
  #upperMs: number;
  #leftLateTag: string | undefined;
  #rightLateTag: string | undefined;

  constructor(left: KeyedStream<A, any>, right: KeyedStream<B, any>, lowerMs: number, upperMs: number) {
    this.#left = left;
    this.#right = right;
    this.#lowerMs = lowerMs;
    this.#upperMs = upperMs;
  }

  lowerBoundExclusive(): this {
    this.#lowerMs++;
    return this;
  }

  upperBoundExclusive(): this {
    this.#upperMs--;
    return this;
  }

  /** Elements behind the watermark are joined with nothing; otherwise they are dropped and counted. */
  sideOutputLeftLateData(tag: OutputTagLike<A>): this {
    this.#leftLateTag = tag.id;
    return this;
  }

  sideOutputRightLateData(tag: OutputTagLike<B>): this {
    this.#rightLateTag = tag.id;
    return this;
  }

  /** For each pair. Results carry the larger of both times. */
  process<R>(
    processFunction:
      | ((left: A, right: B, context: ProcessJoinContext, out: Collector<R>) => Iterable<R> | void)
      | ProcessJoinFunction<A, B, R>,
  ): SingleOutputStreamOperator<R> {
    refuseAsync(processFunction, 'processElement');
    if (this.#lowerMs > this.#upperMs) {
      throw new UserError('BAD_INTERVAL', {
        problem: 'The interval of the join is empty: its exclusive bounds leave nothing between them.',
      });
    }
    const { environment } = this.#left;
    const spec = {
      type: 'interval-join',
      function: processFunction,
      lowerMs: this.#lowerMs,
      upperMs: this.#upperMs,
      leftLateTag: this.#leftLateTag,
      rightLateTag: this.#rightLateTag,
    };
    return new SingleOutputStreamOperator<R>(
      environment,
      environment.builder.physical('Interval Join', spec, [this.#left.transformation, this.#right.transformation], {
        keySelectors: [this.#left.keySelector, this.#right.keySelector],
      }),
    );
  }
}

function signedMs(bound: Duration): number {
  if (typeof bound === 'string' && bound.startsWith('-')) return -durationMs(bound.slice(1) as Duration, 'between');
  return durationMs(bound, 'between');
}
