/**
 * One job under one seed: it is submitted, tormented, cancelled, started again from what it retained, tormented further, and left
 * to finish. Then its output is compared with the plain computation, and what lies on disk with what its metadata reaches.
 */
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type RunningCommand, repository, submittedJobId, waitFor } from '../harness/real-cluster.ts';
import type { ChaosCluster } from './chaos-cluster.ts';
import { expectedOutput } from './expected.ts';
import { type Fault, FaultInjector, type OtherFault, otherFaults, type Phase, phases } from './faults.ts';
import { committedOutput, contentsOf, reachableFrom, retainedCheckpoints, strangeOutput } from './files.ts';
import { Seeded } from './seeded.ts';

export interface ScenarioOptions {
  readonly seed: number;
  readonly others: readonly OtherFault[];
  readonly report: (line: string) => void;
}

const program = join(repository, 'test/chaos/program.ts');
const ranges = 3;
const stages = 3;
const perSplit = 500;

/** Throws when anything is not as if nothing had happened. Returns the faults that struck. */
export async function runScenario(chaos: ChaosCluster, { seed, others, report }: ScenarioOptions): Promise<readonly Fault[]> {
  const random = new Seeded(seed);
  const output = join(chaos.cluster.directory, `out-${seed}`);
  const gate = join(chaos.cluster.directory, `gate-${seed}`);
  const injector = new FaultInjector(chaos, random, report);
  const submit = (restore: readonly string[]): RunningCommand =>
    chaos.cluster.running('flink', [
      ...['run', ...restore, program, '--ranges', String(ranges), '--stages', String(stages), '--per-split', String(perSplit)],
      ...['--rps', '450', '--gate', gate, '--output', output],
    ]);
  const later = phases.filter((phase): phase is Exclude<Phase, 'before the first checkpoint'> => phase !== 'before the first checkpoint');
  const faults = random.shuffled([
    ...later.map((phase) => () => injector.kill(phase)),
    ...others.map((fault) => () => injector.other(fault)),
  ]);
  const cut = random.below(faults.length + 1);

  const firstStruck = injector.armBeforeFirstCheckpoint();
  const first = submit([]);
  const firstId = await jobIdOf(chaos, first);
  await firstStruck();
  await hasCheckpoint(chaos, firstId);
  for (const strike of faults.slice(0, cut)) await strike();
  const retained = await cancelled(chaos, first, firstId);
  const before = contentsOf(join(chaos.checkpoints, firstId));

  const claims = random.below(2) === 0;
  const newest = retained[0] as string;
  report(`cancelled; goes on from ${newest}${claims ? ', claimed' : ''}`);
  const second = submit(['-s', join(chaos.checkpoints, firstId, newest), '-cm', claims ? 'claim' : 'no_claim']);
  const secondId = await jobIdOf(chaos, second);
  for (const strike of faults.slice(cut)) await strike();
  writeFileSync(gate, '');
  const finished = await second.result;
  expect(finished, `${finished.stderr}\n${chaos.logs()}`).toMatchObject({ exitCode: 0 });
  expect(finished.stdout).toContain(`Job with JobID ${secondId} has finished.`);

  expect(committedOutput(output)).toEqual(expectedOutput({ ranges, perRange: stages * perSplit }));
  expect(strangeOutput(output)).toEqual([]);
  await forgotten(chaos, secondId);
  expect(contentsOf(chaos.checkpoints).filter((path) => path.startsWith(secondId))).toEqual([]);
  const left = claims ? reachableFrom(join(chaos.checkpoints, firstId), retained.slice(1)) : before;
  expect(contentsOf(join(chaos.checkpoints, firstId))).toEqual(left);
  rmSync(join(chaos.checkpoints, firstId), { recursive: true });
  rmSync(output, { recursive: true });
  return injector.faults;
}

async function jobIdOf(chaos: ChaosCluster, run: RunningCommand): Promise<string> {
  await waitFor(
    'the job to be submitted',
    () => /JobID [0-9a-f]{32}/.test(run.stdout),
    () => `${run.stdout}${run.stderr}\n${chaos.logs()}`,
  );
  return submittedJobId(run.stdout);
}

/** Returns what the job retained, newest first; all that lies in its directory belongs to that. */
async function cancelled(chaos: ChaosCluster, run: RunningCommand, jobId: string): Promise<string[]> {
  const directory = join(chaos.checkpoints, jobId);
  await hasCheckpoint(chaos, jobId);
  let said = '';
  await waitFor(
    'the job to be cancelled',
    async () => {
      const { exitCode, stdout, stderr } = await chaos.flink(['cancel', jobId]);
      said = `${stdout}${stderr}`;
      return exitCode === 0;
    },
    () => `${said}\n${chaos.logs()}`,
  );
  await run.result;
  await forgotten(chaos, jobId);
  const retained = retainedCheckpoints(directory);
  expect(retained.length).toBeGreaterThanOrEqual(1);
  expect(retained.length).toBeLessThanOrEqual(2);
  expect(contentsOf(directory)).toEqual(reachableFrom(directory, retained));
  return retained;
}

async function hasCheckpoint(chaos: ChaosCluster, jobId: string): Promise<void> {
  await waitFor(
    'a checkpoint',
    () => retainedCheckpoints(join(chaos.checkpoints, jobId)).length > 0,
    () => chaos.logs(),
  );
}

/** Nothing of the job is recorded for a later leader. */
async function forgotten(chaos: ChaosCluster, jobId: string): Promise<void> {
  await waitFor(
    `the records of job ${jobId} to be gone`,
    () => recordsOf(chaos).every((path) => !path.includes(jobId)),
    () => `${recordsOf(chaos).join('\n')}\n${chaos.logs()}`,
  );
}

function recordsOf(chaos: ChaosCluster): string[] {
  const records = join(chaos.highAvailability, 'records');
  return existsSync(records) ? readdirSync(records, { recursive: true }).map(String) : [];
}

/** Faults beside the phases: all of them, or some. */
export function someOtherFaults(seed: number, count: number): OtherFault[] {
  return new Seeded(seed + 1_000_000).shuffled(otherFaults).slice(0, count);
}
