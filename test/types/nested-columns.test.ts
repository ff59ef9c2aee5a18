/** Records within records, lists, dates, 64-bit integers and bytes: through columns and back, by steps and by generated code. */
import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MIN_TIMESTAMP } from '../../src/shared/time.ts';
import { cloneValue } from '../../src/types/clone.ts';
import { codecs, codecsWith } from '../../src/types/codecs.ts';
import { detachStrings } from '../../src/types/detach.ts';
import { compareKeys } from './compare-keys.ts';

/** Both ends of a channel. */
class Channel {
  readonly encoder = codecs.createEncoder({ operatorName: 'test' });
  readonly #decoder = codecs.createDecoder({ operatorName: 'test' });

  add(values: readonly unknown[]): void {
    for (const value of values) this.encoder.add(value, MIN_TIMESTAMP);
  }

  take(): unknown[] {
    return [...this.#decoder.decode(this.encoder.take()).values];
  }
}

type Schema =
  | { readonly of: 'number' | 'string' | 'boolean' | 'date' | 'bigint' | 'bytes' | 'any' }
  | { readonly of: 'record'; readonly fields: readonly (readonly [string, Schema])[]; readonly sometimes: boolean }
  | { readonly of: 'list'; readonly element: Schema; readonly sometimes: boolean };

const leaf = fc.record({ of: fc.constantFrom('number', 'string', 'boolean', 'date', 'bigint', 'bytes', 'any') }) as fc.Arbitrary<Schema>;
const { schema } = fc.letrec<{ schema: Schema }>((tie) => ({
  schema: fc.oneof(
    { depthSize: 'small' },
    { arbitrary: leaf, weight: 3 },
    {
      weight: 2,
      arbitrary: fc.record({
        of: fc.constant('record' as const),
        fields: fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'id', 'constructor', '0', 'x y'), tie('schema')), {
          selector: ([name]) => name,
          minLength: 1,
          maxLength: 4,
        }),
        sometimes: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ of: fc.constant('list' as const), element: tie('schema'), sometimes: fc.boolean() }) },
  ),
}));

/** Values by a small generator of numbers: a thousand rows are too many for arbitraries. */
class Values {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }

  of(schema: Schema, misfits: number): unknown {
    if (this.below(1000) < misfits) return this.misfit();
    switch (schema.of) {
      case 'number':
        return [this.below(200), this.below(2 ** 31) - 2 ** 30, this.below(1000) / 7, -0, Number.NaN, 2 ** 52][this.below(6)];
      case 'string':
        return ['', 'a', 'longer than thirteen characters', `n${this.below(1e6)}`, 'zażółć', '\ud800'][this.below(6)];
      case 'boolean':
        return this.below(2) === 0;
      case 'date':
        return new Date(this.below(20) === 0 ? Number.NaN : this.below(2 ** 31) * 1000);
      case 'bigint':
        return [0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), BigInt(this.below(1e9))][this.below(5)];
      case 'bytes':
        return Uint8Array.from({ length: this.below(9) }, () => this.below(256));
      case 'any':
        return this.misfit();
      case 'record':
        if (schema.sometimes && this.below(4) === 0) return this.below(2) === 0 ? null : undefined;
        return Object.fromEntries(schema.fields.map(([name, field]) => [name, this.of(field, misfits)]));
      case 'list':
        if (schema.sometimes && this.below(4) === 0) return null;
        return Array.from({ length: this.below(4) }, () => this.of(schema.element, misfits));
    }
  }

  misfit(): unknown {
    const hole: unknown[] = [1];
    hole[3] = 2;
    const all: unknown[] = [
      1,
      'text',
      true,
      null,
      undefined,
      2n ** 64n,
      [],
      {},
      [undefined],
      hole,
      { other: 1 },
      new Map([[1, [2]]]),
      new Set(['x']),
    ];
    all.push(new Date(7), Buffer.from('buffer'), Float32Array.of(1, 2), new ArrayBuffer(3), /x/g, [[1], ['a']], { a: { b: { c: [] } } });
    return all[this.below(all.length)];
  }
}

test('whatever the schema, and whatever does not fit it: values come back as they were, with their fields in order', () => {
  fc.assert(
    fc.property(schema, fc.nat(), fc.constantFrom(0, 2, 40), fc.integer({ min: 1, max: 5 }), (shape, seed, misfits, batches) => {
      const channel = new Channel();
      const random = new Values(seed);
      for (let batch = 0; batch < batches; batch++) {
        const values = Array.from({ length: random.below(300) }, () => random.of(shape, misfits));
        channel.add(values);
        const received = channel.take();
        deepStrictEqual(received, values);
        compareKeys(received, values);
        for (const value of values) deepStrictEqual(cloneValue(value), value);
      }
    }),
    { numRuns: 200 },
  );
});

