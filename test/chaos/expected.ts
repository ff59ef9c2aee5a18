/** What the chaos job commits, by a plain loop over its records. No engine, no state, no time. */
import { keyOf, partsOfRule, recordValue, ruleOf, ruleValue, timeOf, windowMs } from './records.ts';

export interface ChaosOutput {
  /** Sorted lines. */
  readonly records: readonly string[];
  readonly windows: readonly string[];
}

export function expectedOutput({ ranges, perRange }: { readonly ranges: number; readonly perRange: number }): ChaosOutput {
  const records: string[] = [];
  const sums = new Map<string, number>();
  for (let range = 0; range < ranges; range++) {
    const byKey = new Map<string, number[]>();
    for (let n = 0; n < perRange; n++) {
      const key = keyOf(range, n);
      const values = byKey.get(key) ?? [];
      byKey.set(key, values);
      values.push(recordValue(range, n));
      const recent = values.slice(values.length - 1 - ((values.length - 1) % 5));
      const mean = Math.floor((100 * values.reduce((sum, value) => sum + value, 0)) / values.length);
      const rule = ruleValue(ruleOf(n, perRange), partsOfRule);
      records.push(
        `${key} n=${n} seq=${n + 1} total=${n + 1} count=${values.length} recent=${recent.join(',')} largest=${Math.max(...values)} mean=${mean} rule=${rule}`,
      );
      const window = `${key} window=${(Math.floor(timeOf(n) / windowMs) + 1) * windowMs}`;
      sums.set(window, (sums.get(window) ?? 0) + recordValue(range, n));
    }
  }
  return { records: records.sort(), windows: [...sums].map(([window, sum]) => `${window} sum=${sum}`).sort() };
}
