/** `timeWindow`: by event time where the stream has one, else by the clock. */
import type { Duration } from '../duration.ts';
import type { Transformation } from '../transformation.ts';
import type { WatermarkStrategySpec } from '../watermark.ts';
import {
  SlidingEventTimeWindows,
  SlidingProcessingTimeWindows,
  TumblingEventTimeWindows,
  TumblingProcessingTimeWindows,
  type WindowAssigner,
} from './assigners.ts';
import type { TimeWindow } from './window.ts';

export function timeWindows(input: Transformation, size: Duration, slide: Duration | undefined): WindowAssigner<unknown, TimeWindow> {
  if (hasEventTime(input)) {
    return slide === undefined ? TumblingEventTimeWindows.of(size) : SlidingEventTimeWindows.of(size, slide);
  }
  return slide === undefined ? TumblingProcessingTimeWindows.of(size) : SlidingProcessingTimeWindows.of(size, slide);
}

/** Watermarks are made on every way to this step. */
function hasEventTime(step: Transformation): boolean {
  if (step.kind === 'side-output' || step.kind === 'partition') return hasEventTime(step.input);
  if (step.kind === 'physical') {
    const watermarks = step.spec['watermarks'] as WatermarkStrategySpec<unknown> | undefined;
    if (watermarks?.createGenerator) return true;
  }
  return step.inputs.length > 0 && step.inputs.every(hasEventTime);
}
