/**
 * Evictors drop elements of a window before or after it is evaluated. They need every element: nothing is aggregated ahead, and
 * sliding windows share nothing.
 */
import { type Duration, durationMs } from '../duration.ts';
import { type DeltaFunction, deltaOf } from './triggers.ts';
import { checkedAmount, type Window } from './window.ts';

export interface TimestampedValue<T> {
  readonly value: T;
  /** Without one: that of the element before every other. */
  readonly timestamp: number;
}

export interface EvictorContext {
  getCurrentProcessingTime(): number;
  getCurrentWatermark(): number;
}

type Elements<T> = readonly TimestampedValue<T>[];

/** Each method gets the window's elements in the order in which they came, and returns those that stay. */
export interface Evictor<T, W extends Window = Window> {
  evictBefore?(elements: Elements<T>, window: W, context: EvictorContext): Elements<T>;
  evictAfter?(elements: Elements<T>, window: W, context: EvictorContext): Elements<T>;
}

/** Keeps the last elements, so many of them. */
export class CountEvictor implements Evictor<unknown> {
  readonly #maxCount: number;
  readonly #after: boolean;

  private constructor(maxCount: number, after: boolean) {
    this.#maxCount = maxCount;
    this.#after = after;
  }

  static of(maxCount: number, doEvictAfter = false): CountEvictor {
    return new CountEvictor(checkedAmount(maxCount, 'The count of a CountEvictor', 0, 'elements'), doEvictAfter);
  }

  evictBefore<T>(elements: Elements<T>): Elements<T> {
    return this.#after ? elements : this.#evict(elements);
  }

  evictAfter<T>(elements: Elements<T>): Elements<T> {
    return this.#after ? this.#evict(elements) : elements;
  }

  #evict<T>(elements: Elements<T>): Elements<T> {
    return elements.length <= this.#maxCount ? elements : elements.slice(elements.length - this.#maxCount);
  }
}

/** Keeps what is newer than the newest element's time less the duration. */
export class TimeEvictor implements Evictor<unknown> {
  readonly #keepMs: number;
  readonly #after: boolean;

  private constructor(keepMs: number, after: boolean) {
    this.#keepMs = keepMs;
    this.#after = after;
  }

  static of(duration: Duration, doEvictAfter = false): TimeEvictor {
    return new TimeEvictor(checkedAmount(durationMs(duration, 'TimeEvictor.of'), 'The time of a TimeEvictor', 0), doEvictAfter);
  }

  evictBefore<T>(elements: Elements<T>): Elements<T> {
    return this.#after ? elements : this.#evict(elements);
  }

  evictAfter<T>(elements: Elements<T>): Elements<T> {
    return this.#after ? this.#evict(elements) : elements;
  }

  #evict<T>(elements: Elements<T>): Elements<T> {
    const newest = elements.reduce((latest, { timestamp }) => Math.max(latest, timestamp), Number.NEGATIVE_INFINITY);
    return elements.filter(({ timestamp }) => timestamp > newest - this.#keepMs);
  }
}

/** Keeps the elements whose delta to the last one is below the threshold. */
export class DeltaEvictor<T> implements Evictor<T> {
  readonly #threshold: number;
  readonly delta: (before: T, now: T) => number;
  readonly #after: boolean;

  private constructor(threshold: number, delta: DeltaFunction<T>, after: boolean) {
    this.#threshold = threshold;
    this.delta = deltaOf(delta);
    this.#after = after;
  }

  static of<T>(threshold: number, delta: DeltaFunction<T>, doEvictAfter = false): DeltaEvictor<T> {
    return new DeltaEvictor(threshold, delta, doEvictAfter);
  }

  evictBefore(elements: Elements<T>): Elements<T> {
    return this.#after ? elements : this.#evict(elements);
  }

  evictAfter(elements: Elements<T>): Elements<T> {
    return this.#after ? this.#evict(elements) : elements;
  }

  #evict(elements: Elements<T>): Elements<T> {
    const last = elements.at(-1);
    return last === undefined ? elements : elements.filter(({ value }) => this.delta(value, last.value) < this.#threshold);
  }
}
