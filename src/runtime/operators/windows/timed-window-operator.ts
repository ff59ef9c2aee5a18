/**
 * What operators with timers per key and namespace share: timers fire before the watermark goes on, and stop between two of them when the
 * output is full. The watermark is stored: what was late before a restore is late after it.
 */
import type { TimeDomain } from '../../../api/functions.ts';
import type {
  KeyedStateAccess,
  OperatorContext,
  Output,
  StateInitializationContext,
  StateSnapshotContext,
} from '../../../api/operators.ts';
import { MIN_TIMESTAMP } from '../../../shared/time.ts';
import { KeyedTimerService } from '../../time/timer-service.ts';
import { InterruptibleOperator } from '../interruptible-operator.ts';

export abstract class TimedWindowOperator extends InterruptibleOperator {
  protected timers!: KeyedTimerService;
  protected keyedState!: KeyedStateAccess;
  protected watermark = MIN_TIMESTAMP;
  /** Work interrupted by a pause, continued in `resume`. */
  #firingEvent = false;
  #firingProcessing = false;

  /** The key is set. False when no further timer may fire now. */
  protected abstract onTimer(timestamp: number, domain: TimeDomain, namespace: unknown): boolean;

  override setup(context: OperatorContext, output: Output): void {
    super.setup(context, output);
    this.keyedState = context.keyedState as KeyedStateAccess;
    this.timers = new KeyedTimerService(
      context,
      'window-timers',
      (timestamp, domain, namespace) => this.onTimer(timestamp, domain, namespace),
      () => this.#processingTime(),
    );
  }

  override async initializeState(context: StateInitializationContext): Promise<void> {
    await super.initializeState(context);
    const stored = context.operatorState.getUnionListState<number>({ kind: 'list', name: 'watermark' });
    const watermarks = [...stored.get()];
    if (watermarks.length > 0) this.watermark = Math.min(...watermarks);
    this.timers.watermark = this.watermark;
  }

  override async snapshotState(context: StateSnapshotContext): Promise<void> {
    await super.snapshotState(context);
    context.operatorState.getUnionListState<number>({ kind: 'list', name: 'watermark' }).update([this.watermark]);
  }

  override async open(): Promise<void> {
    await super.open();
    this.timers.open();
  }

  override close(): void | Promise<void> {
    this.timers?.close();
    return super.close();
  }

  override processWatermark(timestamp: number): void {
    if (this.interrupted) {
      this.defer('watermark', undefined, timestamp);
      return;
    }
    // After a restore, upstream begins anew.
    if (timestamp <= this.watermark) return;
    this.watermark = timestamp;
    this.timers.watermark = timestamp;
    this.#firingEvent = true;
    if (!this.#continueFiring()) this.interrupt();
  }

  protected override continueWork(): boolean {
    return super.continueWork() && this.continueElement() && this.#continueFiring();
  }

  /** Goes on with what an element began; true when it is complete. */
  protected continueElement(): boolean {
    return true;
  }

  #processingTime(): void {
    this.#firingProcessing = true;
    if (!this.#continueFiring()) this.interrupt();
  }

  #continueFiring(): boolean {
    if (this.#firingProcessing) {
      if (!this.timers.fireProcessing()) return false;
      this.#firingProcessing = false;
    }
    if (!this.#firingEvent) return true;
    if (!this.timers.fireEvent()) return false;
    this.#firingEvent = false;
    this.output.emitWatermark(this.watermark);
    return true;
  }
}
