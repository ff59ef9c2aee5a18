/**
 * All keyed state of one operator on the heap: per key a chain of entries, one per (state, namespace). One look-up per record
 * serves every state of the operator: the chain of the current key is remembered until the key changes.
 *
 * Keeps true for walkers: `next` of an entry that was removed still leads to the entries that were behind it.
 */
import { UserError } from '../../shared/errors.ts';
import { detachKey, flattenString } from '../../types/detach.ts';
import { keyIdentity } from '../../types/key-hash.ts';
import { GrowingMap, type MapCursor } from './growing-map.ts';
import { type IntKeyCursor, IntKeyTable } from './int-key-table.ts';
import { RegisteredState, StateEntry } from './state-entry.ts';

/** A key with more entries than this (many windows) gets an index instead of a chain. */
const longestChain = 16;

const indexState = new RegisteredState('index of a key', 'map', undefined, undefined);
/** Stands for "not looked up yet", so that the remembered head has one type. */
const unresolved = new StateEntry(indexState, undefined, undefined, undefined, new Map(), 0);
const noKey = Symbol('no key');
/** One Map is asked in half the time of many, as it needs no hash of ours; it is spread once, in some milliseconds. */
const keysInOneMap = 32_768;
/** Records whose keys are looked up ahead. */
export const mostExpected = 128;

type Index = Map<RegisteredState, GrowingMap<StateEntry>>;

export class KeyTable {
  readonly #operatorName: string;
  /** Of keys that are 32-bit integers. */
  readonly #ints = new IntKeyTable();
  /** Of all others. */
  readonly #chains = new GrowingMap<StateEntry>(keysInOneMap);
  #key: unknown = noKey;
  #identity: unknown = noKey;
  #head: StateEntry | undefined = unresolved;
  /** Of what was found ahead: kept so that it has to be read. */
  seen = 0;
  /** Why the last key that could not be one was refused. */
  refusal: unknown = undefined;
  /** Counts the changes of heads. */
  #changes = 0;
  /** Their number when the expected keys were looked up. */
  #expectedAt = -1;
  /** NaN where the key is no integer. */
  readonly #expectedInts = new Float64Array(mostExpected);
  /** Of keys that are no integers; undefined where it is no text either. */
  readonly #expectedTexts = new Array<string | undefined>(mostExpected).fill(undefined);
  readonly #expectedHeads = new Array<StateEntry | undefined>(mostExpected).fill(undefined);

  constructor(operatorName: string) {
    this.#operatorName = operatorName;
  }

  setCurrentKey(key: unknown): void {
    // -0 becomes 0.
    if (isInt(key)) this.#identity = key | 0;
    else this.#identity = typeof key === 'string' && key.charCodeAt(0) !== 0 ? key : this.#identify(key);
    this.#key = key;
    this.#head = unresolved;
  }

