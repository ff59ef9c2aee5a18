/**
 * The units that keyed state on the heap consists of. A unit is what a snapshot saves at once: the value of one
 * (state, key, namespace), or one entry of a map state.
 *
 * `version` is the number of the newest snapshot that needs nothing more from the unit: it saved it, or began before the unit
 * was there. See {@link SnapshotsUnderWay}.
 */
import type { StateDescriptor } from '../../api/state.ts';
import type { TypeInfo } from '../../types/type-info.ts';

export type StateKind = StateDescriptor['kind'];

/** One state of the operator: known since the program asked for it, or since it was restored. */
export class RegisteredState {
  readonly name: string;
  readonly kind: StateKind;
  /** As declared, else as stored; only carried along. */
  type: TypeInfo | undefined;
  keyType: TypeInfo | undefined;
  /** The first value was looked at: can it be stored? */
  isChecked = false;
  /** What was restored cannot be read by this program: see {@link HeapRestore}. */
  isUnreadable = false;
  /** Snapshots leave out what this is false for. */
  keeps: ((stored: unknown) => boolean) | undefined = undefined;

  constructor(name: string, kind: StateKind, type: TypeInfo | undefined, keyType: TypeInfo | undefined) {
    this.name = name;
    this.kind = kind;
    this.type = type;
    this.keyType = keyType;
  }
}

/**
 * The value of one state for one key and namespace; the entries of a key hang together by `next`. What each access reads comes
 * first: it fits one line of the processor's cache.
 */
export class StateEntry {
  readonly state: RegisteredState;
  /** Identity of the namespace. */
  readonly scope: unknown;
  version: number;
  /** The value or accumulator; an array for list state, a GrowingMap of {@link MapStateEntry} for map state. */
  value: unknown;
  readonly key: unknown;
  next: StateEntry | undefined = undefined;
  readonly namespace: unknown;

  constructor(state: RegisteredState, key: unknown, namespace: unknown, scope: unknown, value: unknown, version: number) {
    this.state = state;
    this.scope = scope;
    this.version = version;
    this.value = value;
    this.key = key;
    this.namespace = namespace;
  }
}

export class MapStateEntry {
  readonly key: unknown;
  value: unknown;
  version: number;

  constructor(key: unknown, value: unknown, version: number) {
    this.key = key;
    this.value = value;
    this.version = version;
  }
}
