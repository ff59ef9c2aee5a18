/** Large maps, long lists, many windows of one key and many timers at one time: walked in parts, and exact all the same. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ListState, MapState, ValueState } from '../../../src/api/state.ts';
import { GrowingMap } from '../../../src/state/keyed/growing-map.ts';
import { HeapKeyedStateBackend } from '../../../src/state/keyed/heap-keyed-state-backend.ts';
import { KeyTable } from '../../../src/state/keyed/key-table.ts';
import type { StateSnapshot } from '../../../src/state/keyed/keyed-state-backend.ts';
import { RegisteredState } from '../../../src/state/keyed/state-entry.ts';
import type { KeyedStateHandle } from '../../../src/state/snapshot/handles.ts';
import { MemoryStream, readFromHandle } from '../../harness/memory-streams.ts';

const options = { operatorName: 'op', keyGroups: { start: 0, end: 3 }, maxParallelism: 4 };

/** One key with everything large, and what it should hold. */
class Large {
  readonly backend = new HeapKeyedStateBackend(options);
  readonly map = new Map<number, { n: number }>();
  list: number[] = [];
  readonly windows = new Map<number, string>();
  readonly timers = new Set<number>();
  readonly #mapState = this.backend.getState({ kind: 'map', name: 'map' }) as MapState<number, { n: number }>;
  readonly #listState = this.backend.getState({ kind: 'list', name: 'list' }) as ListState<number>;
  readonly #windowState = this.backend.getNamespacedState<ValueState<string>>({ kind: 'value', name: 'windows' });
  readonly #timerQueue = this.backend.timers('service').event;

  put(n: number, value: number): void {
    this.backend.setCurrentKey('key');
    this.#mapState.put(n, { n: value });
    this.map.set(n, { n: value });
  }

  removeFromMap(n: number): void {
    this.backend.setCurrentKey('key');
    this.#mapState.remove(n);
    this.map.delete(n);
  }

  clearMap(): void {
    this.backend.setCurrentKey('key');
    this.#mapState.clear();
    this.map.clear();
  }

  append(n: number): void {
    this.backend.setCurrentKey('key');
    this.#listState.add(n);
    this.list.push(n);
  }

  readList(): void {
    this.backend.setCurrentKey('key');
    const live = this.#listState.get() as number[];
    if (live.length === 0) return;
    live[0] = -1;
    this.#listState.update(live);
    this.list[0] = -1;
  }

  clearList(): void {
    this.backend.setCurrentKey('key');
    this.#listState.clear();
    this.list = [];
  }

  setWindow(n: number, value: string | null): void {
    this.backend.setCurrentKey('key');
    this.#windowState.setNamespace(n);
    this.#windowState.update(value);
    if (value === null) this.windows.delete(n);
    else this.windows.set(n, value);
  }

  setTimer(n: number): void {
    this.#timerQueue.add(100, n);
    this.timers.add(n);
  }

  dropTimer(n: number): void {
    this.#timerQueue.delete(100, n);
    this.timers.delete(n);
  }

  fireOne(): void {
    const due = this.#timerQueue.takeDue(100);
    if (due) this.timers.delete(due.key as number);
  }

  contents(): object {
    return structuredClone({
      map: sorted(this.map),
      list: this.list,
      windows: sorted(this.windows),
      timers: [...this.timers].sort((a, b) => a - b),
    });
  }
}

function sorted<V>(map: ReadonlyMap<number, V>): [number, V][] {
  return [...map].sort(([a], [b]) => a - b);
}

async function restoredContents(handle: KeyedStateHandle): Promise<object> {
  const backend = new HeapKeyedStateBackend(options);
  await backend.restore([handle], readFromHandle);
  backend.setCurrentKey('key');
  const windows = backend.getNamespacedState<ValueState<string>>({ kind: 'value', name: 'windows' });
  const found = new Map<number, string>();
  for (let n = 0; n < 400; n++) {
    windows.setNamespace(n);
    const value = windows.value();
    if (value !== null) found.set(n, value);
  }
  const timers: number[] = [];
  const queue = backend.timers('service').event;
  for (let due = queue.takeDue(100); due; due = queue.takeDue(100)) timers.push(due.key as number);
  return {
    map: sorted(new Map((backend.getState({ kind: 'map', name: 'map' }) as MapState<number, { n: number }>).entries())),
    list: [...(backend.getState({ kind: 'list', name: 'list' }) as ListState<number>).get()],
    windows: sorted(found),
    timers: timers.sort((a, b) => a - b),
  };
}

