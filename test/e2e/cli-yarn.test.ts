/** yarn-session, per-job clusters and the yarn command on the embedded resource manager: real processes, real containers. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeBlocks } from '../harness/markdown.ts';
import { effectOf } from '../harness/option-effect.ts';
import { repository, submittedJobId, waitFor } from '../harness/real-cluster.ts';
import { submittedApplication, YarnMachine } from '../harness/yarn-machine.ts';

const programs = join(repository, 'test/fixtures/programs');
const endless = join(programs, 'endless.ts');
const application = join(programs, 'application.ts');
const numbers = join(programs, 'numbered-files.ts');

let machine: YarnMachine;

beforeAll(async () => {
  machine = await YarnMachine.prepare({
    'flink.yarn.scheduler.capacity.root.queues': 'default,batch',
    'resourcemanager.taskmanager-timeout': 1500,
  });
  mkdirSync(join(machine.directory, 'shipped'));
  writeFileSync(join(machine.directory, 'shipped', 'words.txt'), 'shipped words');
});

afterAll(() => machine[Symbol.asyncDispose]());

const jobVertices = async (id: string, jobId: string): Promise<string[]> =>
  (await machine.rest<{ vertices: { status: string }[] }>(id, `/jobs/${jobId}`)).vertices.map(({ status }) => status);

/** Every task of the job runs. */
async function whenRunning(id: string, jobId: string): Promise<void> {
  await waitFor(
    `job ${jobId} to run`,
    async () => (await jobVertices(id, jobId)).every((status) => status === 'RUNNING'),
    () => machine.logs(),
  );
}

const overview = (id: string) => machine.rest<{ taskmanagers: number; 'slots-total': number }>(id, '/overview');

