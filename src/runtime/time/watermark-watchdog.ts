/**
 * Notices that event time stands still because one input holds it back while others go on: the most common reason for windows that
 * never close. Says which input it is.
 */
import { MAX_WATERMARK, MIN_TIMESTAMP } from '../../shared/time.ts';
import type { WatermarkValve } from './watermark-valve.ts';

export interface WatchdogOptions {
  readonly valve: WatermarkValve;
  /** `name (2/4)` of the producer. */
  readonly inputName: (channel: number) => string;
  readonly taskName: string;
  /** How long event time may stand still, ms; 0: nobody watches. */
  readonly patienceMs: number;
  readonly warn: (message: string) => void;
}

export class WatermarkWatchdog {
  readonly #options: WatchdogOptions;
  #watermark = MIN_TIMESTAMP;
  #since: number | undefined;
  #hasWarned = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  /** The producer that others are ahead of; empty when there is none. */
  get heldBackBy(): string {
    const { valve, inputName } = this.#options;
    const channel = valve.slowestChannel;
    return channel === undefined || valve.furthest <= valve.current ? '' : inputName(channel);
  }

  /** From time to time. `now`: monotonic, ms. */
  check(now: number): void {
    const { valve, patienceMs } = this.#options;
    const blocker = this.heldBackBy;
    if (valve.current !== this.#watermark || blocker === '') {
      this.#watermark = valve.current;
      this.#since = undefined;
      this.#hasWarned = false;
      return;
    }
    this.#since ??= now;
    if (patienceMs === 0 || this.#hasWarned || now - this.#since < patienceMs) return;
    this.#hasWarned = true;
    this.#warn(blocker, now - this.#since);
  }

  #warn(blocker: string, stoodMs: number): void {
    const { valve, taskName, warn } = this.#options;
    warn(
      `The event time of ${taskName} has stood still for ${Math.round(stoodMs / 1000)} s at ${rendered(valve.current)}: it waits for ${blocker}, while others have come to ${rendered(valve.furthest)}. ` +
        'If that input may be silent, give its watermark strategy withIdleness().',
    );
  }
}

function rendered(watermark: number): string {
  if (watermark === MIN_TIMESTAMP) return 'its beginning (no watermark yet)';
  if (watermark === MAX_WATERMARK) return 'the end of the input';
  const date = new Date(watermark);
  return Number.isNaN(date.getTime()) ? String(watermark) : date.toISOString();
}
