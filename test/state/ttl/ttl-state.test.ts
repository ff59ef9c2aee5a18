/** Keyed state with a time to live, of every kind, against a plain model; through snapshots, with and without it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AggregatingState, ListState, MapState, ReducingState, StateDescriptor, ValueState } from '../../../src/api/state.ts';
import { StateTtlConfig, type StateTtlOptions } from '../../../src/api/state-ttl-config.ts';
import { HeapKeyedStateBackend } from '../../../src/state/keyed/heap-keyed-state-backend.ts';
import { openKeyedState } from '../../../src/state/ttl/ttl-state.ts';
import { MemoryStream, readFromHandle } from '../../harness/memory-streams.ts';

const ttlMs = 100;
const options = { operatorName: 'op', keyGroups: { start: 0, end: 127 }, maxParallelism: 128 };

interface Handles {
  readonly value: ValueState<number>;
  readonly list: ListState<number>;
  readonly map: MapState<string, number>;
  readonly reducing: ReducingState<number>;
  readonly aggregating: AggregatingState<number, string>;
}

function descriptors(ttl: StateTtlOptions | undefined): StateDescriptor[] {
  const limited = ttl ? { ttl: new StateTtlConfig(ttl) } : {};
  return [
    { kind: 'value', name: 'value', ...limited },
    { kind: 'list', name: 'list', ...limited },
    { kind: 'map', name: 'map', ...limited },
    { kind: 'reducing', name: 'reducing', reduce: (a: number, b: number) => a + b, ...limited },
    {
      kind: 'aggregating',
      name: 'aggregating',
      createAccumulator: () => ({ all: '' }),
      add: (n: number, { all }: { all: string }) => ({ all: `${all},${n}` }),
      getResult: ({ all }: { all: string }) => all,
      ...limited,
    },
  ];
}

class Subject {
  readonly backend = new HeapKeyedStateBackend(options);
  now: number;
  handles!: Handles;

  constructor(now: number) {
    this.now = now;
  }

  open(ttl: StateTtlOptions | undefined): this {
    const opened = descriptors(ttl).map((descriptor) => [descriptor.name, openKeyedState(this.backend, descriptor, () => this.now)]);
    this.handles = Object.fromEntries(opened) as unknown as Handles;
    return this;
  }

  /** A backend restored from a snapshot of this one. */
  async restored(ttl: StateTtlOptions | undefined): Promise<Subject> {
    const stream = new MemoryStream();
    const snapshot = this.backend.snapshot(1, stream);
    while (snapshot.advance(Number.POSITIVE_INFINITY));
    const handle = await snapshot.result;
    const next = new Subject(this.now);
    await next.backend.restore(handle ? [handle] : [], readFromHandle);
    return next.open(ttl);
  }

  /** Keys that have something stored, whatever its age. */
  stored(name: string): unknown[] {
    return [...this.backend.getKeys(name)].sort();
  }
}

interface Aged<T> {
  value: T;
  at: number;
}

/** What the state of one key is by definition. */
class ModelKey {
  value: Aged<number> | undefined;
  list: Aged<number>[] = [];
  readonly map = new Map<string, Aged<number>>();
  reducing: Aged<number> | undefined;
  aggregating: Aged<string> | undefined;
}

class Model {
  readonly #keys = new Map<string, ModelKey>();
  readonly #ttl: StateTtlOptions;

  constructor(ttl: StateTtlOptions) {
    this.#ttl = ttl;
  }

  of(key: string): ModelKey {
    const state = this.#keys.get(key) ?? new ModelKey();
    this.#keys.set(key, state);
    return state;
  }

  isOver({ at }: Aged<unknown>, now: number): boolean {
    return at + ttlMs <= now;
  }

  /** What a read gives, and what it leaves behind. */
  read<T>(aged: Aged<T> | undefined, now: number): { given: T | undefined; left: Aged<T> | undefined } {
    if (!aged) return { given: undefined, left: undefined };
    if (this.isOver(aged, now))
      return { given: this.#ttl.visibility === 'ReturnExpiredIfNotCleanedUp' ? aged.value : undefined, left: undefined };
    return { given: aged.value, left: { value: aged.value, at: this.#ttl.update === 'OnReadAndWrite' ? now : aged.at } };
  }
}

type Operation =
  | {
      readonly do: 'write' | 'clear' | 'read';
      readonly kind: keyof Handles;
      readonly key: string;
      readonly entry: string;
      readonly n: number;
    }
  | { readonly do: 'sleep'; readonly ms: number }
  | { readonly do: 'restore' };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constantFrom('write', 'write', 'read', 'read', 'clear'),
      kind: fc.constantFrom('value', 'list', 'map', 'reducing', 'aggregating'),
      key: fc.constantFrom('a', 'b', 'c'),
      entry: fc.constantFrom('x', 'y'),
      n: fc.nat({ max: 50 }),
    }) as fc.Arbitrary<Operation>,
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('sleep'), ms: fc.constantFrom(1, 40, 99, 100, 150) }) as fc.Arbitrary<Operation> },
  { weight: 1, arbitrary: fc.constant<Operation>({ do: 'restore' }) },
);