const change = fc.tuple(
  fc.constantFrom(
    'put',
    'put',
    'remove',
    'append',
    'append',
    'readList',
    'window',
    'window',
    'timer',
    'timer',
    'fire',
    'clearMap',
    'clearList',
  ),
  fc.nat({ max: 20_000 }),
);

test('snapshots of large units are exact, whatever is touched while they are walked', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 50, maxLength: 200 }),
      fc.integer({ min: 1, max: 30 }),
      async (changes, stepsBetween) => {
        const large = new Large();
        // Close to where a map is spread and an index begins.
        for (let n = 0; n < 8150; n++) large.put(n, n);
        for (let n = 0; n < 5000; n++) large.append(n);
        for (let n = 0; n < 10; n++) large.setWindow(n, `${n}`);
        for (let n = 0; n < 3000; n++) large.setTimer(n);
        const taken: { snapshot: StateSnapshot; contents: object }[] = [];
        const begin = () => taken.push({ snapshot: large.backend.snapshot(1, new MemoryStream()), contents: large.contents() });
        begin();
        for (const [index, [what, n]] of changes.entries()) {
          if (index === 25) begin();
          for (let i = 0; i < stepsBetween; i++) for (const { snapshot } of taken) snapshot.advance(0);
          if (what === 'put') for (let i = 0; i < 20; i++) large.put(n + i, -n);
          else if (what === 'remove') large.removeFromMap(n % 9000);
          else if (what === 'append') for (let i = 0; i < 20; i++) large.append(-n - i);
          else if (what === 'readList') large.readList();
          else if (what === 'window') for (let i = 0; i < 7; i++) large.setWindow((n + i) % 400, n % 3 === 0 ? null : `${n}`);
          else if (what === 'timer' && n % 2 === 0) large.dropTimer(n % 4000);
          else if (what === 'timer') large.setTimer(n);
          else if (what === 'fire') for (let i = 0; i < 20; i++) large.fireOne();
          else if (what === 'clearMap' && n % 4 === 0) large.clearMap();
          else if (what === 'clearList' && n % 4 === 0) large.clearList();
        }
        begin();
        for (const { snapshot, contents } of taken) {
          while (snapshot.advance(0));
          expect(await restoredContents((await snapshot.result) as KeyedStateHandle)).toEqual(contents);
        }
      },
    ),
    { numRuns: 12 },
  );
});

test('a growing map is a map, also while a cursor is on it', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat({ max: 12_000 })), { maxLength: 300 }), fc.boolean(), (changes, strings) => {
      const keyOf = (n: number) => (strings ? `key ${n}` : n * 1.5);
      const map = new GrowingMap<{ n: number }>();
      const model = new Map<unknown, { n: number }>();
      const set = (n: number): void => {
        const value = { n };
        map.set(keyOf(n), value);
        model.set(keyOf(n), value);
      };
      for (let n = 0; n < 8000; n++) set(n);
      const always = new Set(model.values());
      const cursor = map.cursor();
      const met: { n: number }[] = [];
      const step = (): boolean => {
        const next = cursor.next();
        if (next) met.push(next);
        return next !== undefined;
      };
      for (const [adds, n] of changes) {
        for (let i = 0; i < 10; i++) step();
        for (let i = 0; i < 5; i++) {
          const key = keyOf(n + i);
          const former = model.get(key);
          if (former) always.delete(former);
          if (adds) set(n + i);
          else {
            map.delete(key);
            model.delete(key);
          }
        }
      }
      while (step());
      expect(new Set(met).size).toBe(met.length);
      for (const value of always) expect(met.includes(value) || value).toBe(true);
      expect(map.size).toBe(model.size);
      for (const [key, value] of model) if (map.get(key) !== value) throw new Error(String(key));
      const all: unknown[] = [];
      const whole = map.cursor();
      for (let next = whole.next(); next; next = whole.next()) all.push(next);
      expect(new Set(all)).toEqual(new Set(model.values()));
    }),
    { numRuns: 20 },
  );
});