test('a record that is refused leaves nothing behind, however deep the value is that cannot travel', () => {
  fc.assert(
    fc.property(schema, fc.nat(), fc.integer({ min: 1, max: 6 }), (shape, seed, every) => {
      const channel = new Channel();
      const random = new Values(seed);
      const sent: unknown[] = [];
      for (let row = 0; row < 200; row++) {
        const value = { first: random.of(shape, 5), second: [random.of(shape, 5)], last: row };
        if (row % every === 0) {
          const spoilt = { ...value, second: [...value.second, { deep: [() => row] }] };
          expect(() => channel.encoder.add(spoilt, MIN_TIMESTAMP)).toThrow(/Operator 'test': A record holds a function at \.second/);
        }
        channel.encoder.add(value, MIN_TIMESTAMP);
        sent.push(value);
      }
      deepStrictEqual(channel.take(), sent);
    }),
    { numRuns: 60 },
  );
});

test('what cannot travel is named by operator and path, in columns of records and lists too', () => {
  const channel = new Channel();
  const record = (extra: unknown): unknown => ({ id: 1, customer: { name: 'x', tags: [{ key: 'k', value: extra }] } });
  for (let row = 0; row < 100; row++) channel.encoder.add(record(row % 2 === 0 ? row : `text ${row}`), MIN_TIMESTAMP);
  for (const [value, what] of [
    [() => 1, 'a function'],
    [Symbol('s'), 'a symbol'],
    [Promise.resolve(), 'an instance of Promise'],
    [new WeakMap(), 'an instance of WeakMap'],
    [new (class Money {})(), 'an instance of Money'],
    [new (class Money extends Map {})(), 'an instance of Money'],
    [new (class Money extends Array {})(), 'an instance of Money'],
    [new (class Money extends Date {})(), 'an instance of Money'],
    [new (class Money extends Uint8Array {})(), 'an instance of Money'],
    [new Error('x'), 'an instance of Error'],
    [new SharedArrayBuffer(4), 'an instance of SharedArrayBuffer'],
    [Object(1), 'an instance of Number'],
  ] as const)
    expect(() => channel.encoder.add(record(value), MIN_TIMESTAMP)).toThrow(
      new RegExp(`Operator 'test': A record holds ${what} at \\.customer\\.tags(\\[0\\]|\\[\\])\\.value`),
    );
  expect(channel.take()).toHaveLength(100);
});

test('very sparse arrays, very long strings and very deep records travel; cycles do not', () => {
  const sparse: unknown[] = ['first'];
  sparse[4_000_000_000] = { last: true };
  const long = 'ż'.repeat(5_000_000);
  let deep: unknown = 'bottom';
  for (let level = 0; level < 150; level++) deep = level % 2 === 0 ? { level, deep } : [deep];
  const channel = new Channel();
  const values = [sparse, { sparse, at: [1, sparse] }, long, { long, list: [long] }, deep, [deep, deep]];
  channel.add(values);
  const received = channel.take();
  expect(received.length).toBe(values.length);
  expect((received[0] as unknown[]).length).toBe(4_000_000_001);
  expect(Object.entries(received[0] as unknown[])).toEqual(Object.entries(sparse));
  deepStrictEqual(received.slice(2), values.slice(2));
  const cycle: Record<string, unknown> = { list: [] };
  (cycle['list'] as unknown[]).push(cycle);
  expect(() => channel.encoder.add(cycle, MIN_TIMESTAMP)).toThrow(/cyclic/);
  expect(() => cloneValue(cycle)).toThrow(/cyclic/);
});

test('nested records and lists are columns: their field names travel once, their numbers in few bytes', () => {
  const order = (id: number) => ({
    id,
    customer: { name: `customer ${id % 20}`, address: { street: 'Long Street', number: id % 90 } },
    items: [
      { sku: 'A', quantity: id % 7 },
      { sku: 'B', quantity: 1 },
    ],
    at: new Date(1_700_000_000_000 + id),
  });
  const channel = new Channel();
  for (let batch = 0; batch < 3; batch++) {
    const orders = Array.from({ length: 512 }, (_, row) => order(batch * 512 + row));
    channel.add(orders);
    deepStrictEqual(channel.take(), orders);
  }
  channel.add(Array.from({ length: 512 }, (_, row) => order(row)));
  expect(channel.encoder.take().length / 512).toBeLessThan(16);
});

test('the 65th shape is told of once, with the field that makes them many', () => {
  const warnings: string[] = [];
  const encoder = codecsWith((message) => warnings.push(message)).createEncoder({ operatorName: 'events' });
  for (let user = 0; user < 300; user++) encoder.add({ kind: 'visit', [`user-${user}`]: user }, MIN_TIMESTAMP);
  expect(warnings).toEqual([
    expect.stringMatching(/^Operator 'events' emits records of more than 64 shapes; the field 'user-64' is in few/),
  ]);
});

test('strings are taken out of their batch at every depth', () => {
  const text = 'a text that is long enough to be cut from another one';
  const value = { list: [text.slice(2)], nested: { deep: { text: text.slice(3) } }, count: 1 };
  const expected = structuredClone(value);
  expect(detachStrings(value)).toBe(value);
  expect(value).toEqual(expected);
});
