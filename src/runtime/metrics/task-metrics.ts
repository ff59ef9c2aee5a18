/** Metrics of one task: a flat table of readers by full name, filled by groups. */
import type { MetricGroup } from '../../api/functions.ts';

export class TaskMetrics {
  readonly #readers = new Map<string, () => number | string>();

  group(prefix: string): MetricGroup {
    const name = (metric: string): string => `${prefix}${sanitized(metric)}`;
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
        const started = performance.now();
        const rate = (): number => count / Math.max(1, (performance.now() - started) / 1000);
        this.#readers.set(name(metric), rate);
        return {
          markEvent: (by = 1) => {
            count += by;
          },
          getRate: rate,
          getCount: () => count,
        };
      },
      histogram: (metric) => {
        const values: number[] = [];
        const quantile = (q: number): number =>
          [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))] ?? 0;
        for (const [suffix, q] of [
          ['min', 0],
          ['median', 0.5],
          ['p95', 0.95],
          ['p99', 0.99],
          ['max', 1],
        ] as const)
          this.#readers.set(`${name(metric)}_${suffix}`, () => quantile(q));
        return {
          update: (value) => {
            // A window of the newest values; enough for the quantiles that are shown.
            if (values.length >= 1024) values.shift();
            values.push(value);
          },
        };
      },
      addGroup: (key, value) => this.group(`${prefix}${sanitized(key)}.${value === undefined ? '' : `${sanitized(value)}.`}`),
    };
  }

  dump(): Record<string, number | string> {
    return Object.fromEntries([...this.#readers].map(([name, read]) => [name, read()]));
  }
}

function sanitized(name: string): string {
  return name.replace(/[ .,:]/g, '_').slice(0, 80);
}
