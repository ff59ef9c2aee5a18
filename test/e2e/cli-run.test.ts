/** The actions on a real cluster: what each option of run, info, list, cancel and config does, and what an interrupt does. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { effectOf } from '../harness/option-effect.ts';
import { freePort, RealCluster, type RunningCommand, repository, submittedJobId, waitFor } from '../harness/real-cluster.ts';

const programs = join(repository, 'test/fixtures/programs');
const probe = join(programs, 'probe.ts');
const endless = join(programs, 'endless.ts');

let cluster: RealCluster;
/** Of configuration that names another cluster, where nobody is. */
let elsewhere: Record<string, string>;
let address: string;

beforeAll(async () => {
  cluster = await RealCluster.start({ slotsPerTaskManager: 4 });
  address = `localhost:${cluster.restPort}`;
  const conf = join(cluster.directory, 'elsewhere');
  mkdirSync(conf);
  writeFileSync(join(conf, 'flink-conf.yaml'), `rest.port: ${await freePort()}\njobmanager.rpc.address: localhost\n`);
  elsewhere = { FLINK_CONF_DIR: conf };
});

afterAll(() => cluster[Symbol.asyncDispose]());

interface Seen {
  readonly who: string;
  readonly args: readonly string[];
  readonly parallelism: number;
  readonly extra: string | null;
}

/** What main of the probe saw; the run has to succeed. */
async function seen(args: readonly string[], env: Record<string, string> = {}): Promise<Seen & { jobId: string; stderr: string }> {
  const run = await cluster.flink(args, { env });
  expect(run, run.stderr).toMatchObject({ exitCode: 0 });
  const line = /^main sees (.*)$/m.exec(run.stdout)?.[1] ?? 'null';
  return { ...(JSON.parse(line) as Seen), jobId: submittedJobId(run.stdout), stderr: run.stderr };
}

async function parallelismOf(jobId: string): Promise<number[]> {
  const job = await cluster.rest<{ vertices: { parallelism: number }[] }>(`/jobs/${jobId}`);
  return [...new Set(job?.vertices.map(({ parallelism }) => parallelism))];
}

