/**
 * Operator state: lists and maps of one subtask, on the heap. A snapshot encodes all of it at once (it is small: positions,
 * pending work, rules) and writes the bytes behind the call. Layout: docs/formats/operator-state.md.
 *
 * An element is what it is when the snapshot is taken: a program that changes an object it has added changes the state.
 * A restored state that the program does not ask for stays as it was stored, and goes into the next snapshot.
 */
import type { BroadcastState, ListState, ListStateDescriptor, MapStateDescriptor } from '../../api/state.ts';
import { ExternalError, UserError } from '../../shared/errors.ts';
import { ByteReader } from '../../types/byte-reader.ts';
import { ByteWriter } from '../../types/byte-writer.ts';
import { detachStrings } from '../../types/detach.ts';
import { keyIdentity } from '../../types/key-hash.ts';
import { decodeValue, encodeValue } from '../../types/value-codec.ts';
import type { OperatorStateHandle, RedistributionMode } from '../snapshot/handles.ts';
import { readStreamHeader, writeStreamHeader } from '../snapshot/stream-header.ts';
import type { CheckpointOutputStream } from '../storage/checkpoint-streams.ts';
import type { OperatorStateBackend } from './operator-state-backend.ts';

const kindOf: Record<RedistributionMode, string> = { SPLIT: 'list', UNION: 'union list', BROADCAST: 'broadcast' };

/** Encoded elements; a broadcast state is one element, its map. */
type StoredElements = readonly Uint8Array[];

interface RegisteredState {
  readonly mode: RedistributionMode;
  /** The values to store now, one per element. */
  elements(): readonly unknown[];
  readonly handle: unknown;
}

export class HeapOperatorStateBackend implements OperatorStateBackend {
  readonly #operatorName: string;
  readonly #states = new Map<string, RegisteredState>();
  /** Restored and not asked for. */
  readonly #unread = new Map<string, { readonly mode: RedistributionMode; readonly elements: Uint8Array[] }>();

  constructor(operatorName: string) {
    this.#operatorName = operatorName;
  }

  async restore(handles: readonly OperatorStateHandle[], read: (handle: OperatorStateHandle) => Promise<Uint8Array>): Promise<void> {
    for (const handle of handles) {
      const bytes = await read(handle);
      readStreamHeader(bytes, 'operator state');
      for (const [name, { mode, offsets }] of Object.entries(handle.states)) {
        const known = this.#unread.get(name);
        if (known && known.mode !== mode) throw this.#kindMismatch(name, known.mode, mode);
        const elements = offsets.map((offset) => this.#elementAt(bytes, offset, name));
        // Several subtasks' copies of a broadcast state are the same: one is enough.
        if (!known) this.#unread.set(name, { mode, elements });
        else if (mode !== 'BROADCAST') known.elements.push(...elements);
      }
    }
  }

  getListState<T>(descriptor: ListStateDescriptor<T>): ListState<T> {
    return this.#list(descriptor.name, 'SPLIT') as ListState<T>;
  }

  getUnionListState<T>(descriptor: ListStateDescriptor<T>): ListState<T> {
    return this.#list(descriptor.name, 'UNION') as ListState<T>;
  }

  getBroadcastState<K, V>(descriptor: MapStateDescriptor<K, V>): BroadcastState<K, V> {
    return this.#register(descriptor.name, 'BROADCAST', (stored) => {
      const [map] = stored;
      const handle = new HeapBroadcastState<K, V>((map ? this.#decode(map, descriptor.name) : []) as Iterable<readonly [K, V]>);
      return { mode: 'BROADCAST', handle, elements: () => (handle.isEmpty() ? [] : [new Map(handle.entries())]) };
    }) as BroadcastState<K, V>;
  }

  async snapshot(output: CheckpointOutputStream): Promise<OperatorStateHandle | undefined> {
    const states: Record<string, { mode: RedistributionMode; offsets: number[] }> = {};
    try {
      const writer = new ByteWriter();
      writeStreamHeader(writer, 'operator state');
      for (const [name, mode, elements] of this.#encoded()) {
        const offsets: number[] = [];
        for (const element of elements) {
          offsets.push(writer.position);
          writeElement(writer, element);
        }
        if (offsets.length > 0) states[name] = { mode, offsets };
      }
      if (Object.keys(states).length > 0) output.write(writer.written());
    } catch (error) {
      await output.abort();
      throw error;
    }
    const stream = await output.close();
    return stream && { kind: 'operator', states, stream };
  }

  *#encoded(): Generator<[string, RedistributionMode, Iterable<Uint8Array>]> {
    for (const [name, { mode, elements }] of this.#states) yield [name, mode, elements().map((element) => this.#encode(element, name))];
    for (const [name, { mode, elements }] of this.#unread) yield [name, mode, elements];
  }

  #list(name: string, mode: 'SPLIT' | 'UNION'): ListState<unknown> {
    return this.#register(name, mode, (stored) => {
      const handle = new HeapListState(
        name,
        stored.map((element) => this.#decode(element, name)),
      );
      return { mode, handle, elements: () => handle.elements };
    }) as ListState<unknown>;
  }

