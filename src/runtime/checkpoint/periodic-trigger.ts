/**
 * Rings for periodic checkpoints: at a fixed rate, the first time after a random part of the interval, so that the jobs of a
 * cluster do not checkpoint all at once.
 */
import type { Clock } from '../../shared/time.ts';

export interface PeriodicTriggerOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly intervalMs: number;
  readonly minPauseMs: number;
  readonly onDue: () => void;
}

export class PeriodicTrigger {
  readonly #options: PeriodicTriggerOptions;
  readonly #periodMs: number;
  #cancel: (() => void) | undefined;
  #dueAt = 0;

  constructor(options: PeriodicTriggerOptions) {
    this.#options = options;
    this.#periodMs = Math.max(options.intervalMs, options.minPauseMs);
  }

  get isRunning(): boolean {
    return this.#cancel !== undefined;
  }

  start(): void {
    const { random, minPauseMs } = this.#options;
    this.rearm(minPauseMs + Math.floor(random() * (this.#periodMs - minPauseMs + 1)));
  }

  /** The next ring comes after `delayMs`, the others at the fixed rate behind it. */
  rearm(delayMs: number): void {
    this.stop();
    this.#dueAt = this.#options.clock.now() + delayMs;
    this.#arm();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(): void {
    const { clock, onDue } = this.#options;
    this.#cancel = clock.schedule(Math.max(0, this.#dueAt - clock.now()), () => {
      // Rings that were missed are not made up for.
      this.#dueAt = Math.max(this.#dueAt + this.#periodMs, clock.now());
      this.#arm();
      onDue();
    });
  }
}
