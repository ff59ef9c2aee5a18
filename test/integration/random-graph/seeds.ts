/** Which random graphs a run tries: a fixed few, or what the environment asks for. */

export function seedsToRun(fixed: number): number[] {
  const { WEIR_GRAPH_SEED: one, WEIR_GRAPH_SEEDS: count, WEIR_GRAPH_FIRST: first } = process.env;
  if (one !== undefined) return [Number(one)];
  return Array.from({ length: Number(count ?? fixed) }, (_, seed) => Number(first ?? 0) + seed);
}
