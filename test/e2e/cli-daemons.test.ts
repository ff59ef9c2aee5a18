/** The scripts: lines, files, exit codes and processes of starting and stopping, and what they make of bad surroundings. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { effectOf } from '../harness/option-effect.ts';
import { type CommandResult, freePort, RealCluster, waitFor } from '../harness/real-cluster.ts';

let cluster: RealCluster;
let conf: string;

beforeAll(async () => {
  cluster = await RealCluster.prepare({ slotsPerTaskManager: 1, conf: { 'heartbeat.interval': 500 } });
  conf = join(cluster.directory, 'conf');
});

/** Each test begins with nothing running and no files. */
afterEach(async () => {
  for (const script of ['taskmanager.sh', 'jobmanager.sh']) await cluster.script(script, ['stop-all']);
  await waitFor(
    'all processes gone',
    () => cluster.processes().length === 0,
    () => cluster.logs(),
  );
  for (const name of ['log', 'pid']) rmSync(join(cluster.directory, name), { recursive: true, force: true });
  workers('localhost\n');
});

afterAll(() => cluster[Symbol.asyncDispose]());

const host = 'here.example';
/** The same host name in every line and file. */
const env = { HOSTNAME: host };

function script(name: string, ...args: string[]): Promise<CommandResult> {
  return cluster.script(name, args, { env });
}

function workers(text: string): void {
  writeFileSync(join(conf, 'workers'), text);
}

function files(directory: 'log' | 'pid'): string[] {
  const path = join(cluster.directory, directory);
  return existsSync(path) ? readdirSync(path).sort() : [];
}

function pids(daemon: string): number[] {
  const file = join(cluster.directory, 'pid', `flink-weir-test-${daemon}.pid`);
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).map(Number) : [];
}

function writePids(daemon: string, ...lines: (number | string)[]): void {
  mkdirSync(join(cluster.directory, 'pid'), { recursive: true });
  writeFileSync(join(cluster.directory, 'pid', `flink-weir-test-${daemon}.pid`), lines.map((line) => `${line}\n`).join(''));
}

const said = (...lines: string[]): string => lines.map((line) => `${line}\n`).join('');
const dead = 999_999;

