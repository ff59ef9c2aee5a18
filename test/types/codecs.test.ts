import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MIN_TIMESTAMP } from '../../src/shared/time.ts';
import { ColumnBatchDecoder } from '../../src/types/batch-decoder.ts';
import { cloneValue } from '../../src/types/clone.ts';
import { codecs } from '../../src/types/codecs.ts';
import { flattenString } from '../../src/types/detach.ts';
import { Types } from '../../src/types/types.ts';
import { readValueBlock, ValueBlockWriter } from '../../src/types/value-block.ts';
import { decodeValue, encodeValue } from '../../src/types/value-codec.ts';
import { anyValue, scalar } from '../harness/any-value.ts';

/** Both ends of a channel. */
class Channel {
  readonly encoder = codecs.createEncoder({ operatorName: 'test' });
  readonly #decoder = codecs.createDecoder({ operatorName: 'test' });

  send(values: readonly unknown[], timestamps?: readonly number[]): { values: unknown[]; timestamps: number[] | undefined } {
    for (const [index, value] of values.entries()) this.encoder.add(value, timestamps?.[index] ?? MIN_TIMESTAMP);
    return this.take();
  }

  take(): { values: unknown[]; timestamps: number[] | undefined } {
    const decoded = this.#decoder.decode(this.encoder.take());
    return { values: [...decoded.values], timestamps: decoded.timestamps && [...decoded.timestamps] };
  }
}

function roundTrip(values: readonly unknown[], timestamps?: readonly number[]): { values: unknown[]; timestamps: number[] | undefined } {
  return new Channel().send(values, timestamps);
}

