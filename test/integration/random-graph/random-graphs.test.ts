/**
 * Random graphs give what the same graph over plain arrays gives, wherever their tasks run; here all on one thread, and in
 * test/e2e/engine-random-graphs.test.ts over threads and processes. A failing run prints its seed:
 * WEIR_GRAPH_SEED=<seed> runs that one, WEIR_GRAPH_SEEDS=<n> runs n of them.
 */
import { describe, expect, test } from 'vitest';
import { collect, localEnvironment } from '../../harness/local.ts';
import { buildGraph } from './build.ts';
import { describePlan, difference } from './compare.ts';
import { line } from './oracle.ts';
import { planGraph } from './plan.ts';
import { seedsToRun } from './seeds.ts';

const placements = {
  chained: {},
  'chaining off': { 'pipeline.operator-chaining': 'false' },
  'plain calls': { 'weir.chain.generate-code': 'false' },
  'a codec everywhere': { 'weir.codec.everywhere': 'true' },
} as const;

describe.each(Object.entries(placements))('on one thread, %s', (_, configuration) => {
  test.each(seedsToRun(24))('seed %i', async (seed) => {
    const plan = planGraph(seed);
    const env = localEnvironment(configuration);
    const output = await collect(buildGraph(env, plan, { spread: false }).executeAndCollect(`seed ${seed}`)).catch((error: unknown) => {
      throw new Error(describePlan(plan), { cause: error });
    });
    const found = difference(
      plan,
      output.map(({ output: index, value }) => line(index, value)),
    );
    if (found) expect.fail(found);
  });
});
