/** Watermarks of one source subtask: a generator per split (or one), combined to their minimum, emitted at an interval. */
import type { OperatorContext, Output } from '../../api/operators.ts';
import type { WatermarkGenerator, WatermarkOutput, WatermarkStrategySpec } from '../../api/watermark.ts';
import { MIN_TIMESTAMP } from '../../shared/time.ts';

interface Track {
  readonly generator: WatermarkGenerator<unknown>;
  readonly output: WatermarkOutput;
  watermark: number;
  lastEventAt: number;
  idle: boolean;
}

export class SourceWatermarks {
  readonly assigner: ((event: unknown, recordTimestamp: number) => number) | undefined;
  readonly mainGenerator: WatermarkGenerator<unknown> | undefined;
  readonly #strategy: WatermarkStrategySpec<unknown>;
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #tracks = new Map<WatermarkGenerator<unknown>, Track>();
  readonly #splits = new Map<string, Track>();
  #emitted = MIN_TIMESTAMP;
  #idle = false;
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(strategy: WatermarkStrategySpec<unknown>, context: OperatorContext, output: Output) {
    this.#strategy = strategy;
    this.#context = context;
    this.#output = output;
    this.assigner = strategy.timestampAssigner;
    this.mainGenerator = strategy.createGenerator?.();
  }

  start(): void {
    const intervalMs = Number(this.#context.configuration['pipeline.auto-watermark-interval'] ?? 200);
    if (!this.mainGenerator || intervalMs <= 0) return;
    if (this.#strategy.idlenessMs !== undefined) this.#track(this.mainGenerator);
    const tick = (): void => {
      if (this.#stopped) return;
      this.emitNow();
      this.#cancel = this.#context.registerProcessingTimer(this.#context.currentProcessingTime() + intervalMs, tick);
    };
    this.#cancel = this.#context.registerProcessingTimer(this.#context.currentProcessingTime() + intervalMs, tick);
  }

  onEvent(generator: WatermarkGenerator<unknown>, event: unknown, timestamp: number): void {
    const track = this.#tracks.get(generator) ?? this.#track(generator);
    if (this.#strategy.idlenessMs !== undefined) {
      track.lastEventAt = this.#context.currentProcessingTime();
      track.idle = false;
    }
    generator.onEvent(event, timestamp, track.output);
  }

  generatorForSplit(splitId: string): WatermarkGenerator<unknown> | undefined {
    const generator = this.#strategy.createGenerator?.();
    if (generator) {
      if (this.mainGenerator) this.#tracks.delete(this.mainGenerator);
      this.#splits.set(splitId, this.#track(generator));
    }
    return generator;
  }

  releaseSplit(splitId: string): void {
    const track = this.#splits.get(splitId);
    if (!track) return;
    // What the split promised last still counts when no other split is left.
    if (this.#tracks.size > 1) this.#tracks.delete(track.generator);
    this.#splits.delete(splitId);
  }

  emitNow(): void {
    for (const track of this.#tracks.values()) track.generator.onPeriodicEmit(track.output);
    this.#detectIdle();
    this.#emitMinimum();
  }

  /** The final watermark. */
  finish(timestamp: number): void {
    if (this.#idle) this.#setIdle(false);
    this.#output.emitWatermark(timestamp);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  #track(generator: WatermarkGenerator<unknown>): Track {
    const track: Track = {
      generator,
      watermark: MIN_TIMESTAMP,
      lastEventAt: this.#context.currentProcessingTime(),
      idle: false,
      output: {
        emitWatermark: (timestamp) => {
          if (timestamp > track.watermark) track.watermark = timestamp;
          track.idle = false;
        },
        markIdle: () => {
          track.idle = true;
        },
        markActive: () => {
          track.idle = false;
        },
      },
    };
    this.#tracks.set(generator, track);
    return track;
  }

  #detectIdle(): void {
    const { idlenessMs } = this.#strategy;
    if (idlenessMs === undefined) return;
    const now = this.#context.currentProcessingTime();
    let allIdle = this.#tracks.size > 0;
    for (const track of this.#tracks.values()) {
      if (now - track.lastEventAt >= idlenessMs) track.idle = true;
      allIdle &&= track.idle;
    }
    this.#setIdle(allIdle);
  }

  #emitMinimum(): void {
    let minimum = Number.POSITIVE_INFINITY;
    for (const track of this.#tracks.values()) if (!track.idle) minimum = Math.min(minimum, track.watermark);
    if (minimum === Number.POSITIVE_INFINITY || minimum <= this.#emitted) return;
    this.#emitted = minimum;
    this.#output.emitWatermark(minimum);
  }

  #setIdle(idle: boolean): void {
    if (idle === this.#idle) return;
    this.#idle = idle;
    this.#output.emitWatermarkStatus(idle);
  }
}
