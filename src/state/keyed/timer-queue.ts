/**
 * Timers of one service and time domain. Timers of one timestamp stand together, and a heap orders the timestamps: many
 * timers share few timestamps in practice, so that adding one is most often a Map insertion, and a timestamp whose last timer
 * is deleted leaves the heap at once.
 */
import type { TimerQueueAccess } from '../../api/operators.ts';
import { detachKey, flattenString } from '../../types/detach.ts';
import { keyIdentity } from '../../types/key-hash.ts';
import { GrowingMap, type MapCursor } from './growing-map.ts';
import type { KeyTable } from './key-table.ts';
import type { SnapshotsUnderWay } from './snapshots-under-way.ts';

export class Timer {
  readonly timestamp: number;
  readonly key: unknown;
  /** Of the key. */
  readonly identity: unknown;
  readonly namespace: unknown;
  /** Identity of the namespace. */
  readonly scope: unknown;
  /** See {@link SnapshotsUnderWay}. */
  version: number;
  /** The same key's timer at the same time for another namespace. */
  next: Timer | undefined = undefined;

  constructor(timestamp: number, key: unknown, identity: unknown, namespace: unknown, scope: unknown, version: number) {
    this.timestamp = timestamp;
    this.key = key;
    this.identity = identity;
    this.namespace = namespace;
    this.scope = scope;
    this.version = version;
  }
}

/** All timers of one timestamp: one stands alone, more are found by key. */
class TimersAt {
  readonly timestamp: number;
  position = 0;
  only: Timer | undefined = undefined;
  byKey: GrowingMap<Timer> | undefined = undefined;
  size = 0;
  /** Where taking them one by one stands. */
  taking: MapCursor<Timer> | undefined = undefined;
  /** Identity of the key that was taken from last, when it had more timers. */
  takingKey: unknown = undefined;

  constructor(timestamp: number) {
    this.timestamp = timestamp;
  }
}

export class TimerQueue implements TimerQueueAccess {
  readonly kind: 'event-time-timers' | 'processing-time-timers';
  readonly serviceName: string;
  readonly #table: KeyTable;
  readonly #underWay: SnapshotsUnderWay;
  readonly #byTimestamp = new GrowingMap<TimersAt>();
  /** Binary heap; the timestamps again, side by side, because comparing them is what a heap does. */
  readonly #heap: TimersAt[] = [];
  #timestamps = new Float64Array(64);
  #size = 0;

  constructor(kind: TimerQueue['kind'], serviceName: string, table: KeyTable, underWay: SnapshotsUnderWay) {
    this.kind = kind;
    this.serviceName = serviceName;
    this.#table = table;
    this.#underWay = underWay;
  }