describe('a session', () => {
  effectOf(
    'yarn-session',
    ['help', 'query'],
    'explains itself; -q shows live figures and starts the resource manager, which says that there is no Hadoop',
    async () => {
      expect((await machine.session('-h')).stdout).toContain('Action "yarn-session" starts a session cluster on YARN.');
      const query = await machine.session('-q');
      expect(query).toMatchObject({ exitCode: 0 });
      expect(query.stderr).toMatch(/^No Hadoop configuration was found .* embedded resource manager of this machine/);
      expect(query.stdout).toMatch(/^NodeManagers in the ClusterClient 1\n\|Property {9}\|Value {10}\n\+-+\+\n\|NodeID {11}\|/);
      expect(query.stdout).toMatch(/^\|Memory {11}\|8192 MB/m);
      expect(query.stdout).toMatch(/^Summary: totalMemory 8192 totalCores \d+$/m);
      expect(query.stdout).toMatch(/^Queue: batch, Current Capacity: 0 Max Capacity: 1 Applications: 0$/m);
      expect((await machine.session('-q')).stderr).toBe('');
    },
  );

  effectOf(
    'yarn-session',
    [
      'D',
      'jobManagerMemory',
      'taskManagerMemory',
      'name',
      'applicationType',
      'queue',
      'slots',
      'ship',
      'nodeLabel',
      'zookeeperNamespace',
      'jar',
      'container',
      'streaming',
    ],
    'is what its options say; jobs find it by its properties file, fill it, and wait in it; TaskManagers come and go; it is stopped by a word',
    async () => {
      const attached = machine.attachedSession(
        ...['-nm', 'nightly', '-at', 'Weir', '-qu', 'batch', '-jm', '900', '-tm', '1024m', '-s', '2', '-nl', 'fast', '-z', 'mine'],
        ...['-t', join(machine.directory, 'shipped'), '-j', repository, '-n', '4', '-st'],
        ...['-Dslotmanager.number-of-slots.max=2', '-Dweb.refresh-interval=7000', '-Dcontainerized.taskmanager.env.GREETING=hello'],
      );
      await attached.printed(/JobManager Web Interface: http:\/\/localhost:\d+\n/);
      const id = submittedApplication(attached);
      expect(attached.stderr).toContain('Hint: -n has no effect: TaskManagers are started as they are needed.');
      const status = (await machine.yarn('application', '-status', id)).stdout;
      for (const line of [
        'Application-Name : nightly',
        'Application-Type : Weir',
        'Queue : batch',
        'State : RUNNING',
        'Final-State : UNDEFINED',
      ])
        expect(status).toContain(`\t${line}\n`);
      expect(status).toContain('Application Node Label Expression : fast');
      const config = Object.fromEntries(
        (await machine.rest<{ key: string; value: string }[]>(id, '/jobmanager/config')).map(({ key, value }) => [key, value]),
      );
      expect(config).toMatchObject({
        'high-availability.cluster-id': 'mine',
        'web.refresh-interval': '7000',
        'taskmanager.numberOfTaskSlots': '2',
        'jobmanager.memory.process.size': '900m',
        'yarn.application.id': id,
      });
      // The container is larger than what was asked for, in steps of the smallest one.
      expect((await machine.yarn('container', '-list', id)).stdout).toMatch(/_01_000001\t.*\t\s*1024 MB/);
      expect(readFileSync(machine.propertiesFile, 'utf8')).toMatch(
        new RegExp(`^#Generated YARN properties file\\n#.*\\napplicationID=${id}\\ndynamicPropertiesString=slotmanager`),
      );

      expect(await overview(id)).toMatchObject({ taskmanagers: 0 });
      const first = await machine.flink('run', '-d', '-p', '2', endless, 'First');
      expect(first.stderr).toContain(`Found Yarn properties file under ${machine.propertiesFile}: the command goes to application ${id}.`);
      const firstJob = submittedJobId(first.stdout);
      await whenRunning(id, firstJob);
      expect(await overview(id)).toMatchObject({ taskmanagers: 1, 'slots-total': 2 });
      const worker = machine.processes('taskmanager.js')[0] as number;
      expect(readFileSync(`/proc/${worker}/environ`, 'utf8').split('\0')).toContain('GREETING=hello');
      expect(readFileSync(join(`/proc/${worker}/cwd`, 'shipped', 'words.txt'), 'utf8')).toBe('shipped words');
      expect((await machine.session('-q')).stdout).toMatch(/^\|Used {13}\|2048 MB and 3 vCores in use/m);

      const second = machine.cluster.running('flink', ['run', endless, 'Second']);
      await second.printed(/Hint: job [0-9a-f]{32} waits for slots: the cluster has 2, 0 of them free.*slotmanager\.number-of-slots\.max/);
      const secondJob = submittedJobId(second.stdout);
      expect(machine.containerLogs(/jobmanager/)).toMatch(
        /1 more TaskManager\(s\) are needed, and 0 are allowed \(slotmanager\.number-of-slots\.max: 2\)/,
      );
      expect((await machine.flink('list', '-yid', id)).stdout).toMatch(/: First \(RUNNING\)\n[\s\S]*: Second \(/);
      expect(await machine.flink('cancel', '-yid', id, firstJob)).toMatchObject({ exitCode: 0 });
      await whenRunning(id, secondJob);
      expect(await machine.flink('cancel', '-t', 'yarn-session', `-Dyarn.application.id=${id}`, secondJob)).toMatchObject({ exitCode: 0 });
      expect(await second.result).toMatchObject({ exitCode: 1 });
      await waitFor('the idle TaskManager to go', async () => (await overview(id)).taskmanagers === 0);
      await waitFor('its process to go', () => machine.processes('taskmanager.js').length === 0);

      attached.type('what\n');
      await attached.printed(
        /Unknown command 'what'\. Showing help:\nAvailable commands:\nhelp - show these commands\nstop - stop the YARN session\n/,
      );
      attached.type('stop\n');
      expect(await attached.result).toMatchObject({ exitCode: 0 });
      expect(await machine.status(id, 'State')).toBe('FINISHED');
      expect(await machine.status(id, 'Final-State')).toBe('SUCCEEDED');
      expect(existsSync(machine.propertiesFile)).toBe(false);
    },
  );

  effectOf(
    'yarn-session',
    ['detached', 'yarndetached', 'applicationId'],
    'outlives its client, is joined by its id, and ends with the client that joined it; a file that points to a dead one is told of',
    async () => {
      const started = await machine.session('-yd', '-nm', 'detached');
      expect(started).toMatchObject({ exitCode: 0 });
      expect(started.stdout).toMatch(/^JobManager Web Interface: http:\/\/localhost:\d+\n$/);
      const id = submittedApplication(started);
      expect(started.stderr).toContain(`$ echo "stop" | ./bin/yarn-session.sh -id ${id}`);
      expect(await machine.session('-d', '-id', id)).toMatchObject({ exitCode: 0, stdout: '' });
      const joined = machine.attachedSession('-id', id);
      await joined.printed(/Joined application/);
      // Killed outright, it takes nothing with it.
      joined.kill('SIGKILL');
      await joined.result;
      expect(await machine.status(id, 'State')).toBe('RUNNING');
      const interrupted = machine.attachedSession('-id', id);
      await interrupted.printed(/Joined application/);
      const file = readFileSync(machine.propertiesFile, 'utf8');
      interrupted.kill('SIGINT');
      expect(await interrupted.result).toMatchObject({ exitCode: 130 });
      expect(await machine.status(id, 'State')).toBe('FINISHED');
      writeFileSync(machine.propertiesFile, file);
      const listed = await machine.flink('list');
      expect(listed.exitCode).toBe(1);
      expect(listed.stderr).toContain(
        `WARNING: The Yarn properties file ${machine.propertiesFile} points to application ${id}, which does not run: it has ended (FINISHED, SUCCEEDED).`,
      );
      const gone = await machine.session('-id', id);
      expect(gone).toMatchObject({ exitCode: 1 });
      expect(gone.stderr).toContain(`The Yarn application ${id} doesn't run anymore. It has previously completed with state FINISHED`);
      writeFileSync(machine.propertiesFile, '#Generated YARN properties file\napplicationID=what\n');
      expect((await machine.flink('list')).stderr).toContain('YARN properties contain an invalid entry for application id: what.');
      expect(await machine.session('-d', '-nm', 'killed')).toMatchObject({ exitCode: 0 });
      const replaced = /applicationID=(.*)/.exec(readFileSync(machine.propertiesFile, 'utf8'))?.[1] as string;
      expect(replaced).not.toBe(id);
      const attended = machine.attachedSession('-id', replaced);
      await attended.printed(/Joined application/);
      expect(await machine.yarn('application', '-kill', replaced)).toEqual({
        exitCode: 0,
        stdout: `Killing application ${replaced}\n`,
        stderr: `Killed application ${replaced}\n`,
      });
      const failed = await attended.result;
      expect(failed).toMatchObject({ exitCode: 1 });
      expect(failed.stderr).toMatch(/^The Flink Yarn cluster has failed\.$/m);
    },
  );
});

test('the commands of docs/operations/yarn.md do what it says', async () => {
  const page = readFileSync(join(repository, 'docs/operations/yarn.md'), 'utf8');
  const lines = codeBlocks(page)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.trimEnd().split('\n'))
    .filter((line) => !line.includes('--daemon stop'));
  expect(lines.length).toBeGreaterThan(6);
  machine.writeFile(
    'job.ts',
    `import { StreamExecutionEnvironment } from 'weir';
    const env = StreamExecutionEnvironment.getExecutionEnvironment();
    env.fromSequence(1, 3).print();
    await env.execute('Three numbers');`,
  );
  const ids: string[] = [];
  for (const line of lines) {
    const command = line
      .replaceAll('bin/', `${repository}/bin/`)
      .replace(/application_\d+_(\d{4})/, (_, number: string) => ids[Number(number) - 1] as string);
    const run = await machine.cluster.running('/bin/sh', ['-c', command]).result;
    expect(run, `${line}\n${run.stderr}`).toMatchObject({ exitCode: 0 });
    if (run.stderr.includes('Submitted application')) ids.push(submittedApplication(run));
  }
  for (const id of ids) await machine.waitForState(id, 'FINISHED');
});

