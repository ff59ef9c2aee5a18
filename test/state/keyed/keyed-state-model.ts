/**
 * Keyed state at some parallelism beside a plain model of it: the same operations go to both, and what is restored from a
 * snapshot must be the model as it was when the snapshot began.
 */
import { isDeepStrictEqual } from 'node:util';
import type { NamespacedState } from '../../../src/api/operators.ts';
import type { AggregatingState, ListState, MapState, ReducingState, StateDescriptor, ValueState } from '../../../src/api/state.ts';
import { HeapKeyedStateBackend } from '../../../src/state/keyed/heap-keyed-state-backend.ts';
import type { StateSnapshot } from '../../../src/state/keyed/keyed-state-backend.ts';
import type { KeyedStateHandle } from '../../../src/state/snapshot/handles.ts';
import { keyGroupOf, keyGroupRange, operatorIndexForKeyGroup } from '../../../src/types/key-groups.ts';
import { hashKey } from '../../../src/types/key-hash.ts';
import { MemoryStream, readFromHandle } from '../../harness/memory-streams.ts';

export const maxParallelism = 16;

const oddKeys: readonly unknown[] = [
  null,
  true,
  false,
  '',
  '1',
  1n,
  '\0c',
  1.5,
  ['a', 1],
  ['a', '1'],
  { user: 'u', at: new Date(5) },
  { b: 1, a: [1n, null] },
];
/** No two are equal as keys. */
export const keys: readonly unknown[] = [
  ...oddKeys,
  -7,
  0x7fffffff,
  -0x80000000,
  2 ** 31,
  ...Array.from({ length: 56 }, (_, i) => i),
  ...Array.from({ length: 60 }, (_, i) => `key-${i}-long`),
];
export const namespaces: readonly unknown[] = [undefined, 0, 60_000, 'w', { start: 1, end: 2 }];

interface Item {
  n: number;
  tags: string[];
  at?: Date | bigint | null | undefined;
}
type Sum = { sum: number; seen: number[] };

export const descriptors = {
  value: { kind: 'value', name: 'value' },
  list: { kind: 'list', name: 'list' },
  map: { kind: 'map', name: 'map' },
  reducing: { kind: 'reducing', name: 'reducing', reduce: (a: number, b: number) => a + b },
  aggregating: {
    kind: 'aggregating',
    name: 'aggregating',
    createAccumulator: (): Sum => ({ sum: 0, seen: [] }),
    // Changes its accumulator in place, as programs do.
    add: (value: number, accumulator: Sum): Sum => {
      accumulator.sum += value;
      accumulator.seen.push(value);
      return accumulator;
    },
    getResult: ({ sum, seen }: Sum) => `${sum}: ${seen.join()}`,
    merge: (a: Sum, b: Sum): Sum => ({ sum: a.sum + b.sum, seen: [...a.seen, ...b.seen] }),
  },
} satisfies Record<string, StateDescriptor>;

type Kind = keyof typeof descriptors;

export type Operation =
  | { readonly do: 'update' | 'change' | 'read' | 'clear'; readonly key: number; readonly ns: number; readonly n: number }
  | { readonly do: 'clearState'; readonly kind: Kind; readonly key: number; readonly ns: number }
  | {
      readonly do: 'append' | 'replace' | 'changeElement';
      readonly key: number;
      readonly ns: number;
      readonly n: number;
      readonly count: number;
    }
  | {
      readonly do: 'put' | 'putMany' | 'remove' | 'iterate';
      readonly key: number;
      readonly ns: number;
      readonly n: number;
      readonly count: number;
    }
  | { readonly do: 'reduce' | 'aggregate'; readonly key: number; readonly ns: number; readonly n: number }
  | { readonly do: 'merge'; readonly kind: 'list' | 'reducing' | 'aggregating'; readonly key: number; readonly ns: number }
  | { readonly do: 'addTimer' | 'deleteTimer'; readonly event: boolean; readonly key: number; readonly ns: number; readonly at: number }
  | { readonly do: 'takeDue'; readonly event: boolean; readonly at: number; readonly subtask: number };

/** State by `state|key|namespace`, timers by `domain|key|namespace|timestamp`; keys and namespaces by their position. */
export interface Model {
  readonly state: Map<string, unknown>;
  readonly timers: Set<string>;
}

