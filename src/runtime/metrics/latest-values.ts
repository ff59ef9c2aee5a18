/** The newest values of a histogram and what they tell; the names are those of Flink's histograms. */
const capacity = 1024;

const quantiles = { median: 0.5, p75: 0.75, p90: 0.9, p95: 0.95, p98: 0.98, p99: 0.99, p999: 0.999 } as const;

export type StatisticName = 'count' | 'min' | 'max' | 'mean' | 'stddev' | keyof typeof quantiles;
export const quantileNames: readonly StatisticName[] = [
  'count',
  'min',
  'max',
  'mean',
  'stddev',
  ...(Object.keys(quantiles) as (keyof typeof quantiles)[]),
];

export class LatestValues {
  readonly #values = new Float64Array(capacity);
  #count = 0;
  #statistics: Record<StatisticName, number> | undefined;

  add(value: number): void {
    this.#values[this.#count++ % capacity] = value;
    this.#statistics = undefined;
  }

  /** `count` is of all values there ever were, the rest is about the newest {@link capacity}. */
  statistics(): Readonly<Record<StatisticName, number>> {
    this.#statistics ??= this.#compute();
    return this.#statistics;
  }

  #compute(): Record<StatisticName, number> {
    const sorted = this.#values.slice(0, Math.min(this.#count, capacity)).sort();
    const { length } = sorted;
    const mean = length === 0 ? 0 : sorted.reduce((sum, value) => sum + value, 0) / length;
    const variance = length < 2 ? 0 : sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (length - 1);
    return {
      count: this.#count,
      min: sorted[0] ?? 0,
      max: sorted[length - 1] ?? 0,
      mean,
      stddev: Math.sqrt(variance),
      ...(Object.fromEntries(Object.entries(quantiles).map(([name, q]) => [name, quantile(sorted, q)])) as Record<
        keyof typeof quantiles,
        number
      >),
    };
  }
}

/** Linear between the two neighbours. */
function quantile(sorted: Float64Array, q: number): number {
  if (sorted.length === 0) return 0;
  const position = q * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below] as number;
  return low + (position - below) * ((sorted[below + 1] ?? low) - low);
}
