/** Functions that call the outside world for each record, without holding up the stream, and what becomes of calls that fail. */
import { UserError } from '../shared/errors.ts';
import { type Duration, durationMs } from './duration.ts';
import type { RichFunction } from './functions.ts';

/** Takes the answer to one call. Only the first answer counts. */
export interface ResultFuture<R> {
  /** All results of the record, none where it is empty. */
  complete(results: Iterable<R>): void;
  /** Fails the job, unless the call is retried. */
  completeExceptionally(error: unknown): void;
}

/** May answer through the future, or return a promise of the results. */
export interface AsyncFunction<T, R> extends RichFunction {
  asyncInvoke(input: T, resultFuture: ResultFuture<R>): Promise<Iterable<R> | void> | void;
  /** No answer in time: completes with something else, or with an error. Without it, the job fails. */
  timeout?(input: T, resultFuture: ResultFuture<R>): void;
}

export interface AsyncCallContext {
  /** Aborted when the call has timed out, and when the task ends: pass it on to what is waited for. */
  readonly signal: AbortSignal;
}

/** Calls of attempts that failed or whose results are not good enough. Attempts count from 1. */
export interface AsyncRetryStrategy<R> {
  /** `attempt` has failed: may there be another one? */
  canRetry(attempt: number): boolean;
  getBackoffTimeMillis(attempt: number): number;
  readonly ifResult?: ((results: R) => boolean) | undefined;
  readonly ifException?: ((error: unknown) => boolean) | undefined;
}

export const RetryPredicates = {
  EMPTY_RESULT_PREDICATE: (results: Iterable<unknown>): boolean => results[Symbol.iterator]().next().done === true,
  HAS_EXCEPTION_PREDICATE: (_error: unknown): boolean => true,
} as const;

abstract class RetryStrategyBuilder<R> {
  #ifResult: ((results: R) => boolean) | undefined;
  #ifException: ((error: unknown) => boolean) | undefined;

  /** Results for which the call is made again. */
  ifResult(predicate: (results: R) => boolean): this {
    this.#ifResult = predicate;
    return this;
  }

  ifException(predicate: (error: unknown) => boolean): this {
    this.#ifException = predicate;
    return this;
  }

  build(): AsyncRetryStrategy<R> {
    return {
      canRetry: (attempt) => this.canRetry(attempt),
      getBackoffTimeMillis: (attempt) => this.backoffMs(attempt),
      ifResult: this.#ifResult,
      ifException: this.#ifException,
    };
  }

  protected abstract canRetry(attempt: number): boolean;
  protected abstract backoffMs(attempt: number): number;
}

class FixedDelayRetryStrategyBuilder<R = Iterable<unknown>> extends RetryStrategyBuilder<R> {
  readonly #maxAttempts: number;
  readonly #backoffMs: number;

  /** At most so many calls after the first one. */
  constructor(maxAttempts: number, backoff: Duration) {
    super();
    this.#maxAttempts = attemptsOf(maxAttempts);
    this.#backoffMs = durationMs(backoff, 'FixedDelayRetryStrategyBuilder');
  }

  protected override canRetry(attempt: number): boolean {
    return attempt <= this.#maxAttempts;
  }

  protected override backoffMs(): number {
    return this.#backoffMs;
  }
}

class ExponentialBackoffDelayRetryStrategyBuilder<R = Iterable<unknown>> extends RetryStrategyBuilder<R> {
  readonly #maxAttempts: number;
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #multiplier: number;

  constructor(maxAttempts: number, initialDelay: Duration, maxRetryDelay: Duration, multiplier: number) {
    super();
    this.#maxAttempts = attemptsOf(maxAttempts);
    this.#initialMs = durationMs(initialDelay, 'ExponentialBackoffDelayRetryStrategyBuilder');
    this.#maxMs = durationMs(maxRetryDelay, 'ExponentialBackoffDelayRetryStrategyBuilder');
    this.#multiplier = multiplier;
    if (!(multiplier >= 1)) throw new UserError('BAD_RETRY', { problem: `A backoff multiplier of ${multiplier}: 1 or more is wanted.` });
  }

  protected override canRetry(attempt: number): boolean {
    return attempt <= this.#maxAttempts;
  }

  protected override backoffMs(attempt: number): number {
    return Math.min(this.#maxMs, this.#initialMs * this.#multiplier ** (attempt - 1));
  }
}

export const AsyncRetryStrategies = {
  NO_RETRY_STRATEGY: { canRetry: () => false, getBackoffTimeMillis: () => 0 } as AsyncRetryStrategy<Iterable<unknown>>,
  FixedDelayRetryStrategyBuilder,
  ExponentialBackoffDelayRetryStrategyBuilder,
} as const;

/** Retries in the words of an options object: of calls that failed, if nothing else is said. */
export interface AsyncRetryOptions<R> {
  /** At most so many calls after the first one. */
  readonly attempts: number;
  readonly delay?: Duration;
  /** Each delay is so many times the one before. */
  readonly backoff?: number;
  readonly maxDelay?: Duration;
  readonly when?: (error: unknown) => boolean;
  readonly whenResult?: (result: R) => boolean;
}

export function retryStrategyOf<R>(options: AsyncRetryOptions<R>): AsyncRetryStrategy<R> {
  const { attempts, delay = 0, backoff = 1, maxDelay = '1h', when = RetryPredicates.HAS_EXCEPTION_PREDICATE, whenResult } = options;
  const builder = new ExponentialBackoffDelayRetryStrategyBuilder<R>(attempts, delay, maxDelay, backoff).ifException(when);
  return (whenResult ? builder.ifResult(whenResult) : builder).build();
}

function attemptsOf(value: number): number {
  if (Number.isInteger(value) && value >= 0) return value;
  throw new UserError('BAD_RETRY', { problem: `${value} attempts: a whole number from 0 is wanted.` });
}
