/** Event time: how timestamps are read and watermarks made. `WatermarkStrategy` (the builder) lives in watermark-strategy.ts. */

export interface WatermarkOutput {
  emitWatermark(timestamp: number): void;
  markIdle(): void;
  markActive(): void;
}

export interface WatermarkGenerator<T> {
  onEvent(event: T, eventTimestamp: number, output: WatermarkOutput): void;
  onPeriodicEmit(output: WatermarkOutput): void;
}

/** What a strategy boils down to; plain functions so that operators call them directly. */
export interface WatermarkStrategySpec<T> {
  /** Undefined: keep the timestamp the record already has. */
  readonly timestampAssigner?: ((event: T, recordTimestamp: number) => number) | undefined;
  /** Undefined: no watermarks. */
  readonly createGenerator?: (() => WatermarkGenerator<T>) | undefined;
  readonly idlenessMs?: number | undefined;
  /** Sources of a group wait for the slowest when they are more than this ahead. */
  readonly alignment?: { readonly group: string; readonly maxDriftMs: number; readonly intervalMs: number } | undefined;
}
