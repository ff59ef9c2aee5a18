/** Reducing state: the values added so far, as one. */
import type { ReducingState } from '../../../api/state.ts';
import { type DescriptorOf, type HandleScope, KeyedHandle } from './keyed-handle.ts';

export class ReducingHandle extends KeyedHandle implements ReducingState<unknown> {
  readonly #reduce: (a: unknown, b: unknown) => unknown;

  constructor(scope: HandleScope, descriptor: DescriptorOf<'reducing'>) {
    super(scope);
    this.#reduce = descriptor.reduce as (a: unknown, b: unknown) => unknown;
  }

  get(): unknown {
    const entry = this.ownEntry();
    return entry === undefined ? null : entry.value;
  }

  add(value: unknown): void {
    const entry = this.ownEntry();
    this.store(entry, entry === undefined ? value : this.#reduce(entry.value, value));
  }

  protected override mergeValue(value: unknown): void {
    this.add(value);
  }
}
