/** What keyed state refuses, and what it says: where, what was seen, what to do. */
import { describe, expect, test } from 'vitest';
import type { StateDescriptor, ValueState } from '../../../src/api/state.ts';
import { HeapKeyedStateBackend } from '../../../src/state/keyed/heap-keyed-state-backend.ts';
import { MemoryStream } from '../../harness/memory-streams.ts';

const value = { kind: 'value', name: 'total' } as const;

function create(keyGroups = { start: 0, end: 127 }): HeapKeyedStateBackend {
  return new HeapKeyedStateBackend({ operatorName: 'op', keyGroups, maxParallelism: 128 });
}

describe('a snapshot fails, and nothing else,', () => {
  test('when there is a key of another subtask, in the walk and before a touch', async () => {
    for (const touch of [false, true]) {
      const backend = create({ start: 0, end: 9 });
      const state = backend.getState(value) as ValueState<number>;
      // Key 42 is in group 29.
      backend.setCurrentKey(42);
      state.update(1);
      const output = new MemoryStream();
      const snapshot = backend.snapshot(1, output);
      if (touch) state.update(2);
      while (snapshot.advance(0));
      await expect(snapshot.result).rejects.toThrow(
        /^Operator 'op': there is state for the key 42, which belongs to another subtask\.\nIt is in key group 29; this subtask has 0 to 9\.\nTry: Make the key selector/,
      );
      expect(output.aborted).toBe(true);
      expect(state.value()).toBe(touch ? 2 : 1);
    }
  });

  test('when a value became what no codec carries', async () => {
    const backend = create();
    const state = backend.getState(value) as ValueState<{ callback?: unknown }>;
    backend.setCurrentKey('k');
    const held = {};
    state.update(held);
    Object.assign(held, { callback: () => 1 });
    const snapshot = backend.snapshot(1, new MemoryStream());
    while (snapshot.advance(0));
    await expect(snapshot.result).rejects.toThrow(/Operator 'op', state 'total': .*a function at \.callback/);
  });

  test('when its output fails, also before it is full', async () => {
    const backend = create();
    backend.setCurrentKey('k');
    (backend.getState(value) as ValueState<number>).update(1);
    const output = new MemoryStream();
    output.isReady = false;
    output.failure = new Error('no space');
    const snapshot = backend.snapshot(1, output);
    expect(snapshot.advance(0)).toBe(true);
    await expect(snapshot.result).rejects.toThrow('no space');
    expect(snapshot.advance(0)).toBe(false);
  });

  test('when it is aborted, or the backend is closed', async () => {
    const backend = create();
    const first = backend.snapshot(1, new MemoryStream());
    const second = backend.snapshot(2, new MemoryStream());
    first.abort();
    backend.close();
    for (const { result } of [first, second]) await expect(result).rejects.toMatchObject({ code: 'SNAPSHOT_ABORTED' });
    expect(first.advance(0)).toBe(false);
  });
});

test('an output that is not ready stops the walk until it is', async () => {
  const backend = create();
  const state = backend.getState(value) as ValueState<number>;
  for (let key = 0; key < 100; key++) {
    backend.setCurrentKey(key);
    state.update(key);
  }
  const output = new MemoryStream();
  output.isReady = false;
  const snapshot = backend.snapshot(1, output);
  for (let i = 0; i < 10; i++) expect(snapshot.advance(Number.POSITIVE_INFINITY)).toBe(true);
  expect(output.pieces).toEqual([]);
  output.isReady = true;
  expect(snapshot.advance(Number.POSITIVE_INFINITY)).toBe(false);
  expect(await snapshot.result).toMatchObject({ kind: 'keyed', keyGroups: { start: 0, end: 127 } });
});

class Unregistered {
  readonly x = 1;
}

test.each<[StateDescriptor, (handle: never) => void]>([
  [value, (handle: { update(v: unknown): void }) => handle.update({ inside: new Unregistered() })],
  [{ kind: 'list', name: 'total' }, (handle: { add(v: unknown): void }) => handle.add(new Unregistered())],
  [{ kind: 'map', name: 'total' }, (handle: { put(k: unknown, v: unknown): void }) => handle.put(1, new Unregistered())],
  [{ kind: 'reducing', name: 'total', reduce: (a) => a }, (handle: { add(v: unknown): void }) => handle.add(new Unregistered())],
])('an instance of an unregistered class is refused at the first value of %j', (descriptor, put) => {
  const backend = create();
  backend.setCurrentKey('k');
  const handle = backend.getState(descriptor) as never;
  expect(() => put(handle)).toThrow(/Operator 'op', state 'total': .*an instance of Unregistered/);
  expect([...backend.getKeys('total')]).toEqual([]);
});

test('state without a key, null in a list, and merges that cannot be', () => {
  const backend = create();
  const list = backend.getNamespacedState({ kind: 'list', name: 'list' });
  expect(() => (list as unknown as { get(): unknown }).get()).toThrow(/Operator 'op': state was used where no key is set/);
  expect(() => backend.getCurrentKey()).toThrow(/no key is set/);
  backend.setCurrentKey('k');
  expect(() => (list as unknown as { add(v: unknown): void }).add(null)).toThrow(/null cannot be added to the list state 'list'/);
  for (const kind of ['value', 'map'] as const) {
    const handle = backend.getNamespacedState({ kind, name: kind });
    expect(() => handle.mergeNamespaces(1, [2])).toThrow(new RegExp(`the ${kind} state '${kind}' cannot be merged`));
  }
  const aggregate = { createAccumulator: () => 0, add: (v: number, a: number) => a + v, getResult: (a: number) => a };
  const sums = backend.getNamespacedState({ kind: 'aggregating', name: 'sums', ...aggregate });
  for (const namespace of [1, 2]) {
    sums.setNamespace(namespace);
    (sums as unknown as { add(v: number): void }).add(1);
  }
  expect(() => sums.mergeNamespaces(1, [2])).toThrow(/the aggregate of state 'sums' has no merge function/);
});

test('a key object that the program changes later is still the key it was', async () => {
  const backend = create();
  const state = backend.getState(value) as ValueState<number>;
  const key = { user: 1 };
  backend.setCurrentKey(key);
  state.update(7);
  key.user = 2;
  expect([...backend.getKeys('total')]).toEqual([{ user: 1 }]);
  backend.setCurrentKey({ user: 1 });
  expect(state.value()).toBe(7);
});
