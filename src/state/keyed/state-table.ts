/**
 * The values of one state, by key and namespace. A fixed array of small maps: one huge Map pauses for hundreds of
 * milliseconds when it grows, throws at 16.7 M entries, and can abort the process at the heap limit.
 */
const tables = 256;

export class StateTable<V> {
  readonly #maps: Map<unknown, V>[] = Array.from({ length: tables }, () => new Map<unknown, V>());

  get(key: unknown): V | undefined {
    return this.#mapOf(key).get(key);
  }

  set(key: unknown, value: V): void {
    this.#mapOf(key).set(key, value);
  }

  delete(key: unknown): void {
    this.#mapOf(key).delete(key);
  }

  get size(): number {
    return this.#maps.reduce((sum, map) => sum + map.size, 0);
  }

  *keys(): Generator<unknown> {
    for (const map of this.#maps) yield* map.keys();
  }

  /** Needs to spread, not to be stable: snapshots compute key groups by themselves. */
  #mapOf(key: unknown): Map<unknown, V> {
    let mix: number;
    if (typeof key === 'number') mix = Math.imul(key | 0, 0x9e3779b1) >>> 24;
    else if (typeof key === 'string') mix = mixString(key);
    else mix = key === true ? 1 : typeof key === 'bigint' ? Number(BigInt.asUintN(8, key)) : 0;
    return this.#maps[mix] as Map<unknown, V>;
  }
}

function mixString(key: string): number {
  const length = key.length;
  let hash = length;
  // The last characters differ most often; long keys are not read whole.
  for (let i = length - 1, stop = Math.max(0, length - 8); i >= stop; i--) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0;
  return (Math.imul(hash, 0x9e3779b1) >>> 24) & (tables - 1);
}
