/**
 * File-system high availability through real processes: the leader is killed, started again, stopped for longer than its lease
 * and continued; the job's committed output stays that of a plain computation, and the client waits through all of it.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort, RealCluster, repository, submittedJobId, waitFor } from '../harness/real-cluster.ts';

const program = join(repository, 'test/fixtures/programs/numbered-files.ts');

async function prepare(masters: number): Promise<RealCluster> {
  const cluster = await RealCluster.prepare({ slotsPerTaskManager: 2 });
  const conf = readFileSync(join(cluster.directory, 'conf', 'flink-conf.yaml'), 'utf8');
  writeFileSync(
    join(cluster.directory, 'conf', 'flink-conf.yaml'),
    `${conf}${[
      'high-availability: filesystem',
      `high-availability.storageDir: file://${join(cluster.directory, 'ha')}`,
      'weir.high-availability.lease-timeout: 3 s',
      `state.checkpoints.dir: file://${join(cluster.directory, 'checkpoints')}`,
      'execution.checkpointing.interval: 200 ms',
      'restart-strategy.type: fixed-delay',
      'restart-strategy.fixed-delay.attempts: 1000',
      'restart-strategy.fixed-delay.delay: 100 ms',
    ].join('\n')}\n`,
  );
  const ports = [cluster.restPort, ...(await Promise.all(Array.from({ length: masters - 1 }, () => freePort())))];
  writeFileSync(join(cluster.directory, 'conf', 'masters'), ports.map((port) => `localhost:${port}\n`).join(''));
  return cluster;
}

interface Leader {
  readonly pid: number;
  readonly epoch: number;
}

/** Undefined while nobody leads. */
function leaderOf(cluster: RealCluster): Leader | undefined {
  const epochs = join(cluster.directory, 'ha', 'default', 'epochs');
  const newest = existsSync(epochs)
    ? readdirSync(epochs)
        .filter((name) => /^\d{19}$/.test(name))
        .sort()
        .at(-1)
    : undefined;
  if (newest === undefined || !existsSync(join(epochs, `${newest}.address`))) return undefined;
  const { pid } = JSON.parse(readFileSync(join(epochs, newest), 'utf8')) as { pid: number };
  return { pid, epoch: Number(newest) };
}

async function leaderAfter(cluster: RealCluster, epoch: number): Promise<Leader> {
  await waitFor(
    `a leader after epoch ${epoch}`,
    () => (leaderOf(cluster)?.epoch ?? 0) > epoch,
    () => cluster.logs(),
  );
  return leaderOf(cluster) as Leader;
}

/** Checkpoints that leaders have completed, over all log files. */
function completedCheckpoints(cluster: RealCluster): number {
  return cluster.logFile(/standalone(session|job)/).match(/Completed checkpoint \d+/g)?.length ?? 0;
}

async function someCheckpoints(cluster: RealCluster): Promise<void> {
  const before = completedCheckpoints(cluster);
  await waitFor(
    'three more checkpoints',
    () => completedCheckpoints(cluster) >= before + 3,
    () => cluster.logs(),
  );
}

function committed(cluster: RealCluster): string[] {
  const out = join(cluster.directory, 'out');
  return readdirSync(out)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) => readFileSync(join(out, name), 'utf8').split('\n').slice(0, -1))
    .sort();
}

function expected(records: number): string[] {
  const counts = new Map<number, number>();
  return Array.from({ length: records }, (_, n) => {
    const count = (counts.get(n % 101) ?? 0) + 1;
    counts.set(n % 101, count);
    return `${n % 101} ${count}`;
  }).sort();
}

test('a job outlives its leaders: killed, stopped and continued; nothing is lost or doubled', async () => {
  await using cluster = await prepare(2);
  expect(await cluster.script('start-cluster.sh')).toMatchObject({ exitCode: 0 });
  const first = await leaderAfter(cluster, 0);
  const records = 60_000;
  const run = cluster.flink([
    ...['run', '-p', '2', program],
    ...['--records', String(records), '--rps', '4000', '--output', join(cluster.directory, 'out')],
  ]);

  await someCheckpoints(cluster);
  process.kill(first.pid, 'SIGKILL');
  const second = await leaderAfter(cluster, first.epoch);
  await someCheckpoints(cluster);

  // Another standby, for the second takeover.
  expect(await cluster.script('jobmanager.sh', ['start', 'localhost', String(await freePort())])).toMatchObject({ exitCode: 0 });
  await waitFor(
    'a standby',
    () => cluster.logFile(/standalonesession/).split('Waiting for the leadership').length >= 3,
    () => cluster.logs(),
  );
  process.kill(second.pid, 'SIGSTOP');
  const third = await leaderAfter(cluster, second.epoch);
  await someCheckpoints(cluster);
  process.kill(second.pid, 'SIGCONT');
  await waitFor(
    'the old leader to step back',
    () => cluster.logFile(/standalonesession/).includes('does not lead the cluster any more'),
    () => cluster.logs(),
  );
  expect(leaderOf(cluster)).toEqual(third);

  const finished = await run;
  expect(finished, cluster.logs()).toMatchObject({ exitCode: 0 });
  expect(finished.stdout).toContain(`Job with JobID ${submittedJobId(finished.stdout)} has finished.`);
  expect(committed(cluster)).toEqual(expected(records));
  const left = existsSync(join(cluster.directory, 'checkpoints')) ? readdirSync(join(cluster.directory, 'checkpoints')) : [];
  expect(left).toEqual([]);
  // One more was started than `masters` names.
  await cluster.script('jobmanager.sh', ['stop-all']);
}, 240_000);