describe('a cluster per job', () => {
  effectOf(
    'run',
    ['yarnapplicationType', 'yarnjobManagerMemory', 'yarntaskManagerMemory', 'yarnname', 'yarnslots', 'yarnqueue'],
    'the options of a detached run are those of its application, which is gone when the job is',
    async () => {
      const output = join(machine.directory, 'numbers');
      const run = await machine.flink(
        ...['run', '-t', 'yarn-per-job', '-c', 'main', '-d', '-yat', 'flink', '-yjm', '1024m', '-ytm', '2048m', '-ynm', 'test'],
        ...['-ys', '10', '-yqu', 'batch', '-p', '2', '-n', numbers, '--records', '2000', '--rps', '4000', '--output', output],
      );
      expect(run).toMatchObject({ exitCode: 0 });
      expect(run.stdout).toMatch(/^Job has been submitted with JobID [0-9a-f]{32}\n/);
      const id = submittedApplication(run);
      await machine.waitForState(id, 'FINISHED');
      const status = (await machine.yarn('application', '-status', id)).stdout;
      for (const line of ['Application-Name : test', 'Application-Type : flink', 'Queue : batch', 'Final-State : SUCCEEDED'])
        expect(status).toContain(`\t${line}\n`);
      const log = machine.containerLogs(new RegExp(`${id}.*jobmanager\\.log`));
      expect(log).toMatch(/Container container_\d+_\d{4}_01_000002 was granted, with 2048 MB/);
      expect(log).toContain('registered with 10 slot(s)');
      await waitFor('no process of it', () => machine.processes('taskmanager.js').length === 0);
    },
  );

  effectOf('run', ['yarnquery', 'yarnship'], 'the figures of -q; files of -yt are where the job runs', async () => {
    expect((await machine.flink('run', '-yq')).stdout).toMatch(/^NodeManagers in the ClusterClient 1\n/);
    const program = machine.writeFile(
      'reads-shipped.ts',
      `import { readFileSync } from 'node:fs';
      import { StreamExecutionEnvironment } from 'weir';
      const env = StreamExecutionEnvironment.getExecutionEnvironment();
      env.fromCollection([1]).map(() => readFileSync('shipped/words.txt', 'utf8')).print();
      await env.execute('Reads what was shipped');`,
    );
    const run = await machine.flink('run', '-m', 'yarn-cluster', '-yt', join(machine.directory, 'shipped'), '-yt', '/no/such', program);
    expect(run.stderr).toContain('WARNING: /no/such (yarn.ship-files) does not exist and is not shipped.');
    expect(run).toMatchObject({ exitCode: 0 });
    const id = submittedApplication(run);
    await machine.waitForState(id, 'FINISHED');
    const logs = await machine.yarn('logs', '-applicationId', id, '-log_files', 'taskmanager.out');
    expect(logs.stdout).toMatch(/LogType:taskmanager\.out\n[\s\S]*LogContents:\nshipped words\n\nEnd of LogType:taskmanager\.out\n/);
  });

  test('an attached run waits for its results; each job has a cluster of its own, and how it ended is YARN’s to know', async () => {
    const run = await machine.flink('run', '-t', 'yarn-per-job', application, '--wait');
    expect(run).toMatchObject({ exitCode: 0 });
    expect(run.stdout).toMatch(/^first counted 3$/m);
    expect(run.stdout).toMatch(/^second ended after \d+ ms$/m);
    const ids = [...run.stderr.matchAll(/Submitted application (\S+)/g)].map((match) => match[1] as string);
    expect(ids).toHaveLength(2);
    for (const id of ids) await machine.waitForState(id, 'FINISHED');
    const failing = await machine.flink('run', '-t', 'yarn-per-job', application, '--wait', '--fail-job');
    expect(failing).toMatchObject({ exitCode: 1 });
    expect(failing.stderr).toMatch(/JobExecutionException: Job failed[\s\S]*not in the mood[\s\S]*application\.ts:\d+:\d+/);
    const failed = [...failing.stderr.matchAll(/Submitted application (\S+)/g)][1]?.[1] as string;
    await machine.waitForState(failed, 'FINISHED');
    expect(await machine.status(failed, 'Final-State')).toBe('FAILED');
  });

  effectOf('run', ['yarnapplicationId'], 'joins any application; savepoint, stop and cancel reach it by -yid', async () => {
    const run = await machine.flink('run', '-t', 'yarn-per-job', '-d', '-ynm', 'stopped', endless);
    const id = submittedApplication(run);
    const jobId = submittedJobId(run.stdout);
    await whenRunning(id, jobId);
    const target = join(machine.directory, 'savepoints');
    const taken = await machine.flink('savepoint', '-yid', id, jobId, target);
    expect(taken.stdout).toMatch(/^Savepoint completed\. Path: file:.*savepoints\/savepoint-/m);
    expect((await machine.flink('stop', '-yid', id, '-p', target, jobId)).stdout).toMatch(/^Savepoint completed\. Path: /m);
    await machine.waitForState(id, 'FINISHED');
    expect(await machine.status(id, 'Final-State')).toBe('SUCCEEDED');
    const dead = await machine.flink('run', '-yid', id, endless);
    expect(dead.exitCode).toBe(1);
    expect(dead.stderr).toContain(`The Yarn application ${id} doesn't run anymore.`);
    const cancelled = await machine.flink('run', '-t', 'yarn-per-job', '-d', endless);
    const cancelledId = submittedApplication(cancelled);
    expect(await machine.flink('cancel', '-yid', cancelledId, submittedJobId(cancelled.stdout))).toMatchObject({ exitCode: 0 });
    await machine.waitForState(cancelledId, 'FINISHED');
    expect(await machine.status(cancelledId, 'Final-State')).toBe('KILLED');
  });

  test('what no container can hold, and what no queue takes, is refused', async () => {
    const large = await machine.flink('run', '-t', 'yarn-per-job', '-ytm', '100g', endless);
    expect(large).toMatchObject({ exitCode: 1 });
    expect(large.stderr).toContain(
      'The cluster does not have the requested resources for the TaskManagers available!\nMaximum Memory: 8192MB Requested: 102400MB.',
    );
    const queue = await machine.flink('run', '-t', 'yarn-per-job', '-yqu', 'nowhere', endless);
    expect(queue).toMatchObject({ exitCode: 1 });
    expect(queue.stderr).toContain("The specified queue 'nowhere' does not exist. Available queues: default, batch");
    expect(queue.stderr).toContain('The YARN application unexpectedly switched to state FAILED during deployment.');
  });
});