interface Subtask {
  readonly backend: HeapKeyedStateBackend;
  readonly value: NamespacedState<ValueState<Item>>;
  readonly list: NamespacedState<ListState<Item>>;
  readonly map: NamespacedState<MapState<unknown, Item>>;
  readonly reducing: NamespacedState<ReducingState<number>>;
  readonly aggregating: NamespacedState<AggregatingState<number, string>>;
}

export interface TakenSnapshot {
  readonly model: Model;
  readonly parts: readonly StateSnapshot[];
}

export class KeyedStateUnderTest {
  readonly #subtasks: readonly Subtask[];
  model: Model = { state: new Map(), timers: new Set() };

  private constructor(subtasks: readonly Subtask[]) {
    this.#subtasks = subtasks;
  }

  static async create(parallelism: number, from?: { handles: readonly KeyedStateHandle[]; model: Model }): Promise<KeyedStateUnderTest> {
    const subtasks: Subtask[] = [];
    for (let index = 0; index < parallelism; index++) {
      const keyGroups = keyGroupRange(index, parallelism, maxParallelism);
      const backend = new HeapKeyedStateBackend({ operatorName: 'op', keyGroups, maxParallelism });
      if (from) await backend.restore(from.handles, readFromHandle);
      subtasks.push({
        backend,
        value: backend.getNamespacedState(descriptors.value),
        list: backend.getNamespacedState(descriptors.list),
        map: backend.getNamespacedState(descriptors.map),
        reducing: backend.getNamespacedState(descriptors.reducing),
        aggregating: backend.getNamespacedState(descriptors.aggregating),
      });
    }
    const created = new KeyedStateUnderTest(subtasks);
    if (from) created.model = structuredClone(from.model);
    return created;
  }

  get parallelism(): number {
    return this.#subtasks.length;
  }

  begin(checkpointId: number): TakenSnapshot {
    const parts = this.#subtasks.map(({ backend }) => backend.snapshot(checkpointId, new MemoryStream()));
    return { model: structuredClone(this.model), parts };
  }

