/** Application mode on plain hosts: main runs in the JobManager, the cluster ends with the application, the exit code tells how. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { effectOf } from '../harness/option-effect.ts';
import { type CommandResult, RealCluster, repository, waitFor } from '../harness/real-cluster.ts';

const programs = join(repository, 'test/fixtures/programs');
const application = join(programs, 'application.ts');
const endless = join(programs, 'endless.ts');
const jobId = '0123456789abcdef0123456789abcdef';

let cluster: RealCluster;

beforeAll(async () => {
  cluster = await RealCluster.prepare();
  // It stays, and serves one application after the other.
  const started = cluster.script('taskmanager.sh', ['start']);
  expect(await foreground([application])).toMatchObject({ exitCode: 0 });
  expect(await started).toMatchObject({ exitCode: 0 });
});

afterAll(async () => {
  await cluster.script('taskmanager.sh', ['stop-all']);
  await cluster[Symbol.asyncDispose]();
});

function standaloneJob(args: readonly string[], options: { cwd?: string } = {}): Promise<CommandResult> {
  return cluster.script('standalone-job.sh', args, options);
}

function foreground(args: readonly string[], options: { cwd?: string } = {}): Promise<CommandResult> {
  return standaloneJob(['start-foreground', ...args], options);
}

const jobManagerLog = (): string => cluster.logFile(/standalonejob-0-.*\.log$/);

describe('in the foreground', () => {
  effectOf('standalone-job', ['D'], 'main gets its arguments untouched and the results of its jobs; -D sets keys', async () => {
    const args = ['--input', 'a b', '-p', '3', '-Dkey=value', '-h', '--', '--help', ''];
    const run = await foreground(['-D', 'heartbeat.interval=900', application, ...args]);
    expect(run).toMatchObject({ exitCode: 0 });
    expect(run.stdout).toMatch(/^Starting standalonejob as a console application on host .*\.$/m);
    expect(run.stdout).toContain(`main got ${JSON.stringify(args)}`);
    expect(run.stdout).toContain('first counted 3');
    expect(run.stderr).toContain('The application has ended: SUCCEEDED.');
    expect(run.stderr).toContain('Loading configuration property: heartbeat.interval, 900');
  });

  test('the log is on the console and in a file', async () => {
    const run = await foreground([application]);
    const lines = run.stderr.split('\n').filter(Boolean);
    expect(lines.length).toBeGreaterThan(10);
    expect(jobManagerLog()).toBe(run.stderr);
  });

  test('a failed job ends it with 163', async () => {
    const run = await foreground([application, '--wait', '--fail-job']);
    expect(run).toMatchObject({ exitCode: 163 });
    expect(run.stderr).toMatch(/The application has ended: FAILED\.[\s\S]*the second job is not in the mood[\s\S]*application\.ts:\d+:\d+/);
  });

  test('also a job that main did not wait for', async () => {
    expect(await foreground([application, '--fail-job'])).toMatchObject({ exitCode: 163 });
  });

  test('a main that throws or exits ends it with 163, and its jobs with it', async () => {
    const thrown = await foreground([application, '--throw']);
    expect(thrown).toMatchObject({ exitCode: 163 });
    expect(thrown.stderr).toMatch(/FAILED\.\nError: main is not in the mood\n +at main .*application\.ts:\d+:\d+/);
    const exited = await foreground([application, '--exit']);
    expect(exited).toMatchObject({ exitCode: 163 });
    expect(exited.stderr).toContain('The program called process.exit(3).');
  });

  effectOf(
    'standalone-job',
    ['jobId', 'webuiPort', 'host'],
    'a cancelled job ends it with 0, and REST knows the id that was asked for',
    async () => {
      const run = foreground(['--job-id', jobId.toUpperCase(), '--webui-port', String(cluster.restPort), '--host', 'localhost', endless]);
      await cluster.waitForJobState(jobId, 'RUNNING');
      const config = await cluster.rest<{ features: { 'web-submit': boolean } }>('/config');
      expect(config?.features['web-submit']).toBe(false);
      expect(await cluster.flink(['cancel', jobId])).toMatchObject({ exitCode: 0 });
      expect(await run).toMatchObject({ exitCode: 0 });
      expect((await run).stderr).toContain('The application has ended: CANCELED.');
    },
  );

  test('-Dexecution.shutdown-on-application-finish=false keeps the cluster', async () => {
    const run = foreground(['-Dexecution.shutdown-on-application-finish=false', '-jid', jobId, application]);
    await cluster.waitForJobState(jobId, 'FINISHED');
    await waitFor('the end of main', () => jobManagerLog().includes('The application has ended: SUCCEEDED.'));
    const list = await cluster.flink(['list', '-a']);
    expect(list.stdout).toMatch(/ : first \(FINISHED\)\n.* : second \(FINISHED\)/);
    await cluster.rest('/overview');
    expect(await standaloneJob(['stop'])).toMatchObject({ exitCode: 0 });
    expect(await run).toMatchObject({ exitCode: 0 });
  });

  test('-Dexecution.attached=false submits and does not wait, so there is no result to ask for', async () => {
    const run = await foreground(['-Dexecution.attached=false', application]);
    expect(run).toMatchObject({ exitCode: 163 });
    expect(run.stderr).toContain('Job was submitted in detached mode.');
  });

  effectOf(
    'standalone-job',
    ['fromSavepoint', 'allowNonRestoredState'],
    'reach the job, which cannot be restored from nothing',
    async () => {
      const run = await foreground(['-s', 'file:///no/such/savepoint', '-n', application]);
      expect(run).toMatchObject({ exitCode: 163 });
      expect(run.stderr).toContain('execution.savepoint.ignore-unclaimed-state, true');
      expect(run.stderr).toContain('/no/such/savepoint');
    },
  );
});

describe('which program', () => {
  effectOf('standalone-job', ['jars', 'jobClassname'], 'the one in usrlib of the working directory; -j names its export', async () => {
    const directory = join(cluster.directory, 'with-library');
    mkdirSync(join(directory, 'usrlib'), { recursive: true });
    copyFileSync(application, join(directory, 'usrlib', 'only.ts'));
    const whole = await foreground(['first-argument'], { cwd: directory });
    expect(whole.stdout).toContain('main got ["first-argument"]');
    const other = await foreground(['-j', 'other'], { cwd: directory });
    expect(other).toMatchObject({ exitCode: 0 });
    expect(other.stdout).toContain('other has nothing to execute');
    copyFileSync(application, join(directory, 'usrlib', 'second.ts'));
    const several = await foreground(['first-argument'], { cwd: directory });
    expect(several).toMatchObject({ exitCode: 1 });
    expect(several.stdout).toMatch(/^There are several programs in usrlib: .*only\.ts, .*second\.ts\.\n\nUse the help option/);
    const named = await foreground(['-jars', 'second.ts', '--job-classname', 'other'], { cwd: directory });
    expect(named.stdout).toContain('other has nothing to execute');
    const byClassName = await foreground(['--job-classname', 'second.ts', 'x'], { cwd: directory });
    expect(byClassName.stdout).toContain('main got ["x"]');
  });

  test.each([
    { args: ['start'], stdout: /^No program was given\.\n\nUse the help option/, stderr: /standalone-job\.sh start path\/to\/job\.ts/ },
    { args: ['start', 'none.ts'], stdout: /^The program none\.ts does not exist\.\n\n/, stderr: /looked for at/ },
    { args: ['start', '-jars', 'none'], stdout: /^The program none does not exist\.\n\n/, stderr: /looked for at/ },
    { args: ['start', '-jid', 'x', application], stdout: /^Failed to parse '--job-id' option\n\n/, stderr: /^$/ },
    { args: ['start', '-r', 'x', application], stdout: /^Failed to parse '--webui-port' option\n\n/, stderr: /^$/ },
    { args: ['start', '--jobid', jobId, application], stdout: /^Unrecognized option: --jobid\n\n/, stderr: /Did you mean --job-id\?/ },
    { args: [], stdout: /^Usage: standalone-job\.sh \(\(start\|start-foreground\)\)\|stop\n$/, stderr: /^$/ },
    { args: ['stop-all'], stdout: /^Usage: standalone-job\.sh \(\(start\|start-foreground\)\)\|stop\n$/, stderr: /^$/ },
  ])('$args is refused', async ({ args, stdout, stderr }) => {
    const run = await standaloneJob(args);
    expect(run.exitCode).toBe(1);
    expect(run.stdout).toMatch(stdout);
    expect(run.stderr).toMatch(stderr);
  });
});

describe('run-application', () => {
  /** Starts it as a daemon and waits for its end; gives what main wrote. */
  async function application(...args: string[]): Promise<{ started: CommandResult; output: string }> {
    const started = await cluster.flink(['run-application', '-t', 'standalone-application', ...args]);
    await waitFor('the end of the application', async () => (await standaloneJob(['stop'])).stdout.startsWith('No standalonejob daemon'));
    return { started, output: cluster.logFile(/standalonejob-0-.*\.out$/) };
  }

  effectOf(
    'run-application',
    ['class', 'parallelism', 'classpath', 'jarfile', 'arguments', 'sysoutLogging', 'detached', 'shutdownOnAttachedExit'],
    'runs the program in a JobManager of this machine, with the options of run',
    async () => {
      const module = join(cluster.directory, 'extra.ts');
      writeFileSync(module, "(globalThis as { extraModule?: string }).extraModule = 'from extra.ts';\nexport {};\n");
      const probe = join(programs, 'probe.ts');
      const first = await cluster.flink([
        'run-application',
        '-t',
        'standalone-application',
        '-Dexecution.shutdown-on-application-finish=false',
        ...['-c', 'other', '-p', '2', '-C', `file://${module}`, '-d', '-q', '-sae'],
        probe,
        'x',
        '-p',
      ]);
      expect(first).toMatchObject({ exitCode: 0 });
      expect(first.stdout).toMatch(/^Starting standalonejob daemon on host .*\.\n$/);
      expect(first.stderr).toContain('-sae has no effect: nobody is attached to an application.');
      await waitFor('the job', async () => (await cluster.flink(['list', '-a'])).stdout.includes(' : x (FINISHED)'));
      await standaloneJob(['stop']);
      const sees = { who: 'other', args: ['x', '-p'], parallelism: 2, extra: 'from extra.ts' };
      expect(cluster.logFile(/standalonejob-0-.*\.out$/)).toContain(`main sees ${JSON.stringify(sees)}`);
      const second = await application('-j', probe, '-a', 'y');
      expect(second.output).toContain('"args":["y"]');
    },
  );

  effectOf('run-application', ['fromSavepoint', 'allowNonRestoredState', 'claimMode', 'restoreMode'], 'reach the job', async () => {
    for (const options of [
      ['-cm', 'claim'],
      ['-rm', 'claim'],
    ]) {
      const { output } = await application('-s', 'file:///no/such/savepoint', '-n', ...options, join(programs, 'application.ts'));
      expect(output).toContain('/no/such/savepoint');
      expect(jobManagerLog()).toContain('execution.savepoint-restore-mode, CLAIM');
      expect(jobManagerLog()).toContain('execution.savepoint.ignore-unclaimed-state, true');
    }
  });

  effectOf(
    'run-application',
    ['python', 'pyModule', 'pyFiles', 'pyRequirements', 'pyArchives', 'pyExecutable', 'pyClientExecutable', 'pyPythonPath'],
    'are refused with Flink’s sentence',
    async () => {
      for (const option of ['-py', '-pym', '-pyfs', '-pyreq', '-pyarch', '-pyexec', '-pyclientexec', '-pypath']) {
        const refused = await cluster.flink(['run-application', option, 'x', endless]);
        expect(refused).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('Python command line option detected') });
      }
    },
  );
});

