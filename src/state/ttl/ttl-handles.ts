/**
 * Handles of keyed state whose values live for some time. They lie over the handles of a backend, which hold {@link Expiring}
 * values, so that state without a time to live knows nothing of this.
 *
 * A value that was stored without a time to live begins its life when it is first met.
 */
import type { AggregatingState, ListState, MapState, ReducingState, State, StateDescriptor, ValueState } from '../../api/state.ts';
import type { StateTtlConfig } from '../../api/state-ttl-config.ts';
import { detachStrings } from '../../types/detach.ts';
import { Expiring } from './expiring.ts';

type DescriptorOf<K extends StateDescriptor['kind']> = Extract<StateDescriptor, { kind: K }>;

/** Undefined: values live for ever. */
export type Lifetime = StateTtlConfig | undefined;

export abstract class TtlHandle<S extends State> implements State {
  protected readonly inner: S;
  protected readonly now: () => number;
  protected readonly refreshesOnRead: boolean;
  protected readonly returnsExpired: boolean;
  readonly #ttlMs: number;
  /** After each access, with the current key. */
  onAccess: () => void = () => {};

  constructor(inner: S, ttl: Lifetime, now: () => number) {
    this.inner = inner;
    this.now = now;
    this.#ttlMs = ttl?.ttlMs ?? Number.POSITIVE_INFINITY;
    this.refreshesOnRead = ttl?.updateType === 'OnReadAndWrite';
    this.returnsExpired = ttl?.visibility === 'ReturnExpiredIfNotCleanedUp';
  }

  clear(): void {
    this.inner.clear();
    this.onAccess();
  }

  /** Of the current key: removes what is over. The oldest time that is left; Infinity when nothing is. */
  abstract sweep(now: number): number;

  isOver(expiring: Expiring, now: number): boolean {
    return expiring.at + this.#ttlMs <= now;
  }

  protected sweepOne(stored: unknown, now: number): number {
    if (stored === null) return Number.POSITIVE_INFINITY;
    const expiring = this.expiring(stored);
    if (!this.isOver(expiring, now)) return expiring.at;
    this.inner.clear();
    return Number.POSITIVE_INFINITY;
  }

  protected fresh(value: unknown): Expiring {
    return new Expiring(detachStrings(value), this.now());
  }

  protected expiring(stored: unknown): Expiring {
    return stored instanceof Expiring ? stored : new Expiring(stored, this.now());
  }
}

export class TtlValue extends TtlHandle<ValueState<unknown>> implements ValueState<unknown> {
  readonly #defaultValue: (() => unknown) | undefined;

  constructor(inner: ValueState<unknown>, descriptor: DescriptorOf<'value'>, ttl: Lifetime, now: () => number) {
    super(inner, ttl, now);
    this.#defaultValue = descriptor.defaultValue;
  }

  value(): unknown {
    const value = this.#read();
    this.onAccess();
    return value ?? this.#defaultValue?.() ?? null;
  }

  update(value: unknown): void {
    this.inner.update(value === null || value === undefined ? null : this.fresh(value));
    this.onAccess();
  }

  sweep(now: number): number {
    return this.sweepOne(this.inner.value(), now);
  }

  #read(): unknown {
    const stored = this.inner.value();
    if (stored === null) return null;
    const expiring = this.expiring(stored);
    const now = this.now();
    if (this.isOver(expiring, now)) {
      this.inner.clear();
      return this.returnsExpired ? expiring.value : null;
    }
    if (this.refreshesOnRead) expiring.at = now;
    if (this.refreshesOnRead || expiring !== stored) this.inner.update(expiring);
    return expiring.value;
  }
}

export class TtlList extends TtlHandle<ListState<unknown>> implements ListState<unknown> {
  get(): Iterable<unknown> {
    const stored = Array.from(this.inner.get());
    const now = this.now();
    const all = stored.map((element) => this.expiring(element));
    const alive = all.filter((element) => !this.isOver(element, now));
    if (this.refreshesOnRead) for (const element of alive) element.at = now;
    if (this.refreshesOnRead || alive.length < all.length || all.some((element, index) => element !== stored[index]))
      this.inner.update(alive);
    this.onAccess();
    return (this.returnsExpired ? all : alive).map(({ value }) => value);
  }

