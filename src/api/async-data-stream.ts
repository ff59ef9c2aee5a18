/** `AsyncDataStream.orderedWait(…)` and its like, in Flink's words; `stream.mapAsync(…)` says the same in TypeScript's. */
import { UserError } from '../shared/errors.ts';
import {
  type AsyncCallContext,
  type AsyncFunction,
  type AsyncRetryOptions,
  type AsyncRetryStrategy,
  retryStrategyOf,
} from './async-functions.ts';
import type { DataStream, SingleOutputStreamOperator } from './data-stream.ts';
import { type Duration, durationMs } from './duration.ts';
import type { RichFunction } from './functions.ts';
import type { AsyncSpec } from './operator-specs.ts';

export interface AsyncOptions<T, R> {
  /** Results leave in the order of their records (the default), or as they come, but never across a watermark. */
  readonly order?: 'ordered' | 'unordered';
  /** How long a record may take, retries included; 0: as long as it likes. One minute if nothing is said. */
  readonly timeout?: Duration;
  /** What comes out of a record that took too long: nothing, or what this gives. If nothing is said, the job fails. */
  readonly onTimeout?: 'skip' | ((value: T) => R | Promise<R>);
  /** At most so many records under way per subtask; then its input waits. 100 if nothing is said. */
  readonly capacity?: number;
  readonly retry?: AsyncRetryOptions<R> | AsyncRetryStrategy<R>;
}

export interface AsyncBatchOptions<T, R> extends AsyncOptions<T, R> {
  /** Records per call. */
  readonly size: number;
  /** How long a record waits for others, when there are not enough of them. 10 ms if nothing is said. */
  readonly wait?: Duration;
}

interface RichMapAsync<T, R> extends RichFunction {
  mapAsync(value: T, context: AsyncCallContext): Promise<R>;
}
interface RichFlatMapAsync<T, R> extends RichFunction {
  flatMapAsync(value: T, context: AsyncCallContext): Promise<Iterable<R>> | AsyncIterable<R>;
}
interface RichMapAsyncBatch<T, R> extends RichFunction {
  mapAsyncBatch(values: T[], context: AsyncCallContext): Promise<readonly R[]>;
}
export type MapAsyncLike<T, R> = RichMapAsync<T, R>['mapAsync'] | RichMapAsync<T, R>;
export type FlatMapAsyncLike<T, R> = RichFlatMapAsync<T, R>['flatMapAsync'] | RichFlatMapAsync<T, R>;
export type MapAsyncBatchLike<T, R> = RichMapAsyncBatch<T, R>['mapAsyncBatch'] | RichMapAsyncBatch<T, R>;
export type AsyncFunctionLike<T, R> = AsyncFunction<T, R> | AsyncFunction<T, R>['asyncInvoke'];

export const TimeUnit = {
  MILLISECONDS: 1,
  SECONDS: 1000,
  MINUTES: 60_000,
  HOURS: 3_600_000,
  DAYS: 86_400_000,
} as const;
type Unit = (typeof TimeUnit)[keyof typeof TimeUnit];
/** `'1s'`, `'1s', 100`, `1000, TimeUnit.MILLISECONDS` or `1000, TimeUnit.MILLISECONDS, 100`: the timeout, and the capacity. */
type Limits =
  | readonly [timeout: Duration]
  | readonly [timeout: Exclude<Duration, number>, capacity: number]
  | readonly [timeout: number, unit: Unit]
  | readonly [timeout: number, unit: Unit, capacity: number];

const defaultCapacity = 100;
const defaultTimeoutMs = 60_000;
const defaultBatchWaitMs = 10;