  /**
   * {@link setCurrentKey} for the key that was expected at this position. What was found then holds as long as no key has come, gone
   * or got another head.
   */
  setExpectedKey(position: number, key: unknown): void {
    this.setCurrentKey(key);
    if (this.#expectedAt !== this.#changes) return;
    const int = this.#expectedInts[position] as number;
    if (isInt(key) ? int === key : Number.isNaN(int) && typeof key === 'string' && this.#expectedTexts[position] === key)
      this.#head = this.#expectedHeads[position];
  }

  /** The key of a record that comes soon, by its position among at most `mostExpected`; {@link findExpected} is to follow. */
  expect(position: number, key: unknown): void {
    if (isInt(key)) {
      this.#expectedInts[position] = key;
      this.#expectedHeads[position] = this.#ints.guess(key | 0);
      return;
    }
    this.#expectedInts[position] = Number.NaN;
    this.#expectedTexts[position] = undefined;
    // Those that begin with NUL are kept under another text.
    if (typeof key !== 'string' || key.charCodeAt(0) === 0) return;
    this.#expectedTexts[position] = key;
    this.#expectedHeads[position] = this.#chains.get(key);
  }

  /**
   * Finds the chains of the expected keys. Looking up many in a row waits once for memory, where looking up each in its turn waits
   * for each.
   */
  findExpected(count: number): void {
    this.#expectedAt = this.#changes;
    const ints = this.#expectedInts;
    const heads = this.#expectedHeads;
    let seen = 0;
    for (let position = 0; position < count; position++) {
      const key = ints[position] as number;
      if ((key | 0) === key) heads[position] = this.#ints.confirm(key | 0, heads[position]);
      else seen += heads[position]?.version ?? 0;
    }
    this.seen = seen;
  }

  /** Nothing is expected any more. */
  expectNothing(): void {
    this.#expectedAt = -1;
  }

  /** For the first entry of a key that was just read from a stream: nobody else holds it. */
  insertRestored(key: unknown, state: RegisteredState, namespace: unknown, value: unknown): StateEntry {
    this.setCurrentKey(key);
    const scope = namespace === undefined ? undefined : keyIdentity(namespace);
    const head = this.#resolve();
    return this.#add(new StateEntry(state, head === undefined ? key : head.key, namespace, scope, value, 0), head);
  }

  clearCurrentKey(): void {
    this.#key = noKey;
    this.#identity = noKey;
    this.#head = unresolved;
  }

  get currentKey(): unknown {
    if (this.#key === noKey) throw this.#noKeyError();
    return this.#key;
  }

  /** {@link keyIdentity}, known already for the current key. */
  identityOf(key: unknown): unknown {
    return key === this.#key ? this.#identity : keyIdentity(key);
  }

  /** The current key's entry, if there is one. */
  find(state: RegisteredState, scope: unknown): StateEntry | undefined {
    let entry = this.#head;
    if (entry === unresolved) entry = this.#resolve();
    while (entry !== undefined) {
      if (entry.state === state && entry.scope === scope) return entry;
      if (entry.state === indexState) return (entry.value as Index).get(state)?.get(scope);
      entry = entry.next;
    }
    return undefined;
  }

  /** Adds an entry for the current key, which has none yet. */
  insert(state: RegisteredState, namespace: unknown, scope: unknown, value: unknown, version: number): StateEntry {
    let head = this.#head;
    if (head === unresolved) head = this.#resolve();
    const key = head === undefined ? this.#ownKey() : head.key;
    return this.#add(new StateEntry(state, key, detachKey(namespace), scope, value, version), head);
  }

  /** Removes an entry of the current key. */
  remove(entry: StateEntry): void {
    const head = this.#head as StateEntry;
    if (head.state === indexState) {
      const index = head.value as Index;
      const byScope = index.get(entry.state);
      byScope?.delete(entry.scope);
      if (byScope?.size === 0) index.delete(entry.state);
      if (index.size === 0) this.#replaceHead(undefined);
      return;
    }
    if (head === entry) {
      this.#replaceHead(entry.next);
      return;
    }
    for (let before = head; before.next !== undefined; before = before.next) {
      if (before.next !== entry) continue;
      before.next = entry.next;
      return;
    }
  }

  /** Entries one by one, in no order, while the table may change; see {@link MapCursor}. */
  cursor(): EntryCursor {
    return new EntryCursor(this.#heads());
  }

  /** Keys that have a value in this state; keys may be given new ones, and lose them, meanwhile. */
  *keys(state: RegisteredState): Generator<unknown> {
    const heads = this.#heads();
    for (let head = heads.next(); head !== undefined; head = heads.next()) {
      if (hasState(head, state)) yield head.key;
    }
  }

  get keyCount(): number {
    return this.#ints.size + this.#chains.size;
  }

  #heads(): HeadCursor {
    return new HeadCursor(this.#ints.cursor(), this.#chains.cursor());
  }

  /** Apart from what is done for most keys: a handler around that would make V8 allocate each record. */
  #identify(key: unknown): unknown {
    try {
      return keyIdentity(key);
    } catch (error) {
      this.refusal = error;
      throw error;
    }
  }

  #resolve(): StateEntry | undefined {
    if (this.#key === noKey) throw this.#noKeyError();
    const identity = this.#identity;
    this.#head = isInt(identity) ? this.#ints.get(identity) : this.#chains.get(identity);
    return this.#head;
  }

  /** A copy that no later change of the program's object reaches, and that keeps no batch's text alive. */
  #ownKey(): unknown {
    const isItself = this.#identity === this.#key;
    if (typeof this.#identity === 'string') this.#identity = flattenString(this.#identity);
    return isItself ? this.#identity : detachKey(this.#key);
  }

  #add(entry: StateEntry, head: StateEntry | undefined): StateEntry {
    if (head?.state === indexState) addToIndex(head.value as Index, entry);
    else {
      entry.next = head;
      this.#replaceHead(isLong(entry) ? indexOf(entry) : entry);
    }
    return entry;
  }

  #replaceHead(head: StateEntry | undefined): void {
    this.#head = head;
    this.#changes++;
    const identity = this.#identity;
    if (isInt(identity)) {
      if (head === undefined) this.#ints.delete(identity);
      else this.#ints.set(identity, head);
    } else if (head === undefined) this.#chains.delete(identity);
    else this.#chains.set(identity, head);
  }

  #noKeyError(): UserError {
    return new UserError('NO_KEY', {
      problem: `Operator '${this.#operatorName}': state was used where no key is set.`,
      tryNext: ['Use keyed state in processElement and onTimer of a keyed stream only.'],
    });
  }
}

