/** Assigns event time in mid-stream and makes watermarks of its own; the ones from upstream stop here, the final one passes. */
import type { TimestampsSpec } from '../../api/operator-specs.ts';
import type { OperatorContext, Output } from '../../api/operators.ts';
import type { WatermarkGenerator } from '../../api/watermark.ts';
import { MAX_WATERMARK, MIN_TIMESTAMP } from '../../shared/time.ts';
import { BaseOperator } from './base-operator.ts';

export class TimestampsOperator extends BaseOperator {
  readonly #spec: TimestampsSpec;
  readonly #generator: WatermarkGenerator<unknown> | undefined;
  #watermark = MIN_TIMESTAMP;
  #cancel: (() => void) | undefined;
  #lastElementAt = 0;
  #idle = false;
  readonly #watermarkOutput = {
    emitWatermark: (timestamp: number) => this.#emit(timestamp),
    markIdle: () => this.#setIdle(true),
    markActive: () => this.#setIdle(false),
  };

  constructor(spec: TimestampsSpec) {
    super(undefined);
    this.#spec = spec;
    this.#generator = spec.watermarks.createGenerator?.();
  }

  override setup(context: OperatorContext, output: Output): void {
    super.setup(context, output);
    const intervalMs = Number(context.configuration['pipeline.auto-watermark-interval'] ?? 200);
    if (this.#generator && intervalMs > 0) this.#schedule(intervalMs);
  }

  processElement(value: unknown, timestamp: number): void {
    const assigned = this.#spec.watermarks.timestampAssigner?.(value, timestamp) ?? timestamp;
    this.#lastElementAt = this.context.currentProcessingTime();
    if (this.#idle) this.#setIdle(false);
    this.output.collect(value, assigned);
    this.#generator?.onEvent(value, assigned, this.#watermarkOutput);
  }

  override processWatermark(timestamp: number): void {
    if (timestamp === MAX_WATERMARK) this.#emit(timestamp);
  }

  override processWatermarkStatus(): void {}

  finish(): void {
    this.#generator?.onPeriodicEmit(this.#watermarkOutput);
  }

  override close(): void | Promise<void> {
    this.#cancel?.();
    return super.close();
  }

  #schedule(intervalMs: number): void {
    this.#lastElementAt = this.context.currentProcessingTime();
    const tick = (): void => {
      const now = this.context.currentProcessingTime();
      this.#generator?.onPeriodicEmit(this.#watermarkOutput);
      const { idlenessMs } = this.#spec.watermarks;
      if (idlenessMs !== undefined && now - this.#lastElementAt >= idlenessMs) this.#setIdle(true);
      this.#cancel = this.context.registerProcessingTimer(now + intervalMs, tick);
    };
    this.#cancel = this.context.registerProcessingTimer(this.context.currentProcessingTime() + intervalMs, tick);
  }

  #emit(timestamp: number): void {
    if (timestamp <= this.#watermark) return;
    this.#watermark = timestamp;
    this.output.emitWatermark(timestamp);
  }

  #setIdle(idle: boolean): void {
    if (idle === this.#idle) return;
    this.#idle = idle;
    this.output.emitWatermarkStatus(idle);
  }
}
