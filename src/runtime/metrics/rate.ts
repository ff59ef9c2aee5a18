/** Events per second over the last minute, of a counter that somebody else counts. */
const windowMs = 60_000;
const sampleEveryMs = 1000;

export class Rate {
  readonly #now: () => number;
  /** Oldest first; the newest is at least {@link sampleEveryMs} younger than the one before it. */
  readonly #samples: { readonly atMs: number; readonly count: number }[] = [];

  constructor(now: () => number) {
    this.#now = now;
    this.#samples.push({ atMs: now(), count: 0 });
  }

  perSecond(count: number): number {
    const atMs = this.#now();
    const newest = this.#samples[this.#samples.length - 1] as { atMs: number };
    if (atMs - newest.atMs >= sampleEveryMs) this.#samples.push({ atMs, count });
    // One sample beyond the window stays: the rate is over a whole minute as soon as there is one.
    while (this.#samples.length > 2 && atMs - (this.#samples[1] as { atMs: number }).atMs >= windowMs) this.#samples.shift();
    const oldest = this.#samples[0] as { atMs: number; count: number };
    return atMs === oldest.atMs ? 0 : ((count - oldest.count) * 1000) / (atMs - oldest.atMs);
  }
}
