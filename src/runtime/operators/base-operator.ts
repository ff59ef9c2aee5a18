/**
 * What most operators share: a place for context and output, forwarding of watermarks, the life cycle of one user function,
 * and emission from an iterable that can pause between two results.
 */
import type { OperatorContext, Output, StreamOperator } from '../../api/operators.ts';
import { closeFunction, openFunction } from './user-function.ts';

export abstract class BaseOperator implements StreamOperator {
  protected context!: OperatorContext;
  protected output!: Output;
  readonly #function: unknown;
  #iterator: Iterator<unknown> | undefined;
  #iteratorTimestamp = 0;

  constructor(userFunction: unknown) {
    this.#function = userFunction;
  }

  setup(context: OperatorContext, output: Output): void {
    this.context = context;
    this.output = output;
  }

  open(): void | Promise<void> {
    return openFunction(this.#function, this.context.runtimeContext);
  }

  close(): void | Promise<void> {
    return closeFunction(this.#function);
  }

  processWatermark(timestamp: number): void {
    this.output.emitWatermark(timestamp);
  }

  processWatermarkStatus(idle: boolean): void {
    this.output.emitWatermarkStatus(idle);
  }

  /** Emits all results, or as many as may be emitted now; the rest follows in `resume`. */
  protected emitResults(results: Iterable<unknown> | void, timestamp: number): void {
    if (results === undefined || results === null) return;
    if (Array.isArray(results) && results.length <= 1) {
      if (results.length === 1) this.output.collect(results[0], timestamp);
      return;
    }
    this.#iterator = results[Symbol.iterator]();
    this.#iteratorTimestamp = timestamp;
    if (!this.#drainIterator()) this.context.resumeLater(this);
  }

  resume(): boolean {
    return this.#drainIterator();
  }

  #drainIterator(): boolean {
    const iterator = this.#iterator;
    if (!iterator) return true;
    const { context, output } = this;
    for (let step = iterator.next(); !step.done; step = iterator.next()) {
      output.collect(step.value, this.#iteratorTimestamp);
      if (context.isPaused) return false;
    }
    this.#iterator = undefined;
    return true;
  }
}