describe('run', () => {
  effectOf('run', [], 'prints the id, waits, and prints the result block', async () => {
    const run = await cluster.flink(['run', probe, 'My job']);
    const id = submittedJobId(run.stdout);
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(run.stdout).toMatch(
      new RegExp(
        `^main sees .*\\nJob has been submitted with JobID ${id}\\nProgram execution finished\\nJob with JobID ${id} has finished\\.\\nJob Runtime: \\d+ ms\\n\\n$`,
      ),
    );
    expect(await cluster.rest(`/jobs/${id}`)).toMatchObject({ name: 'My job', state: 'FINISHED' });
  });

  test('accumulators stand in the result block', async () => {
    const run = await cluster.flink(['run', join(programs, 'application.ts')]);
    expect(run.stdout).toMatch(/^Job Runtime: \d+ ms\nAccumulator Results: \n- counted \(IntCounter\): 3\n\nfirst counted 3$/m);
  });

  effectOf('run', ['parallelism', 'D'], '-p wins over -D, which wins over the file', async () => {
    const env = { FLINK_PROPERTIES: 'parallelism.default: 3' };
    const cases: readonly [string[], number][] = [
      [[], 3],
      [['-Dparallelism.default=2'], 2],
      [['-D', 'parallelism.default=2', '-Dparallelism.default=4'], 4],
      [['-p', '1', '-Dparallelism.default=2'], 1],
      [['-yDparallelism.default=2'], 2],
    ];
    for (const [options, parallelism] of cases) {
      const run = await seen(['run', ...options, probe], env);
      expect([options, run.parallelism]).toEqual([options, parallelism]);
      expect(await parallelismOf(run.jobId)).toEqual([parallelism]);
    }
  });

  effectOf('run', ['class'], 'chooses an exported function, or a class with a static main', async () => {
    expect(await seen(['run', probe])).toMatchObject({ who: 'default' });
    expect(await seen(['run', '-c', 'other', probe])).toMatchObject({ who: 'other' });
    expect(await seen(['run', '--class', 'WithMain', probe])).toMatchObject({ who: 'WithMain' });
    const none = await cluster.flink(['run', '-c', 'none', probe]);
    expect(none).toMatchObject({ exitCode: 1, stdout: '' });
    expect(none.stderr).toMatch(/The program's entry point class 'none' was not found in the jar file\.\n.*default, other/);
  });

  effectOf('run', ['classpath'], 'loads further modules before the program', async () => {
    const module = join(cluster.directory, 'extra.ts');
    writeFileSync(module, "(globalThis as { extraModule?: string }).extraModule = 'from extra.ts';\nexport {};\n");
    expect(await seen(['run', probe])).toMatchObject({ extra: null });
    expect(await seen(['run', '-C', `file://${module}`, probe])).toMatchObject({ extra: 'from extra.ts' });
    const missing = await cluster.flink(['run', '-C', 'file:///no/such.ts', probe]);
    expect(missing).toMatchObject({ exitCode: 1, stdout: '' });
    expect(missing.stderr).toContain('-C file:///no/such.ts: there is no such file.');
  });

  effectOf('run', ['jarfile', 'arguments'], 'say which word is the program and which are its arguments', async () => {
    const hostile = ['a b', '-p', '3', '-h', '--', '--class=x', '', '"q"', '$HOME', 'ü', '-Dk=v'];
    expect(await seen(['run', '-p', '2', probe, ...hostile])).toMatchObject({ args: hostile, parallelism: 2 });
    expect(await seen(['run', '-j', probe, 'x', ...hostile])).toMatchObject({ args: ['x', ...hostile] });
    expect(await seen(['run', '-j', probe, '-a', 'x', 'y'])).toMatchObject({ args: ['x', 'y'] });
    expect(await seen(['run', '-a', probe, 'x'])).toMatchObject({ args: ['x'] });
    expect(await seen(['run', '--', probe, 'x'])).toMatchObject({ args: ['x'] });
  });

  test('an option behind the program is the program’s, and that is said', async () => {
    const run = await seen(['run', probe, 'x', '-p', '4']);
    expect(run).toMatchObject({ args: ['x', '-p', '4'], parallelism: 1 });
    expect(run.stderr).toBe(
      'Hint: -p stands after the program, so it is an argument of the program. Options of flink run stand before it.\n',
    );
  });

  effectOf('run', ['detached', 'yarndetached'], 'return once the job is there', async () => {
    for (const option of ['-d', '--detached', '-yd']) {
      const name = `returned ${option}`;
      const run = await cluster.flink(['run', option, endless, name]);
      expect(run).toMatchObject({ exitCode: 0, stderr: '' });
      expect(run.stdout).toMatch(/^Job has been submitted with JobID [0-9a-f]{32}\n$/);
      expect((await cluster.flink(['list'])).stdout).toContain(` : ${name} (`);
      expect(await cluster.flink(['cancel', submittedJobId(run.stdout)])).toMatchObject({ exitCode: 0 });
    }
    const two = await cluster.flink(['run', '-d', join(programs, 'two-jobs.ts')]);
    expect(two).toMatchObject({ exitCode: 0 });
    const ids = [...two.stdout.matchAll(/JobID (\w+)/g)].map((match) => match[1] as string);
    expect(ids).toHaveLength(2);
    for (const id of ids) await cluster.waitForJobState(id, 'FINISHED');
  });

  test('-Dexecution.attached=false does not detach: -d decides', async () => {
    expect((await cluster.flink(['run', '-Dexecution.attached=false', probe])).stdout).toContain('Program execution finished');
  });

  effectOf('run', ['target', 'executor'], 'local runs the job in the process of the command; -t wins over -e', async () => {
    for (const options of [['-t', 'local'], ['-e', 'local'], ['-e', 'remote', '-t', 'local'], ['-Dexecution.target=local']]) {
      const run = await cluster.flink(['run', ...options, '-p', '2', probe], { env: elsewhere });
      expect(run, options.join(' ')).toMatchObject({ exitCode: 0, stderr: '' });
      expect(run.stdout).toMatch(/Program execution finished\nJob with JobID/);
      expect(run.stdout.match(/^(\d> )?\d+$/gm)).toHaveLength(10);
    }
    const remote = await cluster.flink(['run', '-e', 'local', '-t', 'remote', probe], { env: elsewhere });
    expect(remote).toMatchObject({ exitCode: 1 });
    expect(remote.stderr).toContain('There is no JobManager at');
  });

  effectOf('run', ['sysoutLogging', 'yarncontainer', 'yarnstreaming'], 'are named as without effect', async () => {
    expect((await seen(['run', '-q', '-yn', '4', '-yst', probe])).stderr).toBe(
      'Hint: -q has no effect: log lines do not go to stdout.\n' +
        'Hint: -yn has no effect: TaskManagers are started as they are needed.\n' +
        'Hint: -yst has no effect: every session can run streams.\n',
    );
  });

  effectOf(
    'run',
    ['python', 'pyModule', 'pyFiles', 'pyRequirements', 'pyArchives', 'pyExecutable', 'pyClientExecutable', 'pyPythonPath'],
    'are refused with Flink’s sentence',
    async () => {
      for (const option of ['-py', '-pym', '-pyfs', '-pyreq', '-pyarch', '-pyexec', '-pyclientexec', '-pypath']) {
        const run = await cluster.flink(['run', option, 'x', probe]);
        expect(run.exitCode).toBe(1);
        expect(run.stdout).toBe(
          'Python command line option detected but the flink-python module seems to be missing or not working as expected.\n\nUse the help option (-h or --help) to get help on the command.\n',
        );
        expect(run.stderr).toBe('Hint: Weir runs TypeScript and JavaScript programs.\n');
      }
    },
  );

  effectOf('run', ['yarnhelp'], 'explains the options of YARN', async () => {
    const help = await cluster.flink(['run', '-yh']);
    expect(help).toMatchObject({ exitCode: 0, stderr: '' });
    expect(help.stdout).toMatch(/^ {5}-yjm,--yarnjobManagerMemory <arg> /m);
  });

  effectOf('run', ['yarnjobManagerMemory', 'yarnname', 'yarnship'], 'say that only YARN heeds them', async () => {
    expect((await seen(['run', '-yjm', '1g', '-ynm', 'x', '-yt', 'dir', probe])).stderr).toBe(
      'Hint: -yjm, -ynm, -yt only have an effect on YARN, and the target is remote. YARN is chosen with -m yarn-cluster.\n',
    );
  });

  test('keys of -D that will have no effect are named, those of the program are not', async () => {
    const run = await seen(['run', '-Dparalelism.default=3', '-Dtaskmanager.numberOfTaskSlots=9', '-Dmy.own.key=x', probe]);
    expect(run).toMatchObject({ parallelism: 1 });
    expect(run.stderr).toBe(
      'Hint: nobody reads the key paralelism.default of -D. Did you mean parallelism.default?\n' +
        'Hint: -Dtaskmanager.numberOfTaskSlots has no effect on a cluster that runs: it is for the start of its processes.\n',
    );
  });

  test('a program that asks for more slots than there are waits, and is listed', async () => {
    const run = cluster.running('flink', ['run', '-p', '5', probe]);
    await run.printed(/JobID/);
    const id = submittedJobId(run.stdout);
    expect((await cluster.flink(['list'])).stdout).toContain(` : ${id} : probe (`);
    expect((await cluster.flink(['cancel', id])).exitCode).toBe(0);
    const { exitCode, stderr } = await run.result;
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`JobCancellationException: Job was cancelled (JobID: ${id}).`);
  });
});

