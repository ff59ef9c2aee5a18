/** The built-in triggers. */
import { UserError } from '../../shared/errors.ts';
import { MAX_WATERMARK } from '../../shared/time.ts';
import { type Duration, durationMs } from '../duration.ts';
import type { ReducingStateDescriptor, ValueStateDescriptor } from '../state.ts';
import {
  asTrigger,
  isFire,
  isPurge,
  type OnMergeContext,
  Trigger,
  type TriggerContext,
  type TriggerFunction,
  type TriggerResult,
} from './trigger.ts';
import { checkedAmount, type Window } from './window.ts';

/** When the watermark passes the end of the window; from then on at each late element. */
export class EventTimeTrigger extends Trigger<unknown> {
  static create(): EventTimeTrigger {
    return new EventTimeTrigger();
  }

  override onElement(_element: unknown, _timestamp: number, window: Window, context: TriggerContext): TriggerResult {
    if (window.maxTimestamp() <= context.getCurrentWatermark()) return 'FIRE';
    context.registerEventTimeTimer(window.maxTimestamp());
    return 'CONTINUE';
  }

  override onEventTime(timestamp: number, window: Window): TriggerResult {
    return timestamp === window.maxTimestamp() ? 'FIRE' : 'CONTINUE';
  }

  override canMerge(): boolean {
    return true;
  }

  override onMerge(window: Window, context: OnMergeContext): void {
    if (window.maxTimestamp() > context.getCurrentWatermark()) context.registerEventTimeTimer(window.maxTimestamp());
  }

  override clear(window: Window, context: TriggerContext): void {
    context.deleteEventTimeTimer(window.maxTimestamp());
  }
}

/** When the clock passes the end of the window. */
export class ProcessingTimeTrigger extends Trigger<unknown> {
  static create(): ProcessingTimeTrigger {
    return new ProcessingTimeTrigger();
  }

  override onElement(_element: unknown, _timestamp: number, window: Window, context: TriggerContext): TriggerResult {
    context.registerProcessingTimeTimer(window.maxTimestamp());
    return 'CONTINUE';
  }

  override onProcessingTime(): TriggerResult {
    return 'FIRE';
  }

  override canMerge(): boolean {
    return true;
  }

  override onMerge(window: Window, context: OnMergeContext): void {
    if (window.maxTimestamp() > context.getCurrentProcessingTime()) context.registerProcessingTimeTimer(window.maxTimestamp());
  }

  override clear(window: Window, context: TriggerContext): void {
    context.deleteProcessingTimeTimer(window.maxTimestamp());
  }
}

const nextFire: ReducingStateDescriptor<number> = { kind: 'reducing', name: 'fire-time', reduce: (a, b) => Math.min(a, b) };

/** At every interval of event time in which the window is open and has elements, and at its end. */
export class ContinuousEventTimeTrigger extends Trigger<unknown> {
  readonly #intervalMs: number;

  private constructor(intervalMs: number) {
    super();
    this.#intervalMs = intervalMs;
  }

  static of(interval: Duration): ContinuousEventTimeTrigger {
    return new ContinuousEventTimeTrigger(intervalOf(interval, 'ContinuousEventTimeTrigger'));
  }

  override onElement(_element: unknown, timestamp: number, window: Window, context: TriggerContext): TriggerResult {
    if (window.maxTimestamp() <= context.getCurrentWatermark()) return 'FIRE';
    context.registerEventTimeTimer(window.maxTimestamp());
    if (context.getPartitionedState(nextFire).get() === null) this.#register(timestamp - (timestamp % this.#intervalMs), window, context);
    return 'CONTINUE';
  }

  override onEventTime(timestamp: number, window: Window, context: TriggerContext): TriggerResult {
    if (timestamp === window.maxTimestamp()) return 'FIRE';
    const next = context.getPartitionedState(nextFire);
    if (next.get() !== timestamp) return 'CONTINUE';
    next.clear();
    this.#register(timestamp, window, context);
    return 'FIRE';
  }

