/** Map state: entries are units of their own, so that a large map is stored and changed entry by entry. */
import type { MapState } from '../../../api/state.ts';
import { detachKey } from '../../../types/detach.ts';
import { keyIdentity } from '../../../types/key-hash.ts';
import { GrowingMap } from '../growing-map.ts';
import { MapStateEntry, type StateEntry } from '../state-entry.ts';
import { KeyedHandle } from './keyed-handle.ts';

type Units = GrowingMap<MapStateEntry>;

export class MapHandle extends KeyedHandle implements MapState<unknown, unknown> {
  get(key: unknown): unknown {
    const entry = this.#entry();
    if (entry === undefined) return undefined;
    const unit = (entry.value as Units).get(keyIdentity(key));
    if (unit === undefined) return undefined;
    if (unit.version !== this.underWay.version) this.underWay.beforeMapTouch(entry, unit);
    return unit.value;
  }

  put(key: unknown, value: unknown): void {
    const identity = keyIdentity(key);
    const stored = this.storable(value);
    const entry = this.#entry() ?? this.insert(new GrowingMap<MapStateEntry>());
    const units = entry.value as Units;
    const unit = units.get(identity);
    if (unit === undefined) {
      const ownKey = detachKey(key);
      units.set(identity === key ? ownKey : identity, new MapStateEntry(ownKey, stored, this.underWay.version));
      return;
    }
    if (unit.version !== this.underWay.version) this.underWay.beforeMapTouch(entry, unit);
    unit.value = stored;
  }

  putAll(entries: Iterable<readonly [unknown, unknown]>): void {
    for (const [key, value] of entries) this.put(key, value);
  }

  remove(key: unknown): void {
    const entry = this.#entry();
    if (entry === undefined) return;
    const units = entry.value as Units;
    const identity = keyIdentity(key);
    const unit = units.get(identity);
    if (unit === undefined) return;
    if (unit.version !== this.underWay.version) this.underWay.beforeMapTouch(entry, unit);
    units.delete(identity);
    if (units.size === 0) this.table.remove(entry);
  }

  contains(key: unknown): boolean {
    return (this.#entry()?.value as Units | undefined)?.has(keyIdentity(key)) ?? false;
  }

  isEmpty(): boolean {
    return this.#entry() === undefined;
  }

  override clear(): void {
    const entry = this.#entry();
    if (entry === undefined) return;
    if (entry.version !== this.underWay.version) this.underWay.beforeMapRemoval(entry, entry.value as Units);
    this.table.remove(entry);
  }

  /** The map may change meanwhile: what is removed does not appear any more, what is added may. */
  *entries(): Generator<[unknown, unknown]> {
    for (const unit of this.#units()) yield [unit.key, unit.value];
  }

  *keys(): Generator<unknown> {
    for (const unit of this.#units()) yield unit.key;
  }

  *values(): Generator<unknown> {
    for (const unit of this.#units()) yield unit.value;
  }

  [Symbol.iterator](): Generator<[unknown, unknown]> {
    return this.entries();
  }

  *#units(): Generator<MapStateEntry> {
    const entry = this.#entry();
    if (entry === undefined) return;
    const units = entry.value as Units;
    const { isSpread } = units;
    const cursor = units.cursor();
    for (let unit = cursor.next(); unit !== undefined && this.#entry() === entry; unit = cursor.next()) {
      // A cursor on a map that was spread since meets what is gone.
      if (units.isSpread !== isSpread && units.get(keyIdentity(unit.key)) !== unit) continue;
      if (unit.version !== this.underWay.version) this.underWay.beforeMapTouch(entry, unit);
      yield unit;
    }
  }

  #entry(): StateEntry | undefined {
    return this.table.find(this.registered, this.scope);
  }
}