test('a cluster that was stopped and started again goes on with its jobs', async () => {
  await using cluster = await prepare(1);
  await cluster.script('start-cluster.sh');
  const first = await leaderAfter(cluster, 0);
  const submitted = await cluster.flink([
    'run',
    '-d',
    program,
    '--records',
    '1000000000',
    '--rps',
    '1000',
    '--output',
    join(cluster.directory, 'out'),
  ]);
  const jobId = submittedJobId(submitted.stdout);
  await someCheckpoints(cluster);
  await cluster.stop();
  await cluster.script('start-cluster.sh');
  await leaderAfter(cluster, first.epoch);
  await waitFor('the job to run again', async () => (await cluster.rest<{ state: string }>(`/jobs/${jobId}`))?.state === 'RUNNING');
  await someCheckpoints(cluster);
  expect(cluster.logFile(/standalonesession/)).toMatch(new RegExp(`Restoring job ${jobId} from \\d+`));
  expect(await cluster.flink(['cancel', jobId])).toMatchObject({ exitCode: 0 });
  await cluster.waitForJobState(jobId, 'CANCELED');
  const records = join(cluster.directory, 'ha', 'default', 'records');
  await waitFor('no record of the job', () => readdirSync(records, { recursive: true }).every((name) => !String(name).includes(jobId)));
}, 240_000);

test('an application goes on under the next JobManager, is not run again once its job has ended, and leaves nothing', async () => {
  await using cluster = await prepare(1);
  const gate = join(cluster.directory, 'gate');
  // The hash of /default, as Java has it.
  const jobId = '000000006e6b13320000000000000000';
  const start = (records: number, output: string, ...options: string[]) =>
    cluster.script('standalone-job.sh', [
      ...['start', ...options, program, '--records', String(records), '--rps', '4000'],
      ...['--output', join(cluster.directory, output), '--gate', gate],
    ]);
  const said = (text: string) => cluster.logFile(/standalonejob/).includes(text);
  const records = 30_000;
  await using _daemons = {
    async [Symbol.asyncDispose]() {
      await cluster.script('standalone-job.sh', ['stop']);
      await cluster.script('taskmanager.sh', ['stop-all']);
    },
  };
  const started = start(records, 'out');
  expect(await cluster.script('taskmanager.sh', ['start'])).toMatchObject({ exitCode: 0 });
  expect(await started, cluster.logs()).toMatchObject({ exitCode: 0 });
  const first = await leaderAfter(cluster, 0);
  expect((await cluster.flink(['list'])).stdout).toContain(jobId);

  await someCheckpoints(cluster);
  process.kill(first.pid, 'SIGKILL');
  expect(await start(records, 'out', '-s', join(cluster.directory, 'older-than-its-checkpoints'))).toMatchObject({ exitCode: 0 });
  const second = await leaderAfter(cluster, first.epoch);
  expect(said(`Job ${jobId} was submitted before; main goes on with it.`)).toBe(true);
  await someCheckpoints(cluster);
  expect(said(`Restoring job ${jobId} from `)).toBe(true);

  await waitFor(
    'the job to end',
    () => said('main has its result'),
    () => cluster.logs(),
  );
  expect(committed(cluster)).toEqual(expected(records));
  process.kill(second.pid, 'SIGKILL');
  expect(await start(records, 'out')).toMatchObject({ exitCode: 0 });
  await leaderAfter(cluster, second.epoch);
  writeFileSync(gate, '');
  await waitFor(
    'the application to end',
    () => said('The application has ended: SUCCEEDED.'),
    () => cluster.logs(),
  );
  expect(said(`Job ${jobId} had ended before`)).toBe(true);
  expect(committed(cluster)).toEqual(expected(records));
  const recorded = (): string[] =>
    readdirSync(join(cluster.directory, 'ha'), { recursive: true, encoding: 'utf8' }).filter((name) => name.includes(jobId));
  await waitFor('no record of the job', () => recorded().length === 0);

  expect(await start(100, 'again')).toMatchObject({ exitCode: 0 });
  await waitFor('the next run', () => existsSync(join(cluster.directory, 'again')));
  await waitFor('no record of it', () => recorded().length === 0);

  const two = await cluster.script('standalone-job.sh', ['start-foreground', join(repository, 'test/fixtures/programs/application.ts')]);
  expect(two).toMatchObject({ exitCode: 163 });
  expect(two.stderr).toContain('Cannot have more than one execute() or executeAsync() call in a single environment.');
}, 240_000);