  override canMerge(): boolean {
    return true;
  }

  override onMerge(_window: Window, context: OnMergeContext): void {
    context.mergePartitionedState(nextFire);
    const timestamp = context.getPartitionedState(nextFire).get();
    if (timestamp !== null) context.registerEventTimeTimer(timestamp);
  }

  override clear(window: Window, context: TriggerContext): void {
    const next = context.getPartitionedState(nextFire);
    const timestamp = next.get();
    if (timestamp !== null) context.deleteEventTimeTimer(timestamp);
    next.clear();
    context.deleteEventTimeTimer(window.maxTimestamp());
  }

  #register(after: number, window: Window, context: TriggerContext): void {
    const timestamp = Math.min(after + this.#intervalMs, window.maxTimestamp());
    context.getPartitionedState(nextFire).add(timestamp);
    context.registerEventTimeTimer(timestamp);
  }
}

/** At every interval of the clock in which the window is open and has elements. */
export class ContinuousProcessingTimeTrigger extends Trigger<unknown> {
  readonly #intervalMs: number;

  private constructor(intervalMs: number) {
    super();
    this.#intervalMs = intervalMs;
  }

  static of(interval: Duration): ContinuousProcessingTimeTrigger {
    return new ContinuousProcessingTimeTrigger(intervalOf(interval, 'ContinuousProcessingTimeTrigger'));
  }

  override onElement(_element: unknown, _timestamp: number, _window: Window, context: TriggerContext): TriggerResult {
    if (context.getPartitionedState(nextFire).get() === null) {
      const now = context.getCurrentProcessingTime();
      this.#register(now - (now % this.#intervalMs), context);
    }
    return 'CONTINUE';
  }

  override onProcessingTime(timestamp: number, _window: Window, context: TriggerContext): TriggerResult {
    const next = context.getPartitionedState(nextFire);
    if (next.get() !== timestamp) return 'CONTINUE';
    next.clear();
    this.#register(timestamp, context);
    return 'FIRE';
  }

  override canMerge(): boolean {
    return true;
  }

  override onMerge(_window: Window, context: OnMergeContext): void {
    context.mergePartitionedState(nextFire);
    const timestamp = context.getPartitionedState(nextFire).get();
    if (timestamp !== null) context.registerProcessingTimeTimer(timestamp);
  }

  override clear(_window: Window, context: TriggerContext): void {
    const next = context.getPartitionedState(nextFire);
    const timestamp = next.get();
    if (timestamp !== null) context.deleteProcessingTimeTimer(timestamp);
    next.clear();
  }

  #register(after: number, context: TriggerContext): void {
    const timestamp = after + this.#intervalMs;
    context.getPartitionedState(nextFire).add(timestamp);
    context.registerProcessingTimeTimer(timestamp);
  }
}

const elementCount: ReducingStateDescriptor<number> = { kind: 'reducing', name: 'count', reduce: (a, b) => a + b };

/** When so many elements have come since it fired last. */
export class CountTrigger extends Trigger<unknown> {
  readonly #count: number;

  private constructor(count: number) {
    super();
    this.#count = count;
  }

  static of(count: number): CountTrigger {
    return new CountTrigger(checkedAmount(count, 'The count of a CountTrigger', 1, 'elements'));
  }