describe('every action', () => {
  effectOf('every action', ['jobmanager'], 'names the cluster, and loses against -Drest.port alone', async () => {
    expect(await cluster.flink(['list', '-m', address], { env: elsewhere })).toMatchObject({ exitCode: 0 });
    expect(await cluster.flink(['list', `--jobmanager=http://${address}/`], { env: elsewhere })).toMatchObject({ exitCode: 0 });
    expect(await seen(['run', '-t', 'remote', '-m', address, probe], elsewhere)).toMatchObject({ who: 'default' });
    const other = await cluster.flink(['list', '-m', address, `-Drest.port=${await freePort()}`]);
    expect(other).toMatchObject({ exitCode: 1 });
  });

  effectOf('every action', ['target', 'executor', 'D'], 'choose cluster and keys', async () => {
    expect(await cluster.flink(['list', `-Drest.port=${cluster.restPort}`], { env: elsewhere })).toMatchObject({ exitCode: 0 });
    const local = await cluster.flink(['list', '-t', 'local']);
    expect(local.stderr).toContain('No cluster id was specified. Please specify a cluster to which you would like to connect.');
    expect(await cluster.flink(['list', '-t', 'remote', '-e', 'local'])).toMatchObject({ exitCode: 0 });
  });

  effectOf('every action', ['help'], 'explains and does nothing', async () => {
    const help = await cluster.flink(['cancel', '-h', 'x']);
    expect(help).toMatchObject({ exitCode: 0, stderr: '' });
    expect(help.stdout).toContain('Action "cancel" cancels a running program.');
  });

  effectOf('every action', ['verbose'], 'shows the whole stack of a failure', async () => {
    const quiet = await cluster.flink(['cancel', 'f'.repeat(32)]);
    expect(quiet.stderr).not.toMatch(/^ +at /m);
    const loud = await cluster.flink(['cancel', '-v', 'f'.repeat(32)]);
    expect(loud.stderr).toMatch(/FlinkException: Could not cancel job f{32}\.\n +at [\s\S]*Caused by: RestResponseError: .*\n +at /);
  });

  /** Keys that an option sets, as `flink config` shows them with their origin. */
  async function keys(...args: string[]): Promise<Record<string, { value: string; origin: string }>> {
    const { stdout } = await cluster.flink(['config', '--json', ...args]);
    return JSON.parse(stdout);
  }

  effectOf(
    'every action',
    [
      'zookeeperNamespace',
      'yarnapplicationId',
      'yarnapplicationType',
      'yD',
      'yarnjar',
      'yarnjobManagerMemory',
      'yarntaskManagerMemory',
      'yarnnodeLabel',
      'yarnname',
      'yarnqueue',
      'yarnslots',
      'yarnship',
      'yarnzookeeperNamespace',
    ],
    'become configuration',
    async () => {
      const line =
        '-yid application_1_7 -yat Weir -yD a.b=c=d -yj /dist -yjm 1024 -ytm 2g -ynl fast -ynm nightly -yqu root.q -ys 3 -yt /x -yt /y -z ns';
      const set = await keys(...line.split(' '));
      const expected = {
        'yarn.application.id': 'application_1_7',
        'execution.target': 'yarn-session',
        'yarn.application.type': 'Weir',
        'a.b': 'c=d',
        'yarn.flink-dist-jar': '/dist',
        'jobmanager.memory.process.size': '1024m',
        'taskmanager.memory.process.size': '2g',
        'yarn.application.node-label': 'fast',
        'yarn.application.name': 'nightly',
        'yarn.application.queue': 'root.q',
        'taskmanager.numberOfTaskSlots': '3',
        'yarn.ship-files': '/x;/y',
        'high-availability.cluster-id': 'ns',
      };
      for (const [key, value] of Object.entries(expected)) expect([key, set[key]?.value]).toEqual([key, value]);
      expect(set['yarn.application.name']?.origin).toBe('command line');
      expect(set['a.b']?.origin).toBe('command line (-D)');
      expect((await keys('-yz', 'y', '-z', 'z'))['high-availability.cluster-id']?.value).toBe('y');
      expect((await keys('-m', 'yarn-cluster'))['execution.target']?.value).toBe('yarn-per-job');
      expect((await keys('-m', 'host:99'))['jobmanager.rpc.address']?.value).toBe('host');
    },
  );

  effectOf('every action', ['yarndetached', 'yarnhelp', 'yarnquery', 'yarncontainer', 'yarnstreaming'], 'are accepted', async () => {
    expect(await cluster.flink(['list', '-yd', '-yh', '-yq', '-yst', '-yn', '3'])).toMatchObject({ exitCode: 0 });
  });
});

