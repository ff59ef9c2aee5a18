/**
 * The watermark of a task: the minimum over its channels. Idle channels are left out; one that wakes up counts again once it
 * has caught up with the task, which never goes back.
 */
import { MIN_TIMESTAMP } from '../../shared/time.ts';

export class WatermarkValve {
  readonly #watermarks: Float64Array;
  readonly #idle: boolean[];
  /** Counts for the minimum: not idle, and not behind the task since it woke up. */
  readonly #aligned: boolean[];
  #output = MIN_TIMESTAMP;
  #outputIdle = false;

  constructor(channels: number) {
    this.#watermarks = new Float64Array(channels).fill(MIN_TIMESTAMP);
    this.#idle = new Array<boolean>(channels).fill(false);
    this.#aligned = new Array<boolean>(channels).fill(true);
  }

  get channelCount(): number {
    return this.#watermarks.length;
  }

  get current(): number {
    return this.#output;
  }

  /** The one that the watermark waits for, if there is one. */
  get slowestChannel(): number | undefined {
    let slowest: number | undefined;
    for (let i = 0; i < this.#watermarks.length; i++) {
      if (!this.#aligned[i] || this.#idle[i]) continue;
      if (slowest === undefined || (this.#watermarks[i] as number) < (this.#watermarks[slowest] as number)) slowest = i;
    }
    return slowest;
  }

  /** What the fastest channel has come to. */
  get furthest(): number {
    return this.#watermarks.reduce((furthest, watermark) => Math.max(furthest, watermark), MIN_TIMESTAMP);
  }

  get isIdle(): boolean {
    return this.#outputIdle;
  }

  /** True when the output watermark advanced. */
  advance(channel: number, timestamp: number): boolean {
    if (this.#idle[channel] || timestamp <= (this.#watermarks[channel] as number)) return false;
    this.#watermarks[channel] = timestamp;
    if (timestamp >= this.#output) this.#aligned[channel] = true;
    return this.#recompute();
  }

  /** What changed: the status, the watermark (silence no longer holds it back), or both. */
  setIdle(channel: number, idle: boolean): { statusChanged: boolean; advanced: boolean } {
    this.#idle[channel] = idle;
    this.#aligned[channel] = !idle && (this.#watermarks[channel] as number) >= this.#output;
    const allIdle = this.#idle.every(Boolean);
    const statusChanged = allIdle !== this.#outputIdle;
    this.#outputIdle = allIdle;
    return { statusChanged, advanced: allIdle ? this.#advanceTo(Math.max(...this.#watermarks)) : this.#recompute() };
  }

  #recompute(): boolean {
    let minimum = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#watermarks.length; i++) {
      if (this.#aligned[i] && (this.#watermarks[i] as number) < minimum) minimum = this.#watermarks[i] as number;
    }
    return minimum !== Number.POSITIVE_INFINITY && this.#advanceTo(minimum);
  }

  #advanceTo(timestamp: number): boolean {
    if (timestamp <= this.#output) return false;
    this.#output = timestamp;
    return true;
  }
}