describe('a cluster', () => {
  test('starts and stops with Flink’s lines, files and order', async () => {
    const started = await script('start-cluster.sh');
    expect(started).toEqual({
      exitCode: 0,
      stdout: said(
        'Starting cluster.',
        `Starting standalonesession daemon on host ${host}.`,
        `Starting taskexecutor daemon on host ${host}.`,
      ),
      stderr: '',
    });
    // It is usable when the script returns.
    expect(await cluster.rest('/overview')).toMatchObject({ taskmanagers: 1, 'slots-total': 1 });
    expect(files('pid').filter((name) => name.endsWith('.pid'))).toEqual([
      'flink-weir-test-standalonesession.pid',
      'flink-weir-test-taskexecutor.pid',
    ]);
    expect(files('log')).toEqual(
      ['standalonesession', 'taskexecutor'].flatMap((daemon) =>
        ['log', 'out'].map((kind) => `flink-weir-test-${daemon}-0-${host}.${kind}`),
      ),
    );
    const [jobManager] = pids('standalonesession');
    const [taskManager] = pids('taskexecutor');
    expect(await script('stop-cluster.sh')).toEqual({
      exitCode: 0,
      stdout: said(
        `Stopping taskexecutor daemon (pid: ${taskManager}) on host ${host}.`,
        `Stopping standalonesession daemon (pid: ${jobManager}) on host ${host}.`,
      ),
      stderr: '',
    });
    expect(cluster.processes()).toEqual([]);
    expect(files('pid').filter((name) => name.endsWith('.pid'))).toEqual([]);
    expect(await script('stop-cluster.sh')).toEqual({
      exitCode: 0,
      stdout: said(`No taskexecutor daemon to stop on host ${host}.`, `No standalonesession daemon to stop on host ${host}.`),
      stderr: '',
    });
  });

  test('has a TaskManager for each line of conf/workers', async () => {
    workers('localhost # the first\n\n# none\n  /rack1/127.0.0.1 ignored words\nlocalhost');
    const started = await script('start-cluster.sh');
    expect(started).toMatchObject({ exitCode: 0, stderr: '' });
    expect(started.stdout).toContain(`[INFO] 2 instance(s) of taskexecutor are already running on ${host}.\n`);
    expect(await cluster.rest('/overview')).toMatchObject({ taskmanagers: 3 });
    expect(files('log').filter((name) => name.endsWith('.out'))).toEqual([
      `flink-weir-test-standalonesession-0-${host}.out`,
      ...[0, 1, 2].map((id) => `flink-weir-test-taskexecutor-${id}-${host}.out`),
    ]);
    const [oldest, middle, newest] = pids('taskexecutor');
    const stopped = await script('stop-cluster.sh');
    expect(stopped.stdout.split('\n').slice(0, 3)).toEqual(
      [newest, middle, oldest].map((pid) => `Stopping taskexecutor daemon (pid: ${pid}) on host ${host}.`),
    );
  });

  effectOf('start-cluster', ['D', 'help'], 'sets keys of all its processes', async () => {
    expect((await script('start-cluster.sh', '-h')).stdout).toContain('Action "start-cluster" starts');
    expect(cluster.processes()).toEqual([]);
    expect(await script('start-cluster.sh', '-Dtaskmanager.numberOfTaskSlots=3', '-D', 'web.refresh-interval=1234')).toMatchObject({
      exitCode: 0,
    });
    expect(await cluster.rest('/overview')).toMatchObject({ 'slots-total': 3 });
    expect(await cluster.rest('/config')).toMatchObject({ 'refresh-interval': 1234 });
  });

  effectOf('stop-cluster', ['help'], 'explains', async () => {
    expect((await script('stop-cluster.sh', '--help')).stdout).toContain('Action "stop-cluster" stops');
  });

  test('started a second time, leaves the first alone and says what is wrong', async () => {
    await script('start-cluster.sh');
    const running = [...pids('standalonesession'), ...pids('taskexecutor')];
    const second = await script('start-cluster.sh');
    expect(second).toMatchObject({ exitCode: 1 });
    expect(second.stdout).toContain(`[INFO] 1 instance(s) of standalonesession are already running on ${host}.\n`);
    expect(second.stdout).toContain('Error starting standalonesession daemon.\n');
    expect(second.stderr).toMatch(/Port \d+ on localhost is taken by another process\.[\s\S]*jobmanager\.rpc\.port[\s\S]*stop-cluster\.sh/);
    expect([...pids('standalonesession'), ...pids('taskexecutor')]).toEqual(running);
    expect(await cluster.rest('/overview')).toMatchObject({ taskmanagers: 1 });
  });

  test('without conf/workers starts nothing', async () => {
    rmSync(join(conf, 'workers'));
    for (const name of ['start-cluster.sh', 'stop-cluster.sh']) {
      const result = await script(name);
      expect(result).toMatchObject({ exitCode: 1, stdout: "No workers file. Please specify workers in 'conf/workers'.\n" });
      expect(result.stderr).toContain(join(conf, 'workers'));
    }
    writeFileSync(join(conf, 'slaves'), 'localhost\n');
    expect((await script('stop-cluster.sh')).stdout).toContain('No taskexecutor daemon to stop');
    rmSync(join(conf, 'slaves'));
  });
});

describe('jobmanager.sh', () => {
  effectOf('jobmanager', ['host', 'webuiPort', 'D', 'configDir', 'executionMode'], 'become keys of the process', async () => {
    const port = await freePort();
    const started = await script(
      'jobmanager.sh',
      'start',
      '-h',
      'localhost',
      '-r',
      String(port),
      '-Dweb.refresh-interval=77',
      '-x',
      'cluster',
      '-c',
      '/c',
    );
    expect(started).toMatchObject({ exitCode: 0, stdout: said(`Starting standalonesession daemon on host ${host}.`) });
    expect(started.stderr).toBe('Hint: -x has no effect: there is one mode.\nHint: -c has no effect: set FLINK_CONF_DIR instead.\n');
    const config = await (await fetch(`http://localhost:${port}/config`)).json();
    expect(config).toMatchObject({ 'refresh-interval': 77 });
    const keys = (await (await fetch(`http://localhost:${port}/jobmanager/config`)).json()) as { key: string; value: string }[];
    expect(keys).toContainEqual({ key: 'jobmanager.rpc.address', value: 'localhost' });
  });

  test('host and port may also stand as words', async () => {
    const port = await freePort();
    expect(await script('jobmanager.sh', 'start', '127.0.0.1', String(port))).toMatchObject({ exitCode: 0 });
    const keys = (await (await fetch(`http://localhost:${port}/jobmanager/config`)).json()) as { key: string; value: string }[];
    expect(keys).toContainEqual({ key: 'jobmanager.rpc.address', value: '127.0.0.1' });
  });

  effectOf('jobmanager', ['help'], 'explains', async () => {
    expect((await script('jobmanager.sh', '--help')).stdout).toContain('Action "jobmanager" starts or stops');
  });

  test('a taken REST port is told, and nothing stays', async () => {
    await script('jobmanager.sh', 'start');
    const rpcPort = await freePort();
    const second = await script('jobmanager.sh', 'start', `-Djobmanager.rpc.port=${rpcPort}`);
    expect(second).toMatchObject({ exitCode: 1 });
    expect(second.stderr).toMatch(new RegExp(`Port ${cluster.restPort} on localhost is taken by another process\\.[\\s\\S]*rest\\.port`));
    expect(pids('standalonesession')).toHaveLength(1);
  });

  test.each([
    [['strat'], 'Hint: Did you mean start?\n'],
    [[], ''],
    [['kill'], ''],
  ])('%j prints the usage', async (args, stderr) => {
    expect(await script('jobmanager.sh', ...args)).toEqual({
      exitCode: 1,
      stdout: 'Usage: jobmanager.sh ((start|start-foreground) [args])|stop|stop-all\n',
      stderr,
    });
  });
});