function write(
  handles: Handles,
  model: ModelKey,
  { isOver }: { isOver(aged: Aged<unknown>): boolean },
  at: number,
  { kind, entry, n }: Extract<Operation, { do: 'write' | 'clear' | 'read' }>,
): void {
  switch (kind) {
    case 'value':
      handles.value.update(n);
      model.value = { value: n, at };
      return;
    case 'list':
      handles.list.add(n);
      model.list.push({ value: n, at });
      return;
    case 'map':
      handles.map.put(entry, n);
      model.map.set(entry, { value: n, at });
      return;
    case 'reducing': {
      handles.reducing.add(n);
      const before = model.reducing && !isOver(model.reducing) ? model.reducing.value : 0;
      model.reducing = { value: before + n, at };
      return;
    }
    case 'aggregating': {
      handles.aggregating.add(n);
      const before = model.aggregating && !isOver(model.aggregating) ? model.aggregating.value : '';
      model.aggregating = { value: `${before},${n}`, at };
    }
  }
}

async function run(operations: readonly Operation[], ttl: StateTtlOptions): Promise<void> {
  let subject = new Subject(1000).open(ttl);
  const model = new Model(ttl);
  for (const step of operations) {
    const { now, handles } = subject;
    switch (step.do) {
      case 'sleep':
        subject.now += step.ms;
        break;
      case 'restore':
        subject = await subject.restored(ttl);
        break;
      default: {
        subject.backend.setCurrentKey(step.key);
        const state = model.of(step.key);
        if (step.do === 'write') write(handles, state, { isOver: (aged) => model.isOver(aged, now) }, now, step);
        else if (step.do === 'clear') {
          handles[step.kind].clear();
          if (step.kind === 'list') state.list = [];
          else if (step.kind === 'map') state.map.clear();
          else state[step.kind] = undefined;
        } else readBoth(handles, state, model, now, step);
      }
    }
  }
}

function readBoth(handles: Handles, state: ModelKey, model: Model, now: number, step: { kind: keyof Handles; entry: string }): void {
  switch (step.kind) {
    case 'value': {
      const { given, left } = model.read(state.value, now);
      expect(handles.value.value()).toBe(given ?? null);
      state.value = left;
      return;
    }
    case 'reducing': {
      const { given, left } = model.read(state.reducing, now);
      expect(handles.reducing.get()).toBe(given ?? null);
      state.reducing = left;
      return;
    }
    case 'aggregating': {
      const { given, left } = model.read(state.aggregating, now);
      expect(handles.aggregating.get()).toBe(given ?? null);
      state.aggregating = left;
      return;
    }
    case 'list': {
      const reads = state.list.map((aged) => model.read(aged, now));
      expect([...handles.list.get()]).toEqual(reads.flatMap(({ given }) => (given === undefined ? [] : [given])));
      state.list = reads.flatMap(({ left }) => (left ? [left] : []));
      return;
    }
    case 'map': {
      const { given, left } = model.read(state.map.get(step.entry), now);
      if (given === undefined) expect(handles.map.contains(step.entry)).toBe(false);
      expect(handles.map.get(step.entry)).toBe(given);
      if (left) state.map.set(step.entry, left);
      else state.map.delete(step.entry);
      const reads = [...state.map].map(([key, aged]) => ({ key, ...model.read(aged, now) }));
      const visible = reads.flatMap(({ key, given: value }) => (value === undefined ? [] : [[key, value] as const]));
      expect(handles.map.isEmpty()).toBe(visible.length === 0);
      expect(new Map(handles.map.entries())).toEqual(new Map(visible));
      for (const { key, left: kept } of reads) {
        if (kept) state.map.set(key, kept);
        else state.map.delete(key);
      }
    }
  }
}

const settings: readonly StateTtlOptions[] = [
  { ttl: ttlMs },
  { ttl: ttlMs, update: 'OnReadAndWrite', cleanupIncrementally: 1 },
  { ttl: ttlMs, cleanupFullSnapshot: true, cleanupIncrementally: 3 },
  // What is returned although its time is over depends on what was removed already: by reads alone here.
  { ttl: ttlMs, visibility: 'ReturnExpiredIfNotCleanedUp', cleanupIncrementally: 0 },
  { ttl: ttlMs, visibility: 'ReturnExpiredIfNotCleanedUp', update: 'OnReadAndWrite', cleanupIncrementally: 0 },
];

test.each(settings)('behaves as defined, through snapshots and restores: %o', async (ttl) => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 80 }), (operations) => run(operations, ttl)),
    {
      numRuns: 150,
    },
  );
});

