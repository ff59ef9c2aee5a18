/** Keys that are looked up ahead of their records find what they would find in their turn. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyTable, mostExpected } from '../../../src/state/keyed/key-table.ts';
import { RegisteredState } from '../../../src/state/keyed/state-entry.ts';

const states = ['a', 'b'].map((name) => new RegisteredState(name, 'value', undefined, undefined));
const key = fc.constantFrom<unknown>(0, -0, 1, 2, 1.5, -7, 2 ** 31, '1', '2', '\0', '\0x', 'long enough to be a slice', 1n, true, null, [
  'a',
  1,
]);
const step = fc.record({
  key,
  state: fc.constantFrom(...states),
  scope: fc.constantFrom(undefined, 1, 2),
  what: fc.constantFrom('read', 'read', 'set', 'remove'),
  /** Sometimes the record's key is another one by the time it is processed. */
  changed: fc.option(key, { freq: 10 }),
});

test('expected keys', () => {
  fc.assert(
    fc.property(fc.array(fc.array(step, { maxLength: 2 * mostExpected }), { maxLength: 8 }), (blocks) => {
      const [ahead, plain] = [new KeyTable('ahead'), new KeyTable('plain')];
      let next = 0;
      for (const block of blocks) {
        const count = Math.min(block.length, mostExpected);
        for (let i = 0; i < count; i++) ahead.expect(i, block[i]?.key);
        ahead.findExpected(count);
        for (const [i, { key: expected, changed, state, scope, what }] of block.entries()) {
          const own = changed === null ? expected : changed;
          ahead.setExpectedKey(i, own);
          plain.setCurrentKey(own);
          const value = next++;
          const seen = [ahead, plain].map((table) => {
            const entry = table.find(state, scope);
            const former = entry?.value;
            if (what === 'remove' && entry) table.remove(entry);
            if (what === 'set' && entry) entry.value = value;
            if (what === 'set' && !entry) table.insert(state, scope, scope, value, 0);
            return [former, table.currentKey];
          });
          expect(seen[0]).toStrictEqual(seen[1]);
        }
      }
      expect(ahead.keyCount).toBe(plain.keyCount);
    }),
    { numRuns: 500 },
  );
});
