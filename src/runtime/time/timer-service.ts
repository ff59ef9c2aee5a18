/**
 * The timers of one keyed operator: event-time timers fire with the watermark, processing-time timers by one clock callback.
 * They are kept with the keyed state, under the service's name: snapshots and rescaling come with it.
 */
import type { TimeDomain, TimerService } from '../../api/functions.ts';
import type { KeyedStateAccess, OperatorContext, TimerQueueAccess } from '../../api/operators.ts';
import { UserError } from '../../shared/errors.ts';
import { MIN_TIMESTAMP } from '../../shared/time.ts';

/** The key is set. False when no further timer may fire now. */
export type TimerCallback = (timestamp: number, domain: TimeDomain, namespace: unknown) => boolean;

export class KeyedTimerService implements TimerService {
  readonly #context: OperatorContext;
  readonly #keyedState: KeyedStateAccess;
  readonly #event: TimerQueueAccess;
  readonly #processing: TimerQueueAccess;
  readonly #onTimer: TimerCallback;
  readonly #onProcessingTime: () => void;
  #watermark = MIN_TIMESTAMP;
  #armedFor = Number.POSITIVE_INFINITY;
  #disarm: (() => void) | undefined;

  /**
   * The operator's inputs are keyed. `serviceName` finds the timers again after a restore. `onProcessingTime` is called as a mail
   * when processing-time timers are due; it calls {@link fireProcessing}.
   */
  constructor(context: OperatorContext, serviceName: string, onTimer: TimerCallback, onProcessingTime: () => void) {
    this.#context = context;
    this.#keyedState = context.keyedState as KeyedStateAccess;
    const { event, processing } = this.#keyedState.timers(serviceName);
    this.#event = event;
    this.#processing = processing;
    this.#onTimer = onTimer;
    this.#onProcessingTime = onProcessingTime;
  }

  /** When the operator opens: restored processing-time timers that are overdue fire right away. */
  open(): void {
    this.#arm();
  }

  currentProcessingTime(): number {
    return this.#context.currentProcessingTime();
  }

  currentWatermark(): number {
    return this.#watermark;
  }

  registerEventTimeTimer(timestamp: number, namespace?: unknown): void {
    this.#event.add(this.#checked(timestamp), this.#keyedState.getCurrentKey(), namespace);
  }

  registerProcessingTimeTimer(timestamp: number, namespace?: unknown): void {
    this.#processing.add(this.#checked(timestamp), this.#keyedState.getCurrentKey(), namespace);
    this.#arm();
  }

  deleteEventTimeTimer(timestamp: number, namespace?: unknown): void {
    this.#event.delete(timestamp, this.#keyedState.getCurrentKey(), namespace);
  }

  deleteProcessingTimeTimer(timestamp: number, namespace?: unknown): void {
    this.#processing.delete(timestamp, this.#keyedState.getCurrentKey(), namespace);
  }

  set watermark(timestamp: number) {
    this.#watermark = timestamp;
  }

  /** False when it had to stop between two timers: call again when the task may go on. */
  fireEvent(): boolean {
    return this.#fire(this.#event, this.#watermark, 'EVENT_TIME');
  }

  fireProcessing(): boolean {
    const done = this.#fire(this.#processing, this.#context.currentProcessingTime(), 'PROCESSING_TIME');
    if (done) this.#arm();
    return done;
  }

  close(): void {
    this.#disarm?.();
  }

  #fire(queue: TimerQueueAccess, until: number, domain: TimeDomain): boolean {
    for (let due = queue.takeDue(until); due; due = queue.takeDue(until)) {
      this.#keyedState.setCurrentKey(due.key);
      if (!this.#onTimer(due.timestamp, domain, due.namespace)) return false;
    }
    return true;
  }

  #arm(): void {
    const next = this.#processing.next;
    if (next >= this.#armedFor) return;
    this.#disarm?.();
    this.#disarm = undefined;
    this.#armedFor = next;
    if (next === Number.POSITIVE_INFINITY) return;
    this.#disarm = this.#context.registerProcessingTimer(next, () => {
      this.#armedFor = Number.POSITIVE_INFINITY;
      this.#disarm = undefined;
      this.#onProcessingTime();
    });
  }

  #checked(timestamp: number): number {
    if (typeof timestamp === 'number' && !Number.isNaN(timestamp)) return timestamp;
    throw new UserError('INVALID_TIMER', {
      problem: `Operator '${this.#context.operatorName}': a timer cannot be set for ${String(timestamp)}.`,
      tryNext: ['Give the time in milliseconds since 1970, as a number.'],
    });
  }
}
