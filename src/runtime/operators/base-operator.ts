/** What most operators share: a place for context and output, forwarding of watermarks, the life cycle of one user function. */
import type { OperatorContext, Output, StreamOperator } from '../../api/operators.ts';
import { closeFunction, openFunction } from './user-function.ts';

export abstract class BaseOperator implements StreamOperator {
  protected context!: OperatorContext;
  protected output!: Output;
  readonly #function: unknown;

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
}