  add(timestamp: number, key: unknown, namespace?: unknown): void {
    const identity = this.#table.identityOf(key);
    const scope = namespace === undefined ? undefined : keyIdentity(namespace);
    let at = this.#byTimestamp.get(timestamp);
    if (!at) {
      at = new TimersAt(timestamp);
      this.#byTimestamp.set(timestamp, at);
      this.#push(at);
    }
    const chain = chainOf(at, identity);
    if (inChain(chain, scope) !== undefined) return;
    const ownIdentity = typeof identity === 'string' ? flattenString(identity) : identity;
    const ownKey = key === identity ? ownIdentity : detachKey(key);
    const timer = new Timer(timestamp, ownKey, ownIdentity, detachKey(namespace), scope, this.#underWay.version);
    timer.next = chain;
    if (at.size === 0) at.only = timer;
    else {
      const byKey = at.byKey ?? spread(at);
      byKey.set(ownIdentity, timer);
    }
    at.size++;
    this.#size++;
  }

  delete(timestamp: number, key: unknown, namespace?: unknown): void {
    const at = this.#byTimestamp.get(timestamp);
    if (!at) return;
    const chain = chainOf(at, this.#table.identityOf(key));
    const timer = inChain(chain, namespace === undefined ? undefined : keyIdentity(namespace));
    if (timer) this.#remove(at, chain as Timer, timer);
  }

  get next(): number {
    return this.#heap.length === 0 ? Number.POSITIVE_INFINITY : (this.#timestamps[0] as number);
  }

  takeDue(now: number): Timer | undefined {
    if (this.#heap.length === 0 || (this.#timestamps[0] as number) > now) return undefined;
    const at = this.#heap[0] as TimersAt;
    const timer = at.only ?? nextOf(at);
    this.#remove(at, timer, timer);
    return timer;
  }

  get size(): number {
    return this.#size;
  }

  /** Timers one by one, in no order, while the queue may change: what is there all the time is met exactly once. */
  cursor(): TimerCursor {
    return new TimerCursor(this.#byTimestamp.cursor());
  }

  #remove(at: TimersAt, chain: Timer, timer: Timer): void {
    if (timer.version !== this.#underWay.version) this.#underWay.beforeTimerTouch(this, timer);
    if (at.byKey === undefined) at.only = undefined;
    else if (chain !== timer) before(chain, timer).next = timer.next;
    else if (timer.next !== undefined) {
      at.byKey.set(timer.identity, timer.next);
      at.takingKey = timer.identity;
    } else at.byKey.delete(timer.identity);
    at.size--;
    this.#size--;
    if (at.size > 0) return;
    this.#byTimestamp.delete(at.timestamp);
    this.#removeFromHeap(at);
  }

  #push(at: TimersAt): void {
    const position = this.#heap.push(at) - 1;
    if (position === this.#timestamps.length) {
      const grown = new Float64Array(this.#timestamps.length * 2);
      grown.set(this.#timestamps);
      this.#timestamps = grown;
    }
    this.#siftUp(position, at);
  }

  #removeFromHeap(at: TimersAt): void {
    const last = this.#heap.pop() as TimersAt;
    if (last === at) return;
    const parent = (at.position - 1) >> 1;
    if (at.position > 0 && (this.#timestamps[parent] as number) > last.timestamp) this.#siftUp(at.position, last);
    else this.#siftDown(at.position, last);
  }

  #siftUp(from: number, at: TimersAt): void {
    let position = from;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if ((this.#timestamps[parent] as number) <= at.timestamp) break;
      this.#place(position, this.#heap[parent] as TimersAt);
      position = parent;
    }
    this.#place(position, at);
  }

  #siftDown(from: number, at: TimersAt): void {
    const { length } = this.#heap;
    let position = from;
    for (;;) {
      let child = position * 2 + 1;
      if (child >= length) break;
      if (child + 1 < length && (this.#timestamps[child + 1] as number) < (this.#timestamps[child] as number)) child++;
      if ((this.#timestamps[child] as number) >= at.timestamp) break;
      this.#place(position, this.#heap[child] as TimersAt);
      position = child;
    }
    this.#place(position, at);
  }

  #place(position: number, at: TimersAt): void {
    this.#heap[position] = at;
    this.#timestamps[position] = at.timestamp;
    at.position = position;
  }
}

export class TimerCursor {
  readonly #timestamps: MapCursor<TimersAt>;
  #keys: MapCursor<Timer> | undefined;
  #next: Timer | undefined;

  constructor(timestamps: MapCursor<TimersAt>) {
    this.#timestamps = timestamps;
  }

  /** Undefined at the end. */
  next(): Timer | undefined {
    for (;;) {
      const timer = this.#next ?? this.#keys?.next();
      if (timer !== undefined) {
        this.#next = timer.next;
        return timer;
      }
      const at = this.#timestamps.next();
      if (at === undefined) return undefined;
      this.#keys = at.byKey?.cursor();
      this.#next = at.only;
    }
  }
}

/** The next timer of a timestamp that has some, found by key. */
function nextOf(at: TimersAt): Timer {
  const byKey = at.byKey as GrowingMap<Timer>;
  if (at.takingKey !== undefined) {
    const more = byKey.get(at.takingKey);
    at.takingKey = undefined;
    if (more) return more;
  }
  for (;;) {
    at.taking ??= byKey.cursor();
    const timer = at.taking.next();
    // The cursor may be on a map that was spread since, and not know what was removed or added.
    if (timer !== undefined && byKey.get(timer.identity) === timer) return timer;
    if (timer === undefined) at.taking = undefined;
  }
}

/** From one timer alone to many by key. */
function spread(at: TimersAt): GrowingMap<Timer> {
  const byKey = new GrowingMap<Timer>();
  const only = at.only as Timer;
  byKey.set(only.identity, only);
  at.only = undefined;
  at.byKey = byKey;
  return byKey;
}

/** The timers of a key at this timestamp. */
function chainOf(at: TimersAt, identity: unknown): Timer | undefined {
  if (at.only === undefined) return at.byKey?.get(identity);
  return at.only.identity === identity ? at.only : undefined;
}

function inChain(chain: Timer | undefined, scope: unknown): Timer | undefined {
  for (let timer = chain; timer !== undefined; timer = timer.next) if (timer.scope === scope) return timer;
  return undefined;
}

function before(chain: Timer, timer: Timer): Timer {
  let previous = chain;
  while (previous.next !== timer) previous = previous.next as Timer;
  return previous;
}
