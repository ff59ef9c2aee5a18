/** The beat at which periodic watermark generators are asked, and idleness that is counted in its steps. */
import type { OperatorContext } from '../../api/operators.ts';
import { Configuration } from '../../config/configuration.ts';

const defaultIntervalMs = 200;

/** Calls `tick` every `pipeline.auto-watermark-interval`; with 0, never. Returns a function that stops it. */
export function startWatermarkTicks(context: OperatorContext, tick: (elapsedMs: number) => void): () => void {
  const intervalMs = Configuration.of(context.configuration).getOptional('pipeline.auto-watermark-interval') ?? defaultIntervalMs;
  if (intervalMs <= 0) return () => {};
  let cancel: (() => void) | undefined;
  const schedule = (from: number): void => {
    cancel = context.registerProcessingTimer(from + intervalMs, () => {
      const now = context.currentProcessingTime();
      // A task that could not run for a while is not one whose input was silent.
      const elapsedMs = context.isPaused ? 0 : Math.min(Math.max(0, now - from), 2 * intervalMs);
      tick(elapsedMs);
      schedule(now);
    });
  };
  schedule(context.currentProcessingTime());
  return () => cancel?.();
}

/** Whether an input has been silent for its idleness timeout. */
export class IdlenessTimer {
  readonly #timeoutMs: number | undefined;
  #silentMs = 0;

  /** Undefined: never. */
  constructor(timeoutMs: number | undefined) {
    this.#timeoutMs = timeoutMs;
  }

  activity(): void {
    this.#silentMs = 0;
  }

  /** True when the timeout has passed. */
  tick(elapsedMs: number): boolean {
    if (this.#timeoutMs === undefined) return false;
    this.#silentMs += elapsedMs;
    return this.#silentMs >= this.#timeoutMs;
  }
}
