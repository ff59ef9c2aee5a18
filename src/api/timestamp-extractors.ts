/** Assigners of timestamps and watermarks as they were before strategies: programs that have them run as they are. */
import { type Duration, durationMs } from './duration.ts';
import { WatermarkStrategy } from './watermark-strategy.ts';

/** A number, or an object that has one; null: none now. */
type WatermarkLike = number | { getTimestamp(): number } | null | undefined;

export interface AssignerWithPeriodicWatermarks<T> {
  extractTimestamp(element: T, previousTimestamp: number): number;
  getCurrentWatermark(): WatermarkLike;
}

export interface AssignerWithPunctuatedWatermarks<T> {
  extractTimestamp(element: T, previousTimestamp: number): number;
  checkAndGetNextWatermark(lastElement: T, extractedTimestamp: number): WatermarkLike;
}

export abstract class AscendingTimestampExtractor<T> {
  abstract extractAscendingTimestamp(element: T): number;
}

export abstract class BoundedOutOfOrdernessTimestampExtractor<T> {
  readonly maxOutOfOrdernessMs: number;

  constructor(maxOutOfOrderness: Duration) {
    this.maxOutOfOrdernessMs = durationMs(maxOutOfOrderness, 'BoundedOutOfOrdernessTimestampExtractor');
  }

  abstract extractTimestamp(element: T): number;
}

export type TimestampAssignment<T> =
  | WatermarkStrategy<T>
  | AscendingTimestampExtractor<T>
  | BoundedOutOfOrdernessTimestampExtractor<T>
  | AssignerWithPeriodicWatermarks<T>
  | AssignerWithPunctuatedWatermarks<T>;

export function strategyOf<T>(assignment: TimestampAssignment<T>): WatermarkStrategy<T> {
  if (assignment instanceof WatermarkStrategy) return assignment;
  if ('extractAscendingTimestamp' in assignment) {
    return WatermarkStrategy.forMonotonousTimestamps<T>().withTimestampAssigner((element) => assignment.extractAscendingTimestamp(element));
  }
  if ('maxOutOfOrdernessMs' in assignment) {
    return WatermarkStrategy.forBoundedOutOfOrderness<T>(assignment.maxOutOfOrdernessMs).withTimestampAssigner((element) =>
      assignment.extractTimestamp(element),
    );
  }
  return generated(assignment).withTimestampAssigner((element, previous) => assignment.extractTimestamp(element, previous));
}

function generated<T>(assignment: AssignerWithPeriodicWatermarks<T> | AssignerWithPunctuatedWatermarks<T>): WatermarkStrategy<T> {
  return WatermarkStrategy.forGenerator<T>(() => ({
    onEvent: (element, timestamp, output) => {
      if (!('checkAndGetNextWatermark' in assignment)) return;
      const watermark = timestampOf(assignment.checkAndGetNextWatermark(element, timestamp));
      if (watermark !== undefined) output.emitWatermark(watermark);
    },
    onPeriodicEmit: (output) => {
      if (!('getCurrentWatermark' in assignment)) return;
      const watermark = timestampOf(assignment.getCurrentWatermark());
      if (watermark !== undefined) output.emitWatermark(watermark);
    },
  }));
}

function timestampOf(watermark: WatermarkLike): number | undefined {
  if (watermark === null || watermark === undefined) return undefined;
  return typeof watermark === 'number' ? watermark : watermark.getTimestamp();
}
