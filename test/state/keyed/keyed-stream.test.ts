/** The stored form of keyed state: readable for ever, and never wrong when it is damaged. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ListState, MapState, StateDescriptor, ValueState } from '../../../src/api/state.ts';
import { HeapKeyedStateBackend } from '../../../src/state/keyed/heap-keyed-state-backend.ts';
import type { KeyedStateHandle } from '../../../src/state/snapshot/handles.ts';
import { readKeyedStream } from '../../../src/state/snapshot/keyed-stream-reader.ts';
import { KeyedStreamWriter, type StreamSection } from '../../../src/state/snapshot/keyed-stream-writer.ts';
import { Types } from '../../../src/types/types.ts';
import { tag, writeValue } from '../../../src/types/value-codec.ts';
import { MemoryStream, readFromHandle } from '../../harness/memory-streams.ts';

const golden = readFileSync(join(import.meta.dirname, '../../golden/keyed-state-v1'));
const keyGroups = { start: 0, end: 7 };

class Money {
  readonly cents: number;
  constructor(cents: number) {
    this.cents = cents;
  }
}
Types.register(Money, { name: 'golden.Money' });

const value = { kind: 'value', name: 'value', type: Types.GENERIC } as const;
const list = { kind: 'list', name: 'list' } as const;
const map = { kind: 'map', name: 'map', keyType: Types.STRING, type: Types.INT } as const;
const reducing = { kind: 'reducing', name: 'reducing', reduce: (a: number, b: number) => a + b } as const;
const aggregating = {
  kind: 'aggregating',
  name: 'aggregating',
  createAccumulator: () => ({ sum: 0 }),
  add: (n: number, accumulator: { sum: number }) => ({ sum: accumulator.sum + n }),
  getResult: (accumulator: { sum: number }) => accumulator.sum,
} as const;

const keys: readonly unknown[] = [1, -0, 2.5, 'text', 'é€', '', null, true, 9n, new Date(1e12), ['a', [1]], { b: 1, a: null }];
const values: readonly unknown[] = [
  -1,
  1e300,
  'flat',
  10n ** 30n,
  new Date(0),
  { name: 'Ann', address: { city: 'Bern', zip: undefined } },
  { name: 'Bob', address: { city: 'Basel', zip: 4000 } },
  [1, null, [2]],
  new Map([['k', new Set([1, 'x'])]]),
  new Uint8Array([1, 2, 3]),
  new Money(250),
  JSON.parse('{"__proto__": 1, "7": 2}'),
];

function create(range = keyGroups): HeapKeyedStateBackend {
  return new HeapKeyedStateBackend({ operatorName: 'op', keyGroups: range, maxParallelism: 8 });
}

/** One of everything; the golden file holds it. */
function everything(): HeapKeyedStateBackend {
  const backend = create();
  const states = { value, list, map, reducing, aggregating };
  const handle = <S>(descriptor: StateDescriptor, namespace?: unknown): S => backend.getState(descriptor, namespace) as S;
  for (const descriptor of Object.values(states)) handle(descriptor);
  for (const [index, key] of keys.entries()) {
    backend.setCurrentKey(key);
    handle<ValueState<unknown>>(value).update(values[index]);
    handle<ValueState<unknown>>(value, index).update(`in window ${index}`);
    handle<ListState<unknown>>(list).addAll(values.slice(0, index));
    handle<MapState<unknown, unknown>>(map, { start: index, end: 60 }).putAll([
      ['a', 1],
      [index, 2],
    ]);
    handle<{ add(n: number): void }>(reducing).add(index);
    handle<{ add(n: number): void }>(aggregating).add(index);
    backend.timers('user-timers').event.add(1000 + (index % 3), key);
    backend.timers('window-timers').processing.add(2000.5, key, index % 2);
  }
  return backend;
}

function expectEverything(backend: HeapKeyedStateBackend): void {
  for (const [index, key] of keys.entries()) {
    backend.setCurrentKey(key);
    expect((backend.getState(value) as ValueState<unknown>).value()).toEqual(values[index]);
    expect((backend.getState(value, index) as ValueState<unknown>).value()).toBe(`in window ${index}`);
    expect([...(backend.getState(list) as ListState<unknown>).get()]).toEqual(values.slice(0, index));
    const entries = (backend.getState(map, { start: index, end: 60 }) as MapState<unknown, unknown>).entries();
    expect([...entries]).toEqual([
      ['a', 1],
      [index, 2],
    ]);
    expect((backend.getState(reducing) as { get(): number }).get()).toBe(index);
    expect((backend.getState(aggregating) as { get(): number }).get()).toBe(index);
  }
  const timers: unknown[][] = [[], []];
  const { event } = backend.timers('user-timers');
  for (let due = event.takeDue(1e9); due; due = event.takeDue(1e9)) timers[0]?.push([due.timestamp, due.key, due.namespace]);
  const { processing } = backend.timers('window-timers');
  for (let due = processing.takeDue(1e9); due; due = processing.takeDue(1e9)) timers[1]?.push([due.timestamp, due.key, due.namespace]);
  expect(timers[0]).toHaveLength(keys.length);
  expect(timers[0]).toEqual(expect.arrayContaining(keys.map((key, index) => [1000 + (index % 3), key === 0 ? 0 : key, undefined])));
  expect(timers[1]).toHaveLength(keys.length);
  expect(timers[1]).toEqual(expect.arrayContaining(keys.map((key, index) => [2000.5, key === 0 ? 0 : key, index % 2])));
}

async function stored(backend: HeapKeyedStateBackend): Promise<KeyedStateHandle> {
  const snapshot = backend.snapshot(1, new MemoryStream());
  while (snapshot.advance(0));
  return (await snapshot.result) as KeyedStateHandle;
}