  run(operation: Operation): void {
    if (operation.do === 'takeDue') {
      this.#takeDue(operation.event, operation.at, operation.subtask % this.parallelism);
      return;
    }
    const key = keys[operation.key % keys.length];
    const keyIndex = operation.key % keys.length;
    const nsIndex = operation.ns % namespaces.length;
    const ns = namespaces[nsIndex];
    const subtask = this.#subtasks[this.#ownerOf(key)] as Subtask;
    subtask.backend.setCurrentKey(typeof key === 'object' && key !== null ? structuredClone(key) : key);
    const { state, timers } = this.model;
    const at = (kind: Kind, namespace = nsIndex) => `${kind}|${keyIndex}|${namespace}`;
    switch (operation.do) {
      case 'update':
        subtask.value.setNamespace(ns);
        subtask.value.update(item(operation.n));
        state.set(at('value'), item(operation.n));
        return;
      case 'change': {
        // The object handed out is the live one; updating with itself is how a change in place is made known.
        subtask.value.setNamespace(ns);
        const live = subtask.value.value();
        if (!live) return;
        live.n += operation.n;
        live.tags.push('changed');
        subtask.value.update(live);
        const known = state.get(at('value')) as Item;
        known.n += operation.n;
        known.tags.push('changed');
        return;
      }
      case 'read':
        subtask.value.setNamespace(ns);
        same(subtask.value.value(), state.get(at('value')) ?? null);
        return;
      case 'clear':
        subtask.value.setNamespace(ns);
        subtask.value.update(null);
        state.delete(at('value'));
        return;
      case 'clearState':
        subtask[operation.kind].setNamespace(ns);
        subtask[operation.kind].clear();
        state.delete(at(operation.kind));
        return;
      case 'append':
        subtask.list.setNamespace(ns);
        for (let i = 0; i < operation.count; i++) subtask.list.add(item(operation.n + i));
        if (operation.count > 0) state.set(at('list'), [...((state.get(at('list')) as Item[]) ?? []), ...items(operation)]);
        return;
      case 'replace':
        subtask.list.setNamespace(ns);
        subtask.list.update(items(operation));
        if (operation.count === 0) state.delete(at('list'));
        else state.set(at('list'), items(operation));
        return;
      case 'changeElement': {
        subtask.list.setNamespace(ns);
        const live = [...subtask.list.get()];
        if (live.length === 0) return;
        const element = operation.n % live.length;
        (live[element] as Item).n = -7;
        subtask.list.update(live);
        ((state.get(at('list')) as Item[])[element] as Item).n = -7;
        return;
      }
      case 'put':
      case 'putMany':
        subtask.map.setNamespace(ns);
        for (let i = 0; i < (operation.do === 'put' ? 1 : operation.count); i++) {
          subtask.map.put(mapKey(operation.n + i), item(i));
          const entries = (state.get(at('map')) as Map<number, Item>) ?? new Map<number, Item>();
          entries.set(operation.n + i, item(i));
          state.set(at('map'), entries);
        }
        return;
      case 'remove': {
        subtask.map.setNamespace(ns);
        subtask.map.remove(mapKey(operation.n));
        const entries = state.get(at('map')) as Map<number, Item> | undefined;
        entries?.delete(operation.n);
        if (entries?.size === 0) state.delete(at('map'));
        return;
      }
      case 'iterate': {
        // Changes what it is handed, and removes some on the way.
        subtask.map.setNamespace(ns);
        const entries = state.get(at('map')) as Map<number, Item> | undefined;
        for (const [key, live] of subtask.map.entries()) {
          const number = mapKeyNumber(key);
          const known = entries?.get(number) as Item;
          if (number % 5 === operation.n % 5) {
            subtask.map.remove(key);
            entries?.delete(number);
          } else {
            live.n++;
            subtask.map.put(key, live);
            known.n++;
          }
        }
        if (entries?.size === 0) state.delete(at('map'));
        return;
      }
      case 'reduce':
        subtask.reducing.setNamespace(ns);
        subtask.reducing.add(operation.n);
        state.set(at('reducing'), ((state.get(at('reducing')) as number) ?? 0) + operation.n);
        return;
      case 'aggregate': {
        subtask.aggregating.setNamespace(ns);
        subtask.aggregating.add(operation.n);
        state.set(at('aggregating'), [...((state.get(at('aggregating')) as number[]) ?? []), operation.n]);
        return;
      }
      case 'merge': {
        const target = nsIndex;
        const sources = namespaces.map((_, i) => i).filter((i) => i % 2 === 0);
        subtask[operation.kind].mergeNamespaces(
          ns,
          sources.map((i) => namespaces[i]),
        );
        const parts = [target, ...sources.filter((i) => i !== target)]
          .map((i) => state.get(at(operation.kind, i)))
          .filter((part) => part !== undefined);
        for (const source of sources) state.delete(at(operation.kind, source));
        if (parts.length === 0) state.delete(at(operation.kind, target));
        else if (operation.kind === 'reducing')
          state.set(
            at('reducing', target),
            (parts as number[]).reduce((a, b) => a + b),
          );
        else state.set(at(operation.kind, target), parts.flat());
        return;
      }
      case 'addTimer':
      case 'deleteTimer': {
        const timers_ = subtask.backend.timers('service')[operation.event ? 'event' : 'processing'];
        const name = `${operation.event ? 'event' : 'processing'}|${keyIndex}|${nsIndex}|${operation.at}`;
        if (operation.do === 'addTimer') {
          timers_.add(operation.at, subtask.backend.getCurrentKey(), ns);
          timers.add(name);
        } else {
          timers_.delete(operation.at, subtask.backend.getCurrentKey(), ns);
          timers.delete(name);
        }
      }
    }
  }

  /** Throws unless every key, namespace and timer is as in the model. Leaves no timer behind. */
  verify(): void {
    const state = new Map<string, unknown>();
    for (const [keyIndex, key] of keys.entries()) {
      const subtask = this.#subtasks[this.#ownerOf(key)] as Subtask;
      subtask.backend.setCurrentKey(key);
      for (const [nsIndex, ns] of namespaces.entries()) {
        for (const kind of Object.keys(descriptors) as Kind[]) {
          subtask[kind].setNamespace(ns);
          const found = read(subtask, kind);
          if (found !== undefined) state.set(`${kind}|${keyIndex}|${nsIndex}`, found);
        }
      }
    }
    sameEntries(state, this.model.state);
    this.#verifyKeys();
    const timers = new Set<string>();
    for (let subtask = 0; subtask < this.parallelism; subtask++) {
      for (const domain of ['event', 'processing'] as const)
        for (const name of this.#drain(subtask, domain, Number.MAX_VALUE)) timers.add(name);
    }
    sameEntries(new Map([...timers].map((name) => [name, true])), new Map([...this.model.timers].map((name) => [name, true])));
  }

  /** What the backend counts as a state's keys is what the model has. */
  #verifyKeys(): void {
    for (const kind of Object.keys(descriptors) as Kind[]) {
      const found = this.#subtasks.flatMap(({ backend }) => [...backend.getKeys(kind)].map(indexOfKey)).sort((a, b) => a - b);
      const known = new Set(
        [...this.model.state.keys()].filter((name) => name.startsWith(`${kind}|`)).map((name) => Number(name.split('|')[1])),
      );
      same(
        found,
        [...known].sort((a, b) => a - b),
      );
    }
  }

