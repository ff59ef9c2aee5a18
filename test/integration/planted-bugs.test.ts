/**
 * The chaos oracle can turn red: with each of these bugs planted into the engine it does, and without one it does not.
 * docs/internals/chaos.md
 */
import { describe, expect, test } from 'vitest';
import { type PlantedBug, plantedBugs, revealing, usualStrikes } from '../chaos/planted-bugs.ts';
import { type BundledRun, runBundle } from '../chaos/run-bundle.ts';

const usual = { ranges: 3, stages: 30, perSplit: 100, recordsPerSecond: 3000 } satisfies Partial<BundledRun>;
/** A bug that shows when two things meet may be missed by one run. */
const tries = 4;

describe.concurrent('the oracle', () => {
  test.each([
    ['as it is', []],
    ['where snapshots take long and barriers come late', revealing],
  ])('is green without a bug, %s', async (_how, edits) => {
    expect(await runBundle(edits, { ...usual, strikes: usualStrikes })).toBeUndefined();
  });

  test.each(plantedBugs)(
    'turns red: $name',
    async (bug) => {
      const complaint = await complaintOf(bug);
      expect(complaint).toMatch(/lines missing|left behind|the job does not end|the job fails: Job execution failed/);
      if (process.env['WEIR_CHAOS_COMPLAINTS']) console.log(complaint?.slice(0, 400));
    },
    300_000,
  );
});

async function complaintOf({ edits, strikes = [], job = {} }: PlantedBug): Promise<string | undefined> {
  for (let run = 0; run < tries; run++) {
    const complaint = await runBundle(edits, { ...usual, ...job, strikes: [...usualStrikes, ...strikes] });
    if (complaint !== undefined) return complaint;
    if (process.env['WEIR_CHAOS_COMPLAINTS']) console.log('missed');
  }
  return undefined;
}
