import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defaultMaxParallelism, keyGroupOf, keyGroupRange, murmur, operatorIndexForKeyGroup } from '../../src/types/key-groups.ts';
import { hashKey, keyIdentity } from '../../src/types/key-hash.ts';

test.each([
  [0, 593689054, 94, 2, 2],
  [1, 68075478, 86, 2, 2],
  [42, 1134849565, 29, 0, 0],
  [-1, 1982413648, 80, 1, 2],
  [97, 1455541201, 81, 1, 2],
  [99162322, 1715862179, 35, 0, 1],
])('hash %i', (hash, expected, group, indexOf3, indexOf4) => {
  expect(murmur(hash)).toBe(expected);
  expect(keyGroupOf(hash, 128)).toBe(group);
  expect(operatorIndexForKeyGroup(group, 3, 128)).toBe(indexOf3);
  expect(operatorIndexForKeyGroup(group, 4, 128)).toBe(indexOf4);
});

test('ranges cover every key group once and agree with routing', () => {
  expect([0, 1, 2].map((i) => keyGroupRange(i, 3, 128))).toEqual([
    { start: 0, end: 42 },
    { start: 43, end: 85 },
    { start: 86, end: 127 },
  ]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 64, max: 4096 }), (parallelism, maxParallelism) => {
      let next = 0;
      for (let index = 0; index < parallelism; index++) {
        const { start, end } = keyGroupRange(index, parallelism, maxParallelism);
        expect(start).toBe(next);
        for (const group of [start, end]) expect(operatorIndexForKeyGroup(group, parallelism, maxParallelism)).toBe(index);
        next = end + 1;
      }
      expect(next).toBe(maxParallelism);
    }),
  );
});

test.each([
  [1, 128],
  [85, 128],
  [86, 256],
  [171, 256],
  [172, 512],
  [256, 512],
  [342, 1024],
  [1000, 2048],
  [10000, 16384],
  [21845, 32768],
  [40000, 32768],
])('default max parallelism of %i is %i', (parallelism, expected) => expect(defaultMaxParallelism(parallelism)).toBe(expected));

test('hashes are frozen', () => {
  expect([0, -0, 1, 1.5, '', 'hello', true, null, 1n, ['a', 1], { a: 1, b: 2 }].map(hashKey)).toMatchInlineSnapshot(`
    [
      0,
      0,
      1,
      359623353,
      1937011305,
      -694632439,
      1414681925,
      1853189228,
      -356284952,
      -619506426,
      1914750180,
    ]
  `);
});

test('equal keys have equal hashes and identities, look-alikes differ', () => {
  expect(hashKey({ b: 2, a: 1 })).toBe(hashKey({ a: 1, b: 2 }));
  expect(keyIdentity({ b: 2, a: 1 })).toBe(keyIdentity({ a: 1, b: 2 }));
  expect(keyIdentity(-0)).toBe(0);
  const lookAlikes = [1, '1', 1n, true, 'true', null, 'null', [1], ['1'], { 0: 1 }, '\0c', '\0s'];
  expect(new Set(lookAlikes.map(keyIdentity)).size).toBe(lookAlikes.length);
});

test.each([
  [Number.NaN, 'NaN'],
  [undefined, 'undefined'],
  [[1, Number.NaN], 'NaN'],
  [{ a: undefined }, 'undefined'],
])('%j is refused and shown', (key, shown) => {
  expect(() => hashKey(key)).toThrow(shown);
  expect(() => keyIdentity(key)).toThrow(shown);
});
