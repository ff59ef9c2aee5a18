/** What was in operator state is there again after a restore, at any parallelism, as each mode promises. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HeapOperatorStateBackend } from '../../../src/state/operator/heap-operator-state-backend.ts';
import type { OperatorStateHandle } from '../../../src/state/snapshot/handles.ts';
import { MemoryStream, readFromHandle } from '../../harness/memory-streams.ts';

const list = { kind: 'list', name: 'list' } as const;
const union = { kind: 'list', name: 'union' } as const;
const rules = { kind: 'map', name: 'rules' } as const;

async function snapshotOf(backend: HeapOperatorStateBackend): Promise<OperatorStateHandle[]> {
  const handle = await backend.snapshot(new MemoryStream());
  return handle ? [handle] : [];
}

async function restored(handles: readonly OperatorStateHandle[]): Promise<HeapOperatorStateBackend> {
  const backend = new HeapOperatorStateBackend('op');
  await backend.restore(handles, readFromHandle);
  return backend;
}

/** A handle that keeps only some elements of one state: what the coordinator assigns. */
function only(handle: OperatorStateHandle, name: string, offsets: readonly number[]): OperatorStateHandle {
  const state = handle.states[name];
  return { ...handle, states: state ? { [name]: { ...state, offsets } } : {} };
}

const values = fc.oneof(
  fc.integer(),
  fc.string(),
  fc.record({ partition: fc.nat(), offset: fc.bigInt(), at: fc.date({ noInvalidDate: true }) }),
  fc.array(fc.double({ noNaN: true })),
);

test('split elements are dealt out as the handles say, union goes to all, broadcast is a copy', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(values, { maxLength: 8 }), { minLength: 1, maxLength: 4 }),
      fc.dictionary(fc.string(), values),
      async (perSubtask, entries) => {
        const handles: OperatorStateHandle[] = [];
        for (const elements of perSubtask) {
          const backend = new HeapOperatorStateBackend('op');
          backend.getListState(list).addAll(elements);
          backend.getUnionListState(union).addAll(elements);
          backend.getBroadcastState(rules).putAll(Object.entries(entries));
          handles.push(...(await snapshotOf(backend)));
        }
        const all = perSubtask.flat();
        // Element by element to two new subtasks, in turn.
        const dealt: OperatorStateHandle[][] = [[], []];
        let turn = 0;
        for (const handle of handles) {
          for (const offset of handle.states.list?.offsets ?? []) dealt[turn++ % 2]?.push(only(handle, 'list', [offset]));
        }
        for (const [index, assigned] of dealt.entries()) {
          const backend = await restored(assigned);
          expect([...backend.getListState(list).get()]).toEqual(all.filter((_, i) => i % 2 === index));
        }
        const everything = await restored(handles);
        expect([...everything.getUnionListState(union).get()]).toEqual(all);
        expect(Object.fromEntries(everything.getBroadcastState(rules).entries())).toEqual(entries);
      },
    ),
    { numRuns: 80 },
  );
});

test('the snapshot holds the moment of the call', async () => {
  const backend = new HeapOperatorStateBackend('op');
  const element = { offset: 1 };
  const state = backend.getListState<{ offset: number }>(list);
  state.add(element);
  const snapshot = snapshotOf(backend);
  element.offset = 2;
  state.add({ offset: 3 });
  const copy = await restored(await snapshot);
  expect([...copy.getListState(list).get()]).toEqual([{ offset: 1 }]);
});

test('the stream of version 1 is read, and is what is written', async () => {
  const backend = new HeapOperatorStateBackend('op');
  backend.getListState<unknown>(list).addAll([{ topic: 'orders', partition: 3, offset: 2n ** 40n }, 'é€', new Date(0)]);
  backend.getUnionListState<unknown>(union).addAll([[1, -0.5], new Uint8Array([7])]);
  backend.getBroadcastState<unknown, unknown>(rules).putAll([
    ['limit', { atMost: 10 }],
    [['a', 1], null],
  ]);
  const golden = readFileSync(join(import.meta.dirname, '../../golden/operator-state-v1'));
  const [handle] = (await snapshotOf(backend)) as [OperatorStateHandle];
  expect(handle.states).toEqual({
    list: { mode: 'SPLIT', offsets: [9, 63, 70] },
    union: { mode: 'UNION', offsets: [80, 97] },
    rules: { mode: 'BROADCAST', offsets: [101] },
  });
  expect(Buffer.from(await readFromHandle(handle)).equals(golden)).toBe(true);
  const copy = new HeapOperatorStateBackend('op');
  await copy.restore([handle], async () => golden);
  for (const descriptor of [list, { ...union }]) {
    const read = (of: HeapOperatorStateBackend) =>
      descriptor.name === 'list' ? of.getListState(descriptor) : of.getUnionListState(descriptor);
    expect([...read(copy).get()]).toEqual([...read(backend).get()]);
  }
  expect([...copy.getBroadcastState(rules).entries()]).toEqual([...backend.getBroadcastState(rules).entries()]);
});

