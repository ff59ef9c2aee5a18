/** Builds a {@link WatermarkStrategySpec} with Flink's words. Immutable: each call gives a new strategy. */
import { type Duration, durationMs } from './duration.ts';
import type { WatermarkGenerator, WatermarkOutput, WatermarkStrategySpec } from './watermark.ts';

export interface TimestampAssigner<T> {
  /** Milliseconds since the epoch. `recordTimestamp` is what the record has already. */
  extractTimestamp(event: T, recordTimestamp: number): number;
}

export class WatermarkStrategy<T> {
  readonly spec: WatermarkStrategySpec<T>;

  private constructor(spec: WatermarkStrategySpec<T>) {
    this.spec = spec;
  }

  static forMonotonousTimestamps<T>(): WatermarkStrategy<T> {
    return WatermarkStrategy.forBoundedOutOfOrderness(0);
  }

  static forBoundedOutOfOrderness<T>(bound: Duration): WatermarkStrategy<T> {
    const boundMs = durationMs(bound, 'forBoundedOutOfOrderness');
    return new WatermarkStrategy<T>({ createGenerator: () => new BoundedOutOfOrderness(boundMs) });
  }

  static noWatermarks<T>(): WatermarkStrategy<T> {
    return new WatermarkStrategy<T>({});
  }

  static forGenerator<T>(create: () => WatermarkGenerator<T>): WatermarkStrategy<T> {
    return new WatermarkStrategy<T>({ createGenerator: create });
  }

  withTimestampAssigner(assigner: ((event: T, recordTimestamp: number) => number) | TimestampAssigner<T>): WatermarkStrategy<T> {
    const assign = typeof assigner === 'function' ? assigner : (event: T, timestamp: number) => assigner.extractTimestamp(event, timestamp);
    return new WatermarkStrategy<T>({ ...this.spec, timestampAssigner: assign });
  }

  /** Sources of one group keep together: one that is more than the drift ahead of the slowest waits. Only in `fromSource`. */
  withWatermarkAlignment(group: string, maxDrift: Duration, updateInterval: Duration = 1000): WatermarkStrategy<T> {
    const alignment = {
      group,
      maxDriftMs: durationMs(maxDrift, 'withWatermarkAlignment'),
      intervalMs: durationMs(updateInterval, 'withWatermarkAlignment'),
    };
    return new WatermarkStrategy<T>({ ...this.spec, alignment });
  }

  /** An input silent for this long no longer holds event time back. */
  withIdleness(timeout: Duration): WatermarkStrategy<T> {
    return new WatermarkStrategy<T>({ ...this.spec, idlenessMs: durationMs(timeout, 'withIdleness') });
  }
}

/** The watermark trails the largest timestamp by the bound plus one: a record exactly at the bound is not late. */
class BoundedOutOfOrderness implements WatermarkGenerator<unknown> {
  readonly #boundMs: number;
  #largest = Number.NEGATIVE_INFINITY;

  constructor(boundMs: number) {
    this.#boundMs = boundMs;
  }

  onEvent(_event: unknown, eventTimestamp: number): void {
    if (eventTimestamp > this.#largest) this.#largest = eventTimestamp;
  }

  onPeriodicEmit(output: WatermarkOutput): void {
    if (this.#largest !== Number.NEGATIVE_INFINITY) output.emitWatermark(this.#largest - this.#boundMs - 1);
  }
}
