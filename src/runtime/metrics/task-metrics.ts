/** Metrics of one task: a flat table of readers by full name, filled by groups. */
import type { MetricGroup } from '../../api/functions.ts';
import { LatestValues, quantileNames } from './latest-values.ts';
import { Rate } from './rate.ts';

/** Milliseconds of a monotonic clock. */
type Now = () => number;

export class TaskMetrics {
  readonly #readers = new Map<string, () => number | string>();
  readonly #now: Now;

  constructor(now: Now) {
    this.#now = now;
  }

  group(prefix: string): MetricGroup {
    const name = (metric: string): string => `${prefix}${metricNamePart(metric)}`;
    return {
      counter: (metric) => {
        let count = 0;
        this.#readers.set(name(metric), () => count);
        return {
          inc: (by = 1) => {
            count += by;
          },
          dec: (by = 1) => {
            count -= by;
          },
          getCount: () => count,
        };
      },
      gauge: (metric, read) => {
        this.#readers.set(name(metric), read);
      },
      meter: (metric) => {
        let count = 0;
        const rate = new Rate(this.#now);
        this.#readers.set(name(metric), () => rate.perSecond(count));
        return {
          markEvent: (by = 1) => {
            count += by;
          },
          getRate: () => rate.perSecond(count),
          getCount: () => count,
        };
      },
      histogram: (metric) => {
        const values = new LatestValues();
        for (const statistic of quantileNames) this.#readers.set(`${name(metric)}_${statistic}`, () => values.statistics()[statistic]);
        return { update: (value) => values.add(value) };
      },
      addGroup: (key, value) => this.group(`${prefix}${metricNamePart(key)}.${value === undefined ? '' : `${metricNamePart(value)}.`}`),
    };
  }

  /** A gauge whose function fails says so in its place. */
  dump(): Record<string, number | string> {
    return Object.fromEntries([...this.#readers].map(([name, read]) => [name, readSafely(read)]));
  }
}

function readSafely(read: () => unknown): number | string {
  try {
    const value = read();
    return typeof value === 'number' || typeof value === 'string' ? value : String(value);
  } catch (error) {
    return `failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Part of a name between dots. */
export function metricNamePart(name: string): string {
  return name.replace(/[ .,:]/g, '_').slice(0, 80);
}
