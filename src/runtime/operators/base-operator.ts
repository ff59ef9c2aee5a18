/** What most operators share: a place for context and output, forwarding of watermarks, the life cycle of one user function. */
import type { OperatorContext, Output, StateInitializationContext, StateSnapshotContext, StreamOperator } from '../../api/operators.ts';
import {
  closeFunction,
  initializeFunction,
  openFunction,
  snapshotFunction,
  tellFunctionAborted,
  tellFunctionCompleted,
} from './user-function.ts';

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

  initializeState(context: StateInitializationContext): void | Promise<void> {
    return initializeFunction(this.#function, this.context.runtimeContext, context);
  }

  open(): void | Promise<void> {
    return openFunction(this.#function, this.context.runtimeContext);
  }

  snapshotState(context: StateSnapshotContext): void | Promise<void> {
    return snapshotFunction(this.#function, context);
  }

  notifyCheckpointComplete(checkpointId: number): void | Promise<void> {
    return tellFunctionCompleted(this.#function, checkpointId);
  }

  notifyCheckpointAborted(checkpointId: number): void | Promise<void> {
    return tellFunctionAborted(this.#function, checkpointId);
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