describe('taskmanager.sh', () => {
  effectOf('taskmanager', ['D'], 'sets keys of the process', async () => {
    await script('jobmanager.sh', 'start');
    expect(
      await script('taskmanager.sh', 'start', '-D', 'taskmanager.numberOfTaskSlots=2', '-Dtaskmanager.resource-id=mine'),
    ).toMatchObject({
      exitCode: 0,
    });
    const { taskmanagers } = (await cluster.rest('/taskmanagers')) as { taskmanagers: { id: string; slotsNumber: number }[] };
    expect(taskmanagers).toMatchObject([{ id: 'mine', slotsNumber: 2 }]);
  });

  effectOf('taskmanager', ['help'], 'explains', async () => {
    expect((await script('taskmanager.sh', '-h')).stdout).toContain('Action "taskmanager" starts or stops');
  });

  test('stop ends the newest, stop-all every one', async () => {
    await script('jobmanager.sh', 'start');
    for (let i = 0; i < 3; i++) await script('taskmanager.sh', 'start');
    const [first, second, third] = pids('taskexecutor');
    expect(await script('taskmanager.sh', 'stop')).toEqual({
      exitCode: 0,
      stdout: said(`Stopping taskexecutor daemon (pid: ${third}) on host ${host}.`),
      stderr: '',
    });
    expect(pids('taskexecutor')).toEqual([first, second]);
    expect((await script('taskmanager.sh', 'stop-all')).stdout).toBe(
      said(...[first, second].map((pid) => `Stopping taskexecutor daemon (pid: ${pid}) on host ${host}.`)),
    );
    expect(await script('taskmanager.sh', 'stop-all')).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  test('bad memory or a bad number starts nothing', async () => {
    const number = await script('taskmanager.sh', 'start', '-Dtaskmanager.numberOfTaskSlots=x');
    expect(number).toMatchObject({ exitCode: 1, stdout: '' });
    expect(number.stderr).toContain("Could not parse value 'x' for key 'taskmanager.numberOfTaskSlots'.");
    const memory = await script('taskmanager.sh', 'start', '-Dtaskmanager.memory.process.size=10m');
    expect(memory).toMatchObject({ exitCode: 1, stdout: '' });
    expect(memory.stderr).toContain('taskmanager.memory.process.size');
    expect(files('log')).toEqual([]);
    expect(await script('taskmanager.sh', 'start', '--foo')).toMatchObject({
      exitCode: 1,
      stdout: expect.stringMatching(/^Unrecognized option: --foo\n/),
    });
  });

  test.each([[['foo']], [[]]])('%j prints the usage', async (args) => {
    expect(await script('taskmanager.sh', ...args)).toMatchObject({
      exitCode: 1,
      stdout: 'Usage: taskmanager.sh (start|start-foreground|stop|stop-all)\n',
    });
  });
});

describe('pid files', () => {
  test('of the dead are cleaned, and never lead to a signal', async () => {
    writePids('taskexecutor', dead);
    expect((await script('taskmanager.sh', 'stop')).stdout).toBe(
      said(`No taskexecutor daemon (pid: ${dead}) is running anymore on ${host}.`),
    );
    expect(pids('taskexecutor')).toEqual([]);
    // This process lives, and belongs to nobody here.
    writePids('taskexecutor', dead, process.pid, 1, 'rubbish', '-1', '0');
    expect((await script('taskmanager.sh', 'stop-all')).stdout).toBe(
      said(
        ...[dead, process.pid].map((pid) => `Skipping taskexecutor daemon (pid: ${pid}), because it is not running anymore on ${host}.`),
      ),
    );
    expect(files('pid').filter((name) => name.endsWith('.pid'))).toEqual([]);
  });

  test('a JobManager whose supervisor was killed goes too, and the next start begins at 0', async () => {
    await script('jobmanager.sh', 'start');
    const [pid] = pids('standalonesession');
    process.kill(pid as number, 'SIGKILL');
    await waitFor('the process gone', () => cluster.processes().length === 0);
    expect(await script('jobmanager.sh', 'start')).toMatchObject({ exitCode: 0 });
    expect(files('log').filter((name) => name.includes('standalonesession-1'))).toEqual([]);
    // What the first wrote was moved aside.
    expect(files('log')).toContain(`flink-weir-test-standalonesession-0-${host}.log.1`);
  });

  test('directories that cannot be used are named', async () => {
    for (const [variable, purpose] of [
      ['FLINK_PID_DIR', 'pid'],
      ['FLINK_LOG_DIR', 'log'],
    ] as const) {
      const result = await cluster.script('taskmanager.sh', ['start'], { env: { [variable]: '/dev/null/x' } });
      expect(result).toMatchObject({ exitCode: 1 });
      expect(result.stderr).toContain(`The ${purpose} directory /dev/null/x cannot be written`);
      expect(result.stderr).toContain(variable);
      expect(result.stderr).not.toMatch(/^ +at /m);
    }
  });

  test('of another user’s daemon are left alone', async ({ skip }) => {
    const nobody = (name: string, ...args: string[]): Promise<CommandResult> =>
      cluster.script(name, args, { env, as: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] });
    if ((await nobody('flink', '-v')).exitCode !== 0) skip('needs root, and an installation that everybody can read');
    for (const name of ['log', 'pid']) mkdirSync(join(cluster.directory, name), { recursive: true });
    for (const name of ['', 'conf', 'log', 'pid']) chmodSync(join(cluster.directory, name), 0o777);
    await script('jobmanager.sh', 'start');
    const running = pids('standalonesession');
    chmodSync(join(cluster.directory, 'pid', 'flink-weir-test-standalonesession.pid'), 0o666);
    for (const verb of ['stop', 'stop-all']) {
      const refused = await nobody('jobmanager.sh', verb);
      expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
      expect(refused.stderr).toContain(`The standalonesession daemon (pid: ${running[0]}) was started by another user.`);
    }
    expect(pids('standalonesession')).toEqual(running);
    expect(await cluster.rest('/overview')).toBeDefined();
  });

  test('several starts at once each get a line and files of their own', async () => {
    await script('jobmanager.sh', 'start');
    const started = await Promise.all([0, 1, 2].map(() => script('taskmanager.sh', 'start')));
    expect(started.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
    expect(new Set(pids('taskexecutor')).size).toBe(3);
    expect(files('log').filter((name) => /taskexecutor.*\.out$/.test(name))).toHaveLength(3);
    expect(await cluster.rest('/overview')).toMatchObject({ taskmanagers: 3 });
  });

  test('names and places follow the environment', async () => {
    const elsewhere = {
      FLINK_IDENT_STRING: 'me',
      FLINK_LOG_DIR: join(cluster.directory, 'log'),
      FLINK_PID_DIR: join(cluster.directory, 'pid'),
    };
    expect(await cluster.script('jobmanager.sh', ['start'], { env: { ...env, ...elsewhere } })).toMatchObject({ exitCode: 0 });
    expect(files('pid')).toContain('flink-me-standalonesession.pid');
    expect(files('log')).toContain(`flink-me-standalonesession-0-${host}.log`);
    expect((await cluster.script('jobmanager.sh', ['stop'], { env: { ...env, ...elsewhere } })).stdout).toMatch(
      /^Stopping standalonesession/,
    );
  });
});

describe('in the foreground', () => {
  test('the log is on stderr and in its file, and a signal ends it in good order', async () => {
    const run = cluster.running('jobmanager.sh', ['start-foreground'], { env });
    await run.printed(/Rest endpoint listening/);
    expect(run.stdout).toBe(said(`Starting standalonesession as a console application on host ${host}.`));
    expect(pids('standalonesession')).toHaveLength(1);
    run.kill('SIGINT');
    const result = await run.result;
    expect(result.exitCode).toBe(0);
    expect(readFileSync(join(cluster.directory, 'log', `flink-weir-test-standalonesession-0-${host}.log`), 'utf8')).toBe(result.stderr);
    expect(result.stderr).toContain('SIGINT received, shutting down.');
  });

  test('stop reaches it', async () => {
    const run = cluster.running('jobmanager.sh', ['start-foreground'], { env });
    await run.printed(/Rest endpoint listening/);
    expect((await script('jobmanager.sh', 'stop')).stdout).toMatch(/^Stopping standalonesession daemon/);
    expect(await run.result).toMatchObject({ exitCode: 0 });
  });
});

/** `ssh` is replaced by a program that notes how it was called and runs the command here. */
describe('other machines', () => {
  let bin: string;
  let calls: () => string[];

  beforeAll(() => {
    bin = join(cluster.directory, 'bin');
    mkdirSync(bin);
    const notes = join(cluster.directory, 'ssh-calls');
    calls = () => (existsSync(notes) ? readFileSync(notes, 'utf8').trim().split('\n').sort() : []);
    // Of the words before the host, only -n and -o take part here. It does what a shell at the other end would do.
    writeFileSync(
      join(bin, 'ssh'),
      `#!/bin/sh
echo "$*" >>${notes}
while :; do case $1 in -n) shift ;; -o) shift 2 ;; *) break ;; esac; done
[ "$1" = unreachable ] && { echo "ssh: Could not resolve hostname unreachable" >&2; exit 255; }
shift 2
eval "$*"
`,
    );
    chmodSync(join(bin, 'ssh'), 0o755);
  });

  afterEach(() => rmSync(join(cluster.directory, 'ssh-calls'), { force: true }));

  const remote = (name: string): Promise<CommandResult> =>
    cluster.script(name, [], { env: { ...env, PATH: `${bin}:/usr/local/bin:/usr/bin:/bin`, FLINK_SSH_OPTS: '-o BatchMode=yes' } });

  test('are reached through ssh, this one too when another is listed', async () => {
    workers('node1\nlocalhost\n');
    const started = await remote('start-cluster.sh');
    expect(started).toMatchObject({ exitCode: 0, stderr: '' });
    expect(calls()).toEqual(
      ['localhost', 'node1'].map((name) =>
        expect.stringMatching(new RegExp(`^-n -o BatchMode=yes ${name} -- /bin/bash -l "/.*/bin/taskmanager\\.sh" "start"$`)),
      ),
    );
    expect(await cluster.rest('/overview')).toMatchObject({ taskmanagers: 2 });
    expect(started.stdout.match(/^Starting taskexecutor daemon/gm)).toHaveLength(2);
    const stopped = await remote('stop-cluster.sh');
    expect(stopped).toMatchObject({ exitCode: 0, stderr: '' });
    expect(stopped.stdout.match(/^Stopping taskexecutor daemon/gm)).toHaveLength(2);
    expect(cluster.processes()).toEqual([]);
  });

  test('one that cannot be reached is named, and the others start', async () => {
    workers('unreachable\nnode1\n');
    const started = await remote('start-cluster.sh');
    expect(started).toMatchObject({ exitCode: 1 });
    expect(started.stderr).toBe('taskmanager.sh start failed on unreachable: ssh: Could not resolve hostname unreachable\n');
    expect(await cluster.rest('/overview')).toMatchObject({ taskmanagers: 1 });
  });

  test('masters count with high availability only', async () => {
    writeFileSync(join(conf, 'masters'), `node1:${cluster.restPort}\nnode2\n`);
    workers('node1\n');
    await remote('start-cluster.sh');
    expect(calls()).toHaveLength(1);
    await remote('stop-cluster.sh');
    rmSync(join(cluster.directory, 'ssh-calls'));
    const highlyAvailable = { FLINK_PROPERTIES: 'high-availability: zookeeper' };
    const started = await cluster.script('start-cluster.sh', [], {
      env: { ...env, ...highlyAvailable, PATH: `${bin}:/usr/local/bin:/usr/bin:/bin` },
    });
    expect(started.stdout).toMatch(/^Starting cluster\.\nStarting HA cluster with 2 masters\.\n/);
    const masters = calls().filter((call) => call.includes('jobmanager.sh'));
    expect(masters).toEqual([
      expect.stringMatching(new RegExp(`node1 -- .*jobmanager\\.sh" "start" "node1" "${cluster.restPort}"$`)),
      expect.stringMatching(/node2 -- .*jobmanager\.sh" "start" "node2" "0"$/),
    ]);
    writeFileSync(join(conf, 'masters'), 'localhost\n');
  });
});
