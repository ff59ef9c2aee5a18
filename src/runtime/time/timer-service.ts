/** The timers of one keyed operator: event-time timers fire with the watermark, processing-time timers by one clock callback. */
import type { TimeDomain, TimerService } from '../../api/functions.ts';
import type { OperatorContext } from '../../api/operators.ts';
import { MIN_TIMESTAMP } from '../../shared/time.ts';
import { TimerQueue } from './timer-queue.ts';

/** The key is set. False when no further timer may fire now. */
export type TimerCallback = (timestamp: number, domain: TimeDomain) => boolean;

export class KeyedTimerService implements TimerService {
  readonly #event = new TimerQueue();
  readonly #processing = new TimerQueue();
  readonly #context: OperatorContext;
  readonly #onTimer: TimerCallback;
  readonly #onProcessingTime: () => void;
  #watermark = MIN_TIMESTAMP;
  #armedFor = Number.POSITIVE_INFINITY;
  #disarm: (() => void) | undefined;

  /** `onProcessingTime` is called as a mail when processing-time timers are due; it calls {@link fireProcessing}. */
  constructor(context: OperatorContext, onTimer: TimerCallback, onProcessingTime: () => void) {
    this.#context = context;
    this.#onTimer = onTimer;
    this.#onProcessingTime = onProcessingTime;
  }

  currentProcessingTime(): number {
    return this.#context.currentProcessingTime();
  }

  currentWatermark(): number {
    return this.#watermark;
  }

  registerEventTimeTimer(timestamp: number): void {
    this.#event.add(timestamp, this.#key());
  }

  registerProcessingTimeTimer(timestamp: number): void {
    this.#processing.add(timestamp, this.#key());
    this.#arm();
  }

  deleteEventTimeTimer(timestamp: number): void {
    this.#event.delete(timestamp, this.#key());
  }

  deleteProcessingTimeTimer(timestamp: number): void {
    this.#processing.delete(timestamp, this.#key());
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

  #fire(queue: TimerQueue, until: number, domain: TimeDomain): boolean {
    for (let due = queue.takeDue(until); due; due = queue.takeDue(until)) {
      this.#context.keyedState?.setCurrentKey(due.key);
      if (!this.#onTimer(due.timestamp, domain)) return false;
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

  #key(): unknown {
    return this.#context.keyedState?.getCurrentKey();
  }
}
