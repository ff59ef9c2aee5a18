/** Value state: absent is null, or the descriptor's default; updating with null clears. */
import type { ValueState } from '../../../api/state.ts';
import { type DescriptorOf, type HandleScope, KeyedHandle } from './keyed-handle.ts';

export class ValueHandle extends KeyedHandle implements ValueState<unknown> {
  readonly #defaultValue: (() => unknown) | undefined;

  constructor(scope: HandleScope, descriptor: DescriptorOf<'value'>) {
    super(scope);
    this.#defaultValue = descriptor.defaultValue;
  }

  value(): unknown {
    const entry = this.ownEntry();
    if (entry !== undefined) return entry.value;
    return this.#defaultValue === undefined ? null : this.#defaultValue();
  }

  update(value: unknown): void {
    if (value === null || value === undefined) this.clear();
    else this.store(this.ownEntry(), value);
  }
}
