/** Smallest, largest, average and quantiles of numbers; quantiles are interpolated as Flink's are. */
import type { NumberSummary } from './checkpoint-statistics.ts';

export function summarise(values: readonly number[]): NumberSummary {
  if (values.length === 0) {
    const none = Number.NaN;
    return { min: 0, max: 0, average: 0, p50: none, p90: none, p95: none, p99: none, p999: none };
  }
  const sorted = Float64Array.from(values).sort();
  return {
    min: sorted[0] as number,
    max: sorted.at(-1) as number,
    average: Math.floor(values.reduce((sum, value) => sum + value, 0) / values.length),
    p50: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    p999: quantile(sorted, 0.999),
  };
}

/** The estimate at position q · (n + 1), between its neighbours. */
function quantile(sorted: Float64Array, q: number): number {
  const position = q * (sorted.length + 1);
  const below = Math.floor(position);
  if (below < 1) return sorted[0] as number;
  if (below >= sorted.length) return sorted.at(-1) as number;
  const [lower, upper] = [sorted[below - 1] as number, sorted[below] as number];
  return lower + (position - below) * (upper - lower);
}
