/**
 * Random graphs give what the same graph over plain arrays gives, wherever their tasks run. A failing run prints its seed:
 * WEIR_GRAPH_SEED=<seed> runs that one, WEIR_GRAPH_SEEDS=<n> runs n of them.
 */
import { describe, expect, test } from 'vitest';
import { collect, localEnvironment } from '../../harness/local.ts';
import { buildGraph } from './build.ts';
import { expectedOutput, line } from './oracle.ts';
import { type Plan, planGraph } from './plan.ts';

const only = process.env['WEIR_GRAPH_SEED'];
const seeds =
  only === undefined ? Array.from({ length: Number(process.env['WEIR_GRAPH_SEEDS'] ?? 24) }, (_, seed) => seed) : [Number(only)];

const placements = {
  chained: {},
  'chaining off': { 'pipeline.operator-chaining': 'false' },
  'a codec everywhere': { 'weir.codec.everywhere': 'true' },
} as const;

describe.each(Object.entries(placements))('on one thread, %s', (_, configuration) => {
  test(`${seeds.length} graphs`, async () => {
    for (const seed of seeds) {
      const plan = planGraph(seed);
      const env = localEnvironment(configuration);
      const output = await collect(buildGraph(env, plan, { spread: false }).executeAndCollect(`seed ${seed}`)).catch((error: unknown) => {
        throw new Error(describePlan(plan), { cause: error });
      });
      expectSame(plan, output);
    }
  });
});

function expectSame(plan: Plan, output: readonly { output: number; value: unknown }[]): void {
  const seen = output.map(({ output: index, value }) => line(index, value)).sort();
  const expected = expectedOutput(plan);
  const left = countOf(seen);
  const missing = expected.filter((text) => !take(left, text));
  const extra = [...left].flatMap(([text, count]) => Array<string>(count).fill(text));
  if (missing.length + extra.length === 0) return;
  const few = (lines: readonly string[]): string => lines.slice(0, 5).join('\n  ');
  expect.fail(
    `${missing.length} records are missing:\n  ${few(missing)}\n${extra.length} are too many:\n  ${few(extra)}\n${describePlan(plan)}`,
  );
}

function countOf(lines: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of lines) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

function take(counts: Map<string, number>, text: string): boolean {
  const count = counts.get(text) ?? 0;
  if (count === 1) counts.delete(text);
  else if (count > 1) counts.set(text, count - 1);
  return count > 0;
}

function describePlan(plan: Plan): string {
  const nodes = plan.nodes.map((node, index) => `  ${index} ${JSON.stringify(node)}`);
  return `seed ${plan.seed}, buffer timeout ${plan.bufferTimeoutMs}, outputs ${JSON.stringify(plan.outputs)}\n${nodes.join('\n')}`;
}
