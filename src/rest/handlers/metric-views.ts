/** Metric queries: names alone, or with `get` the values as text; unknown names are left out. */
import type { MetricDump } from '../../runtime/rpc/gateways.ts';

export function metricsAnswer(query: URLSearchParams, metrics: MetricDump): { id: string; value?: string }[] {
  const wanted = query.get('get');
  if (wanted === null) return Object.keys(metrics).map((id) => ({ id }));
  return wanted
    .split(',')
    .filter((id) => Object.hasOwn(metrics, id))
    .map((id) => ({ id, value: String(metrics[id]) }));
}

type Aggregate = 'min' | 'max' | 'avg' | 'sum' | 'skew';
const aggregates: readonly Aggregate[] = ['min', 'max', 'avg', 'sum', 'skew'];

/** Over members: every aggregate, or those of `agg`. When one requested name exists nowhere the whole answer is empty. */
export function aggregatedMetricsAnswer(query: URLSearchParams, members: readonly MetricDump[]): Record<string, string | number>[] {
  const names = new Set(members.flatMap((member) => Object.keys(member)));
  const wanted = query.get('get')?.split(',');
  if (!wanted) return [...names].map((id) => ({ id }));
  if (wanted.some((id) => !names.has(id))) return [];
  const asked = query.get('agg')?.toLowerCase().split(',');
  const shown = aggregates.filter((aggregate) => !asked || asked.includes(aggregate));
  return wanted.flatMap((id) => {
    const values = members.map((member) => Number(member[id])).filter((value) => !Number.isNaN(value));
    if (values.length === 0) return [];
    const sum = values.reduce((total, value) => total + value, 0);
    const all: Record<Aggregate, number> = {
      min: Math.min(...values),
      max: Math.max(...values),
      avg: sum / values.length,
      sum,
      skew: skew(values, sum / values.length),
    };
    return [{ id, ...Object.fromEntries(shown.map((aggregate) => [aggregate, all[aggregate]])) }];
  });
}

/** Mean absolute deviation from the mean, in percent of the mean, at most 100. */
function skew(values: readonly number[], mean: number): number {
  if (mean === 0) return 0;
  const deviation = values.reduce((total, value) => total + Math.abs(value - mean), 0) / values.length;
  return Math.min(100, (deviation / Math.abs(mean)) * 100);
}