  override onElement(_element: unknown, _timestamp: number, _window: Window, context: TriggerContext): TriggerResult {
    const count = context.getPartitionedState(elementCount);
    count.add(1);
    if ((count.get() as number) < this.#count) return 'CONTINUE';
    count.clear();
    return 'FIRE';
  }

  override canMerge(): boolean {
    return true;
  }

  override onMerge(_window: Window, context: OnMergeContext): void {
    context.mergePartitionedState(elementCount);
  }

  override clear(_window: Window, context: TriggerContext): void {
    context.getPartitionedState(elementCount).clear();
  }
}

/** How far an element is from the one that fired last. */
export type DeltaFunction<T> = ((before: T, now: T) => number) | { getDelta(before: T, now: T): number };

export function deltaOf<T>(delta: DeltaFunction<T>): (before: T, now: T) => number {
  return typeof delta === 'function' ? delta : (before, now) => delta.getDelta(before, now);
}

/** When the delta between the element that fired last and this one is above the threshold. The first element only sets the mark. */
export class DeltaTrigger<T> extends Trigger<T> {
  readonly #threshold: number;
  readonly delta: (before: T, now: T) => number;
  readonly #last: ValueStateDescriptor<T> = { kind: 'value', name: 'last-element' };

  private constructor(threshold: number, delta: DeltaFunction<T>) {
    super();
    this.#threshold = threshold;
    this.delta = deltaOf(delta);
  }

  static of<T>(threshold: number, delta: DeltaFunction<T>): DeltaTrigger<T> {
    return new DeltaTrigger(threshold, delta);
  }