export const AsyncDataStream = {
  /** Results leave in the order of their records. */
  orderedWait<T, R>(stream: DataStream<T>, call: AsyncFunctionLike<T, R>, ...limits: Limits): SingleOutputStreamOperator<R> {
    return wait(stream, call, true, limits, undefined);
  },
  /** Results leave as they come, but never across a watermark. */
  unorderedWait<T, R>(stream: DataStream<T>, call: AsyncFunctionLike<T, R>, ...limits: Limits): SingleOutputStreamOperator<R> {
    return wait(stream, call, false, limits, undefined);
  },
  orderedWaitWithRetry<T, R>(
    stream: DataStream<T>,
    call: AsyncFunctionLike<T, R>,
    ...limits: readonly [...Limits, AsyncRetryStrategy<Iterable<R>>]
  ): SingleOutputStreamOperator<R> {
    return wait(stream, call, true, limits.slice(0, -1) as unknown as Limits, limits.at(-1) as AsyncRetryStrategy<Iterable<R>>);
  },
  unorderedWaitWithRetry<T, R>(
    stream: DataStream<T>,
    call: AsyncFunctionLike<T, R>,
    ...limits: readonly [...Limits, AsyncRetryStrategy<Iterable<R>>]
  ): SingleOutputStreamOperator<R> {
    return wait(stream, call, false, limits.slice(0, -1) as unknown as Limits, limits.at(-1) as AsyncRetryStrategy<Iterable<R>>);
  },
} as const;

function wait<T, R>(
  stream: DataStream<T>,
  call: AsyncFunctionLike<T, R>,
  ordered: boolean,
  limits: Limits,
  retry: AsyncRetryStrategy<Iterable<R>> | undefined,
): SingleOutputStreamOperator<R> {
  requireFunction(call, 'asyncInvoke');
  // Behind a plain number comes its unit.
  const [timeout, ...others] = limits;
  const [unit, capacity = defaultCapacity] = typeof timeout === 'number' ? [others[0] ?? 1, others[1]] : [undefined, others[0]];
  return stream.asyncOperator<R>('async wait operator', {
    type: 'async',
    form: 'asyncInvoke',
    function: call,
    ordered,
    capacity: capacityOf(capacity),
    timeoutMs: timeoutMs(unit === undefined ? timeout : (timeout as number) * unit),
    retry: retry as AsyncRetryStrategy<unknown> | undefined,
  });
}

/** Of `mapAsync`, `flatMapAsync` and `mapAsyncBatch`. */
export function asyncSpec<T, R>(
  form: AsyncSpec['form'],
  call: object,
  options: AsyncOptions<T, R> & Partial<AsyncBatchOptions<T, R>>,
): AsyncSpec {
  requireFunction(call, form);
  const { order = 'ordered', timeout = defaultTimeoutMs, onTimeout, retry, size } = options;
  const isBatch = form === 'mapAsyncBatch';
  const batch = isBatch
    ? { size: capacityOf(size as number, 'size'), waitMs: durationMs(options.wait ?? defaultBatchWaitMs, 'wait') }
    : undefined;
  const capacity = capacityOf(options.capacity ?? Math.max(defaultCapacity, 2 * (batch?.size ?? 0)));
  return {
    type: 'async',
    form,
    function: call as AsyncSpec['function'],
    ordered: order === 'ordered',
    capacity,
    timeoutMs: timeoutMs(timeout),
    onTimeout: onTimeout as AsyncSpec['onTimeout'],
    retry: (retry && 'attempts' in retry ? retryStrategyOf(retry) : retry) as AsyncSpec['retry'],
    batch,
  };
}

function requireFunction(call: unknown, method: string): void {
  const found = typeof call === 'object' && call !== null ? (call as Record<string, unknown>)[method] : call;
  if (typeof found === 'function') return;
  throw new UserError('NOT_A_FUNCTION', { problem: `A function is wanted, or an object with a method ${method}.` });
}

function capacityOf(value: number, what = 'capacity'): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new UserError('BAD_CAPACITY', { problem: `Asynchronous I/O: a ${what} of ${String(value)}; a whole number above 0 is wanted.` });
}

function timeoutMs(timeout: Duration): number {
  const milliseconds = durationMs(timeout, 'timeout');
  if (milliseconds >= 0) return milliseconds;
  throw new UserError('BAD_DURATION', { problem: `Asynchronous I/O: a timeout of ${milliseconds} ms; 0 (none) or more is wanted.` });
}
