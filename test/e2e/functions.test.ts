/** Asynchronous calls, broadcast state and state with a time to live on a real cluster whose processes are killed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RealCluster, repository, submittedJobId, waitFor } from '../harness/real-cluster.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-e2e-functions-'));
let cluster: RealCluster;
beforeAll(async () => {
  cluster = await RealCluster.start({
    taskManagers: 2,
    slotsPerTaskManager: 1,
    conf: {
      'taskmanager.memory.process.size': '1g',
      'execution.checkpointing.interval': '200 ms',
      'state.checkpoints.dir': `file://${join(directory, 'checkpoints')}`,
      'restart-strategy.type': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': 20,
      'restart-strategy.fixed-delay.delay': '100 ms',
    },
  });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

interface CheckpointCounts {
  readonly counts?: { readonly completed: number; readonly restored: number };
}

test('calls under way, the broadcast state and counts come through the loss of a TaskManager exactly once', async () => {
  const records = 20_000;
  const output = join(directory, 'output');
  const program = join(repository, 'test/fixtures/programs/looked-up-numbers.ts');
  const args = ['run', '-d', '-p', '2', program, '--records', String(records), '--rps', '4000', '--output', output];
  const started = await cluster.flink(args);
  expect(started, started.stderr).toMatchObject({ exitCode: 0 });
  const jobId = submittedJobId(started.stdout);
  const checkpoints = async () => (await cluster.rest<CheckpointCounts>(`/jobs/${jobId}/checkpoints`))?.counts;
  const logs = (): string => cluster.logs();
  await waitFor('two checkpoints', async () => ((await checkpoints())?.completed ?? 0) >= 2, logs);
  const { taskmanagers } = (await cluster.rest<{ taskmanagers: { id: string }[] }>('/taskmanagers')) as { taskmanagers: { id: string }[] };
  process.kill(Number(/:(\d+)-/.exec(taskmanagers[0]?.id ?? '')?.[1]), 'SIGKILL');
  await waitFor('the job to go on from a checkpoint', async () => ((await checkpoints())?.restored ?? 0) >= 1, logs);
  await cluster.waitForJobState(jobId, 'FINISHED');

  const lines = readdirSync(output)
    .filter((name) => name.startsWith('part-') && !name.includes('.inprogress'))
    .flatMap((name) => readFileSync(join(output, name), 'utf8').split('\n').filter(Boolean));
  const expected = Array.from({ length: records }, (_, n) => `${n % 101} ${(Math.floor(n / 101) + 1) * 3}`);
  expect(lines.sort()).toEqual(expected.sort());
});
