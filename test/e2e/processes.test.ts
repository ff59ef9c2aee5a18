/** Processes that come late, die, fall silent and come back: what their jobs do meanwhile. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, RealCluster, repository, submittedJobId, waitFor } from '../harness/real-cluster.ts';

const endless = join(repository, 'test/fixtures/programs/endless.ts');

let cluster: RealCluster;
let job: string;

interface TaskManager {
  readonly id: string;
  readonly slotsNumber: number;
  readonly freeSlots: number;
}

beforeAll(async () => {
  cluster = await RealCluster.prepare({
    conf: {
      'taskmanager.memory.process.size': '1g',
      'heartbeat.interval': 500,
      'heartbeat.timeout': '5 s',
      'slot.request.timeout': '10 s',
      'cluster.registration.max-timeout': '500 ms',
      'restart-strategy': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': 1000,
      'restart-strategy.fixed-delay.delay': '100 ms',
    },
  });
  expect(await cluster.script('jobmanager.sh', ['start'])).toMatchObject({ exitCode: 0 });
});

afterAll(() => cluster[Symbol.asyncDispose]());

async function taskManagers(): Promise<readonly TaskManager[]> {
  return (await cluster.rest<{ taskmanagers: TaskManager[] }>('/taskmanagers'))?.taskmanagers ?? [];
}

async function waitForTaskManagers(what: string, condition: (found: readonly TaskManager[]) => boolean): Promise<readonly TaskManager[]> {
  let found: readonly TaskManager[] = [];
  await waitFor(
    what,
    async () => {
      found = await taskManagers();
      return condition(found);
    },
    () => cluster.logs(),
  );
  return found;
}

function processOf(taskManager: TaskManager | undefined): number {
  return Number(/:(\d+)-/.exec(taskManager?.id ?? '')?.[1]);
}

async function failures(): Promise<string[]> {
  const { exceptionHistory } = (await cluster.rest<{ exceptionHistory: { entries: { stacktrace: string }[] } }>(
    `/jobs/${job}/exceptions`,
  )) ?? { exceptionHistory: { entries: [] } };
  return exceptionHistory.entries.map(({ stacktrace }) => stacktrace);
}

test('without slots a job waits, says so, and fails when none has come in time', async () => {
  // For the next test, whose job outlives the same time.
  job = submittedJobId((await cluster.flink(['run', '-d', endless])).stdout);
  const run = await cluster.flink(['run', '-Drestart-strategy=none', '-p', '3', endless]);
  expect(run.exitCode).toBe(1);
  expect(run.stderr).toMatch(
    /Hint: job [0-9a-f]{32} waits for slots: the cluster has 0, 0 of them free, in 0 TaskManager\(s\)\. Start one more/,
  );
  expect(run.stderr).toMatch(/NoResourceAvailableException: Could not acquire the minimum required resources.*10000 ms/);
  expect(run.stderr).toContain('The cluster has 0 TaskManager(s) with 0 slot(s), 0 of them free.');
  expect(cluster.logFile(/standalonesession.*\.log$/)).toMatch(/Job [0-9a-f]{32} waits for 3 more slot\(s\), up to 10000 ms/);
});

test('a TaskManager that comes late is used by the job that waits', async () => {
  await waitFor('a first timeout of the slot', async () => (await failures()).length > 0);
  const waiting = await cluster.rest<{ state: string; vertices: { status: string }[] }>(`/jobs/${job}`);
  expect(['RUNNING', 'RESTARTING']).toContain(waiting?.state);
  expect(await cluster.script('taskmanager.sh', ['start'])).toMatchObject({ exitCode: 0 });
  await cluster.waitForJobState(job, 'RUNNING');
});

test('a TaskManager that is killed is started again, and its job goes on', async () => {
  const [before] = await taskManagers();
  process.kill(processOf(before), 'SIGKILL');
  await waitForTaskManagers('another TaskManager', ([after]) => after !== undefined && after.id !== before?.id);
  await cluster.waitForJobState(job, 'RUNNING');
  expect((await failures())[0]).toMatch(/The TaskManager .* is lost: its connection was closed/);
  expect(cluster.logFile(/taskexecutor.*\.log$/)).toContain('taskexecutor was ended by signal 9; it is started again in 1 s.');
});

test('a TaskManager that falls silent loses its slots, and gets free ones when it comes back', async () => {
  const [silent] = await taskManagers();
  expect(await cluster.script('taskmanager.sh', ['start'])).toMatchObject({ exitCode: 0 });
  await waitForTaskManagers('two TaskManagers', (found) => found.length === 2);
  process.kill(processOf(silent), 'SIGSTOP');
  try {
    await waitForTaskManagers('the silent one is gone', (found) => found.length === 1 && found[0]?.id !== silent?.id);
    await cluster.waitForJobState(job, 'RUNNING');
    expect((await failures())[0]).toMatch(/heartbeat of TaskManager with id .* timed out/);
  } finally {
    process.kill(processOf(silent), 'SIGCONT');
  }
  const both = await waitForTaskManagers('both TaskManagers', (found) => found.length === 2);
  expect(both.find(({ id }) => id === silent?.id)).toMatchObject({ slotsNumber: 2, freeSlots: 2 });
});

test('TaskManagers outlive their JobManager, stop what it had them do, and register with the next one', async () => {
  const [jobManager] = cluster
    .processes()
    .filter((pid) => cluster.commandLine(pid).includes('jobmanager.js') && !cluster.commandLine(pid).includes('supervisor.sh'));
  const before = (await taskManagers()).map(({ id }) => id).sort();
  process.kill(jobManager as number, 'SIGKILL');
  await waitFor('the JobManager is gone', async () => (await cluster.rest('/overview')) === undefined);
  expect(await cluster.script('jobmanager.sh', ['start'])).toMatchObject({ exitCode: 0 });
  const after = await waitForTaskManagers('both register', (found) => found.length === 2);
  expect(after.map(({ id }) => id).sort()).toEqual(before);
  expect(after.map(({ freeSlots }) => freeSlots)).toEqual([2, 2]);
  const run = await cluster.flink(['run', '-p', '4', join(repository, 'examples/word-count.ts')]);
  expect(run).toMatchObject({ exitCode: 0 });
});

test('a TaskManager that finds no JobManager in time says so and ends', async () => {
  const port = await freePort();
  const start = await cluster.script('taskmanager.sh', [
    'start',
    '-D',
    `jobmanager.rpc.port=${port}`,
    '-D',
    'taskmanager.registration.timeout=1 s',
  ]);
  expect(start.exitCode).toBe(1);
  expect(start.stderr).toContain(`No JobManager at localhost:${port} accepted this TaskManager within 1000 ms.`);
});

test('a stopped cluster leaves no process and no temporary file', async () => {
  await cluster.script('taskmanager.sh', ['stop-all']);
  await cluster.stop();
  expect(readdirSync(join(cluster.directory, 'tmp'))).toEqual([]);
});
