/**
 * What the handles of all kinds of state share. A handle belongs to one state and to the namespace that was set last; it
 * always reads the current key. Every access asks the snapshots under way first, see {@link SnapshotsUnderWay}.
 */
import type { StateDescriptor } from '../../../api/state.ts';
import { UserError } from '../../../shared/errors.ts';
import { detachStrings } from '../../../types/detach.ts';
import { keyIdentity } from '../../../types/key-hash.ts';
import { encodeValue } from '../../../types/value-codec.ts';
import type { KeyTable } from '../key-table.ts';
import type { SnapshotsUnderWay } from '../snapshots-under-way.ts';
import type { RegisteredState, StateEntry } from '../state-entry.ts';

/** What a handle works on. */
export interface HandleScope {
  readonly operatorName: string;
  readonly table: KeyTable;
  readonly underWay: SnapshotsUnderWay;
  readonly state: RegisteredState;
}

export abstract class KeyedHandle {
  protected readonly operatorName: string;
  protected readonly table: KeyTable;
  protected readonly underWay: SnapshotsUnderWay;
  protected readonly registered: RegisteredState;
  protected namespace: unknown = undefined;
  /** Identity of the namespace. */
  protected scope: unknown = undefined;

  constructor({ operatorName, table, underWay, state }: HandleScope) {
    this.operatorName = operatorName;
    this.table = table;
    this.underWay = underWay;
    this.registered = state;
  }

  setNamespace(namespace: unknown): void {
    this.namespace = namespace;
    this.scope = namespace === undefined ? undefined : keyIdentity(namespace);
  }

  /** Moves what the sources hold to the target, in order; a source that is the target stays as it is. */
  mergeNamespaces(target: unknown, sources: Iterable<unknown>): void {
    if (this.mergeValue === undefined) throw this.#cannotMerge();
    this.setNamespace(target);
    const { scope } = this;
    for (const source of sources) {
      this.setNamespace(source);
      if (this.scope === scope) continue;
      const entry = this.ownEntry();
      if (entry === undefined) continue;
      this.table.remove(entry);
      this.setNamespace(target);
      this.mergeValue(entry.value);
    }
    this.setNamespace(target);
  }

  clear(): void {
    const entry = this.ownEntry();
    if (entry !== undefined) this.table.remove(entry);
  }

  /** Adds the value of another namespace, which has lost it, to this one. Not there: this kind of state cannot merge. */
  protected mergeValue?(value: unknown): void;

  /** The current key's entry, ready to be handed out, changed or removed. */
  protected ownEntry(): StateEntry | undefined {
    const entry = this.table.find(this.registered, this.scope);
    if (entry !== undefined && entry.version !== this.underWay.version) this.underWay.beforeTouch(entry);
    return entry;
  }

  /** Sets the value of the current key. */
  protected store(entry: StateEntry | undefined, value: unknown): void {
    if (entry === undefined) this.insert(this.storable(value));
    else entry.value = detachStrings(value);
  }

  protected insert(value: unknown): StateEntry {
    return this.table.insert(this.registered, this.namespace, this.scope, value, this.underWay.version);
  }

  /** A value as it is kept. The first one of each state is tried, so that what cannot be stored is refused where it comes from. */
  protected storable(value: unknown): unknown {
    if (!this.registered.isChecked && typeof value === 'object') {
      this.registered.isChecked = true;
      this.#check(value);
    }
    return detachStrings(value);
  }

  #cannotMerge(): UserError {
    return new UserError('STATE_CANNOT_MERGE', {
      problem: `Operator '${this.operatorName}': the ${this.registered.kind} state '${this.registered.name}' cannot be merged, as merging windows (sessions) need it.`,
      tryNext: ['Use list, reducing or aggregating state (with a merge function) per window.'],
    });
  }

  #check(value: unknown): void {
    try {
      encodeValue(value);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(error.code, {
        ...error.facts,
        problem: `Operator '${this.operatorName}', state '${this.registered.name}': ${error.facts.problem}`,
      });
    }
  }
}

export type DescriptorOf<K extends StateDescriptor['kind']> = Extract<StateDescriptor, { kind: K }>;