test('every value a record may hold survives a batch, a block, a single-value encoding and a clone', () => {
  const block = new ValueBlockWriter();
  fc.assert(
    fc.property(fc.array(anyValue, { maxLength: 20 }), (values) => {
      deepStrictEqual(roundTrip(values).values, values);
      for (const value of values) block.add(value);
      deepStrictEqual(readValueBlock(block.take()), values);
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

test('batches of a channel build on each other', () => {
  const text = fc.oneof(fc.constantFrom('a', 'bb', 'repeated many times'), fc.string(), fc.string({ unit: 'binary' }));
  const number = fc.oneof(
    fc.integer({ min: 0, max: 300 }),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double(),
    fc.constantFrom(-0, 0, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, -(2 ** 53), 2 ** 60, Number.NaN, Number.POSITIVE_INFINITY, 1.6e12, 1.6e12 + 1),
  );
  const record = fc.record(
    {
      n: fc.oneof({ weight: 9, arbitrary: number }, fc.constantFrom(null, undefined)),
      s: fc.oneof({ weight: 9, arbitrary: text }, fc.constantFrom(null, undefined)),
      b: fc.oneof({ weight: 9, arbitrary: fc.boolean() }, fc.constantFrom(null, undefined)),
      x: fc.oneof({ weight: 5, arbitrary: fc.constant(1) }, anyValue),
    },
    { requiredKeys: ['n', 's'], noNullPrototype: true },
  );
  const tuple = fc.oneof(fc.tuple(text, number), fc.tuple(number, fc.option(text), fc.boolean()), fc.sparseArray(number, { maxLength: 3 }));
  const batch = fc.oneof(
    { weight: 3, arbitrary: fc.array(record, { maxLength: 40 }) },
    fc.array(fc.oneof(record, tuple, text, number), { maxLength: 40 }),
    fc.array(number, { maxLength: 40 }),
    fc.array(text, { maxLength: 40 }),
    fc.array(tuple, { maxLength: 40 }),
  );
  fc.assert(
    fc.property(fc.array(batch, { maxLength: 8 }), (batches) => {
      const channel = new Channel();
      for (const values of batches) deepStrictEqual(channel.send(values).values, values);
    }),
    { numRuns: 300 },
  );
});

test('fields that a caller knows are taken at its word, whatever their values', () => {
  const fields = ['n', 's', 'x'];
  const records = fc.array(
    fc.record(
      { n: fc.oneof(fc.integer(), fc.double(), fc.constantFrom(null, 'text')), s: fc.option(fc.string()), x: scalar },
      { noNullPrototype: true },
    ),
    { maxLength: 100 },
  );
  fc.assert(
    fc.property(fc.array(records, { maxLength: 4 }), fc.boolean(), (batches, mixed) => {
      const channel = new Channel();
      for (const batch of batches) {
        for (const [index, record] of batch.entries())
          channel.encoder.add(record, MIN_TIMESTAMP, mixed && index % 3 === 0 ? undefined : fields);
        if (mixed) channel.encoder.add({ other: batch.length }, MIN_TIMESTAMP);
        deepStrictEqual(channel.take().values, mixed ? [...batch, { other: batch.length }] : batch);
      }
    }),
    { numRuns: 200 },
  );
});

test('copies equal their originals and share nothing with them', () => {
  const shapes = fc.oneof(
    fc.record({ a: scalar, b: anyValue }, { noNullPrototype: true }),
    fc.record({ b: fc.integer(), a: fc.string() }, { noNullPrototype: true }),
    anyValue,
  );
  fc.assert(
    fc.property(fc.array(shapes, { maxLength: 120 }), (values) => {
      const clone = codecs.createCloner({ operatorName: 'test' });
      for (const value of values) {
        const copy = clone(value);
        deepStrictEqual(copy, value);
        if (typeof value === 'object' && value !== null) expect(copy).not.toBe(value);
      }
    }),
    { numRuns: 100 },
  );
  const clone = codecs.createCloner({ operatorName: 'test' });
  for (let i = 0; i < 100; i++) clone({ a: 1, nested: { list: [i] } });
  const original = { a: 1, nested: { list: [1] } };
  const copy = clone(original) as typeof original;
  copy.nested.list.push(2);
  expect(original.nested.list).toEqual([1]);
  expect(() => clone({ a: 1, nested: () => 1 })).toThrow(/Operator 'test'.*a function at \.nested/);
});

test('strings that repeat take less room, and ones that do not are found out', () => {
  const channel = new Channel();
  const sizeOf = (strings: readonly string[]): number => {
    expect(channel.send(strings).values).toEqual(strings);
    for (const string of strings) channel.encoder.add(string, MIN_TIMESTAMP);
    const { length } = channel.encoder.take();
    return length / strings.length;
  };
  const batch = (make: (row: number) => string): string[] => Array.from({ length: 512 }, (_, row) => make(row));
  let next = 0;
  for (let i = 0; i < 100; i++) channel.send(batch((row) => `customer number ${row % 50}`));
  expect(sizeOf(batch((row) => `customer number ${row % 50}`))).toBeLessThan(1.2);
  for (let i = 0; i < 200; i++) channel.send(batch(() => `order number ${next++}`));
  const unique = batch(() => `order number ${next++}`);
  expect(channel.send(unique).values).toEqual(unique);
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
  const channel = new Channel();
  const record = { n: 1, list: [1], nested: { a: 1 } };
  channel.encoder.add(record, 0);
  record.n = 2;
  record.list.push(2);
  record.nested.a = 9;
  expect(channel.take().values).toStrictEqual([{ n: 1, list: [1], nested: { a: 1 } }]);
});

test('a value that cannot travel is refused with operator and path, and leaves the batch whole', () => {
  const channel = new Channel();
  const add = (value: unknown) => () => channel.encoder.add(value, 0);
  add({ a: 1, b: 'x', c: [], d: [] })();
  expect(add({ a: 2, b: { c: () => 1 }, c: [], d: [] })).toThrow(/Operator 'test': A record holds a function at \.b\.c/);
  expect(add({ a: 2, b: Promise.resolve(), c: [], d: [] })).toThrow(/Await it/);
  expect(add({ a: 2, b: 'x', c: [1], d: [() => 1] })).toThrow(/a function at \.d\[0\]/);
  expect(add({ a: 2, [Symbol('s')]: 1 })).toThrow(/symbol/);
  const cycle: Record<string, unknown> = { a: 3 };
  cycle['b'] = cycle;
  expect(add(cycle)).toThrow(/cyclic/);
  add({ a: 4, b: 'y', c: [2], d: [] })();
  expect(channel.take().values).toStrictEqual([
    { a: 1, b: 'x', c: [], d: [] },
    { a: 4, b: 'y', c: [2], d: [] },
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
  const { encoder } = new Channel();
  for (let i = 0; i < 50; i++) {
    encoder.add(
      { id: i, name: `name ${i}`, tags: [i], ok: i % 2 === 0, big: i * 2 ** 40, share: i / 3, note: i % 3 === 0 ? null : 'x' },
      i,
    );
    if (i % 5 === 0) encoder.add([i, 'pair'], i);
  }
  const bytes = Buffer.from(encoder.take());
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
