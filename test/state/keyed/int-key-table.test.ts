/** A table of integer keys is a map, however it grows, and also while a cursor is on it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IntKeyTable } from '../../../src/state/keyed/int-key-table.ts';
import { RegisteredState, StateEntry } from '../../../src/state/keyed/state-entry.ts';

const state = new RegisteredState('s', 'value', undefined, undefined);
const head = (key: number): StateEntry => new StateEntry(state, key, undefined, undefined, 0, 0);

const spread: readonly ((n: number) => number)[] = [
  (n) => n,
  (n) => -n | 0,
  (n) => n << 16,
  (n) => Math.imul(n, 0x9e3779b1),
  (n) => (n % 2 === 0 ? 0x7fffffff - n : -0x80000000 + n),
];

test('a table of integer keys is a map, also while a cursor is on it', () => {
  const change = fc.tuple(fc.constantFrom('set', 'delete'), fc.nat({ max: 120_000 }), fc.constantFrom(1, 50, 20_000));
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 25 }),
      fc.constantFrom(...spread),
      fc.constantFrom(0, 10, 9000, 70_000),
      (changes, keyOf, filled) => {
        const table = new IntKeyTable();
        const model = new Map<number, StateEntry>();
        const set = (key: number): void => {
          const value = head(key);
          table.set(key, value);
          model.set(key, value);
        };
        for (let n = 0; n < filled; n++) set(keyOf(n));
        const always = new Set(model.values());
        const met: StateEntry[] = [];
        const cursor = table.cursor();
        const step = (): boolean => {
          const next = cursor.next();
          if (next) met.push(next);
          return next !== undefined;
        };
        for (const [what, from, count] of changes) {
          for (let i = 0; i < 700; i++) step();
          for (let n = from; n < from + count; n++) {
            const key = keyOf(n);
            const former = model.get(key);
            if (former) always.delete(former);
            if (what === 'set') set(key);
            else {
              table.delete(key);
              model.delete(key);
            }
          }
        }
        while (step());
        expect(new Set(met).size).toBe(met.length);
        const seen = new Set(met);
        for (const entry of always) if (!seen.has(entry)) throw new Error(`not met: ${String(entry.key)}`);
        expect(table.size).toBe(model.size);
        for (let n = 0; n < 150_000; n += 7) if (table.get(keyOf(n)) !== model.get(keyOf(n))) throw new Error(String(keyOf(n)));
        const whole = table.cursor();
        const all = new Set<StateEntry>();
        for (let next = whole.next(); next; next = whole.next()) all.add(next);
        expect(all.size).toBe(model.size);
        for (const entry of model.values()) if (!all.has(entry)) throw new Error(`not there: ${String(entry.key)}`);
      },
    ),
    { numRuns: 40 },
  );
});

test('keys that come and go leave no room behind that grows', () => {
  const table = new IntKeyTable();
  for (let n = 0; n < 2_000_000; n++) {
    table.set(n, head(n));
    if (n >= 10) table.delete(n - 10);
  }
  expect(table.size).toBe(10);
  let places = 0;
  const cursor = table.cursor();
  while (cursor.next()) places++;
  expect(places).toBe(10);
});
