/**
 * Checkpoints and savepoints through the real command line and real processes: whatever is killed, stopped or moved, each
 * record is counted and written exactly once.
 */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RealCluster, repository, submittedJobId, waitFor } from '../harness/real-cluster.ts';

const program = join(repository, 'test/fixtures/programs/counted-keys.ts');
const keys = 97;

const directory = mkdtempSync(join(tmpdir(), 'weir-e2e-recovery-'));
const checkpoints = join(directory, 'checkpoints');
let cluster: RealCluster;
beforeAll(async () => {
  cluster = await RealCluster.start({
    taskManagers: 2,
    slotsPerTaskManager: 2,
    conf: {
      'taskmanager.memory.process.size': '1g',
      'execution.checkpointing.interval': '200 ms',
      'state.checkpoints.dir': `file://${checkpoints}`,
      'state.savepoints.dir': join(directory, 'savepoints'),
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

async function run(args: readonly string[], records: number, perSecond: number, output: string): Promise<string> {
  const started = await cluster.flink(['run', '-d', ...args, program, String(records), String(perSecond), output]);
  expect(started).toMatchObject({ exitCode: 0 });
  return submittedJobId(started.stdout);
}

async function completedCheckpoints(jobId: string): Promise<number> {
  return (await cluster.rest<{ counts?: { completed: number } }>(`/jobs/${jobId}/checkpoints`))?.counts?.completed ?? 0;
}

async function waitForCheckpoints(jobId: string, count: number): Promise<void> {
  const before = await completedCheckpoints(jobId);
  await waitFor(
    `${count} more checkpoints`,
    async () => (await completedCheckpoints(jobId)) >= before + count,
    () => cluster.logs(),
  );
}

/** Every count of every key stands in the finished files once. */
function expectExactCounts(output: string, records: number): void {
  const lines = readdirSync(output)
    .filter((name) => name.startsWith('part-') && !name.includes('.inprogress'))
    .flatMap((name) => readFileSync(join(output, name), 'utf8').split('\n').filter(Boolean));
  const counts = new Map<number, number[]>();
  for (const line of lines) {
    const [key, count] = line.split(' ').map(Number) as [number, number];
    const seen = counts.get(key);
    if (seen) seen.push(count);
    else counts.set(key, [count]);
  }
  expect(lines.length).toBe(records);
  for (let key = 0; key < keys; key++) {
    const expected = Math.floor((records - key + keys - 1) / keys);
    expect(counts.get(key)?.sort((a, b) => a - b)).toEqual(Array.from({ length: expected }, (_, index) => index + 1));
  }
}

test('a TaskManager that is killed costs nothing: the job goes on from its last checkpoint', async () => {
  const output = join(directory, 'killed');
  const jobId = await run(['-p', '4'], 60_000, 10_000, output);
  for (let kill = 0; kill < 2; kill++) {
    await waitForCheckpoints(jobId, 2);
    const { taskmanagers } = (await cluster.rest<{ taskmanagers: { id: string }[] }>('/taskmanagers')) as {
      taskmanagers: { id: string }[];
    };
    process.kill(Number(/:(\d+)-/.exec(taskmanagers[0]?.id ?? '')?.[1]), 'SIGKILL');
    await waitFor('the loss to be noticed', async () => {
      const found = await cluster.rest<{ exceptionHistory: { entries: unknown[] } }>(`/jobs/${jobId}/exceptions`);
      return (found?.exceptionHistory.entries.length ?? 0) > kill;
    });
    await cluster.waitForJobState(jobId, 'RUNNING');
  }
  await cluster.waitForJobState(jobId, 'FINISHED');
  expectExactCounts(output, 60_000);
  const { counts } = (await cluster.rest<{ counts: { restored: number } }>(`/jobs/${jobId}/checkpoints`)) as {
    counts: { restored: number };
  };
  expect(counts.restored).toBeGreaterThanOrEqual(2);
  await waitFor('the checkpoints of the job to be gone', () => !existsSync(join(checkpoints, jobId)));
});

test('a job that is stopped with a savepoint goes on from it, with another parallelism and from another place', async () => {
  const output = join(directory, 'stopped');
  const jobId = await run(['-p', '3'], 30_000, 10_000, output);
  await waitForCheckpoints(jobId, 2);
  const stopped = await cluster.flink(['stop', jobId]);
  expect(stopped).toMatchObject({ exitCode: 0, stdout: expect.stringContaining(`Suspending job "${jobId}" with a savepoint.`) });
  const savepoint = /Savepoint completed\. Path: file:(\S+)/.exec(stopped.stdout)?.[1] as string;
  await cluster.waitForJobState(jobId, 'FINISHED');
  const moved = join(directory, 'moved');
  cpSync(savepoint, moved, { recursive: true });
  expect(await cluster.flink(['savepoint', '-d', savepoint])).toMatchObject({ exitCode: 0 });
  expect(existsSync(savepoint)).toBe(false);
  const second = await run(['-p', '2', '-s', moved], 30_000, 10_000, output);
  await cluster.waitForJobState(second, 'FINISHED');
  expectExactCounts(output, 30_000);
  expect(existsSync(join(moved, '_metadata'))).toBe(true);
});

test('a retained checkpoint of a cancelled job is a starting point, and is claimed when asked', async () => {
  const output = join(directory, 'retained');
  const retain = '-Dexecution.checkpointing.externalized-checkpoint-retention=RETAIN_ON_CANCELLATION';
  const jobId = await run(['-p', '2', retain], 20_000, 10_000, output);
  await waitForCheckpoints(jobId, 2);
  expect(await cluster.flink(['cancel', jobId])).toMatchObject({ exitCode: 0 });
  await cluster.waitForJobState(jobId, 'CANCELED');
  const [retained] = readdirSync(join(checkpoints, jobId)).filter((name) => name.startsWith('chk-'));
  const pointer = join(checkpoints, jobId, retained as string);
  const second = await run(['-p', '4', '-s', pointer, '-cm', 'claim'], 20_000, 10_000, output);
  await cluster.waitForJobState(second, 'FINISHED');
  expectExactCounts(output, 20_000);
  await waitFor('the claimed checkpoint to be gone', () => !existsSync(pointer));
});

test.each([
  [
    'a path that is not there',
    '/nowhere/at/all',
    "Cannot find checkpoint or savepoint file/directory '/nowhere/at/all' on file system 'file'.",
  ],
  ['a directory without metadata', repository, `Cannot find meta data file '_metadata' in directory '${repository}'.`],
  ['a file of something else', join(repository, 'package.json'), 'is no metadata of a Weir checkpoint or savepoint'],
])('%s fails the job with the reason', async (_what, pointer, reason) => {
  const started = await cluster.flink(['run', '-s', pointer, program, '10', '10', join(directory, 'never')]);
  expect(started.exitCode).toBe(1);
  expect(started.stderr).toContain(reason);
});

test('nothing is left of jobs that keep nothing', () => {
  for (const jobId of readdirSync(checkpoints)) {
    // What the retained checkpoint's job leaves is its user's.
    expect(readdirSync(join(checkpoints, jobId))).toEqual([]);
    rmSync(join(checkpoints, jobId), { recursive: true });
  }
});
