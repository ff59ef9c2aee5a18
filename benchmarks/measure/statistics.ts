/** Median, spread, and what may be said about a target from them. */

export interface Summary {
  readonly median: number;
  /** First and third quartile: half of the runs lie between them. */
  readonly low: number;
  readonly high: number;
  readonly runs: number;
}

export function summarise(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: quantile(sorted, 0.5), low: quantile(sorted, 0.25), high: quantile(sorted, 0.75), runs: sorted.length };
}

function quantile(sorted: readonly number[], share: number): number {
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)] as number;
  const above = sorted[Math.ceil(position)] as number;
  return below + (above - below) * (position - Math.floor(position));
}

/** What is wanted of a median. */
export type Target = { readonly atLeast: number } | { readonly atMost: number };

/** `reached` when the median is; `unproven` when it is, but a quartile is not. */
export function judge(summary: Summary, target: Target): 'reached' | 'unproven' | 'missed' {
  const meets = (value: number): boolean => ('atLeast' in target ? value >= target.atLeast : value <= target.atMost);
  if (!meets(summary.median)) return 'missed';
  return meets(summary.low) && meets(summary.high) ? 'reached' : 'unproven';
}