async function restored(bytes: Uint8Array, range = keyGroups): Promise<HeapKeyedStateBackend> {
  const backend = create(range);
  await backend.restore([{ kind: 'keyed', keyGroups, stream: { kind: 'bytes', bytes, checksum: 0 } }], readFromHandle);
  return backend;
}

test('the stream of version 1 is read, and is what is written', async () => {
  expectEverything(await restored(golden));
  // The order of entries is free, and with it where the shapes of records are defined.
  const outline = (bytes: Uint8Array) => ({
    header: Buffer.from(bytes.subarray(0, 9)),
    size: bytes.length,
    blocks: Array.from(
      readKeyedStream(bytes).blocks(),
      ({ section, keyGroup, entries, bytes: { length } }) => `${section.name}, ${keyGroup}: ${entries} in ${length}`,
    ).sort(),
  });
  expect(outline(await readFromHandle(await stored(everything())))).toEqual(outline(golden));
});

test('the footer says what is inside', () => {
  const { maxParallelism, keyGroups: range, sections } = readKeyedStream(golden);
  expect({ maxParallelism, range }).toEqual({ maxParallelism: 8, range: keyGroups });
  expect(sections.map(({ kind, name, type, keyType }) => [kind, name, type?.kind, keyType?.kind]).sort()).toEqual([
    ['aggregating', 'aggregating', undefined, undefined],
    ['event-time-timers', 'user-timers', undefined, undefined],
    ['list', 'list', undefined, undefined],
    ['map', 'map', 'int', 'string'],
    ['processing-time-timers', 'window-timers', undefined, undefined],
    ['reducing', 'reducing', undefined, undefined],
    ['value', 'value', 'any', undefined],
  ]);
});

test('nothing to store makes no stream', async () => {
  const backend = create();
  backend.getState(value);
  backend.timers('user-timers');
  expect(await stored(backend)).toBeUndefined();
});

describe('damage', () => {
  const damaged = { code: 'STATE_DAMAGED', message: expect.stringContaining("Operator 'op': its keyed state") };

  test('a stream cut off anywhere is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: golden.length - 1 }), async (length) => {
        await expect(restored(golden.subarray(0, length))).rejects.toMatchObject(damaged);
      }),
      { numRuns: 60 },
    );
  });

  test('a flipped bit anywhere is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: golden.length * 8 - 1 }), async (bit) => {
        // Not in the version, which has an error of its own.
        fc.pre(bit >> 3 !== 8);
        const copy = Uint8Array.from(golden);
        copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
        await expect(restored(copy)).rejects.toMatchObject(damaged);
      }),
      { numRuns: 150 },
    );
  });

  test('foreign bytes and a newer version are told apart', async () => {
    await expect(restored(Buffer.from('SQLite format 3\0'))).rejects.toThrow(/holds something else/);
    const newer = Uint8Array.from(golden);
    newer[8] = 2;
    await expect(restored(newer)).rejects.toMatchObject({ code: 'STATE_TOO_NEW', message: expect.stringContaining('has version 2') });
  });
});

describe('a program that changed', () => {
  test('carries on the states and timers it no longer asks for, at another parallelism', async () => {
    const halves = await Promise.all([restored(golden, { start: 0, end: 3 }), restored(golden, { start: 4, end: 7 })]);
    const handles = await Promise.all(
      halves.map(async (half, index) => ({ ...(await stored(half)), keyGroups: { start: index * 4, end: index * 4 + 3 } })),
    );
    const whole = create();
    await whole.restore(handles, readFromHandle);
    expectEverything(whole);
  });

  test('is told when a restored state has another kind', async () => {
    const backend = await restored(golden);
    expect(() => backend.getState({ kind: 'list', name: 'value' })).toThrow(
      /the state 'value' is a value state and was asked for as a list state\.\nIt was restored/,
    );
    const early = create();
    early.getState({ kind: 'map', name: 'list' });
    await expect(early.restore([await stored(everything())], readFromHandle)).rejects.toThrow(/the state 'list' is a map state and was/);
  });

  test('and no longer has a class keeps that state as it is stored, and reads the others', async () => {
    const output = new MemoryStream();
    const writer = new KeyedStreamWriter(output, { operatorName: 'op', keyGroups, maxParallelism: 8 });
    const [gone, kept] = (['gone', 'kept'] as const).map((name) =>
      writer.section({ kind: 'value', name, type: undefined, keyType: undefined }),
    );
    for (const [index, key] of keys.entries()) {
      const entry = writer.beginEntry(gone as StreamSection, key, undefined);
      entry.uint8(tag.class);
      entry.string('test.Gone');
      writeValue(entry, { index });
      writer.endEntry(gone as StreamSection);
      writeValue(writer.beginEntry(kept as StreamSection, key, undefined), index);
      writer.endEntry(kept as StreamSection);
    }
    for (const _ of writer.flushAll());
    await writer.close();

    const without = await restored(Buffer.concat(output.pieces));
    without.setCurrentKey('text');
    expect((without.getState({ kind: 'value', name: 'kept' }) as ValueState<unknown>).value()).toBe(3);
    expect(() => without.getState({ kind: 'value', name: 'gone' })).toThrow(/the restored state 'gone' cannot be read\. .*'test\.Gone'/);
    const carried = await readFromHandle(await stored(without));

    class Gone {
      readonly index: number = -1;
    }
    Types.register(Gone, { name: 'test.Gone' });
    const back = await restored(carried);
    const state = back.getState({ kind: 'value', name: 'gone' }) as ValueState<Gone>;
    for (const [index, key] of keys.entries()) {
      back.setCurrentKey(key);
      expect(state.value()).toBeInstanceOf(Gone);
      expect(state.value()?.index).toBe(index);
    }
  });
});
