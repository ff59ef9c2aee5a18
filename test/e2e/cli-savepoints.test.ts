/** savepoint, stop, cancel -s, checkpoint and run -s on a real cluster: each option leaves its mark on disk, in the job or in its output. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { effectOf } from '../harness/option-effect.ts';
import { type CommandResult, RealCluster, repository, submittedJobId, waitFor } from '../harness/real-cluster.ts';

const program = join(repository, 'test/fixtures/programs/stateful.ts');

let cluster: RealCluster;
let directory: string;

beforeAll(async () => {
  cluster = await RealCluster.start({ slotsPerTaskManager: 2 });
  directory = join(cluster.directory, 'savepoints');
});

afterAll(() => cluster[Symbol.asyncDispose]());

async function start(...args: string[]): Promise<string> {
  const run = await cluster.flink(['run', '-d', ...args]);
  expect(run, run.stderr).toMatchObject({ exitCode: 0 });
  const id = submittedJobId(run.stdout);
  await cluster.waitForJobState(id, 'RUNNING');
  // Savepoints need tasks that run.
  await waitFor('running tasks', async () => {
    const job = await cluster.rest<{ vertices: { status: string }[] }>(`/jobs/${id}`);
    return job?.vertices.every(({ status }) => status === 'RUNNING') === true;
  });
  return id;
}

function savepointPath(result: CommandResult): string {
  const path = /(?:Path: |stored in )file:(\S*\/savepoint-[0-9a-f]{6}-[0-9a-f]{12})/.exec(result.stdout)?.[1];
  if (path === undefined) throw new Error(`no path in:\n${result.stdout}\n${result.stderr}`);
  return path;
}

interface Restored {
  readonly latest: { readonly restored: { readonly external_path: string; readonly is_savepoint: boolean } | null };
}

const timersFired = (): number => cluster.logFile(/taskexecutor.*\.out$/).match(/^the end of time$/gm)?.length ?? 0;

effectOf('savepoint', ['type', 'dispose', 'jarfile', 'detached'], 'leaves a directory, which disposal removes', async () => {
  const id = await start(program);
  const taken = await cluster.flink(['savepoint', '-type', 'canonical', id, directory]);
  expect(taken).toMatchObject({ exitCode: 0 });
  const path = savepointPath(taken);
  expect(path.startsWith(join(directory, `savepoint-${id.slice(0, 6)}-`))).toBe(true);
  expect(readdirSync(path)).toContain('_metadata');
  expect(await cluster.flink(['savepoint', '-d', `file:${path}`, '-j', program])).toMatchObject({
    exitCode: 0,
    stdout: `Disposing savepoint 'file:${path}'.\nWaiting for response...\nSavepoint 'file:${path}' disposed.\n`,
  });
  expect(existsSync(path)).toBe(false);
  const detached = await cluster.flink(['savepoint', '-detached', id, directory]);
  expect(detached.stdout).toMatch(/triggerId: [0-9a-f]{32}\n$/);
  await waitFor('the detached savepoint', () => readdirSync(directory).some((name) => existsSync(join(directory, name, '_metadata'))));
  expect(await cluster.rest(`/jobs/${id}`)).toMatchObject({ state: 'RUNNING' });
  await cluster.flink(['cancel', id]);
});

effectOf('checkpoint', ['full'], 'is numbered', async () => {
  const id = await start(program);
  const first = await cluster.flink(['checkpoint', id]);
  expect(first, first.stderr).toMatchObject({ exitCode: 0 });
  const number = Number(/^Checkpoint (\d+) for job/m.exec(first.stdout)?.[1]);
  const second = await cluster.flink(['checkpoint', '-full', id]);
  expect(second.stdout).toContain(`Checkpoint(FULL) ${number + 1} for job ${id} completed.\n`);
  await cluster.flink(['cancel', id]);
});

effectOf(
  'stop',
  ['savepointPath', 'drain', 'type'],
  'ends the job with a savepoint; only a drained one reaches the end of time',
  async () => {
    const stopped = await start(program);
    expect(savepointPath(await cluster.flink(['stop', '-p', directory, stopped]))).toContain(stopped.slice(0, 6));
    await cluster.waitForJobState(stopped, 'FINISHED');
    expect(timersFired()).toBe(0);
    const drained = await start(program);
    const result = await cluster.flink(['stop', '-d', '-type', 'native', '-p', directory, drained]);
    expect(result.stdout).toMatch(new RegExp(`^Draining job "${drained}" with a savepoint\\.\\nSavepoint completed\\. Path: file:`));
    await cluster.waitForJobState(drained, 'FINISHED');
    await waitFor('the timers of four keys', () => timersFired() === 4);
  },
);

effectOf('cancel', ['withSavepoint', 'type'], 'takes a savepoint, then cancels', async () => {
  const id = await start(program);
  const result = await cluster.flink(['cancel', '-s', directory, '-type', 'canonical', id]);
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  expect(readdirSync(savepointPath(result))).toContain('_metadata');
  await cluster.waitForJobState(id, 'CANCELED');
});

effectOf('run', ['fromSavepoint', 'allowNonRestoredState', 'claimMode', 'restoreMode'], 'start from a savepoint', async () => {
  const first = await start(program);
  const path = savepointPath(await cluster.flink(['stop', '-p', directory, first]));
  for (const options of [
    ['-s', path],
    ['-s', `${path}/_metadata`, '-cm', 'no_claim'],
    ['-s', `file:${path}`, '-rm', 'claim'],
  ]) {
    const id = await start(...options, program);
    const { latest } = (await cluster.rest<Restored>(`/jobs/${id}/checkpoints`)) as Restored;
    expect(latest.restored?.external_path).toContain(path);
    await cluster.flink(['cancel', id]);
    await cluster.waitForJobState(id, 'CANCELED');
  }
});

test('state that no operator claims is refused, unless -n skips it', async () => {
  const first = await start(program);
  const path = savepointPath(await cluster.flink(['stop', '-p', directory, first]));
  const refused = await cluster.flink(['run', '-s', path, program, 'renamed']);
  expect(refused).toMatchObject({ exitCode: 1 });
  expect(refused.stderr).toContain('--allowNonRestoredState');
  const skipped = await start('-n', '-s', path, program, 'renamed');
  await cluster.flink(['cancel', skipped]);
});

test('a savepoint that is not there, and a directory that nobody named', async () => {
  const missing = await cluster.flink(['run', '-s', '/no/such/savepoint', program]);
  expect(missing).toMatchObject({ exitCode: 1 });
  expect(missing.stderr).toContain("Cannot find checkpoint or savepoint file/directory '/no/such/savepoint' on file system 'file'.");
  const id = await start(program);
  const unnamed = await cluster.flink(['stop', id]);
  expect(unnamed).toMatchObject({ exitCode: 1, stdout: `Suspending job "${id}" with a savepoint.\n` });
  expect(unnamed.stderr).toContain('Config key [state.savepoints.dir] is not set.');
  expect(await cluster.rest(`/jobs/${id}`)).toMatchObject({ state: 'RUNNING' });
  await cluster.flink(['cancel', id]);
});
