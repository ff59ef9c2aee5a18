import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defaultMaxParallelism, keyGroupOf, keyGroupRange, murmur, operatorIndexForKeyGroup } from '../../src/types/key-groups.ts';
import { hashKey, keyIdentity } from '../../src/types/key-hash.ts';
import { encodeValue } from '../../src/types/value-codec.ts';

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

const scalars = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.string(),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.boolean(),
  fc.bigInt(),
  fc.constantFrom(null, -0, 0, '\ud800', 'a', 'b', 1),
  fc.date({ noInvalidDate: false }),
  fc.uint8Array(),
  fc.float32Array({ noNaN: true }),
);
const { key: compoundKeys } = fc.letrec<{ key: unknown }>((tie) => ({
  key: fc.oneof(
    { depthSize: 'small' },
    scalars,
    fc.array(tie('key')),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__proto__', '0', '7', '10', '01', 'a', 'b')), tie('key'), {
      noNullPrototype: true,
    }),
  ),
}));

/** docs/formats/key-hash.md, word by word. */
function canonicalForm(part: unknown): unknown {
  if (part === 0) return 0;
  if (Array.isArray(part)) return part.map(canonicalForm);
  if (typeof part !== 'object' || part === null || Object.getPrototypeOf(part) !== Object.prototype) return part;
  return Object.fromEntries(
    Object.entries(part)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => [name, canonicalForm(value)]),
  );
}

test('the hash of a compound key goes over the bytes of its canonical form', () => {
  fc.assert(
    fc.property(compoundKeys, (key) => {
      let hash = 0x636f6d70;
      for (const byte of encodeValue(canonicalForm([key]))) hash = (Math.imul(hash, 31) + byte) | 0;
      expect(hashKey([key])).toBe(hash);
    }),
    { numRuns: 500 },
  );
});

test('keys have the same identity exactly when their canonical forms are the same', () => {
  const similar = fc.oneof(
    fc.tuple(compoundKeys, compoundKeys),
    compoundKeys.map((key): [unknown, unknown] => [key, structuredClone(key)]),
  );
  const small = fc.oneof(fc.constantFrom(1, '1', 'a', '[1]', null, true), fc.array(fc.constantFrom(1, '1', 'a', ''), { maxLength: 2 }));
  fc.assert(
    fc.property(fc.oneof(similar, fc.tuple(small, small), fc.tuple(fc.array(small), fc.array(small))), ([a, b]) => {
      const isSame = Buffer.from(encodeValue(canonicalForm(a))).equals(encodeValue(canonicalForm(b)));
      expect(keyIdentity(a) === keyIdentity(b)).toBe(isSame);
    }),
    { numRuns: 1000 },
  );
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