test('a key whose windows were cleared leaves nothing behind', () => {
  const table = new KeyTable('op');
  const states = ['a', 'b'].map((name) => new RegisteredState(name, 'value', undefined, undefined));
  for (const windows of [1, 5, 16, 17, 300]) {
    table.setCurrentKey({ user: 1 });
    for (const state of states) for (let n = 0; n < windows; n++) table.insert(state, n, n, n, 0);
    table.setCurrentKey('other');
    table.insert(states[0] as RegisteredState, undefined, undefined, 1, 0);
    expect(table.keyCount).toBe(2);
    expect([...table.keys(states[1] as RegisteredState)]).toEqual([{ user: 1 }]);
    table.setCurrentKey({ user: 1 });
    for (const state of states) {
      for (let n = windows - 1; n >= 0; n--) {
        const entry = table.find(state, n);
        expect(entry?.value).toBe(n);
        if (entry) table.remove(entry);
        expect(table.find(state, n)).toBeUndefined();
      }
    }
    expect(table.keyCount).toBe(1);
    table.setCurrentKey('other');
    const last = table.find(states[0] as RegisteredState, undefined);
    if (last) table.remove(last);
    expect(table.keyCount).toBe(0);
  }
});

test('snapshots are exact while the tables of keys are rebuilt, split and spread', async () => {
  const keyOf = (n: number): unknown => (n % 2 === 0 ? n : `key ${n}`);
  const change = fc.tuple(fc.constantFrom('set', 'clear', 'other'), fc.nat({ max: 80_000 }), fc.constantFrom(1, 300, 4000));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 5, maxLength: 30 }), fc.integer({ min: 1, max: 400 }), async (changes, stepsBetween) => {
      const backend = new HeapKeyedStateBackend(options);
      const value = backend.getState({ kind: 'value', name: 'value' }) as ValueState<number>;
      const other = backend.getState({ kind: 'value', name: 'other' }) as ValueState<number>;
      const model = { value: new Map<unknown, number>(), other: new Map<unknown, number>() };
      const set = (n: number, state: 'value' | 'other', to: number | null): void => {
        const key = keyOf(n);
        backend.setCurrentKey(key);
        (state === 'value' ? value : other).update(to as number);
        if (to === null) model[state].delete(key);
        else model[state].set(key, to);
      };
      // Close to where a shard of integer keys is split, and the map of other keys is spread.
      for (let n = 0; n < 65_000; n++) set(n, 'value', n);
      const taken: { snapshot: StateSnapshot; contents: typeof model }[] = [];
      const begin = () =>
        taken.push({
          snapshot: backend.snapshot(1, new MemoryStream()),
          contents: { value: new Map(model.value), other: new Map(model.other) },
        });
      begin();
      for (const [index, [what, from, count]] of changes.entries()) {
        if (index === 3) begin();
        for (let i = 0; i < stepsBetween; i++) for (const { snapshot } of taken) snapshot.advance(0);
        for (let n = from; n < from + count; n++) set(n, what === 'other' ? 'other' : 'value', what === 'clear' ? null : index);
      }
      for (const { snapshot, contents } of taken) {
        while (snapshot.advance(0));
        const restored = new HeapKeyedStateBackend(options);
        await restored.restore([(await snapshot.result) as KeyedStateHandle], readFromHandle);
        for (const state of ['value', 'other'] as const) {
          const handle = restored.getState({ kind: 'value', name: state }) as ValueState<number>;
          const keys = new Set(restored.getKeys(state));
          expect(keys.size).toBe(contents[state].size);
          for (const [key, wanted] of contents[state]) {
            restored.setCurrentKey(key);
            if (handle.value() !== wanted) throw new Error(`${String(key)}: ${String(handle.value())} is not ${wanted}`);
          }
        }
      }
    }),
    { numRuns: 6 },
  );
});
