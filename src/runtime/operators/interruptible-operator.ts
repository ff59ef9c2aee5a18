/**
 * An operator whose work on one element can stop in the middle: because the output is full, because it has had the thread
 * long enough, or because it waits for a promise. An operator before it may not be able to stop as soon (it calls a
 * collector several times for one record); what it emits meanwhile waits here, so that nothing is lost or overtaken.
 */
import type { OperatorContext, Output } from '../../api/operators.ts';
import { Configuration } from '../../config/configuration.ts';
import { UserError } from '../../shared/errors.ts';
import { roughBytes } from '../../types/rough-size.ts';
import { BaseOperator } from './base-operator.ts';
import { refusePromise } from './user-function.ts';

/** Results between two looks at the clock. */
const resultsPerCheck = 128;

type Input = 'element' | 'element2' | 'watermark' | 'status';

interface Deferred {
  readonly input: Input;
  readonly value: unknown;
  readonly timestamp: number;
  readonly bytes: number;
}

export abstract class InterruptibleOperator extends BaseOperator {
  /**
   * True while work is left over. Each `process…` method of a subclass looks here first and, when it is set, hands what it
   * was given to {@link defer} and returns. (Here and not in one shared method: each operator keeps a call site of its own.)
   */
  interrupted = false;
  #iterator: Iterator<unknown> | undefined;
  #iteratorTimestamp = 0;
  #sinceCheck = 0;
  readonly #deferred: Deferred[] = [];
  #nextDeferred = 0;
  #deferredBytes = 0;
  #overflowLimitBytes = 0;

  processElement?(value: unknown, timestamp: number): void;
  processElement2?(value: unknown, timestamp: number): void;

  override setup(context: OperatorContext, output: Output): void {
    super.setup(context, output);
    this.#overflowLimitBytes = Configuration.of(context.configuration).get('weir.output.overflow-limit');
  }

  override processWatermark(timestamp: number): void {
    if (this.interrupted) this.defer('watermark', undefined, timestamp);
    else this.output.emitWatermark(timestamp);
  }

  override processWatermarkStatus(idle: boolean): void {
    if (this.interrupted) this.defer('status', idle, 0);
    else this.output.emitWatermarkStatus(idle);
  }

  resume(): boolean {
    if (!this.continueWork()) return false;
    this.interrupted = false;
    const deferred = this.#deferred;
    while (this.#nextDeferred < deferred.length) {
      const next = deferred[this.#nextDeferred++] as Deferred;
      this.#deferredBytes -= next.bytes;
      this.#handle(next);
      if (this.interrupted) return false;
      if (this.mustStop()) break;
    }
    if (this.#nextDeferred < deferred.length) {
      this.interrupted = true;
      return false;
    }
    deferred.length = 0;
    this.#nextDeferred = 0;
    return true;
  }

  override close(): void | Promise<void> {
    // A generator that was left in the middle runs its `finally`.
    this.#iterator?.return?.();
    this.#iterator = undefined;
    return super.close();
  }

  /** Keeps the input until the work before it is done. Throws UserError('OUTPUT_OVERFLOW') when too much waits. */
  protected defer(input: Input, value: unknown, timestamp: number): void {
    const bytes = roughBytes(value);
    this.#deferred.push({ input, value, timestamp, bytes });
    this.#deferredBytes += bytes;
    if (this.#deferredBytes <= this.#overflowLimitBytes) return;
    throw new UserError('OUTPUT_OVERFLOW', {
      problem: `An operator before '${this.context.operatorName}' emitted ${this.#deferredBytes} bytes from one call while '${this.context.operatorName}' could not take them.`,
      tryNext: ['Return a generator from flatMap, so that it can pause between results.', 'Raise weir.output.overflow-limit.'],
    });
  }

  /** The work in hand stays behind until the task resumes this operator. */
  protected interrupt(): void {
    this.interrupted = true;
    this.context.resumeLater(this);
  }

  /** Nothing further is handled until the promise settles; a rejection fails the task. */
  protected waitFor(promise: Promise<unknown>): void {
    this.context.waitFor(promise);
    this.interrupt();
  }

  /** Goes on with interrupted work; true when it is complete. */
  protected continueWork(): boolean {
    return this.#drainIterator();
  }

  /** Between two results: true when the next one has to wait. */
  protected mustStop(): boolean {
    if (this.context.isPaused) return true;
    if (++this.#sinceCheck < resultsPerCheck) return false;
    this.#sinceCheck = 0;
    return this.context.isSliceOver();
  }

  /** Emits all results, or as many as may be emitted now (then false); the rest follows when the task resumes this operator. */
  emitResults(results: Iterable<unknown> | void, timestamp: number): boolean {
    if (results === undefined || results === null) return true;
    if (Array.isArray(results) && results.length <= 1) {
      if (results.length === 1) this.output.collect(results[0], timestamp);
      return true;
    }
    if (typeof results[Symbol.iterator] !== 'function') throw this.#notResults(results);
    this.#iterator = results[Symbol.iterator]();
    this.#iteratorTimestamp = timestamp;
    if (this.#drainIterator()) return true;
    this.interrupt();
    return false;
  }

  #notResults(found: unknown): UserError {
    const { operatorName } = this.context;
    refusePromise(found, operatorName, 'The function');
    return new UserError('NOT_RESULTS', {
      problem: `Operator '${operatorName}': the function returned ${typeof found === 'object' ? 'an object that cannot be iterated' : `a ${typeof found}`}.`,
      tryNext: ['Return an array, be a generator, or return nothing and call out.collect(result).'],
    });
  }

  #drainIterator(): boolean {
    const iterator = this.#iterator;
    if (!iterator) return true;
    const { output } = this;
    for (let step = iterator.next(); !step.done; step = iterator.next()) {
      output.collect(step.value, this.#iteratorTimestamp);
      if (this.mustStop()) return false;
    }
    this.#iterator = undefined;
    return true;
  }

  #handle({ input, value, timestamp }: Deferred): void {
    switch (input) {
      case 'element':
        this.processElement?.(value, timestamp);
        return;
      case 'element2':
        this.processElement2?.(value, timestamp);
        return;
      case 'watermark':
        this.processWatermark(timestamp);
        return;
      case 'status':
        this.processWatermarkStatus(value as boolean);
    }
  }
}
