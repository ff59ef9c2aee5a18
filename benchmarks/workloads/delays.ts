/** A histogram of delays: eight buckets per doubling, from a microsecond up, so a quantile is right within 9 %. */
const bucketsPerDoubling = 8;

export class Delays {
  readonly #counts = new Map<number, number>();

  add(milliseconds: number, times = 1): void {
    this.addToBucket(Math.floor(Math.log2(Math.max(1, milliseconds * 1000)) * bucketsPerDoubling), times);
  }

  addToBucket(bucket: number, times: number): void {
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + times);
  }

  get buckets(): ReadonlyMap<number, number> {
    return this.#counts;
  }

  get total(): number {
    return this.#counts.values().reduce((sum, times) => sum + times, 0);
  }

  /** Milliseconds that this share of all delays does not exceed: the upper end of its bucket. */
  quantile(share: number): number {
    const wanted = this.total * share;
    let seen = 0;
    for (const [bucket, times] of [...this.#counts].sort(([a], [b]) => a - b)) {
      seen += times;
      if (seen >= wanted) return upperEnd(bucket);
    }
    return Number.NaN;
  }

  /** How many are at most so many milliseconds. */
  countUpTo(milliseconds: number): number {
    let count = 0;
    for (const [bucket, times] of this.#counts) if (upperEnd(bucket) <= milliseconds) count += times;
    return count;
  }
}

function upperEnd(bucket: number): number {
  return 2 ** ((bucket + 1) / bucketsPerDoubling) / 1000;
}
