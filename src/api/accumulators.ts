/** Accumulators: sums over all subtasks, returned with the job's result. The JobManager merges their JSON forms by type. */
import { UserError } from '../shared/errors.ts';
import type { Accumulator } from './functions.ts';

abstract class Sum implements Accumulator<number, number> {
  abstract readonly type: string;
  #sum = 0;

  add(value = 1): void {
    this.#sum += value;
  }

  getLocalValue(): number {
    return this.#sum;
  }

  resetLocal(): void {
    this.#sum = 0;
  }

  toJson(): number {
    return this.#sum;
  }
}

export class IntCounter extends Sum {
  readonly type = 'IntCounter';
}

export class LongCounter extends Sum {
  readonly type = 'LongCounter';
}

export class DoubleCounter extends Sum {
  readonly type = 'DoubleCounter';
}

abstract class Extreme implements Accumulator<number, number> {
  abstract readonly type: string;
  #value: number | undefined;

  abstract choose(a: number, b: number): number;

  add(value: number): void {
    this.#value = this.#value === undefined ? value : this.choose(this.#value, value);
  }

  getLocalValue(): number {
    return this.#value ?? 0;
  }

  resetLocal(): void {
    this.#value = undefined;
  }

  toJson(): number | null {
    return this.#value ?? null;
  }
}

abstract class Minimum extends Extreme {
  choose(a: number, b: number): number {
    return Math.min(a, b);
  }
}

abstract class Maximum extends Extreme {
  choose(a: number, b: number): number {
    return Math.max(a, b);
  }
}

export class IntMinimum extends Minimum {
  readonly type = 'IntMinimum';
}

export class IntMaximum extends Maximum {
  readonly type = 'IntMaximum';
}

export class LongMinimum extends Minimum {
  readonly type = 'LongMinimum';
}

export class LongMaximum extends Maximum {
  readonly type = 'LongMaximum';
}

export class DoubleMinimum extends Minimum {
  readonly type = 'DoubleMinimum';
}

export class DoubleMaximum extends Maximum {
  readonly type = 'DoubleMaximum';
}

export class AverageAccumulator implements Accumulator<number, number> {
  readonly type = 'AverageAccumulator';
  #sum = 0;
  #count = 0;

  add(value: number): void {
    this.#sum += value;
    this.#count++;
  }

  getLocalValue(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  resetLocal(): void {
    this.#sum = 0;
    this.#count = 0;
  }

  toJson(): { sum: number; count: number } {
    return { sum: this.#sum, count: this.#count };
  }
}

export class Histogram implements Accumulator<number, ReadonlyMap<number, number>> {
  readonly type = 'Histogram';
  readonly #counts = new Map<number, number>();

  add(value: number): void {
    this.#counts.set(value, (this.#counts.get(value) ?? 0) + 1);
  }

  getLocalValue(): ReadonlyMap<number, number> {
    return this.#counts;
  }

  resetLocal(): void {
    this.#counts.clear();
  }

  toJson(): [number, number][] {
    return [...this.#counts];
  }
}

const mergeable = new Set(
  ['Counter', 'Minimum', 'Maximum']
    .flatMap((kind) => ['Int', 'Long', 'Double'].map((type) => type + kind))
    .concat('AverageAccumulator', 'Histogram'),
);

/** Throws UserError('UNKNOWN_ACCUMULATOR') for one that the JobManager could not merge. */
export function requireMergeable(name: string, type: string): void {
  if (mergeable.has(type)) return;
  throw new UserError('UNKNOWN_ACCUMULATOR', {
    problem: `The accumulator '${name}' of type '${type}' cannot be merged over subtasks.`,
    tryNext: ['Use one of the counters, minimums, maximums, AverageAccumulator or Histogram of weir.'],
  });
}

/** Merges two JSON forms of one accumulator type. */
export function mergeAccumulators(type: string, a: unknown, b: unknown): unknown {
  switch (type) {
    case 'IntMinimum':
    case 'LongMinimum':
    case 'DoubleMinimum':
      return a === null ? b : b === null ? a : Math.min(a as number, b as number);
    case 'IntMaximum':
    case 'LongMaximum':
    case 'DoubleMaximum':
      return a === null ? b : b === null ? a : Math.max(a as number, b as number);
    case 'AverageAccumulator': {
      const [left, right] = [a, b] as { sum: number; count: number }[] as [{ sum: number; count: number }, { sum: number; count: number }];
      return { sum: left.sum + right.sum, count: left.count + right.count };
    }
    case 'Histogram': {
      const counts = new Map(a as [number, number][]);
      for (const [value, count] of b as [number, number][]) counts.set(value, (counts.get(value) ?? 0) + count);
      return [...counts];
    }
    default:
      return (a as number) + (b as number);
  }
}

type AccumulatorJson = Readonly<Record<string, { readonly type: string; readonly value: unknown }>>;

/** One accumulator per name, of the JSON forms that several subtasks report. */
export function mergedAccumulators(parts: readonly AccumulatorJson[]): Record<string, { type: string; value: unknown }> {
  const merged: Record<string, { type: string; value: unknown }> = {};
  for (const part of parts) {
    for (const [name, { type, value }] of Object.entries(part)) {
      const former = merged[name];
      merged[name] = { type, value: former ? mergeAccumulators(type, former.value, value) : value };
    }
  }
  return merged;
}

/** What the program sees in the job's result. */
export function accumulatorResult(type: string, json: unknown): unknown {
  if (type === 'Histogram') return new Map((json as [number, number][]).sort(([a], [b]) => a - b));
  if (type !== 'AverageAccumulator') return json ?? 0;
  const { sum, count } = json as { sum: number; count: number };
  return count === 0 ? 0 : sum / count;
}