test('without elements there is no handle', async () => {
  const backend = new HeapOperatorStateBackend('op');
  backend.getListState(list);
  backend.getBroadcastState(rules);
  expect(await snapshotOf(backend)).toEqual([]);
});

test('a state that nobody asks for goes on into the next snapshot', async () => {
  const first = new HeapOperatorStateBackend('op');
  first.getListState(list).addAll([1, 'two', { three: 3 }]);
  first.getBroadcastState(rules).put('a', 1);
  const second = await restored(await snapshotOf(first));
  second.getUnionListState(union).add('new');
  const third = await restored(await snapshotOf(second));
  expect([...third.getListState(list).get()]).toEqual([1, 'two', { three: 3 }]);
  expect(third.getBroadcastState(rules).get('a')).toBe(1);
  expect([...third.getUnionListState(union).get()]).toEqual(['new']);
});

test('broadcast keys are told apart like keys of records', async () => {
  const backend = new HeapOperatorStateBackend('op');
  const state = backend.getBroadcastState<unknown, number>(rules);
  state.putAll([
    [1, 1],
    ['1', 2],
    [1n, 3],
    [null, 4],
    [['a', 1], 5],
    [{ b: 1, a: 2 }, 6],
  ]);
  state.put({ a: 2, b: 1 }, 7);
  const copy = (await restored(await snapshotOf(backend))).getBroadcastState<unknown, number>(rules);
  expect([1, '1', 1n, null, ['a', 1], { a: 2, b: 1 }, 'x'].map((key) => copy.get(key))).toEqual([1, 2, 3, 4, 5, 7, undefined]);
});

describe('refuses', () => {
  test('a name in another mode, live and restored', async () => {
    const backend = new HeapOperatorStateBackend('op');
    backend.getListState(list).add(1);
    expect(() => backend.getUnionListState(list)).toThrow(/'list' is a list state and was asked for as a union list state/);
    const copy = await restored(await snapshotOf(backend));
    expect(() => copy.getBroadcastState({ kind: 'map', name: 'list' })).toThrow(/is a list state and was asked for as a broadcast state/);
  });

  test('null elements', () => {
    expect(() => new HeapOperatorStateBackend('op').getListState<unknown>(list).add(null)).toThrow(/null cannot be added/);
  });

  test('a value that no codec carries, naming operator and state; the stream is given up', async () => {
    const backend = new HeapOperatorStateBackend('op');
    backend.getListState<unknown>(list).add({ socket: () => 1 });
    const stream = new MemoryStream();
    await expect(backend.snapshot(stream)).rejects.toThrow(/Operator 'op', operator state 'list': .*a function at \.socket/);
    expect(stream.aborted).toBe(true);
  });

  test('foreign, newer and damaged streams', async () => {
    const backend = new HeapOperatorStateBackend('op');
    backend.getListState(list).add({ a: 'b' });
    const [handle] = (await snapshotOf(backend)) as [OperatorStateHandle];
    const bytes = await readFromHandle(handle);
    const from = async (change: (copy: Uint8Array) => Uint8Array | void) => {
      const copy = Uint8Array.from(bytes);
      const changed = change(copy) ?? copy;
      const restoring = new HeapOperatorStateBackend('op');
      await restoring.restore([handle], async () => changed);
      return [...restoring.getListState(list).get()];
    };
    expect(await from(() => {})).toEqual([{ a: 'b' }]);
    await expect(from(() => Buffer.from('PK\x03\x04 not a state'))).rejects.toMatchObject({ code: 'STATE_DAMAGED' });
    await expect(from(() => new Uint8Array(0))).rejects.toMatchObject({ code: 'STATE_DAMAGED' });
    await expect(from((copy) => copy.fill(9, 8, 9))).rejects.toThrow(/version 9 .* reads up to 1/);
    await expect(from((copy) => copy.subarray(0, copy.length - 1))).rejects.toMatchObject({
      code: 'STATE_DAMAGED',
      message: expect.stringContaining("Operator 'op': the stored operator state 'list' is damaged"),
    });
  });
});
