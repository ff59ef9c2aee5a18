import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MIN_TIMESTAMP } from '../../src/shared/time.ts';
import { ColumnBatchDecoder } from '../../src/types/batch-decoder.ts';
import { cloneValue } from '../../src/types/clone.ts';
import { codecs, flattenString } from '../../src/types/codecs.ts';
import { Types } from '../../src/types/types.ts';
import { decodeValue, encodeValue } from '../../src/types/value-codec.ts';

const encoder = (): ReturnType<typeof codecs.createEncoder> => codecs.createEncoder({ operatorName: 'test' });
const decoder = codecs.createDecoder({ operatorName: 'test' });

function roundTrip(values: readonly unknown[], timestamps?: readonly number[]): { values: unknown[]; timestamps: number[] | undefined } {
  const target = encoder();
  for (const [index, value] of values.entries()) target.add(value, timestamps?.[index] ?? MIN_TIMESTAMP);
  const decoded = decoder.decode(target.take());
  return { values: [...decoded.values], timestamps: decoded.timestamps && [...decoded.timestamps] };
}

const scalar = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.boolean(),
  fc.bigInt(),
  fc.constantFrom(null, undefined, -0, Number.NaN, '\ud800'),
  fc.date({ noInvalidDate: false }),
  fc.uint8Array(),
  fc.float32Array(),
  fc.bigInt64Array(),
);
const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('value')),
    fc.sparseArray(tie('value')),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', '0', '7')), tie('value'), { noNullPrototype: true }),
    fc.array(fc.tuple(scalar, tie('value'))).map((pairs) => new Map(pairs)),
    fc.array(scalar).map((elements) => new Set(elements)),
  ),
}));

test('every value a record may hold survives a batch, a single-value encoding and a clone', () => {
  fc.assert(
    fc.property(fc.array(anyValue, { maxLength: 20 }), (values) => {
      deepStrictEqual(roundTrip(values).values, values);
      deepStrictEqual(
        values.map((value) => decodeValue(encodeValue(value))),
        values,
      );
      deepStrictEqual(cloneValue(values), values);
    }),
    { numRuns: 300 },
  );
});

test('records of changing shapes keep their order, fields and field order', () => {
  const record = fc.record(
    { a: fc.integer(), b: fc.string(), c: fc.option(fc.double()), d: fc.boolean() },
    { requiredKeys: [], noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.array(record, { maxLength: 600 }), (values) => {
      const decoded = roundTrip(values).values;
      expect(decoded).toStrictEqual(values);
      expect(decoded.map((value) => Object.keys(value as object))).toEqual(values.map((value) => Object.keys(value)));
    }),
    { numRuns: 50 },
  );
});

test('more shapes than a channel remembers still lose nothing', () => {
  const values = Array.from({ length: 300 }, (_, i) => ({ [`field-${i}`]: i, shared: 'x' }));
  expect(roundTrip(values).values).toStrictEqual(values);
});

test('timestamps travel, absent ones stay absent', () => {
  expect(roundTrip([1, 2], [5, MIN_TIMESTAMP]).timestamps).toEqual([5, MIN_TIMESTAMP]);
  expect(roundTrip([1, 2]).timestamps).toBeUndefined();
});

test('a change after add does not show', () => {
  const target = encoder();
  const record = { n: 1, list: [1], nested: { a: 1 } };
  target.add(record, 0);
  record.n = 2;
  record.list.push(2);
  record.nested.a = 9;
  expect(decoder.decode(target.take()).values).toStrictEqual([{ n: 1, list: [1], nested: { a: 1 } }]);
});

test('a value that cannot travel is refused with operator and path, and leaves the batch whole', () => {
  const target = encoder();
  target.add({ a: 1, b: 'x' }, 0);
  expect(() => target.add({ a: 2, b: { c: () => 1 } }, 0)).toThrow(/Operator 'test': A record holds a function at \.b\.c/);
  expect(() => target.add({ a: 2, b: Promise.resolve() }, 0)).toThrow(/Await it/);
  expect(() => target.add({ a: 2, [Symbol('s')]: 1 }, 0)).toThrow(/symbol/);
  const cycle: Record<string, unknown> = { a: 3 };
  cycle['b'] = cycle;
  expect(() => target.add(cycle, 0)).toThrow(/cyclic/);
  target.add({ a: 4, b: 'y' }, 0);
  expect(decoder.decode(target.take()).values).toStrictEqual([
    { a: 1, b: 'x' },
    { a: 4, b: 'y' },
  ]);
});

test('a class instance needs a registered class', () => {
  class Point {
    x = 1;
    get double(): number {
      return this.x * 2;
    }
  }
  expect(() => roundTrip([new Point()])).toThrow(/an instance of Point[\s\S]*Types\.register\(Point/);
  Types.register(Point);
  const [point] = roundTrip([{ at: new Point() }]).values as [{ at: Point }];
  expect(point.at).toBeInstanceOf(Point);
  expect(point.at.double).toBe(2);
});

test('damaged bytes give an error, never a hang or another record count', () => {
  const target = encoder();
  for (let i = 0; i < 50; i++) target.add({ id: i, name: `name ${i}`, tags: [i], ok: i % 2 === 0 }, i);
  const bytes = Buffer.from(target.take());
  fc.assert(
    fc.property(fc.integer({ min: 0, max: bytes.length - 1 }), fc.integer({ min: 0, max: 255 }), fc.boolean(), (at, value, cut) => {
      const damaged = cut ? bytes.subarray(0, at) : Buffer.from(bytes);
      if (!cut) damaged[at] = value;
      try {
        new ColumnBatchDecoder().decode(damaged);
      } catch (error) {
        expect(error).toMatchObject({ name: expect.stringMatching(/ExternalError|UserError/) });
      }
    }),
    { numRuns: 2000 },
  );
});

test('a flattened string equals its source', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 5000 }), (text) => flattenString(text) === text));
});
