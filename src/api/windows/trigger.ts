/**
 * When a window is evaluated. A trigger is asked at each element and at each timer that it set, and keeps what it has to remember in
 * state: one instance serves all keys and windows.
 */
import type {
  AggregatingState,
  AggregatingStateDescriptor,
  ListState,
  ListStateDescriptor,
  MapState,
  MapStateDescriptor,
  ReducingState,
  ReducingStateDescriptor,
  StateDescriptor,
  ValueState,
  ValueStateDescriptor,
} from '../state.ts';
import type { Window } from './window.ts';

/** FIRE evaluates the window, PURGE throws its elements away. */
export type TriggerResult = 'CONTINUE' | 'FIRE' | 'PURGE' | 'FIRE_AND_PURGE';
export const TriggerResult = { CONTINUE: 'CONTINUE', FIRE: 'FIRE', PURGE: 'PURGE', FIRE_AND_PURGE: 'FIRE_AND_PURGE' } as const;

export function isFire(result: TriggerResult): boolean {
  return result === 'FIRE' || result === 'FIRE_AND_PURGE';
}

export function isPurge(result: TriggerResult): boolean {
  return result === 'PURGE' || result === 'FIRE_AND_PURGE';
}

/** State of the key and window in hand. */
export interface PartitionedState {
  getPartitionedState<T>(descriptor: ValueStateDescriptor<T>): ValueState<T>;
  getPartitionedState<T>(descriptor: ReducingStateDescriptor<T>): ReducingState<T>;
  getPartitionedState<T>(descriptor: ListStateDescriptor<T>): ListState<T>;
  getPartitionedState<K, V>(descriptor: MapStateDescriptor<K, V>): MapState<K, V>;
  getPartitionedState<IN, ACC, OUT>(descriptor: AggregatingStateDescriptor<IN, ACC, OUT>): AggregatingState<IN, OUT>;
}

export interface TriggerContext extends PartitionedState {
  getCurrentProcessingTime(): number;
  getCurrentWatermark(): number;
  registerEventTimeTimer(timestamp: number): void;
  registerProcessingTimeTimer(timestamp: number): void;
  deleteEventTimeTimer(timestamp: number): void;
  deleteProcessingTimeTimer(timestamp: number): void;
}

export interface OnMergeContext extends TriggerContext {
  /** Moves this state of the merged windows to the window that came out of them: list, reducing and aggregating state. */
  mergePartitionedState(descriptor: StateDescriptor): void;
}

/** What a missing method of a trigger given as a literal does: nothing. */
export interface TriggerFunction<T, W extends Window = Window> {
  onElement(element: T, timestamp: number, window: W, context: TriggerContext): TriggerResult;
  onEventTime?(timestamp: number, window: W, context: TriggerContext): TriggerResult;
  onProcessingTime?(timestamp: number, window: W, context: TriggerContext): TriggerResult;
  canMerge?(): boolean;
  onMerge?(window: W, context: OnMergeContext): void;
  /** Removes the trigger's state and timers of the window. */
  clear?(window: W, context: TriggerContext): void;
}

export abstract class Trigger<T, W extends Window = Window> implements TriggerFunction<T, W> {
  abstract onElement(element: T, timestamp: number, window: W, context: TriggerContext): TriggerResult;

  onEventTime(_timestamp: number, _window: W, _context: TriggerContext): TriggerResult {
    return 'CONTINUE';
  }

  onProcessingTime(_timestamp: number, _window: W, _context: TriggerContext): TriggerResult {
    return 'CONTINUE';
  }

  canMerge(): boolean {
    return false;
  }

  onMerge(_window: W, _context: OnMergeContext): void {}

  clear(_window: W, _context: TriggerContext): void {}
}

/** The trigger itself, or a literal with the methods that it lacks. */
export function asTrigger<T, W extends Window>(trigger: TriggerFunction<T, W>): Trigger<T, W> {
  return trigger instanceof Trigger ? (trigger as Trigger<T, W>) : new LiteralTrigger<T, W>(trigger);
}

class LiteralTrigger<T, W extends Window> extends Trigger<T, W> {
  /** Looked at when a program is compared with its replay. */
  readonly literal: TriggerFunction<T, W>;

  constructor(literal: TriggerFunction<T, W>) {
    super();
    this.literal = literal;
  }

  override onElement(element: T, timestamp: number, window: W, context: TriggerContext): TriggerResult {
    return this.literal.onElement(element, timestamp, window, context);
  }

  override onEventTime(timestamp: number, window: W, context: TriggerContext): TriggerResult {
    return this.literal.onEventTime?.(timestamp, window, context) ?? 'CONTINUE';
  }

  override onProcessingTime(timestamp: number, window: W, context: TriggerContext): TriggerResult {
    return this.literal.onProcessingTime?.(timestamp, window, context) ?? 'CONTINUE';
  }

  override canMerge(): boolean {
    return this.literal.canMerge?.() ?? false;
  }

  override onMerge(window: W, context: OnMergeContext): void {
    this.literal.onMerge?.(window, context);
  }

  override clear(window: W, context: TriggerContext): void {
    this.literal.clear?.(window, context);
  }
}
