/**
 * The graphs of several seeds as one job, which checks itself: `flink run program.ts <spread> <seed>…`. Fails with the first
 * graph whose output is not what its oracle says.
 */
import { type DataStream, StreamExecutionEnvironment } from 'weir';
import { buildGraph } from './build.ts';
import { difference } from './compare.ts';
import { line } from './oracle.ts';
import { planGraph } from './plan.ts';

interface Line {
  seed: number;
  text: string;
}

export default async function main([spread, ...seeds]: string[]): Promise<void> {
  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  const plans = seeds.map((seed) => planGraph(Number(seed)));
  const outputs = plans.map((plan) =>
    buildGraph(env, plan, { spread: spread === 'spread' }).map(
      ({ output, value }): Line => ({ seed: plan.seed, text: line(output, value) }),
    ),
  );
  const [first, ...others] = outputs;
  const seen = new Map(plans.map(({ seed }) => [seed, [] as string[]]));
  const all = (first as DataStream<Line>).union(...others);
  for await (const { seed, text } of all.executeAndCollect(`seeds ${seeds.join(' ')}`)) seen.get(seed)?.push(text);
  for (const plan of plans) {
    const found = difference(plan, seen.get(plan.seed) ?? []);
    if (found) throw new Error(found);
    console.log(`seed ${plan.seed} is right`);
  }
}
