/**
 * Keyed state on the heap. The current key is set by the task before each record or timer; every handle reads it.
 *
 * A value handed out is the live object: a program that changes it must also `update` it. Snapshots do not stop the stream:
 * see {@link SnapshotsUnderWay}.
 */
import type { NamespacedState, TimerQueues } from '../../api/operators.ts';
import type { State, StateDescriptor } from '../../api/state.ts';
import { UserError } from '../../shared/errors.ts';
import type { TypeInfo } from '../../types/type-info.ts';
import type { KeyedStateHandle } from '../snapshot/handles.ts';
import type { CheckpointOutputStream } from '../storage/checkpoint-streams.ts';
import { AggregatingHandle } from './handles/aggregating-handle.ts';
import type { HandleScope, KeyedHandle } from './handles/keyed-handle.ts';
import { ListHandle } from './handles/list-handle.ts';
import { MapHandle } from './handles/map-handle.ts';
import { ReducingHandle } from './handles/reducing-handle.ts';
import { ValueHandle } from './handles/value-handle.ts';
import { HeapRestore } from './heap-restore.ts';
import { HeapSnapshot } from './heap-snapshot.ts';
import { KeyTable } from './key-table.ts';
import type { KeyedStateBackend, KeyedStateBackendOptions, StateSnapshot } from './keyed-state-backend.ts';
import { SnapshotsUnderWay } from './snapshots-under-way.ts';
import { RegisteredState } from './state-entry.ts';
import { TimerQueue } from './timer-queue.ts';

interface Timers extends TimerQueues {
  readonly event: TimerQueue;
  readonly processing: TimerQueue;
}

export class HeapKeyedStateBackend implements KeyedStateBackend {
  readonly #options: KeyedStateBackendOptions;
  readonly #table: KeyTable;
  readonly #underWay = new SnapshotsUnderWay();
  readonly #states = new Map<string, RegisteredState>();
  readonly #handles = new Map<string, KeyedHandle>();
  readonly #timers = new Map<string, Timers>();
  #restore: HeapRestore | undefined;

  constructor(options: KeyedStateBackendOptions) {
    this.#options = options;
    this.#table = new KeyTable(options.operatorName);
  }

  setCurrentKey(key: unknown): void {
    this.#table.setCurrentKey(key);
  }

  /** See {@link KeyTable.setExpectedKey}. */
  setExpectedKey(position: number, key: unknown): void {
    this.#table.setExpectedKey(position, key);
  }

  /** See {@link KeyTable.expect}. */
  expect(position: number, key: unknown): void {
    this.#table.expect(position, key);
  }

  findExpected(count: number): void {
    this.#table.findExpected(count);
  }

  expectNothing(): void {
    this.#table.expectNothing();
  }

  /** True for what `setCurrentKey` threw. */
  hasRefused(error: unknown): boolean {
    return error !== undefined && this.#table.refusal === error;
  }

  getCurrentKey(): unknown {
    return this.#table.currentKey;
  }

  clearCurrentKey(): void {
    this.#table.clearCurrentKey();
  }

  getState(descriptor: StateDescriptor, namespace?: unknown): unknown {
    if (namespace !== undefined) {
      const handle = this.#createHandle(descriptor);
      handle.setNamespace(namespace);
      return handle;
    }
    const known = this.#handles.get(descriptor.name);
    if (known) {
      this.#register(descriptor);
      return known;
    }
    const handle = this.#createHandle(descriptor);
    this.#handles.set(descriptor.name, handle);
    return handle;
  }

  getNamespacedState<S extends State>(descriptor: StateDescriptor): NamespacedState<S> {
    return this.#createHandle(descriptor) as unknown as NamespacedState<S>;
  }

  *getKeys(stateName: string): Generator<unknown> {
    const state = this.#states.get(stateName);
    if (state) yield* this.#table.keys(state);
  }

  storedTypeOf(stateName: string): TypeInfo | undefined {
    return this.#states.get(stateName)?.type;
  }

  filterSnapshots(stateName: string, keeps: (stored: unknown) => boolean): void {
    const state = this.#states.get(stateName);
    if (state) state.keeps = keeps;
  }

  /** How many there are, in all services. */
  timerCounts(): { readonly event: number; readonly processing: number } {
    let event = 0;
    let processing = 0;
    for (const timers of this.#timers.values()) {
      event += timers.event.size;
      processing += timers.processing.size;
    }
    return { event, processing };
  }

  timers(serviceName: string): Timers {
    let timers = this.#timers.get(serviceName);
    if (!timers) {
      timers = {
        event: new TimerQueue('event-time-timers', serviceName, this.#table, this.#underWay),
        processing: new TimerQueue('processing-time-timers', serviceName, this.#table, this.#underWay),
      };
      this.#timers.set(serviceName, timers);
    }
    return timers;
  }

  async restore(handles: readonly KeyedStateHandle[], read: (handle: KeyedStateHandle) => Promise<Uint8Array>): Promise<void> {
    this.#restore = new HeapRestore({
      ...this.#options,
      table: this.#table,
      stateOf: (name, kind, type, keyType) => this.#stateOf(name, kind, type, keyType),
      timersOf: (serviceName, kind) =>
        kind === 'event-time-timers' ? this.timers(serviceName).event : this.timers(serviceName).processing,
    });
    await this.#restore.run(handles, read);
  }

  snapshot(_checkpointId: number, output: CheckpointOutputStream): StateSnapshot {
    return this.#underWay.begin(
      (version) =>
        new HeapSnapshot({
          ...this.#options,
          version,
          output,
          underWay: this.#underWay,
          contents: {
            table: this.#table,
            timerQueues: [...this.#timers.values()].flatMap(({ event, processing }) => [event, processing]),
            unreadBlocks: this.#restore?.unreadBlocks() ?? [],
          },
        }),
    );
  }

  close(): void {
    this.#underWay.abortAll();
  }

  #createHandle(descriptor: StateDescriptor): KeyedHandle {
    const scope: HandleScope = {
      operatorName: this.#options.operatorName,
      table: this.#table,
      underWay: this.#underWay,
      state: this.#register(descriptor),
    };
    switch (descriptor.kind) {
      case 'value':
        return new ValueHandle(scope, descriptor);
      case 'list':
        return new ListHandle(scope);
      case 'map':
        return new MapHandle(scope);
      case 'reducing':
        return new ReducingHandle(scope, descriptor);
      case 'aggregating':
        return new AggregatingHandle(scope, descriptor);
    }
  }

  #register(descriptor: StateDescriptor): RegisteredState {
    const { name, kind, type } = descriptor;
    const keyType = kind === 'map' ? descriptor.keyType : undefined;
    const state = this.#stateOf(name, kind, type, keyType);
    state.type = type ?? state.type;
    state.keyType = keyType ?? state.keyType;
    this.#restore?.refuseUnreadable(state);
    return state;
  }

  #stateOf(name: string, kind: RegisteredState['kind'], type: RegisteredState['type'], keyType: RegisteredState['type']): RegisteredState {
    let state = this.#states.get(name);
    if (!state) {
      state = new RegisteredState(name, kind, type, keyType);
      this.#states.set(name, state);
    }
    if (state.kind === kind) return state;
    throw new UserError('STATE_KIND_MISMATCH', {
      problem: `Operator '${this.#options.operatorName}': the state '${name}' is a ${state.kind} state and was asked for as a ${kind} state.`,
      found: this.#restore?.hasRestored(name) ? 'It was restored from a checkpoint or savepoint.' : undefined,
      tryNext: ['Give each state of an operator a name of its own, also when its kind changes.'],
    });
  }
}