  add(value: unknown): void {
    this.inner.add(this.#element(value));
    this.onAccess();
  }

  addAll(values: Iterable<unknown>): void {
    this.inner.addAll(Array.from(values, (value) => this.#element(value)));
    this.onAccess();
  }

  update(values: Iterable<unknown>): void {
    this.inner.update(Array.from(values, (value) => this.#element(value)));
    this.onAccess();
  }

  sweep(now: number): number {
    const all = Array.from(this.inner.get(), (element) => this.expiring(element));
    const alive = all.filter((element) => !this.isOver(element, now));
    if (alive.length < all.length) this.inner.update(alive);
    return alive.reduce((oldest, { at }) => Math.min(oldest, at), Number.POSITIVE_INFINITY);
  }

  /** Null is refused by the list itself. */
  #element(value: unknown): unknown {
    return value === null || value === undefined ? value : this.fresh(value);
  }
}

export class TtlMap extends TtlHandle<MapState<unknown, unknown>> implements MapState<unknown, unknown> {
  get(key: unknown): unknown {
    const value = this.#read(key);
    this.onAccess();
    return value;
  }

  put(key: unknown, value: unknown): void {
    this.inner.put(key, this.fresh(value));
    this.onAccess();
  }

  putAll(entries: Iterable<readonly [unknown, unknown]>): void {
    for (const [key, value] of entries) this.put(key, value);
  }

  remove(key: unknown): void {
    this.inner.remove(key);
    this.onAccess();
  }

  contains(key: unknown): boolean {
    const stored = this.inner.get(key);
    const found = stored !== undefined && (this.returnsExpired || !this.isOver(this.expiring(stored), this.now()));
    this.onAccess();
    return found;
  }

  isEmpty(): boolean {
    const now = this.now();
    for (const value of this.inner.values()) if (this.returnsExpired || !this.isOver(this.expiring(value), now)) return false;
    return true;
  }

  *entries(): Generator<[unknown, unknown]> {
    for (const [key, stored] of this.inner.entries()) {
      const expiring = this.#alive(key, stored);
      if (expiring) yield [key, expiring.value];
    }
    this.onAccess();
  }

  *keys(): Generator<unknown> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): Generator<unknown> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): Generator<[unknown, unknown]> {
    return this.entries();
  }

  sweep(now: number): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (const [key, stored] of this.inner.entries()) {
      const expiring = this.expiring(stored);
      if (this.isOver(expiring, now)) this.inner.remove(key);
      else if (expiring.at < oldest) oldest = expiring.at;
    }
    return oldest;
  }

  #read(key: unknown): unknown {
    const stored = this.inner.get(key);
    return stored === undefined ? undefined : this.#alive(key, stored)?.value;
  }

  /** As it may be handed out; what is over is removed. */
  #alive(key: unknown, stored: unknown): Expiring | undefined {
    const expiring = this.expiring(stored);
    const now = this.now();
    if (this.isOver(expiring, now)) {
      this.inner.remove(key);
      return this.returnsExpired ? expiring : undefined;
    }
    if (this.refreshesOnRead) expiring.at = now;
    if (this.refreshesOnRead || expiring !== stored) this.inner.put(key, expiring);
    return expiring;
  }
}

/** Reducing and aggregating state: one value that is added to. The inner state keeps and hands out {@link Expiring} values. */
export class TtlAccumulating
  extends TtlHandle<ReducingState<unknown>>
  implements ReducingState<unknown>, AggregatingState<unknown, unknown>
{
  readonly #resultOf: (accumulated: unknown) => unknown;
  readonly #first: (expiring: Expiring) => unknown;

  /** `first`: what is to be added to empty state so that it holds this value. */
  constructor(
    inner: ReducingState<unknown>,
    functions: { readonly resultOf: (accumulated: unknown) => unknown; readonly first: (expiring: Expiring) => unknown },
    ttl: Lifetime,
    now: () => number,
  ) {
    super(inner, ttl, now);
    this.#resultOf = functions.resultOf;
    this.#first = functions.first;
  }

  get(): unknown {
    const expiring = this.#read();
    this.onAccess();
    return expiring === undefined ? null : this.#resultOf(expiring.value);
  }

  add(value: unknown): void {
    this.inner.add(this.fresh(value));
    this.onAccess();
  }

  sweep(now: number): number {
    return this.sweepOne(this.inner.get(), now);
  }

  #read(): Expiring | undefined {
    const stored = this.inner.get();
    if (stored === null) return undefined;
    const expiring = this.expiring(stored);
    const now = this.now();
    if (this.isOver(expiring, now)) {
      this.inner.clear();
      return this.returnsExpired ? expiring : undefined;
    }
    if (this.refreshesOnRead) expiring.at = now;
    if (expiring !== stored) {
      this.inner.clear();
      this.inner.add(this.#first(expiring));
    }
    return expiring;
  }
}
