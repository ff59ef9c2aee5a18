/**
 * Keyed state on the heap. The current key is set by the task before each record or timer; every handle reads it. All
 * access goes through `table.get/set/delete` of one state table, which is where snapshots will hook in.
 *
 * A value handed out is the live object: a program that changes it must also `update` it.
 */
import type {
  AggregatingStateDescriptor,
  ListState,
  MapState,
  ReducingStateDescriptor,
  StateDescriptor,
  ValueState,
  ValueStateDescriptor,
} from '../../api/state.ts';
import { BugError } from '../../shared/assert.ts';
import { UserError } from '../../shared/errors.ts';
import { detachStrings } from '../../types/codecs.ts';
import { keyIdentity } from '../../types/key-hash.ts';
import type { KeyedStateBackend, KeyedStateBackendOptions, StateSnapshot } from './keyed-state-backend.ts';
import { StateTable } from './state-table.ts';

interface RegisteredState {
  readonly descriptor: StateDescriptor;
  readonly table: StateTable<unknown>;
  readonly handles: Map<unknown, unknown>;
}

const noKey = Symbol('no key');

export class HeapKeyedStateBackend implements KeyedStateBackend {
  readonly #operatorName: string;
  readonly #states = new Map<string, RegisteredState>();
  /** Keys as the program made them, by identity: a compound key's identity is not the key. */
  readonly #compoundKeys = new Map<unknown, unknown>();
  #key: unknown = noKey;
  #identity: unknown = noKey;

  constructor(options: KeyedStateBackendOptions) {
    this.#operatorName = options.operatorName;
  }

  async restore(): Promise<void> {
    throw new BugError('keyed state cannot be restored yet');
  }

  snapshot(): StateSnapshot {
    throw new BugError('keyed state cannot be stored yet');
  }

  close(): void {}

  setCurrentKey(key: unknown): void {
    this.#key = key;
    this.#identity = keyIdentity(key);
    if (typeof key === 'object' && key !== null) this.#compoundKeys.set(this.#identity, key);
  }

  getCurrentKey(): unknown {
    if (this.#key === noKey) throw this.#withoutKey();
    return this.#key;
  }

  getState(descriptor: StateDescriptor, namespace?: unknown): unknown {
    const state = this.#register(descriptor);
    const known = state.handles.get(namespace);
    if (known) return known;
    const handle = this.#handle(descriptor, this.#cell(state.table as StateTable<never>, namespace));
    state.handles.set(namespace, handle);
    return handle;
  }

  timers(): never {
    throw new BugError('timers are not kept with the keyed state yet');
  }

  *getKeys(stateName: string): Generator<unknown> {
    const state = this.#states.get(stateName);
    for (const identity of state?.table.keys() ?? []) yield this.#compoundKeys.has(identity) ? this.#compoundKeys.get(identity) : identity;
  }

  #register(descriptor: StateDescriptor): RegisteredState {
    const known = this.#states.get(descriptor.name);
    if (known && known.descriptor.kind !== descriptor.kind) {
      throw new UserError('STATE_KIND_MISMATCH', {
        problem: `Operator '${this.#operatorName}': the state '${descriptor.name}' is a ${known.descriptor.kind} state and was asked for as a ${descriptor.kind} state.`,
        tryNext: ['Give each state of an operator a name of its own.'],
      });
    }
    if (known) return known;
    const state: RegisteredState = { descriptor, table: new StateTable(), handles: new Map() };
    this.#states.set(descriptor.name, state);
    return state;
  }

  #cell<V>(table: StateTable<V>, namespace: unknown): Cell<V> {
    const identity = (): unknown => {
      if (this.#identity === noKey) throw this.#withoutKey();
      return this.#identity;
    };
    if (namespace === undefined) {
      return {
        get: () => table.get(identity()),
        set: (value) => table.set(identity(), value),
        clear: () => table.delete(identity()),
      };
    }
    const scope = keyIdentity(namespace);
    const inner = table as unknown as StateTable<Map<unknown, V>>;
    return {
      get: () => inner.get(identity())?.get(scope),
      set: (value) => {
        const map = inner.get(identity());
        if (map) map.set(scope, value);
        else inner.set(identity(), new Map([[scope, value]]));
      },
      clear: () => {
        const map = inner.get(identity());
        map?.delete(scope);
        if (map?.size === 0) inner.delete(identity());
      },
    };
  }

