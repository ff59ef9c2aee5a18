/**
 * The chaos oracle's job on YARN: application masters and TaskManagers are killed in the middle of checkpoints and at any moment,
 * and replaced by nobody but the resource manager; what is committed equals the plain computation, and nothing is left on disk.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Failpoint } from '../../src/shared/failpoint.ts';
import { expectedOutput } from '../chaos/expected.ts';
import { Failpoints } from '../chaos/failpoints.ts';
import { committedOutput, contentsOf, strangeOutput } from '../chaos/files.ts';
import { Seeded } from '../chaos/seeded.ts';
import { repository, waitFor } from '../harness/real-cluster.ts';
import { submittedApplication, YarnMachine } from '../harness/yarn-machine.ts';

const program = join(repository, 'test/chaos/program.ts');
const seed = Number(process.env['WEIR_CHAOS_SEEDS']?.split('-')[0] ?? 1);
const ranges = 3;
const stages = 3;
const perSplit = 500;

/** Where a process kills itself: application masters, and TaskManagers. */
const inMaster = ['checkpoint.trigger', 'checkpoint.published', 'checkpoint.recorded'] as const satisfies readonly Failpoint[];
const inWorker = ['task.alignment', 'state.publish', 'sink.commit'] as const satisfies readonly Failpoint[];

async function prepare(): Promise<{ machine: YarnMachine; failpoints: Failpoints }> {
  const machine = await YarnMachine.prepare({
    'taskmanager.numberOfTaskSlots': 2,
    'high-availability': 'filesystem',
    'weir.high-availability.lease-timeout': '2500 ms',
    'yarn.application-attempts': 100,
    'flink.yarn.resourcemanager.am.max-attempts': 100,
    'resourcemanager.start-worker.max-failure-rate': 1000,
    'state.storage.fs.memory-threshold': '0 kb',
    'execution.checkpointing.interval': '100 ms',
    'restart-strategy.type': 'fixed-delay',
    'restart-strategy.fixed-delay.attempts': 100_000,
    'restart-strategy.fixed-delay.delay': '50 ms',
  });
  const { directory } = machine;
  const failpoints = new Failpoints(join(directory, 'failpoints'));
  const conf = readFileSync(join(directory, 'conf', 'flink-conf.yaml'), 'utf8');
  const places = [
    `high-availability.storageDir: file://${directory}/ha`,
    `state.checkpoints.dir: file://${directory}/checkpoints`,
    `containerized.master.env.WEIR_FAILPOINTS: ${failpoints.directory}`,
    `containerized.taskmanager.env.WEIR_FAILPOINTS: ${failpoints.directory}`,
  ];
  machine.writeFile('conf/flink-conf.yaml', `${conf}${places.join('\n')}\n`);
  return { machine, failpoints };
}

test.each([
  ['yarn-per-job', ['run', '-t', 'yarn-per-job']],
  ['yarn-application', ['run-application', '-t', 'yarn-application']],
])(
  '%s: the output is that of an undisturbed job, whoever was killed',
  async (target, words) => {
    const { machine, failpoints } = await prepare();
    await using _machine = machine;
    const random = new Seeded(seed);
    const output = join(machine.directory, 'out');
    const gate = join(machine.directory, 'gate');
    const run = machine.cluster.running('flink', [
      ...[...words, program, '--ranges', String(ranges), '--stages', String(stages), '--per-split', String(perSplit)],
      ...['--rps', '450', '--gate', gate, '--output', output],
    ]);
    await run.printed(/YARN application has been deployed successfully/);
    const id = submittedApplication(run);

    const strikeAt = async (name: Failpoint): Promise<void> => {
      const before = failpoints.hits(name).length;
      failpoints.arm(name, { action: 'kill', skip: random.below(4) });
      await waitFor(
        `a process to be killed at ${name}`,
        () => failpoints.hits(name).length > before,
        () => `${run.stderr}\n${machine.logs()}`,
      );
    };
    const killOne = async (kind: Parameters<YarnMachine['processes']>[0]): Promise<void> => {
      await waitFor(`a process of ${kind}`, () => machine.processes(kind).length > 0);
      const pid = random.pick(machine.processes(kind));
      process.kill(pid, 'SIGKILL');
      await waitFor(`process ${pid} to be gone`, () => !existsSync(`/proc/${pid}/exe`));
    };
    const faults = random.shuffled([
      ...inMaster.map((name) => () => strikeAt(name)),
      ...inWorker.map((name) => () => strikeAt(name)),
      () => killOne('yarn-application-master.js'),
      () => killOne('taskmanager.js'),
    ]);
    for (const strike of faults) await strike();
    writeFileSync(gate, '');

    if (target === 'yarn-per-job') expect(await run.result, `${run.stderr}\n${machine.logs()}`).toMatchObject({ exitCode: 0 });
    await machine.waitForState(id, 'FINISHED');
    expect(await machine.status(id, 'Final-State'), machine.logs()).toBe('SUCCEEDED');
    const attempts = (await machine.yarn('applicationattempt', '-list', id)).stdout.match(/\tFAILED\t|\s+FAILED\t/g) ?? [];
    expect(attempts.length).toBeGreaterThanOrEqual(inMaster.length + 1);
    expect(committedOutput(output)).toEqual(expectedOutput({ ranges, perRange: stages * perSplit }));
    expect(strangeOutput(output)).toEqual([]);
    expect(contentsOf(join(machine.directory, 'checkpoints'))).toEqual([]);
    expect(existsSync(join(machine.directory, 'ha')) ? readdirSync(join(machine.directory, 'ha')) : []).toEqual([]);
  },
  600_000,
);
