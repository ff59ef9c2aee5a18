/** Time as the engine counts it: milliseconds since the epoch in a JavaScript number. */

/** "No timestamp", and the watermark before the first one. Shown as Long.MIN_VALUE where Flink's formats want it. */
export const MIN_TIMESTAMP = Number.MIN_SAFE_INTEGER;
/** The watermark at the end of a bounded input: no event can come any more. */
export const MAX_WATERMARK = Number.MAX_SAFE_INTEGER;

/** The clock is passed in wherever behaviour depends on time, so that tests can turn it by hand. */
export interface Clock {
  /** Wall clock, ms since the epoch. */
  now(): number;
  /** Monotonic, ms, fractional. */
  monotonic(): number;
  /** Calls back once after `delayMs`; the returned function cancels. */
  schedule(delayMs: number, callback: () => void): () => void;
  /** Callbacks come at their time to the millisecond, never before: true for clocks that are turned by hand. */
  readonly isExact?: boolean;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(delayMs, callback) {
    const timer = setTimeout(callback, Math.max(0, Math.min(delayMs, 0x7fffffff)));
    return () => clearTimeout(timer);
  },
};

/** What the promise gives, or undefined when that takes longer. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