describe('info', () => {
  effectOf(
    'info',
    ['class', 'parallelism', 'classpath', 'jarfile', 'arguments', 'sysoutLogging'],
    'prints the plan and runs nothing',
    async () => {
      const before = await cluster.rest<{ jobs: unknown[] }>('/jobs');
      for (const args of [
        ['-p', '3', '-c', 'other', probe, 'x'],
        ['-Dparallelism.default=3', '-q', '-j', probe, '-a', 'x'],
      ]) {
        const info = await cluster.flink(['info', ...args], { env: elsewhere });
        expect(info).toMatchObject({ exitCode: 0 });
        const lines = info.stdout.split('\n');
        const start = lines.indexOf('----------------------- Execution Plan -----------------------');
        expect(lines.slice(start + 2)).toEqual([
          '--------------------------------------------------------------',
          '',
          'No description provided.',
          '',
        ]);
        const plan = JSON.parse(lines[start + 1] as string) as { nodes: { parallelism: number; type?: string }[] };
        expect(plan.nodes.length).toBeGreaterThan(0);
        for (const node of plan.nodes) expect(node.parallelism).toBe(3);
      }
      expect(await cluster.rest('/jobs')).toEqual(before);
    },
  );
});

describe('list and cancel', () => {
  effectOf('list', ['running', 'scheduled', 'all'], 'show a job where its state belongs', async () => {
    const id = submittedJobId((await cluster.flink(['run', '-d', endless, 'Listed : job (1)'])).stdout);
    await cluster.waitForJobState(id, 'RUNNING');
    const line = new RegExp(`^\\d\\d\\.\\d\\d\\.\\d{4} \\d\\d:\\d\\d:\\d\\d : ${id} : Listed : job \\(1\\) \\(RUNNING\\)$`, 'm');
    expect((await cluster.flink(['list'])).stdout).toMatch(line);
    expect((await cluster.flink(['list', '-r'])).stdout).toMatch(line);
    expect((await cluster.flink(['list', '-s'])).stdout).toBe('Waiting for response...\nNo scheduled jobs.\n');
    expect(await cluster.flink(['cancel', id])).toEqual({
      exitCode: 0,
      stdout: `Cancelling job ${id}.\nCancelled job ${id}.\n`,
      stderr: '',
    });
    await cluster.waitForJobState(id, 'CANCELED');
    expect((await cluster.flink(['list', '-a'])).stdout).toMatch(
      new RegExp(`Terminated Jobs[\\s\\S]* : ${id} : Listed : job \\(1\\) \\(CANCELED\\)`),
    );
    expect((await cluster.flink(['list'])).stdout).not.toContain(id);
  });
});