  #takeDue(event: boolean, at: number, subtask: number): void {
    const domain = event ? 'event' : 'processing';
    const taken = this.#drain(subtask, domain, at);
    const known = [...this.model.timers].filter((name) => {
      const [itsDomain, keyIndex, , timestamp] = name.split('|');
      return itsDomain === domain && Number(timestamp) <= at && this.#ownerOf(keys[Number(keyIndex)]) === subtask;
    });
    same(taken.sort(), known.sort());
    for (const name of taken) this.model.timers.delete(name);
  }

  #drain(subtask: number, domain: 'event' | 'processing', now: number): string[] {
    const queue = (this.#subtasks[subtask] as Subtask).backend.timers('service')[domain];
    const taken: string[] = [];
    let last = Number.NEGATIVE_INFINITY;
    for (let due = queue.takeDue(now); due; due = queue.takeDue(now)) {
      if (due.timestamp < last) throw new Error(`timer ${due.timestamp} after ${last}`);
      last = due.timestamp;
      taken.push(`${domain}|${indexOfKey(due.key)}|${namespaces.findIndex((ns) => isDeepStrictEqual(ns, due.namespace))}|${due.timestamp}`);
    }
    if (queue.next <= now) throw new Error('a due timer was left');
    return taken;
  }

  #ownerOf(key: unknown): number {
    return operatorIndexForKeyGroup(keyGroupOf(hashKey(key), maxParallelism), this.parallelism, maxParallelism);
  }
}

function read(subtask: Subtask, kind: Kind): unknown {
  switch (kind) {
    case 'value':
      return subtask.value.value() ?? undefined;
    case 'list': {
      const list = [...subtask.list.get()];
      return list.length === 0 ? undefined : list;
    }
    case 'map': {
      const entries = new Map([...subtask.map.entries()].map(([key, value]) => [mapKeyNumber(key), value]));
      same(subtask.map.isEmpty(), entries.size === 0);
      for (const [number, value] of entries) same(subtask.map.get(mapKey(number)), value);
      return entries.size === 0 ? undefined : entries;
    }
    case 'reducing':
      return subtask.reducing.get() ?? undefined;
    case 'aggregating': {
      const result = subtask.aggregating.get();
      return result === null ? undefined : (result.split(': ')[1] as string).split(',').map(Number);
    }
  }
}

function item(n: number): Item {
  const variants = [undefined, null, new Date(n), BigInt(n)];
  return n % 5 === 4 ? { n, tags: [] } : { n, tags: [`tag ${n}`, 'é€'], at: variants[n % 5] };
}

function items({ n, count }: { n: number; count: number }): Item[] {
  return Array.from({ length: count }, (_, i) => item(n + i));
}

function mapKey(n: number): unknown {
  return n % 3 === 0 ? { field: n } : n % 3 === 1 ? `field ${n}` : n;
}

function mapKeyNumber(key: unknown): number {
  if (typeof key === 'number') return key;
  return typeof key === 'string' ? Number(key.slice('field '.length)) : (key as { field: number }).field;
}

const primitiveKeys = new Map(keys.map((key, index) => [key, index]));

function indexOfKey(key: unknown): number {
  return primitiveKeys.get(key) ?? keys.findIndex((known) => isDeepStrictEqual(known, key));
}

function same(found: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(found, expected)) throw new Error(`found ${show(found)}, expected ${show(expected)}`);
}

function sameEntries(found: ReadonlyMap<string, unknown>, expected: ReadonlyMap<string, unknown>): void {
  for (const [name, value] of expected)
    if (!isDeepStrictEqual(found.get(name), value)) throw new Error(`${name}: found ${show(found.get(name))}, expected ${show(value)}`);
  for (const name of found.keys()) if (!expected.has(name)) throw new Error(`${name}: found ${show(found.get(name))}, expected none`);
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part instanceof Map ? [...part] : part));
}
