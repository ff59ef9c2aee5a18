/** List state: keeps order, knows no null, and is never null itself. An empty list takes no place. */
import type { ListState } from '../../../api/state.ts';
import { UserError } from '../../../shared/errors.ts';
import { KeyedHandle } from './keyed-handle.ts';

export class ListHandle extends KeyedHandle implements ListState<unknown> {
  get(): Iterable<unknown> {
    const entry = this.ownEntry();
    return entry === undefined ? [] : (entry.value as unknown[]);
  }

  add(value: unknown): void {
    this.#refuseNull(value);
    this.#append(this.storable(value));
  }

  addAll(values: Iterable<unknown>): void {
    for (const value of this.#copy(values)) this.#append(value);
  }

  update(values: Iterable<unknown>): void {
    const copy = this.#copy(values);
    if (copy.length === 0) {
      this.clear();
      return;
    }
    const entry = this.ownEntry();
    if (entry === undefined) this.insert(copy);
    else entry.value = copy;
  }

  protected override mergeValue(value: unknown): void {
    for (const element of value as unknown[]) this.#append(element);
  }

  /** A snapshot needs the list as long as it was, not unchanged: adding to a long one does not wait for it to be written. */
  #append(value: unknown): void {
    const entry = this.table.find(this.registered, this.scope);
    if (entry === undefined) {
      this.insert([value]);
      return;
    }
    const list = entry.value as unknown[];
    if (entry.version !== this.underWay.version) this.underWay.beforeAppend(entry, list.length);
    list.push(value);
  }

  /** All of them checked, before any of them is added. */
  #copy(values: Iterable<unknown>): unknown[] {
    return Array.from(values, (value) => {
      this.#refuseNull(value);
      return this.storable(value);
    });
  }

  #refuseNull(value: unknown): void {
    if (value !== null && value !== undefined) return;
    throw new UserError('NULL_IN_LIST', {
      problem: `Operator '${this.operatorName}': null cannot be added to the list state '${this.registered.name}'.`,
    });
  }
}