describe('as a daemon', () => {
  effectOf(
    'standalone-job',
    ['help', 'configDir', 'executionMode'],
    'explains; options of old scripts are named as without effect',
    async () => {
      expect((await standaloneJob(['--help'])).stdout).toContain('Action "standalone-job" starts or stops');
      const stopped = await standaloneJob(['stop', '-c', '/c', '-x', 'cluster']);
      expect(stopped.stderr).toBe('Hint: -c has no effect: set FLINK_CONF_DIR instead.\nHint: -x has no effect: there is one mode.\n');
    },
  );

  test('start returns when the first job is there, stop ends main and job', async () => {
    const started = await standaloneJob(['start', endless]);
    expect(started).toMatchObject({ exitCode: 0, stderr: '' });
    expect(started.stdout).toMatch(/^Starting standalonejob daemon on host .*\.\n$/);
    expect((await cluster.flink(['list'])).stdout).toContain(' : Endless (');
    const stopped = await standaloneJob(['stop']);
    expect(stopped.stdout).toMatch(/^Stopping standalonejob daemon \(pid: \d+\) on host .*\.\n$/);
    expect(await cluster.rest('/overview')).toBeUndefined();
    expect((await standaloneJob(['stop'])).stdout).toMatch(/^No standalonejob daemon to stop on host .*\.\n$/);
  });

  test('a program that does not come as far as a job is told at once', async () => {
    const noExport = await standaloneJob(['start', '-j', 'nope', '-jars', application]);
    expect(noExport).toMatchObject({ exitCode: 1 });
    expect(noExport.stdout).toMatch(/^Starting .*\nError starting standalonejob daemon\.\n$/);
    expect(noExport.stderr).toContain("'nope' was not found");
    const broken = join(cluster.directory, 'broken.ts');
    writeFileSync(broken, 'export default (');
    const syntax = await standaloneJob(['start', broken]);
    expect(syntax).toMatchObject({ exitCode: 1 });
    expect(syntax.stderr).toMatch(/broken\.ts:1:\d+/);
    expect((await standaloneJob(['stop'])).stdout).toMatch(/^No standalonejob daemon to stop/);
  });
});
