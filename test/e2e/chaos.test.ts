/**
 * The chaos oracle: a job with every kind of state on real processes, which are killed in each phase of a checkpoint and at any
 * moment, stopped and continued, and whose disk fails; what it commits equals a plain computation, and nothing is left on disk.
 *
 * WEIR_CHAOS_SEEDS=from-to runs other seeds, or many: docs/internals/chaos.md.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChaosCluster } from '../chaos/chaos-cluster.ts';
import { type Fault, otherFaults, phases } from '../chaos/faults.ts';
import { runScenario, someOtherFaults } from '../chaos/scenario.ts';

const asked = process.env['WEIR_CHAOS_SEEDS'];
const [firstSeed, lastSeed] = (asked ?? '1-1').split('-').map(Number) as [number, number];
const seeds = Array.from({ length: lastSeed - firstSeed + 1 }, (_, index) => firstSeed + index);
const faults: Fault[] = [];

let chaos: ChaosCluster;
beforeAll(async () => {
  chaos = await ChaosCluster.start();
});
afterAll(async () => {
  await chaos[Symbol.asyncDispose]();
  const tally = (of: (fault: Fault) => string | undefined, what: readonly string[]): string[] =>
    what.map((name) => `${String(faults.filter((fault) => of(fault) === name).length).padStart(5)}  ${name}`);
  console.log(
    [
      'Kills by phase:',
      ...tally(({ phase }) => phase, phases),
      'Other faults:',
      ...tally(({ what }) => otherFaults.find((name) => what.startsWith(name)), otherFaults),
    ].join('\n'),
  );
});

test.each(seeds)(
  'seed %i: the output is that of an undisturbed job, and nothing is leaked',
  async (seed) => {
    const struck = await runScenario(chaos, {
      seed,
      others: someOtherFaults(seed, asked === undefined ? 3 : otherFaults.length),
      report: (line) => {
        if (asked !== undefined) console.log(`seed ${seed}: ${line}`);
      },
    });
    faults.push(...struck);
    for (const phase of phases) expect(struck.some((fault) => fault.phase === phase)).toBe(true);
  },
  600_000,
);

test.runIf(seeds.length >= 10)('each phase was hit at least ten times', () => {
  for (const phase of phases) expect([phase, faults.filter((fault) => fault.phase === phase).length >= 10]).toEqual([phase, true]);
});