describe('the yarn command', () => {
  effectOf(
    'yarn',
    ['help', 'list', 'status', 'kill', 'appStates', 'appTypes', 'appTags', 'D'],
    'lists, describes and kills applications, as Hadoop’s does',
    async () => {
      expect((await machine.yarn('--help')).stdout).toContain('Action "yarn" asks YARN about applications');
      const run = await machine.flink('run', '-t', 'yarn-per-job', '-d', '-yat', 'Listed', '-Dyarn.tags=a, b', endless, 'x');
      const id = submittedApplication(run);
      const list = (await machine.yarn('application', '-list', '-appTypes', 'Listed', '-appTags', 'b')).stdout.split('\n');
      expect(list[0]).toBe(
        'Total number of applications (application-types: [Listed], states: [SUBMITTED, ACCEPTED, RUNNING] and tags: [b]):1',
      );
      expect(list[1]?.split('\t').map((cell) => cell.trim())).toEqual([
        ...['Application-Id', 'Application-Name', 'Application-Type', 'User', 'Queue', 'State', 'Final-State', 'Progress', 'Tracking-URL'],
      ]);
      expect(list[2]?.split('\t').map((cell) => cell.trim())).toMatchObject(
        [id, 'Flink per-job cluster', 'Listed', /./, 'default', 'RUNNING', 'UNDEFINED', '100%', /^http/].map((cell) =>
          typeof cell === 'string' ? cell : expect.stringMatching(cell),
        ),
      );
      expect((await machine.yarn('application', '-list', '-appTags', 'c')).stdout).toContain('and tags: [c]):0\n');
      expect((await machine.yarn('applicationattempt', '-list', id)).stdout).toMatch(/appattempt_\d+_\d{4}_000001\t\s+RUNNING\t/);
      expect(await machine.yarn('application', '-kill', id)).toMatchObject({ exitCode: 0, stdout: `Killing application ${id}\n` });
      expect((await machine.yarn('application', '-kill', id)).stdout).toBe(`Application ${id} has already finished \n`);
      const killed = (await machine.yarn('app', '-list', '-appStates', 'KILLED', '-Dx=y')).stdout;
      expect(killed).toMatch(new RegExp(`${id}\\t.*KILLED\\t\\s+KILLED\\t`));
      const unknown = await machine.yarn('application', '-status', 'application_1_0001');
      expect(unknown).toMatchObject({ exitCode: 1 });
      expect(unknown.stderr).toContain("Application with id 'application_1_0001' doesn't exist in RM.");
      expect((await machine.yarn('node', '-list')).stdout).toMatch(/^Total Nodes:1\n/);
      expect((await machine.yarn('queue', '-status', 'batch')).stdout).toContain('\tCapacity : 50.00%\n');
    },
  );

  effectOf(
    'yarn',
    ['applicationId', 'containerId', 'log_files', 'daemon'],
    'logs by container; the daemon is asked, started and stopped',
    async () => {
      const run = await machine.flink('run', '-t', 'yarn-per-job', application);
      const id = submittedApplication(run);
      const master = `${id.replace('application', 'container')}_01_000001`;
      const all = await machine.yarn('logs', '-applicationId', id);
      expect(all.stdout).toMatch(/^Container: container_\d+_\d{4}_01_000001 on /);
      expect(all.stdout).toContain('LogType:taskmanager.log\n');
      const one = await machine.yarn('logs', '-applicationId', id, '-containerId', master, '-log_files', 'jobmanager.log');
      expect(one.stdout).toContain('Registered with YARN as');
      expect(one.stdout).not.toContain('taskmanager.log');
      expect(await machine.yarn('logs', '-applicationId', id, '-log_files', 'nothing')).toMatchObject({ exitCode: 1, stdout: '' });
      expect((await machine.yarn('--daemon', 'status', 'resourcemanager')).stdout).toMatch(
        /^resourcemanager is running as process \d+\.\n$/,
      );
      await waitFor('the last application to end', async () => (await machine.yarn('application', '-list')).stdout.includes('):0\n'));
      // A resource manager that is started again knows what was before it.
      expect(await machine.yarn('--daemon', 'stop', 'resourcemanager')).toMatchObject({ exitCode: 0 });
      expect(await machine.yarn('--daemon', 'status', 'resourcemanager')).toMatchObject({ exitCode: 1 });
      expect(await machine.yarn('--daemon', 'start', 'resourcemanager')).toMatchObject({ exitCode: 0 });
      expect(await machine.status(id, 'Final-State')).toBe('SUCCEEDED');
      expect((await machine.yarn('logs', '-applicationId', id)).stdout).toContain(`Container: ${master} on `);
    },
  );
});
