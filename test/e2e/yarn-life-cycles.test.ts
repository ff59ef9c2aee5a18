/**
 * What becomes of applications when somebody is killed: application masters with and without attempts left, containers above
 * their size, clients, the resource manager; and who goes first when there is not enough for all.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repository, submittedJobId, waitFor } from '../harness/real-cluster.ts';
import { submittedApplication, YarnMachine } from '../harness/yarn-machine.ts';

const programs = join(repository, 'test/fixtures/programs');
const endless = join(programs, 'endless.ts');
const numbers = join(programs, 'numbered-files.ts');
const application = join(programs, 'application.ts');

function expected(records: number): string[] {
  const counts = new Map<number, number>();
  return Array.from({ length: records }, (_, n) => {
    const count = (counts.get(n % 101) ?? 0) + 1;
    counts.set(n % 101, count);
    return `${n % 101} ${count}`;
  }).sort();
}

function committed(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1))
    .sort();
}

const prepare = async (): Promise<YarnMachine> => {
  const machine = await YarnMachine.prepare({
    'high-availability': 'filesystem',
    'weir.high-availability.lease-timeout': '3 s',
    'execution.checkpointing.interval': '200 ms',
    'restart-strategy.type': 'fixed-delay',
    'restart-strategy.fixed-delay.attempts': 1000,
    'restart-strategy.fixed-delay.delay': '100 ms',
  });
  const { directory } = machine;
  const conf = readFileSync(join(directory, 'conf', 'flink-conf.yaml'), 'utf8')
    .split('\n')
    .filter(Boolean);
  const paths = [`high-availability.storageDir: file://${directory}/ha`, `state.checkpoints.dir: file://${directory}/checkpoints`];
  machine.writeFile('conf/flink-conf.yaml', `${[...conf, ...paths].join('\n')}\n`);
  return machine;
};

const someCheckpoints = async (machine: YarnMachine, pattern: RegExp): Promise<void> => {
  const completed = (): number => machine.containerLogs(pattern).match(/Completed checkpoint \d+/g)?.length ?? 0;
  const before = completed();
  await waitFor(
    'three more checkpoints',
    () => completed() >= before + 3,
    () => machine.logs(),
  );
};

describe('under high availability', () => {
  test.each([
    ['yarn-per-job', ['run', '-t', 'yarn-per-job']],
    ['yarn-application', ['run-application', '-t', 'yarn-application']],
  ])(
    '%s: a killed application master is started again, its TaskManagers go on, and so does the job, from its checkpoint',
    async (target, words) => {
      await using machine = await prepare();
      const records = 30_000;
      const output = join(machine.directory, 'out');
      const arguments_ = ['--records', String(records), '--rps', '3000', '--output', output];
      const run = machine.cluster.running('flink', [...words, '-ys', '2', '-p', '2', numbers, ...arguments_]);
      await run.printed(/YARN application has been deployed successfully/);
      const id = submittedApplication(run);
      await someCheckpoints(machine, /jobmanager\.log/);
      const workers = machine.processes('taskmanager.js');
      expect(workers).toHaveLength(1);
      const [master] = machine.processes('yarn-application-master.js') as [number];
      process.kill(master, 'SIGKILL');
      await someCheckpoints(machine, /_02_000001.*jobmanager\.log/);
      expect(machine.processes('taskmanager.js')).toEqual(workers);
      const log = machine.containerLogs(/_02_000001.*jobmanager\.log/);
      expect(log).toMatch(/is of the previous attempt; its TaskManager is /);
      expect(log).toMatch(/Restoring job [0-9a-f]{32} from \d+/);
      if (target === 'yarn-per-job') expect(await run.result, machine.logs()).toMatchObject({ exitCode: 0 });
      await machine.waitForState(id, 'FINISHED');
      expect(await machine.status(id, 'Final-State')).toBe('SUCCEEDED');
      expect((await machine.yarn('applicationattempt', '-list', id)).stdout).toMatch(/_000001\t\s+FAILED\t[\s\S]*_000002\t\s+FINISHED\t/);
      expect(committed(output)).toEqual(expected(records));
      for (const name of ['ha', 'checkpoints']) {
        const left = existsSync(join(machine.directory, name)) ? readdirSync(join(machine.directory, name)) : [];
        expect([name, left]).toEqual([name, []]);
      }
    },
  );
});

describe('a session under high availability', () => {
  test('goes on with its jobs when its application master was killed; clients that wait see nothing of it', async () => {
    await using machine = await prepare();
    const id = submittedApplication(await machine.session('-d', '-s', '2'));
    const records = 20_000;
    const output = join(machine.directory, 'out');
    const run = machine.flink('run', '-p', '2', numbers, '--records', String(records), '--rps', '3000', '--output', output);
    await someCheckpoints(machine, /jobmanager\.log/);
    process.kill(machine.processes('yarn-application-master.js')[0] as number, 'SIGKILL');
    await someCheckpoints(machine, /_02_000001.*jobmanager\.log/);
    expect(await run, machine.logs()).toMatchObject({ exitCode: 0 });
    expect(committed(output)).toEqual(expected(records));
    const joined = machine.attachedSession('-id', id);
    joined.type('stop\n');
    expect(await joined.result).toMatchObject({ exitCode: 0 });
    expect(await machine.status(id, 'Final-State')).toBe('SUCCEEDED');
    expect(readdirSync(join(machine.directory, 'ha'))).toEqual([]);
  });
});

describe('without high availability', () => {
  test('a killed application master takes its application with it; killed TaskManagers and oversized ones are replaced', async () => {
    await using machine = await YarnMachine.prepare();
    const marker = join(machine.directory, 'grown');
    const grown = await machine.flink('run', '-t', 'yarn-per-job', join(programs, 'outgrows-container.ts'), marker);
    expect(grown, machine.logs()).toMatchObject({ exitCode: 0 });
    const master = machine.containerLogs(/jobmanager\.log/);
    expect(master).toMatch(
      /Container container_\d+_0001_01_000002 has ended with exit status -104\. Container \[pid=\d+,containerID=container_\d+_0001_01_000002\] is running beyond physical memory limits\. Current usage: \d+(\.\d+)? [GM]B of 1 GB physical memory used; .* virtual memory used\. Killing container\.\nDump of the process-tree/,
    );

    const run = machine.cluster.running('flink', ['run', '-t', 'yarn-per-job', endless]);
    await run.printed(/Job has been submitted/);
    const id = submittedApplication(run);
    await waitFor('a TaskManager', () => machine.processes('taskmanager.js').length === 1);
    const [pid] = machine.processes('yarn-application-master.js') as [number];
    process.kill(pid, 'SIGKILL');
    await machine.waitForState(id, 'FAILED');
    const failed = await run.result;
    expect(failed).toMatchObject({ exitCode: 1 });
    expect(failed.stderr).toContain(`The Yarn application ${id} doesn't run anymore. It has previously completed with state FAILED`);
    expect(failed.stderr).toMatch(/failed 1 times due to AM Container for appattempt_\d+_0002_000001 exited with {2}exitCode: 137/);
    await waitFor('no TaskManager', () => machine.processes('taskmanager.js').length === 0);
  });

  test('a killed client leaves its job running, unless it said that the job depends on it', async () => {
    await using machine = await YarnMachine.prepare();
    const attached = machine.cluster.running('flink', ['run', '-t', 'yarn-per-job', endless]);
    await attached.printed(/Job has been submitted/);
    const dependent = machine.cluster.running('flink', [
      ...['run', '-t', 'yarn-per-job', '-sae', '-Dclient.heartbeat.interval=200', '-Dclient.heartbeat.timeout=2000', endless],
    ]);
    await dependent.printed(/Job has been submitted/);
    attached.kill('SIGKILL');
    dependent.kill('SIGKILL');
    await machine.waitForState(submittedApplication(dependent), 'FINISHED');
    expect(await machine.status(submittedApplication(dependent), 'Final-State')).toBe('KILLED');
    const id = submittedApplication(attached);
    expect(await machine.status(id, 'State')).toBe('RUNNING');
    expect(await machine.flink('cancel', '-yid', id, submittedJobId(attached.stdout))).toMatchObject({ exitCode: 0 });
    await machine.waitForState(id, 'FINISHED');
  });

  test('main runs in the application master; the keys of the application are heeded, and its end is told', async () => {
    await using machine = await YarnMachine.prepare();
    machine.writeFile('words.txt', 'shipped');
    const run = await machine.flink(
      ...['run-application', '-t', 'yarn-application', '-Djobmanager.memory.process.size=1100m', '-Dtaskmanager.memory.process.size=1200m'],
      ...[
        '-Dyarn.application.name=Application',
        '-Dyarn.application.type=Weir',
        '-Dyarn.application.queue=root.default',
        '-Dyarn.tags=x,y',
      ],
      ...['-Dyarn.application.priority=7', '-Dyarn.containers.vcores=3', `-Dyarn.ship-files=${join(machine.directory, 'words.txt')}`],
      ...['-Dyarn.per-job-cluster.include-user-jar=FIRST', '-Dyarn.application-attempt-failures-validity-interval=-1'],
      ...[`-Dyarn.provided.lib.dirs=${repository}`, application, '--input', 'a b', '-p', '$HOME', '"quoted"', "it's"],
    );
    expect(run, machine.logs()).toMatchObject({ exitCode: 0, stdout: '' });
    const id = submittedApplication(run);
    await machine.waitForState(id, 'FINISHED');
    const status = (await machine.yarn('application', '-status', id)).stdout;
    for (const line of ['Application-Name : Application', 'Application-Type : Weir', 'Application Priority : 7', 'Final-State : SUCCEEDED'])
      expect(status).toContain(`\t${line}\n`);
    const out = (await machine.yarn('logs', '-applicationId', id, '-log_files', 'jobmanager.out')).stdout;
    expect(out).toContain(`main got ${JSON.stringify(['--input', 'a b', '-p', '$HOME', '"quoted"', "it's"])}\nfirst counted 3\n`);
    expect(machine.containerLogs(/jobmanager\.log/)).toMatch(/was granted, with 1280 MB/);
    const failing = await machine.flink('run-application', '-t', 'yarn-application', application, '--throw');
    const failed = submittedApplication(failing);
    await machine.waitForState(failed, 'FINISHED');
    const report = (await machine.yarn('application', '-status', failed)).stdout;
    expect(report).toContain('\tFinal-State : FAILED\n');
    expect(report).toMatch(/Diagnostics : Error: main is not in the mood\n +at main .*application\.ts:\d+:\d+/);
    const broken = await machine.flink('run-application', '-t', 'yarn-application', '-c', 'nope', application);
    const brokenId = submittedApplication(broken);
    await machine.waitForState(brokenId, 'FINISHED');
    expect((await machine.yarn('application', '-status', brokenId)).stdout).toMatch(/Final-State : FAILED\n[\s\S]*'nope' was not found/);
  });
});

test('when memory is short, applications wait: by queue, by priority, then by age; an interrupted client takes its waiting one back', async () => {
  await using machine = await YarnMachine.prepare({
    'flink.yarn.nodemanager.resource.memory-mb': 3072,
    'flink.yarn.scheduler.capacity.root.queues': 'default,small',
    'flink.yarn.scheduler.capacity.root.default.capacity': 66,
    'flink.yarn.scheduler.capacity.root.small.capacity': 34,
    'flink.yarn.scheduler.capacity.root.small.maximum-capacity': 34,
  });
  const start = async (...words: string[]): Promise<{ id: string; client: ReturnType<typeof machine.attachedSession> }> => {
    const client = machine.attachedSession(...words);
    await client.printed(/Submitted application/);
    return { id: submittedApplication(client), client };
  };
  const first = await start('-qu', 'small');
  await machine.waitForState(first.id, 'RUNNING');
  const crowded = await start('-qu', 'small');
  // Its own queue is full; the other one is not.
  const large = await start('-jm', '2048');
  await machine.waitForState(large.id, 'RUNNING');
  expect(await machine.status(crowded.id, 'State')).toBe('ACCEPTED');
  await crowded.client.printed(/The application master waits for 1024 MB in queue small/);
  crowded.client.kill('SIGINT');
  expect(await crowded.client.result).toMatchObject({ exitCode: 1 });
  expect(await machine.status(crowded.id, 'State')).toBe('KILLED');

  const old = await start('-jm', '2048', '-nm', 'old');
  const urgent = await start('-jm', '2048', '-nm', 'urgent', '-Dyarn.application.priority=5');
  expect([await machine.status(old.id, 'State'), await machine.status(urgent.id, 'State')]).toEqual(['ACCEPTED', 'ACCEPTED']);
  expect((await machine.session('-q')).stdout).toMatch(/Queue: default, Current Capacity: 1\.0\d+ Max Capacity: 1 Applications: 3$/m);
  large.client.type('stop\n');
  await large.client.result;
  await machine.waitForState(urgent.id, 'RUNNING');
  expect(await machine.status(old.id, 'State')).toBe('ACCEPTED');
  expect(await machine.yarn('application', '-kill', urgent.id)).toMatchObject({ exitCode: 0 });
  await machine.waitForState(old.id, 'RUNNING');
  for (const { client } of [first, old]) client.type('quit\n');
  await Promise.all([first, urgent, old].map(({ client }) => client.result));
});

test('a killed resource manager takes its containers with it; the next one starts recoverable applications again', async () => {
  await using machine = await YarnMachine.prepare({ 'flink.yarn.resourcemanager.recovery.enabled': true });
  const started = await machine.session('-d');
  const id = submittedApplication(started);
  const daemon = Number(readFileSync(join(machine.directory, 'yarn', 'resourcemanager.pid'), 'utf8'));
  process.kill(daemon, 'SIGKILL');
  await waitFor('no application master', () => machine.processes('yarn-application-master.js').length === 0);
  await machine.waitForState(id, 'RUNNING');
  expect((await machine.yarn('applicationattempt', '-list', id)).stdout).toMatch(/_000002\t\s+RUNNING\t/);
  expect(await machine.yarn('application', '-kill', id)).toMatchObject({ exitCode: 0 });
});
