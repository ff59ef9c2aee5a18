/** How the forms of asynchronous functions are called: one answer or many, by promise or by a future, one by one or in batches. */
import type { AsyncCallContext, ResultFuture } from '../../../api/async-functions.ts';
import type { AsyncSpec } from '../../../api/operator-specs.ts';
import { UserError } from '../../../shared/errors.ts';
import { methodOf } from '../user-function.ts';
import type { PendingElement } from './element-queue.ts';

/** What an operator says to the calls it makes. */
export interface CallListener {
  readonly operatorName: () => string;
  schedule(delayMs: number, callback: () => void): () => void;
  /** The call number `attempt` for this element was answered; at any time, more than once, or never. */
  answered(element: PendingElement, attempt: number, results: unknown): void;
  failed(element: PendingElement, attempt: number, error: unknown): void;
}

export interface AsyncCalls {
  /** Asks for the results of an element; throws nothing. */
  begin(element: PendingElement): void;
  /** Asks now for what waits to be asked for together. */
  flush(): void;
  close(): void;
}

export function callsOf(spec: AsyncSpec, listener: CallListener): AsyncCalls {
  switch (spec.form) {
    case 'asyncInvoke':
      return new FutureCalls(spec, listener);
    case 'mapAsync':
      return new PromiseCalls(spec, listener, (answer) => answer);
    case 'flatMapAsync':
      return new PromiseCalls(spec, listener, async (answer) => allOf(await answer, listener.operatorName()));
    case 'mapAsyncBatch':
      return new BatchCalls(spec, listener);
  }
}

/** The signal is made when it is asked for. */
class CallContext implements AsyncCallContext {
  readonly #owner: { abort: AbortController | undefined };

  constructor(owner: { abort: AbortController | undefined }) {
    this.#owner = owner;
  }

  get signal(): AbortSignal {
    this.#owner.abort ??= new AbortController();
    return this.#owner.abort.signal;
  }
}

/** A future of one call; only the first answer counts, and only while the call does. */
export function futureOf(
  operatorName: string,
  complete: (results: unknown) => void,
  fail: (error: unknown) => void,
): ResultFuture<unknown> {
  return {
    complete(results) {
      if (isIterable(results)) complete(results);
      else fail(notIterable(operatorName, 'resultFuture.complete()', results));
    },
    completeExceptionally: fail,
  };
}

class FutureCalls implements AsyncCalls {
  readonly #invoke: (input: unknown, future: ResultFuture<unknown>) => unknown;
  readonly #listener: CallListener;

  constructor(spec: AsyncSpec, listener: CallListener) {
    this.#invoke = methodOf(spec.function, 'asyncInvoke');
    this.#listener = listener;
  }

  begin(element: PendingElement): void {
    const { attempt } = element;
    const listener = this.#listener;
    const fail = (error: unknown): void => listener.failed(element, attempt, error);
    const future = futureOf(listener.operatorName(), (results) => listener.answered(element, attempt, results), fail);
    try {
      const returned = this.#invoke(element.value, future);
      // A promise may give the results itself, or just be the end of an async function that used the future.
      if (isPromise(returned)) returned.then((results) => results === undefined || future.complete(results as Iterable<unknown>), fail);
    } catch (error) {
      fail(error);
    }
  }

  flush(): void {}
  close(): void {}
}

class PromiseCalls implements AsyncCalls {
  readonly #call: (input: unknown, context: AsyncCallContext) => unknown;
  readonly #listener: CallListener;
  readonly #read: (answer: unknown) => unknown;

  constructor(spec: AsyncSpec, listener: CallListener, read: (answer: unknown) => unknown) {
    this.#call = methodOf(spec.function, spec.form);
    this.#listener = listener;
    this.#read = read;
  }

  begin(element: PendingElement): void {
    const { attempt } = element;
    const listener = this.#listener;
    const fail = (error: unknown): void => listener.failed(element, attempt, error);
    try {
      const answer = this.#read(this.#call(element.value, new CallContext(element)));
      if (isPromise(answer)) answer.then((results) => listener.answered(element, attempt, results), fail);
      else listener.answered(element, attempt, answer);
    } catch (error) {
      fail(error);
    }
  }

  flush(): void {}
  close(): void {}
}

/** Elements are asked for together when there are enough of them, or when the oldest has waited long enough. */
class BatchCalls implements AsyncCalls {
  readonly #call: (inputs: unknown[], context: AsyncCallContext) => unknown;
  readonly #size: number;
  readonly #waitMs: number;
  readonly #listener: CallListener;
  readonly #owner: { abort: AbortController | undefined } = { abort: undefined };
  #batch: PendingElement[] = [];
  #cancelWait: (() => void) | undefined;

  constructor(spec: AsyncSpec, listener: CallListener) {
    this.#call = methodOf(spec.function, 'mapAsyncBatch');
    this.#size = spec.batch?.size as number;
    this.#waitMs = spec.batch?.waitMs as number;
    this.#listener = listener;
  }

  begin(element: PendingElement): void {
    this.#batch.push(element);
    if (this.#batch.length >= this.#size) this.flush();
    else this.#cancelWait ??= this.#listener.schedule(this.#waitMs, () => this.flush());
  }

  flush(): void {
    this.#cancelWait?.();
    this.#cancelWait = undefined;
    const batch = this.#batch;
    this.#batch = [];
    if (batch.length > 0)
      this.#ask(
        batch,
        batch.map(({ attempt }) => attempt),
      );
  }

  close(): void {
    this.#cancelWait?.();
    this.#owner.abort?.abort();
  }

  #ask(batch: readonly PendingElement[], attempts: readonly number[]): void {
    const fail = (error: unknown): void => {
      for (const [index, element] of batch.entries()) this.#listener.failed(element, attempts[index] as number, error);
    };
    const answered = (answer: unknown): void => {
      if (!Array.isArray(answer) || answer.length !== batch.length) {
        fail(this.#wrongAnswer(batch.length, answer));
        return;
      }
      for (const [index, element] of batch.entries()) this.#listener.answered(element, attempts[index] as number, answer[index]);
    };
    try {
      const answer = this.#call(
        batch.map(({ value }) => value),
        new CallContext(this.#owner),
      );
      if (isPromise(answer)) answer.then(answered, fail);
      else answered(answer);
    } catch (error) {
      fail(error);
    }
  }

  #wrongAnswer(wanted: number, answer: unknown): UserError {
    const found = Array.isArray(answer) ? `an array of ${answer.length}` : typeof answer;
    return new UserError('ASYNC_RESULT', {
      problem: `Operator '${this.#listener.operatorName()}': mapAsyncBatch() was given ${wanted} records and answered with ${found}.`,
      tryNext: ['Return an array with one result per record, in the same order.'],
    });
  }
}

async function allOf(answer: unknown, operatorName: string): Promise<unknown> {
  if (typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer) {
    const results: unknown[] = [];
    for await (const result of answer as AsyncIterable<unknown>) results.push(result);
    return results;
  }
  if (isIterable(answer)) return answer;
  throw notIterable(operatorName, 'flatMapAsync()', answer);
}

function notIterable(operatorName: string, call: string, found: unknown): UserError {
  return new UserError('ASYNC_RESULT', {
    problem: `Operator '${operatorName}': ${call} was given ${found === null ? 'null' : typeof found} instead of the results of one record.`,
    tryNext: ['Give an array or another iterable, empty where there is no result.'],
  });
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
