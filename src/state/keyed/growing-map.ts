/**
 * A map that grows without long pauses. One huge Map stops the thread for hundreds of milliseconds when it grows, throws at
 * 16.7 M entries, and can abort the process at the heap limit; many small ones do neither. Small maps stay one Map.
 */
const shardCount = 256;
/** A Map of this size is still spread in about a millisecond. */
const usualSpreadAt = 8192;

export class GrowingMap<V> {
  #maps: readonly Map<unknown, V>[] = [new Map<unknown, V>()];
  #size = 0;
  readonly #spreadAt: number;

  constructor(spreadAt = usualSpreadAt) {
    this.#spreadAt = spreadAt;
  }

  get(key: unknown): V | undefined {
    return this.#mapOf(key).get(key);
  }

  has(key: unknown): boolean {
    return this.#mapOf(key).has(key);
  }

  set(key: unknown, value: V): void {
    const map = this.#mapOf(key);
    const { size } = map;
    map.set(key, value);
    if (map.size === size) return;
    this.#size++;
    if (size === this.#spreadAt && this.#maps.length === 1) this.#spread(map);
  }

  delete(key: unknown): void {
    if (this.#mapOf(key).delete(key)) this.#size--;
  }

  get size(): number {
    return this.#size;
  }

  get isSpread(): boolean {
    return this.#maps.length > 1;
  }

  /**
   * Goes over the values while the map may change: what is there all the time is met exactly once, what is deleted or added
   * meanwhile may be met or not.
   */
  cursor(): MapCursor<V> {
    return new MapCursor(this.#maps);
  }

  #mapOf(key: unknown): Map<unknown, V> {
    const maps = this.#maps;
    return maps[maps.length === 1 ? 0 : shardOf(key)] as Map<unknown, V>;
  }

  /** The old map stays as it is for cursors that are on it. */
  #spread(map: Map<unknown, V>): void {
    const maps = shards<V>();
    for (const [key, value] of map) (maps[shardOf(key)] as Map<unknown, V>).set(key, value);
    this.#maps = maps;
  }
}

export class MapCursor<V> {
  readonly #maps: readonly Map<unknown, V>[];
  #index = 0;
  #iterator: Iterator<V>;

  constructor(maps: readonly Map<unknown, V>[]) {
    this.#maps = maps;
    this.#iterator = (maps[0] as Map<unknown, V>).values();
  }

  /** Undefined at the end; from then on always. */
  next(): V | undefined {
    for (;;) {
      const step = this.#iterator.next();
      if (!step.done) return step.value;
      if (this.#index === this.#maps.length - 1) return undefined;
      this.#iterator = (this.#maps[++this.#index] as Map<unknown, V>).values();
    }
  }
}

function shards<V>(): Map<unknown, V>[] {
  return Array.from({ length: shardCount }, () => new Map<unknown, V>());
}

/** Needs to spread, not to be stable: nothing that is stored depends on it. */
function shardOf(key: unknown): number {
  if (typeof key === 'number') return mixNumber(key);
  if (typeof key === 'string') return mixString(key);
  if (typeof key === 'bigint') return Number(BigInt.asUintN(8, key));
  return key === true ? 1 : 0;
}

function mixNumber(key: number): number {
  const whole = key | 0;
  return Math.imul(whole === key ? whole : (key * 997) | 0, 0x9e3779b1) >>> 24;
}

/** The last characters differ most often; long keys are not read whole. */
function mixString(key: string): number {
  const length = key.length;
  let hash = length;
  for (let i = length - 1, stop = Math.max(0, length - 8); i >= stop; i--) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0;
  return Math.imul(hash, 0x9e3779b1) >>> 24;
}