  override onElement(element: T, _timestamp: number, _window: Window, context: TriggerContext): TriggerResult {
    const last = context.getPartitionedState(this.#last);
    const before = last.value();
    if (before !== null && !(this.delta(before, element) > this.#threshold)) return 'CONTINUE';
    last.update(element);
    return before === null ? 'CONTINUE' : 'FIRE';
  }

  override clear(_window: Window, context: TriggerContext): void {
    context.getPartitionedState(this.#last).clear();
  }
}

/** Throws the elements away whenever the trigger inside fires. */
export class PurgingTrigger<T, W extends Window = Window> extends Trigger<T, W> {
  readonly nested: Trigger<T, W>;

  private constructor(nested: Trigger<T, W>) {
    super();
    this.nested = nested;
  }

  static of<T, W extends Window>(nested: TriggerFunction<T, W>): PurgingTrigger<T, W> {
    return new PurgingTrigger(asTrigger(nested));
  }

  override onElement(element: T, timestamp: number, window: W, context: TriggerContext): TriggerResult {
    return purging(this.nested.onElement(element, timestamp, window, context));
  }

  override onEventTime(timestamp: number, window: W, context: TriggerContext): TriggerResult {
    return purging(this.nested.onEventTime(timestamp, window, context));
  }

  override onProcessingTime(timestamp: number, window: W, context: TriggerContext): TriggerResult {
    return purging(this.nested.onProcessingTime(timestamp, window, context));
  }

  override canMerge(): boolean {
    return this.nested.canMerge();
  }

  override onMerge(window: W, context: OnMergeContext): void {
    this.nested.onMerge(window, context);
  }

  override clear(window: W, context: TriggerContext): void {
    this.nested.clear(window, context);
  }
}

function purging(result: TriggerResult): TriggerResult {
  return isFire(result) ? 'FIRE_AND_PURGE' : result;
}

const timeoutAt: ReducingStateDescriptor<number> = { kind: 'reducing', name: 'timeout', reduce: (a, b) => Math.min(a, b) };

/** Fires when the trigger inside does, and also when so much time of the clock has passed since an element came. */
export class ProcessingTimeoutTrigger<T, W extends Window = Window> extends Trigger<T, W> {
  readonly nested: Trigger<T, W>;
  readonly #timeoutMs: number;
  readonly #resetOnNewRecord: boolean;
  readonly #clearOnTimeout: boolean;

  private constructor(nested: Trigger<T, W>, timeoutMs: number, resetOnNewRecord: boolean, clearOnTimeout: boolean) {
    super();
    this.nested = nested;
    this.#timeoutMs = timeoutMs;
    this.#resetOnNewRecord = resetOnNewRecord;
    this.#clearOnTimeout = clearOnTimeout;
  }

  /** `resetTimerOnNewRecord`: each element starts the time anew. `shouldClearOnTimeout`: the trigger inside begins anew, too. */
  static of<T, W extends Window>(
    nested: TriggerFunction<T, W>,
    timeout: Duration,
    resetTimerOnNewRecord = false,
    shouldClearOnTimeout = true,
  ): ProcessingTimeoutTrigger<T, W> {
    const timeoutMs = intervalOf(timeout, 'ProcessingTimeoutTrigger');
    return new ProcessingTimeoutTrigger(asTrigger(nested), timeoutMs, resetTimerOnNewRecord, shouldClearOnTimeout);
  }

  override onElement(element: T, timestamp: number, window: W, context: TriggerContext): TriggerResult {
    const result = this.nested.onElement(element, timestamp, window, context);
    if (isFire(result)) {
      this.clear(window, context);
      return result;
    }
    const state = context.getPartitionedState(timeoutAt);
    const current = state.get();
    if (current !== null && !this.#resetOnNewRecord) return result;
    if (current !== null) {
      context.deleteProcessingTimeTimer(current);
      state.clear();
    }
    const next = context.getCurrentProcessingTime() + this.#timeoutMs;
    state.add(next);
    context.registerProcessingTimeTimer(next);
    return result;
  }

  override onEventTime(timestamp: number, window: W, context: TriggerContext): TriggerResult {
    const result = this.nested.onEventTime(timestamp, window, context);
    if (isFire(result) && this.#clearOnTimeout) this.clear(window, context);
    return result;
  }

  override onProcessingTime(timestamp: number, window: W, context: TriggerContext): TriggerResult {
    const state = context.getPartitionedState(timeoutAt);
    const isTimeout = state.get() === timestamp;
    const result = this.nested.onProcessingTime(timestamp, window, context);
    if (!isTimeout && !isFire(result)) return result;
    if (this.#clearOnTimeout) this.clear(window, context);
    else if (isTimeout) state.clear();
    return isPurge(result) ? 'FIRE_AND_PURGE' : 'FIRE';
  }

  override canMerge(): boolean {
    return this.nested.canMerge();
  }

  override onMerge(window: W, context: OnMergeContext): void {
    this.nested.onMerge(window, context);
    context.mergePartitionedState(timeoutAt);
    const timestamp = context.getPartitionedState(timeoutAt).get();
    if (timestamp !== null) context.registerProcessingTimeTimer(timestamp);
  }

  override clear(window: W, context: TriggerContext): void {
    const state = context.getPartitionedState(timeoutAt);
    const timestamp = state.get();
    if (timestamp !== null) context.deleteProcessingTimeTimer(timestamp);
    state.clear();
    this.nested.clear(window, context);
  }
}

/** Never; what global windows have when nothing else is said. */
export class NeverTrigger extends Trigger<unknown> {
  override onElement(): TriggerResult {
    return 'CONTINUE';
  }

  override canMerge(): boolean {
    return true;
  }
}

/** Once, at the end of a bounded input. */
export class EndOfStreamTrigger extends Trigger<unknown> {
  override onElement(_element: unknown, _timestamp: number, _window: Window, context: TriggerContext): TriggerResult {
    context.registerEventTimeTimer(MAX_WATERMARK);
    return 'CONTINUE';
  }

  override onEventTime(timestamp: number): TriggerResult {
    return timestamp === MAX_WATERMARK ? 'FIRE_AND_PURGE' : 'CONTINUE';
  }

  override clear(_window: Window, context: TriggerContext): void {
    context.deleteEventTimeTimer(MAX_WATERMARK);
  }
}

function intervalOf(interval: Duration, of: string): number {
  const milliseconds = durationMs(interval, `${of}.of`);
  if (milliseconds > 0) return checkedAmount(milliseconds, `The interval of a ${of}`, 1);
  throw new UserError('BAD_WINDOW', { problem: `${of}.of('${String(interval)}'): the interval must be longer than 0.` });
}