describe('clean-up', () => {
  test('with accesses to other keys, what nobody reads goes, whatever its kind', () => {
    const subject = new Subject(0).open({ ttl: ttlMs, cleanupIncrementally: 5 });
    for (let key = 0; key < 50; key++) {
      subject.backend.setCurrentKey(key);
      for (const kind of ['value', 'list', 'map', 'reducing', 'aggregating'] as const)
        write(subject.handles, new ModelKey(), { isOver: () => false }, 0, { do: 'write', kind, key: '', entry: 'x', n: key });
    }
    subject.now = ttlMs;
    subject.backend.setCurrentKey('other');
    for (let i = 0; i < 12; i++) {
      subject.handles.value.value();
      void subject.handles.list.get();
      subject.handles.map.get('x');
      subject.handles.reducing.get();
      subject.handles.aggregating.get();
    }
    for (const kind of ['value', 'list', 'map', 'reducing', 'aggregating']) expect([kind, subject.stored(kind)]).toEqual([kind, []]);
    expect(subject.backend.getCurrentKey()).toBe('other');
  });

  test('switched off, it stays until it is read', () => {
    const subject = new Subject(0).open({ ttl: ttlMs, cleanupIncrementally: 0 });
    subject.backend.setCurrentKey('a');
    subject.handles.value.update(1);
    subject.now = ttlMs;
    subject.backend.setCurrentKey('b');
    for (let i = 0; i < 10; i++) subject.handles.value.value();
    expect(subject.stored('value')).toEqual(['a']);
    subject.backend.setCurrentKey('a');
    expect(subject.handles.value.value()).toBeNull();
    expect(subject.stored('value')).toEqual([]);
  });

  test('a snapshot leaves out what is over, where that is asked for, and the live state keeps it', async () => {
    for (const cleanupFullSnapshot of [true, false]) {
      const ttl = { ttl: ttlMs, cleanupFullSnapshot, cleanupIncrementally: 0 };
      const subject = new Subject(0).open(ttl);
      subject.backend.setCurrentKey('a');
      subject.handles.value.update(1);
      subject.handles.reducing.add(1);
      subject.handles.map.put('x', 1);
      for (let n = 0; n < 100; n++) subject.handles.list.add(n);
      subject.now = 50;
      subject.handles.map.put('y', 1);
      subject.handles.list.add(100);
      subject.now = ttlMs;
      const restored = await subject.restored(undefined);
      restored.backend.setCurrentKey('a');
      const { value, list, map, reducing } = restored.handles;
      expect(value.value()).toBe(cleanupFullSnapshot ? null : 1);
      expect(reducing.get()).toBe(cleanupFullSnapshot ? null : 1);
      expect([...map.keys()].sort()).toEqual(cleanupFullSnapshot ? ['y'] : ['x', 'y']);
      expect([...list.get()].length).toBe(cleanupFullSnapshot ? 1 : 101);
      expect(subject.stored('value')).toEqual(['a']);
    }
  });
});

describe('a program that changes its mind', () => {
  test('gives what was stored without a time to live its full time from the restore', async () => {
    const plain = new Subject(0).open(undefined);
    plain.backend.setCurrentKey('a');
    const same = { isOver: () => false };
    for (const kind of ['value', 'list', 'map', 'reducing', 'aggregating'] as const)
      write(plain.handles, new ModelKey(), same, 0, { do: 'write', kind, key: 'a', entry: 'x', n: 7 });
    const limited = await plain.restored({ ttl: ttlMs });
    limited.now = 500;
    limited.backend.setCurrentKey('a');
    const all = ({ value, list, map, reducing, aggregating }: Handles): unknown[] => [
      value.value(),
      [...list.get()],
      [...map.entries()],
      reducing.get(),
      aggregating.get(),
    ];
    expect(all(limited.handles)).toEqual([7, [7], [['x', 7]], 7, ',7']);
    limited.now = 599;
    limited.handles.reducing.add(1);
    expect(all(limited.handles)).toEqual([7, [7], [['x', 7]], 8, ',7']);
    limited.now = 600;
    expect(all(limited.handles)).toEqual([null, [], [], 8, null]);
  });

  test('keeps what was stored with one for ever, in its plain form', async () => {
    const limited = new Subject(0).open({ ttl: ttlMs });
    limited.backend.setCurrentKey('a');
    limited.handles.value.update(1);
    limited.handles.map.put('x', 2);
    let plain = await limited.restored(undefined);
    plain.now = 1_000_000;
    plain.backend.setCurrentKey('a');
    expect([plain.handles.value.value(), [...plain.handles.map]]).toEqual([1, [['x', 2]]]);
    plain.handles.value.update(3);
    plain = await plain.restored(undefined);
    plain.backend.setCurrentKey('a');
    expect(plain.handles.value.value()).toBe(3);
  });

  test('may change the time itself', async () => {
    const short = new Subject(0).open({ ttl: ttlMs, cleanupIncrementally: 0 });
    short.backend.setCurrentKey('a');
    short.handles.value.update(1);
    const long = await short.restored({ ttl: 1000 });
    long.now = 999;
    long.backend.setCurrentKey('a');
    expect(long.handles.value.value()).toBe(1);
    long.now = 1000;
    expect(long.handles.value.value()).toBeNull();
  });
});
