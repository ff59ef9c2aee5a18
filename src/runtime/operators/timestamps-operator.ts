/** Assigns event time in mid-stream and makes watermarks of its own; the ones from upstream stop here, the final one passes. */
import type { TimestampsSpec } from '../../api/operator-specs.ts';
import type { WatermarkGenerator } from '../../api/watermark.ts';
import { MAX_WATERMARK, MIN_TIMESTAMP } from '../../shared/time.ts';
import { IdlenessTimer, startWatermarkTicks } from '../time/watermark-ticks.ts';
import { BaseOperator } from './base-operator.ts';

export class TimestampsOperator extends BaseOperator {
  readonly #spec: TimestampsSpec;
  readonly #generator: WatermarkGenerator<unknown> | undefined;
  #watermark = MIN_TIMESTAMP;
  readonly #idleness: IdlenessTimer;
  #stopTicks: () => void = () => {};
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
    this.#idleness = new IdlenessTimer(spec.watermarks.idlenessMs);
  }

  override open(): void | Promise<void> {
    const generator = this.#generator;
    if (!generator) return;
    this.#stopTicks = startWatermarkTicks(this.context, (elapsedMs) => {
      generator.onPeriodicEmit(this.#watermarkOutput);
      if (this.#idleness.tick(elapsedMs)) this.#setIdle(true);
    });
  }

  processElement(value: unknown, timestamp: number): void {
    const assigned = this.#spec.watermarks.timestampAssigner?.(value, timestamp) ?? timestamp;
    this.#idleness.activity();
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
    this.#stopTicks();
    return super.close();
  }

  #emit(timestamp: number): void {
    if (timestamp <= this.#watermark) return;
    this.#watermark = timestamp;
    // Downstream does not listen to the watermarks of an idle input.
    this.#setIdle(false);
    this.output.emitWatermark(timestamp);
  }

  #setIdle(idle: boolean): void {
    if (idle === this.#idle) return;
    this.#idle = idle;
    this.output.emitWatermarkStatus(idle);
  }
}