/** The chains' heads, first of integer keys, then of all others. */
class HeadCursor {
  readonly #ints: IntKeyCursor;
  readonly #others: MapCursor<StateEntry>;

  constructor(ints: IntKeyCursor, others: MapCursor<StateEntry>) {
    this.#ints = ints;
    this.#others = others;
  }

  /** Undefined at the end. */
  next(): StateEntry | undefined {
    return this.#ints.next() ?? this.#others.next();
  }
}

export class EntryCursor {
  readonly #heads: HeadCursor;
  #next: StateEntry | undefined;
  #indexed: MapCursor<StateEntry>[] = [];

  constructor(heads: HeadCursor) {
    this.#heads = heads;
  }

  /** Undefined at the end. */
  next(): StateEntry | undefined {
    for (;;) {
      const indexed = this.#fromIndex();
      if (indexed !== undefined) return indexed;
      const entry = this.#next ?? this.#heads.next();
      if (entry === undefined) return undefined;
      this.#next = entry.next;
      if (entry.state !== indexState) return entry;
      this.#indexed = Array.from((entry.value as Index).values(), (byScope) => byScope.cursor());
    }
  }

  #fromIndex(): StateEntry | undefined {
    while (this.#indexed.length > 0) {
      const entry = (this.#indexed[this.#indexed.length - 1] as MapCursor<StateEntry>).next();
      if (entry !== undefined) return entry;
      this.#indexed.pop();
    }
    return undefined;
  }
}

/** A 32-bit integer, or -0. */
function isInt(key: unknown): key is number {
  return typeof key === 'number' && (key | 0) === key;
}

function hasState(head: StateEntry, state: RegisteredState): boolean {
  if (head.state === indexState) return (head.value as Index).has(state);
  for (let entry: StateEntry | undefined = head; entry !== undefined; entry = entry.next) if (entry.state === state) return true;
  return false;
}

function isLong(head: StateEntry): boolean {
  let length = 0;
  for (let entry: StateEntry | undefined = head; entry !== undefined; entry = entry.next) length++;
  return length > longestChain;
}

/** Walkers on the chain go on along `next`, which stays. */
function indexOf(head: StateEntry): StateEntry {
  const index: Index = new Map();
  for (let entry: StateEntry | undefined = head; entry !== undefined; entry = entry.next) addToIndex(index, entry);
  return new StateEntry(indexState, head.key, undefined, undefined, index, 0);
}

function addToIndex(index: Index, entry: StateEntry): void {
  let byScope = index.get(entry.state);
  if (!byScope) {
    byScope = new GrowingMap();
    index.set(entry.state, byScope);
  }
  byScope.set(entry.scope, entry);
}
