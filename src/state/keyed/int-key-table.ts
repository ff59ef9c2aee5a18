/**
 * The chains of entries of keys that are 32-bit integers: open addressing over plain arrays, which costs a fraction of a Map's
 * look-up. It grows in steps of about a millisecond, whatever its size: a full shard doubles until it is as large as one may
 * be, then it splits in two by the next bit of the hash.
 *
 * A cursor meets what is there all the time exactly once: what is there keeps its place, what is removed leaves a mark, and
 * shards that were rebuilt or split stay as they were for cursors that are on them.
 */
import { RegisteredState, StateEntry } from './state-entry.ts';

const smallestShard = 16;
/** Places of the largest shard; half of them are used at most. */
const largestShard = 1 << 16;
const hashBits = 32;

/** Stands where a key was removed. Its key is a number like all others here. */
const removed = new StateEntry(new RegisteredState('removed', 'value', undefined, undefined), 0, undefined, undefined, 0, 0);

class Shard {
  /** Leading bits of the hash that all its keys share. */
  readonly depth: number;
  /** Undefined where no key ever was. */
  heads: (StateEntry | undefined)[];
  mask: number;
  /** Places with a key or the mark of one. */
  used = 0;
  size = 0;

  constructor(depth: number, places: number) {
    this.depth = depth;
    this.heads = emptyHeads(places);
    this.mask = places - 1;
  }
}

export class IntKeyTable {
  /** By the leading bits of the hash. */
  #shards: Shard[];
  #shift = hashBits - 1;
  #size = 0;

  constructor() {
    this.#shards = [new Shard(1, smallestShard), new Shard(1, smallestShard)];
  }

  get size(): number {
    return this.#size;
  }

  get(key: number): StateEntry | undefined {
    const hash = mix(key);
    const { heads, mask } = this.#shards[hash >>> this.#shift] as Shard;
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const head = heads[place];
      if (head === undefined) return undefined;
      if (head.key === key && head !== removed) return head;
    }
  }

  /** What stands where the key would be if no other one were: most often its own head. Costs no decision, only a read. */
  guess(key: number): StateEntry | undefined {
    const hash = mix(key);
    const { heads, mask } = this.#shards[hash >>> this.#shift] as Shard;
    return heads[hash & mask];
  }

  /** {@link get}, given what was guessed while the table was the same. */
  confirm(key: number, guessed: StateEntry | undefined): StateEntry | undefined {
    if (guessed === undefined || (guessed.key === key && guessed !== removed)) return guessed;
    return this.get(key);
  }

  set(key: number, head: StateEntry): void {
    const hash = mix(key);
    const shard = this.#shards[hash >>> this.#shift] as Shard;
    const place = placeOf(shard, hash, key);
    const former = shard.heads[place];
    shard.heads[place] = head;
    if (former !== undefined && former !== removed) return;
    shard.size++;
    this.#size++;
    if (former === undefined && ++shard.used * 2 > shard.mask) this.#makeRoom(shard, hash);
  }

  delete(key: number): void {
    const hash = mix(key);
    const shard = this.#shards[hash >>> this.#shift] as Shard;
    const place = placeOf(shard, hash, key);
    const head = shard.heads[place];
    if (head === undefined || head === removed) return;
    shard.heads[place] = removed;
    shard.size--;
    this.#size--;
  }

  /** See {@link IntKeyCursor}. */
  cursor(): IntKeyCursor {
    return new IntKeyCursor(new Set(this.#shards));
  }

  #makeRoom(shard: Shard, hash: number): void {
    const places = shard.mask + 1;
    // Mostly marks of removed keys.
    if (shard.size * 4 <= places) rebuild(shard, shard.size * 16 <= places ? Math.max(smallestShard, places / 2) : places);
    else if (places < largestShard) rebuild(shard, places * 2);
    else this.#split(shard, hash);
  }

  #split(shard: Shard, hash: number): void {
    const depth = shard.depth + 1;
    if (depth > hashBits - this.#shift) {
      this.#shards = this.#shards.flatMap((each) => [each, each]);
      this.#shift--;
    }
    const halves = [new Shard(depth, largestShard), new Shard(depth, largestShard)] as const;
    for (const head of shard.heads) {
      if (head === undefined || head === removed) continue;
      const hash = mix(head.key as number);
      insert(halves[(hash >>> (hashBits - depth)) & 1] as Shard, hash, head);
    }
    // The neighbours that share the shard's leading bits, half of them for each.
    const count = 1 << (hashBits - this.#shift - shard.depth);
    const first = (hash >>> this.#shift) & -count;
    this.#shards.fill(halves[0], first, first + count / 2).fill(halves[1], first + count / 2, first + count);
  }
}

/** Goes over the heads while the table may change; what is removed or added meanwhile may be met or not. */
export class IntKeyCursor {
  readonly #shards: Iterator<Shard>;
  #heads: readonly (StateEntry | undefined)[] = [];
  #place = 0;

  constructor(shards: ReadonlySet<Shard>) {
    this.#shards = shards.values();
  }

  /** Undefined at the end; from then on always. */
  next(): StateEntry | undefined {
    for (;;) {
      const heads = this.#heads;
      while (this.#place < heads.length) {
        const head = heads[this.#place++];
        if (head !== undefined && head !== removed) return head;
      }
      const step = this.#shards.next();
      if (step.done) return undefined;
      this.#heads = step.value.heads;
      this.#place = 0;
    }
  }
}

/** Where the key is, or is to be put. */
function placeOf({ heads, mask }: Shard, hash: number, key: number): number {
  let free = -1;
  for (let place = hash & mask; ; place = (place + 1) & mask) {
    const head = heads[place];
    if (head === undefined) return free < 0 ? place : free;
    if (head === removed) free = free < 0 ? place : free;
    else if (head.key === key) return place;
  }
}

/** For a key that is not there. */
function insert(shard: Shard, hash: number, head: StateEntry): void {
  shard.heads[placeOf(shard, hash, head.key as number)] = head;
  shard.used++;
  shard.size++;
}

/** A new array: a cursor may be on the old one. */
function rebuild(shard: Shard, places: number): void {
  const { heads } = shard;
  shard.heads = emptyHeads(places);
  shard.mask = places - 1;
  shard.used = 0;
  shard.size = 0;
  for (const head of heads) if (head !== undefined && head !== removed) insert(shard, mix(head.key as number), head);
}

function emptyHeads(places: number): (StateEntry | undefined)[] {
  return new Array<StateEntry | undefined>(places).fill(undefined);
}

/** Every bit of the key counts in every bit of the result; nothing that is stored depends on it. */
function mix(key: number): number {
  let hash = Math.imul(key ^ (key >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