  #handle(descriptor: StateDescriptor, cell: Cell<never>): unknown {
    switch (descriptor.kind) {
      case 'value':
        return valueState(descriptor, cell);
      case 'list':
        return listState(cell, descriptor.name);
      case 'map':
        return mapState(cell);
      case 'reducing':
        return reducingState(descriptor, cell);
      case 'aggregating':
        return aggregatingState(descriptor, cell);
    }
  }

  #withoutKey(): UserError {
    return new UserError('NO_KEY', {
      problem: `Operator '${this.#operatorName}': state was used where no key is set.`,
      tryNext: ['Use keyed state in processElement and onTimer of a keyed stream only.'],
    });
  }
}

/** The value of one state at the current key. */
interface Cell<V> {
  get(): V | undefined;
  set(value: V): void;
  clear(): void;
}

function valueState(descriptor: ValueStateDescriptor<unknown>, cell: Cell<unknown>): ValueState<unknown> {
  return {
    value: () => cell.get() ?? descriptor.defaultValue?.() ?? null,
    update: (value) => {
      if (value === null || value === undefined) cell.clear();
      else cell.set(detachStrings(value));
    },
    clear: () => cell.clear(),
  };
}

function listState(cell: Cell<unknown[]>, name: string): ListState<unknown> {
  const append = (values: Iterable<unknown>): void => {
    const list = cell.get() ?? [];
    for (const value of values) {
      if (value === null || value === undefined)
        throw new UserError('NULL_IN_LIST', { problem: `null cannot be added to the list state '${name}'.` });
      list.push(detachStrings(value));
    }
    if (list.length > 0) cell.set(list);
  };
  return {
    get: () => cell.get() ?? [],
    add: (value) => append([value]),
    addAll: append,
    update: (values) => {
      const copy = [...values];
      cell.clear();
      append(copy);
    },
    clear: () => cell.clear(),
  };
}

function mapState(cell: Cell<Map<unknown, readonly [unknown, unknown]>>): MapState<unknown, unknown> {
  const put = (key: unknown, value: unknown): void => {
    const map = cell.get() ?? new Map<unknown, readonly [unknown, unknown]>();
    map.set(keyIdentity(key), [typeof key === 'string' ? detachStrings(key) : key, detachStrings(value)]);
    cell.set(map);
  };
  const remove = (key: unknown): void => {
    const map = cell.get();
    map?.delete(keyIdentity(key));
    if (map?.size === 0) cell.clear();
  };
  const entries = function* (): Generator<[unknown, unknown]> {
    for (const [key, value] of cell.get()?.values() ?? []) yield [key, value];
  };
  return {
    get: (key) => cell.get()?.get(keyIdentity(key))?.[1],
    put,
    putAll: (pairs) => {
      for (const [key, value] of pairs) put(key, value);
    },
    remove,
    contains: (key) => cell.get()?.has(keyIdentity(key)) ?? false,
    entries,
    keys: function* () {
      for (const [key] of entries()) yield key;
    },
    values: function* () {
      for (const [, value] of entries()) yield value;
    },
    isEmpty: () => (cell.get()?.size ?? 0) === 0,
    clear: () => cell.clear(),
    [Symbol.iterator]: entries,
  };
}

function reducingState(descriptor: ReducingStateDescriptor<unknown>, cell: Cell<unknown>) {
  return {
    get: () => cell.get() ?? null,
    add: (value: unknown) => {
      const former = cell.get();
      cell.set(detachStrings(former === undefined ? value : descriptor.reduce(former, value)));
    },
    clear: () => cell.clear(),
  };
}

function aggregatingState(descriptor: AggregatingStateDescriptor<unknown, unknown, unknown>, cell: Cell<unknown>) {
  return {
    get: () => {
      const accumulator = cell.get();
      return accumulator === undefined ? null : descriptor.getResult(accumulator);
    },
    add: (value: unknown) => cell.set(descriptor.add(value, cell.get() ?? descriptor.createAccumulator())),
    clear: () => cell.clear(),
  };
}