describe('config', () => {
  effectOf('config', ['all', 'json'], 'shows values and where they came from', async () => {
    const plain = await cluster.flink(['config']);
    expect(plain).toMatchObject({ exitCode: 0, stderr: '' });
    expect(plain.stdout).toMatch(/^taskmanager\.numberOfTaskSlots: 4 +# .*flink-conf\.yaml:\d+$/m);
    expect(plain.stdout).not.toContain('rest.connection-timeout');
    const one = await cluster.flink(['config', 'rest', '-Dmy.secret.key=x']);
    expect(one.stdout).toMatch(/^rest\.connection-timeout: 15000 +# default$/m);
    expect(one.stdout).not.toContain('taskmanager');
    const all = JSON.parse((await cluster.flink(['config', '-a', '--json', '-Dmy.secret=x'])).stdout);
    expect(all['rest.connection-timeout']).toEqual({ value: '15000', origin: 'default' });
    expect(all['my.secret'].value).toBe('******');
    expect(await cluster.flink(['config', 'no.such'])).toMatchObject({
      exitCode: 1,
      stderr: 'No key is called, or begins with, no.such.\n',
    });
  });
});

describe('an interrupt', () => {
  async function attached(args: readonly string[], env: Record<string, string> = {}): Promise<{ run: RunningCommand; id: string }> {
    const run = cluster.running('flink', ['run', ...args, endless], { env });
    await run.printed(/JobID/);
    const id = submittedJobId(run.stdout);
    await cluster.waitForJobState(id, 'RUNNING');
    return { run, id };
  }

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s leaves the job running and says how to reach it', async (signal, exitCode) => {
    const { run, id } = await attached([]);
    run.kill(signal);
    const result = await run.result;
    expect(result).toMatchObject({ exitCode, stderr: `Hint: job ${id} goes on in the cluster. Cancel it with: flink cancel ${id}\n` });
    expect(await cluster.rest(`/jobs/${id}`)).toMatchObject({ state: 'RUNNING' });
    await cluster.flink(['cancel', id]);
  });

  effectOf('run', ['shutdownOnAttachedExit'], 'an interrupt cancels the job', async () => {
    const { run, id } = await attached(['-sae']);
    run.kill('SIGINT');
    expect(await run.result).toMatchObject({ exitCode: 130 });
    await cluster.waitForJobState(id, 'CANCELED');
  });

  test('a client with -sae that is killed outright takes its job with it, once it is missed', async () => {
    const { run, id } = await attached(['-sae', '-Dclient.heartbeat.interval=100', '-Dclient.heartbeat.timeout=500'], {
      // Nobody is left to tidy up.
      TMPDIR: join(cluster.directory, 'tmp'),
    });
    run.kill('SIGKILL');
    await run.result;
    await cluster.waitForJobState(id, 'CANCELED');
  });

  test('a local run leaves nothing behind', async () => {
    const temporary = mkdtempSync(join(tmpdir(), 'weir-interrupt-'));
    try {
      const run = cluster.running('flink', ['run', '-t', 'local', `-Dio.tmp.dirs=${temporary}`, endless], { env: { TMPDIR: temporary } });
      await run.printed(/JobID/);
      const left = (): string[] => readdirSync(temporary).filter((name) => name.startsWith('weir-'));
      await waitFor('something to leave behind', () => left().length > 0);
      run.kill('SIGINT');
      expect(await run.result).toMatchObject({ exitCode: 130 });
      expect(left()).toEqual([]);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  });

  test.runIf(process.platform === 'linux')('Ctrl-C at a terminal, where progress is shown', async () => {
    const command = `stty cols 120 rows 30; exec ${join(repository, 'bin/flink')} run ${endless}`;
    const run = cluster.running('/usr/bin/script', ['-qefc', command, '/dev/null'], { env: { TERM: 'xterm' } });
    await run.printed(/JobID/);
    const id = submittedJobId(run.stdout);
    await run.printed(new RegExp(`Job ${id} is running`));
    run.type('\x03');
    expect(await run.result).toMatchObject({ exitCode: 130 });
    expect(run.stdout).toContain(`Hint: job ${id} goes on in the cluster.`);
    expect(await cluster.rest(`/jobs/${id}`)).toMatchObject({ state: 'RUNNING' });
    await cluster.flink(['cancel', id]);
  });

  test.runIf(process.platform === 'linux')('no progress on a terminal without width', async () => {
    const command = `${join(repository, 'bin/flink')} run ${probe}`;
    const run = cluster.running('/usr/bin/script', ['-qefc', command, '/dev/null'], { env: { TERM: 'xterm' } });
    const result = await run.result;
    expect(result).toMatchObject({ exitCode: 0 });
    expect(result.stdout).not.toContain('\x1b');
  });
});
