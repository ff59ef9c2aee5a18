/** What operators at the end of a stream share. While a write is awaited, what comes meanwhile waits behind it. */
import { MIN_TIMESTAMP } from '../../shared/time.ts';
import { InterruptibleOperator } from '../operators/interruptible-operator.ts';

export abstract class SinkOperator extends InterruptibleOperator {
  protected watermark = MIN_TIMESTAMP;
  timestamp = MIN_TIMESTAMP;

  override processWatermark(timestamp: number): void {
    if (this.interrupted) this.defer('watermark', undefined, timestamp);
    else this.watermark = timestamp;
  }

  override processWatermarkStatus(): void {}

  waitIfAsync(result: void | Promise<void>): void {
    if (result !== undefined && typeof (result as { then?: unknown }).then === 'function') this.waitFor(result);
  }
}