  #register(name: string, mode: RedistributionMode, create: (stored: StoredElements) => RegisteredState): unknown {
    const known = this.#states.get(name);
    if (known) {
      if (known.mode !== mode) throw this.#kindMismatch(name, known.mode, mode);
      return known.handle;
    }
    const stored = this.#unread.get(name);
    if (stored && stored.mode !== mode) throw this.#kindMismatch(name, stored.mode, mode);
    const state = create(stored?.elements ?? []);
    this.#unread.delete(name);
    this.#states.set(name, state);
    return state.handle;
  }

  #encode(element: unknown, name: string): Uint8Array {
    try {
      return encodeValue(element);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(error.code, {
        ...error.facts,
        problem: `Operator '${this.#operatorName}', operator state '${name}': ${error.facts.problem}`,
      });
    }
  }

  #decode(element: Uint8Array, name: string): unknown {
    return this.#located(name, () => decodeValue(element));
  }

  #elementAt(bytes: Uint8Array, offset: number, name: string): Uint8Array {
    return this.#located(name, () => {
      const reader = new ByteReader(bytes);
      reader.position = offset;
      return reader.bytes(reader.varint());
    });
  }

  #located<T>(name: string, decode: () => T): T {
    try {
      return decode();
    } catch (error) {
      if (!(error instanceof ExternalError)) throw error;
      throw new ExternalError('STATE_DAMAGED', {
        problem: `Operator '${this.#operatorName}': the stored operator state '${name}' is damaged.`,
        found: error.message,
        tryNext: ['Start from another checkpoint or savepoint: flink run -s <path>.'],
        cause: error,
        retriable: false,
      });
    }
  }

  #kindMismatch(name: string, is: RedistributionMode, asked: RedistributionMode): UserError {
    return new UserError('STATE_KIND_MISMATCH', {
      problem: `Operator '${this.#operatorName}': the operator state '${name}' is a ${kindOf[is]} state and was asked for as a ${kindOf[asked]} state.`,
      tryNext: ['Give each state of an operator a name of its own, also when its kind changes.'],
    });
  }
}

/** Length first: an element can be carried on without being understood. */
function writeElement(writer: ByteWriter, element: Uint8Array): void {
  writer.varint(element.length);
  writer.bytes(element);
}

class HeapListState implements ListState<unknown> {
  readonly #name: string;
  elements: unknown[];

  constructor(name: string, elements: unknown[]) {
    this.#name = name;
    this.elements = elements;
  }

  get(): Iterable<unknown> {
    return this.elements;
  }

  add(value: unknown): void {
    if (value === null || value === undefined)
      throw new UserError('NULL_IN_LIST', { problem: `null cannot be added to the operator state '${this.#name}'.` });
    this.elements.push(detachStrings(value));
  }

  addAll(values: Iterable<unknown>): void {
    for (const value of values) this.add(value);
  }

  update(values: Iterable<unknown>): void {
    const copy = [...values];
    this.elements = [];
    this.addAll(copy);
  }

  clear(): void {
    this.elements = [];
  }
}

class HeapBroadcastState<K, V> implements BroadcastState<K, V> {
  readonly #entries = new Map<unknown, [K, V]>();

  constructor(stored: Iterable<readonly [K, V]>) {
    this.putAll(stored);
  }

  get(key: K): V | undefined {
    return this.#entries.get(keyIdentity(key))?.[1];
  }

  contains(key: K): boolean {
    return this.#entries.has(keyIdentity(key));
  }

  isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  *entries(): Generator<[K, V]> {
    for (const [key, value] of this.#entries.values()) yield [key, value];
  }

  put(key: K, value: V): void {
    this.#entries.set(keyIdentity(key), [detachStrings(key) as K, detachStrings(value) as V]);
  }

  putAll(entries: Iterable<readonly [K, V]>): void {
    for (const [key, value] of entries) this.put(key, value);
  }

  remove(key: K): void {
    this.#entries.delete(keyIdentity(key));
  }

  clear(): void {
    this.#entries.clear();
  }
}
