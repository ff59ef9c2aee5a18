/** Key groups: which subtask owns a key (Flink's formulas). Routing and state use the same functions. */

/** Flink's murmur over one 32-bit hash; never negative. */
export function murmur(hash: number): number {
  let h = Math.imul(hash, 0xcc9e2d51);
  h = (h << 15) | (h >>> 17);
  h = Math.imul(h, 0x1b873593);
  h = (h << 13) | (h >>> 19);
  h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  h ^= 4;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  if (h >= 0) return h;
  return h === -0x80000000 ? 0 : -h;
}

export function keyGroupOf(hash: number, maxParallelism: number): number {
  return murmur(hash) % maxParallelism;
}

export function operatorIndexForKeyGroup(keyGroup: number, parallelism: number, maxParallelism: number): number {
  return Math.floor((keyGroup * parallelism) / maxParallelism);
}

/** Inclusive at both ends. */
export interface KeyGroupRange {
  readonly start: number;
  readonly end: number;
}

export function keyGroupRange(subtaskIndex: number, parallelism: number, maxParallelism: number): KeyGroupRange {
  return {
    start: Math.floor((subtaskIndex * maxParallelism + parallelism - 1) / parallelism),
    end: Math.floor(((subtaskIndex + 1) * maxParallelism - 1) / parallelism),
  };
}

export function defaultMaxParallelism(parallelism: number): number {
  const wanted = parallelism + Math.floor(parallelism / 2);
  const power = wanted <= 1 ? 1 : 2 ** Math.ceil(Math.log2(wanted));
  return Math.min(Math.max(power, 128), 32768);
}
