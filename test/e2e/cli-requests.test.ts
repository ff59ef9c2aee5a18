/**
 * What the actions ask of a JobManager and what they print of its answers. The JobManager is a script, so that each answer,
 * good, bad or missing, can be had.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { effectOf } from '../harness/option-effect.ts';
import { type CommandResult, freePort, RealCluster, repository } from '../harness/real-cluster.ts';
import { ScriptedJobManager } from '../harness/scripted-job-manager.ts';

const jobId = 'fd72014d4c864993a2e5a9287b4a9c5d';
const trigger = '0123456789abcdef0123456789abcdef';
const location = 'file:/savepoints/savepoint-fd7201-bb1e257f0dab';
const program = join(repository, 'test/fixtures/programs/endless.ts');

let jobManager: ScriptedJobManager;
let cluster: RealCluster;

beforeAll(async () => {
  jobManager = await ScriptedJobManager.start();
  // Only its directory: nothing of it runs.
  cluster = await RealCluster.prepare();
});

afterEach(() => jobManager.clear());

afterAll(async () => {
  await jobManager[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

function flink(action: string, ...args: string[]): Promise<CommandResult> {
  return cluster.flink([action, '-m', jobManager.address, ...args]);
}

const inProgress = { json: { status: { id: 'IN_PROGRESS' }, operation: null } };
const completed = (operation: unknown) => ({ json: { status: { id: 'COMPLETED' }, operation } });
const failed = completed({
  'failure-cause': { class: 'java.lang.Exception', 'stack-trace': 'CheckpointException: the disk is full\n\tat somewhere' },
});

function savepointScript(...answers: Parameters<ScriptedJobManager['on']>[2][]): void {
  jobManager
    .on('POST', /^\/jobs\/[0-9a-f]{32}\/(savepoints|stop)$/, { status: 202, json: { 'request-id': trigger } })
    .on('GET', /^\/jobs\/[0-9a-f]{32}\/savepoints\/[0-9a-f]{32}$/, ...answers);
}

const lines = (...all: string[]): string => `${all.join('\n')}\n`;
const ok = (...all: string[]) => ({ exitCode: 0, stdout: lines(...all), stderr: '' });

describe('savepoint', () => {
  effectOf('savepoint', [], 'takes one, waits for it and prints its path', async () => {
    savepointScript(inProgress, inProgress, completed({ location }));
    expect(await flink('savepoint', jobId.toUpperCase(), '/savepoints')).toEqual(
      ok(
        `Triggering savepoint for job ${jobId}.`,
        'Waiting for response...',
        `Savepoint completed. Path: ${location}`,
        'You can resume your program from this savepoint with the run command.',
      ),
    );
    expect(jobManager.bodies('POST', /savepoints$/)).toEqual([
      { 'target-directory': '/savepoints', 'cancel-job': false, formatType: 'CANONICAL', triggerId: null },
    ]);
    expect(jobManager.asked.filter(({ method }) => method === 'GET')).toHaveLength(3);
  });

  effectOf('savepoint', ['type'], 'chooses the format; without a directory the cluster has the default one', async () => {
    savepointScript(completed({ location }));
    expect(await flink('savepoint', '-type', 'NATIVE', jobId)).toMatchObject({ exitCode: 0 });
    expect(jobManager.bodies('POST', /savepoints$/)).toMatchObject([{ 'target-directory': null, formatType: 'NATIVE' }]);
  });

  effectOf('savepoint', ['detached'], 'prints the trigger id and does not wait', async () => {
    savepointScript(inProgress);
    expect(await flink('savepoint', jobId, '-detached')).toEqual(
      ok(`Triggering savepoint in detached mode for job ${jobId}.`, `Successfully trigger manual savepoint, triggerId: ${trigger}`),
    );
    expect(jobManager.asked.map(({ method }) => method)).toEqual(['POST']);
  });

  effectOf('savepoint', ['dispose', 'jarfile'], 'deletes a savepoint, for which no program is needed', async () => {
    jobManager
      .on('POST', /^\/savepoint-disposal$/, { status: 202, json: { 'request-id': trigger } })
      .on('GET', new RegExp(`^/savepoint-disposal/${trigger}$`), inProgress, completed({}));
    const said = ok(`Disposing savepoint '${location}'.`, 'Waiting for response...', `Savepoint '${location}' disposed.`);
    expect(await flink('savepoint', '-d', location, '-j', 'job.jar')).toEqual(said);
    expect(await flink('savepoint', `--dispose=${location}`)).toEqual(said);
    expect(jobManager.bodies('POST', /disposal/)).toEqual([{ 'savepoint-path': location }, { 'savepoint-path': location }]);
  });

  test('words beyond the directory are ignored, and said to be', async () => {
    savepointScript(completed({ location }));
    const { stdout } = await flink('savepoint', jobId, '/a', '/b', '/c');
    expect(stdout).toMatch(/^Provided more arguments than required\. Ignoring not needed arguments\.\nTriggering savepoint/);
  });

  test('a failure shows the reason that the cluster has', async () => {
    savepointScript(failed);
    const result = await flink('savepoint', jobId);
    expect(result).toMatchObject({ exitCode: 1, stdout: lines(`Triggering savepoint for job ${jobId}.`, 'Waiting for response...') });
    expect(result.stderr).toMatch(
      new RegExp(
        `^\\n-{60}\\n The program finished with the following exception:\\n\\nFlinkException: Triggering a savepoint for the job ${jobId} failed\\.\\nCaused by: CheckpointException: the disk is full`,
      ),
    );
    jobManager.on('POST', /savepoint-disposal/, { status: 400, json: { errors: ['no such savepoint'] } });
    const disposal = await flink('savepoint', '-d', '/none');
    expect(disposal).toMatchObject({ exitCode: 1 });
    expect(disposal.stderr).toContain("FlinkException: Disposing the savepoint '/none' failed.\nCaused by: no such savepoint\n");
  });

  test('a time-out says that the savepoint goes on, and how to hear of it', async () => {
    savepointScript(inProgress);
    const result = await flink('savepoint', jobId, '-Dclient.timeout=50ms');
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain('There was no result within 0.05 s (client.timeout). The operation goes on in the cluster.');
    expect(result.stderr).toContain(`GET /jobs/${jobId}/savepoints/${trigger}`);
  });
});

describe('stop', () => {
  effectOf('stop', [], 'takes a savepoint and prints its path', async () => {
    savepointScript(inProgress, completed({ location }));
    expect(await flink('stop', jobId)).toEqual(ok(`Suspending job "${jobId}" with a savepoint.`, `Savepoint completed. Path: ${location}`));
    expect(jobManager.bodies('POST', /stop$/)).toEqual([{ targetDirectory: null, drain: false, formatType: 'CANONICAL', triggerId: null }]);
  });

  effectOf('stop', ['drain'], 'drains', async () => {
    savepointScript(completed({ location }));
    expect(await flink('stop', '-d', jobId)).toEqual(
      ok(`Draining job "${jobId}" with a savepoint.`, `Savepoint completed. Path: ${location}`),
    );
    expect(jobManager.bodies('POST', /stop$/)).toMatchObject([{ drain: true }]);
  });

  effectOf('stop', ['savepointPath', 'type'], 'names directory and format, wherever they stand', async () => {
    savepointScript(completed({ location }));
    for (const args of [
      ['-p', '/dir', jobId],
      [jobId, '-type', 'native', '--savepointPath', '/dir'],
      ['-p', jobId],
      [jobId, '-p'],
    ]) {
      expect(await flink('stop', ...args)).toMatchObject({ exitCode: 0 });
    }
    expect(jobManager.asked.filter(({ method }) => method === 'POST').map(({ path }) => path)).toEqual(
      Array(4).fill(`/jobs/${jobId}/stop`),
    );
    expect(jobManager.bodies('POST', /stop$/)).toMatchObject([
      { targetDirectory: '/dir', formatType: 'CANONICAL' },
      { targetDirectory: '/dir', formatType: 'NATIVE' },
      { targetDirectory: null },
      { targetDirectory: null },
    ]);
  });

  effectOf('stop', ['detached'], 'prints the trigger id and does not wait', async () => {
    savepointScript(inProgress);
    expect(await flink('stop', jobId, '-detached')).toEqual(
      ok(`Suspending job "${jobId}" with a savepoint.`, `Successfully trigger stop-with-savepoint in detached mode, triggerId: ${trigger}`),
    );
  });

  test('a failure shows the reason', async () => {
    savepointScript(failed);
    const result = await flink('stop', jobId);
    expect(result).toMatchObject({ exitCode: 1, stdout: lines(`Suspending job "${jobId}" with a savepoint.`) });
    expect(result.stderr).toContain(
      `FlinkException: Could not stop with a savepoint job "${jobId}".\nCaused by: CheckpointException: the disk is full`,
    );
  });
});

describe('cancel', () => {
  effectOf('cancel', ['withSavepoint', 'type'], 'takes a savepoint first', async () => {
    savepointScript(inProgress, completed({ location }));
    const deprecated = 'DEPRECATION WARNING: Cancelling a job with savepoint is deprecated. Use "stop" instead.';
    expect(await flink('cancel', '-s', '/dir', jobId)).toEqual(
      ok(deprecated, `Cancelling job ${jobId} with savepoint to /dir.`, `Cancelled job ${jobId}. Savepoint stored in ${location}.`),
    );
    expect(await flink('cancel', '-type', 'native', '-s', jobId)).toEqual(
      ok(
        deprecated,
        `Cancelling job ${jobId} with savepoint to default savepoint directory.`,
        `Cancelled job ${jobId}. Savepoint stored in ${location}.`,
      ),
    );
    expect(jobManager.bodies('POST', /savepoints$/)).toEqual([
      { 'target-directory': '/dir', 'cancel-job': true, formatType: 'CANONICAL', triggerId: null },
      { 'target-directory': null, 'cancel-job': true, formatType: 'NATIVE', triggerId: null },
    ]);
  });

  test('says so as soon as the request is accepted', async () => {
    jobManager.on('PATCH', new RegExp(`^/jobs/${jobId}\\?mode=cancel$`), { status: 202, json: {} });
    expect(await flink('cancel', jobId)).toEqual(ok(`Cancelling job ${jobId}.`, `Cancelled job ${jobId}.`));
  });

  test('an unknown job', async () => {
    jobManager.on('PATCH', /cancel/, { status: 404, json: { errors: [`Job ${jobId} not found`] } });
    const result = await flink('cancel', jobId);
    expect(result).toMatchObject({ exitCode: 1, stdout: lines(`Cancelling job ${jobId}.`) });
    expect(result.stderr).toContain(`FlinkException: Could not cancel job ${jobId}.\nCaused by: Job ${jobId} not found\n`);
  });
});

describe('checkpoint', () => {
  effectOf('checkpoint', ['full'], 'triggers one, of the configured type or full', async () => {
    jobManager
      .on('POST', /^\/jobs\/[0-9a-f]{32}\/checkpoints$/, { status: 202, json: { 'request-id': trigger } })
      .on('GET', /^\/jobs\/[0-9a-f]{32}\/checkpoints\/[0-9a-f]{32}$/, inProgress, completed({ checkpointId: 26 }));
    const said = (type: string) =>
      ok(
        `Triggering checkpoint for job ${jobId}.`,
        'Waiting for response...',
        `Checkpoint${type} 26 for job ${jobId} completed.`,
        'You can resume your program from this checkpoint with the run command.',
      );
    expect(await flink('checkpoint', jobId)).toEqual(said(''));
    expect(await flink('checkpoint', '-full', jobId)).toEqual(said('(FULL)'));
    expect(jobManager.bodies('POST', /checkpoints$/)).toMatchObject([{ checkpointType: 'CONFIGURED' }, { checkpointType: 'FULL' }]);
  });
});

describe('run', () => {
  function acceptJobs(): void {
    jobManager.on('POST', /^\/jobs$/, { status: 202, json: { jobUrl: '/jobs/x' } }).on('GET', /\/status$/, { json: { status: 'RUNNING' } });
  }

  effectOf(
    'run',
    ['fromSavepoint', 'allowNonRestoredState', 'claimMode', 'restoreMode'],
    'what to restore travels with the job',
    async () => {
      acceptJobs();
      for (const args of [
        ['-s', '/sp/chk-42'],
        ['-s', '/sp', '-n', '-cm', 'claim'],
        ['-s', '/sp', '-rm', 'LEGACY'],
        ['-Dexecution.savepoint.path=/sp'],
        ['-Dexecution.state-recovery.path=/sp'],
        [],
      ]) {
        expect(await flink('run', '-d', ...args, program)).toMatchObject({ exitCode: 0, stderr: '' });
      }
      expect(jobManager.submitted.map(({ restore }) => restore)).toEqual([
        { path: '/sp/chk-42', allowNonRestoredState: false, claimMode: 'NO_CLAIM' },
        { path: '/sp', allowNonRestoredState: true, claimMode: 'CLAIM' },
        { path: '/sp', allowNonRestoredState: false, claimMode: 'LEGACY' },
        { path: '/sp', allowNonRestoredState: false, claimMode: 'NO_CLAIM' },
        { path: '/sp', allowNonRestoredState: false, claimMode: 'NO_CLAIM' },
        undefined,
      ]);
    },
  );

  test('options that need -s say so', async () => {
    acceptJobs();
    const result = await flink('run', '-d', '-n', '-cm', 'claim', '-sae', program);
    expect(result).toMatchObject({ exitCode: 0 });
    expect(result.stderr).toBe(
      'Hint: -n has no effect without -s.\nHint: -cm has no effect without -s.\nHint: -sae has no effect with -d: nobody is attached whose exit could count.\n',
    );
  });

  test('a refusal of the cluster shows its reason, and no job id', async () => {
    jobManager.on('POST', /^\/jobs$/, { status: 400, json: { errors: ['the cluster is full'] } });
    const result = await flink('run', program);
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toContain('exception:\n\nthe cluster is full\n');
  });

  test('a job that fails at once has its id printed, and its reason', async () => {
    jobManager
      .on('POST', /^\/jobs$/, { status: 202, json: { jobUrl: '/jobs/x' } })
      .on('GET', /\/status$/, { json: { status: 'INITIALIZING' } }, { json: { status: 'FAILED' } })
      .on('GET', /\/execution-result$/, {
        json: {
          status: { id: 'COMPLETED' },
          'job-execution-result': {
            'application-status': 'FAILED',
            'net-runtime': 1,
            'failure-cause': { class: 'JobInitializationException', 'stack-trace': 'JobInitializationException: no such savepoint' },
          },
        },
      });
    const result = await flink('run', '-d', program);
    expect(result.exitCode).toBe(1);
    expect(result.stdout).toMatch(/^Job has been submitted with JobID [0-9a-f]{32}\n$/);
    expect(result.stderr).toMatch(
      /JobExecutionException: Job failed \(JobID: [0-9a-f]{32}\)\.\nCaused by: JobInitializationException: no such savepoint/,
    );
  });
});

describe('list', () => {
  const job = (jid: string, name: string, state: string, start: number) => ({ jid, name, state, 'start-time': start, 'end-time': -1 });
  const id = (digit: string): string => digit.repeat(32);
  const newYear = Date.UTC(2020, 0, 1);
  const jobs = [
    job(id('a'), 'A : job (x)', 'RUNNING', newYear + 2000),
    job(id('b'), 'B', 'RESTARTING', newYear + 1000),
    job(id('c'), 'C', 'CREATED', newYear),
    job(id('d'), 'D', 'INITIALIZING', newYear - 40 * 86_400_000),
    job(id('e'), 'E', 'FINISHED', newYear),
    job(id('f'), 'F', 'CANCELED', newYear),
    job(id('1'), 'G', 'CANCELLING', newYear + 1000),
    job(id('2'), 'H', 'FAILED', newYear - 1),
  ];
  const running = [
    '------------------ Running/Restarting Jobs -------------------',
    `01.01.2020 05:30:01 : ${id('1')} : G (CANCELLING)`,
    `01.01.2020 05:30:01 : ${id('b')} : B (RESTARTING)`,
    `01.01.2020 05:30:02 : ${id('a')} : A : job (x) (RUNNING)`,
    '-'.repeat(62),
  ];
  const scheduled = [
    '----------------------- Scheduled Jobs -----------------------',
    `22.11.2019 05:30:00 : ${id('d')} : D (INITIALIZING)`,
    `01.01.2020 05:30:00 : ${id('c')} : C (CREATED)`,
    '-'.repeat(62),
  ];
  const terminated = [
    '---------------------- Terminated Jobs -----------------------',
    `01.01.2020 05:29:59 : ${id('2')} : H (FAILED)`,
    `01.01.2020 05:30:00 : ${id('f')} : F (CANCELED)`,
    `01.01.2020 05:30:00 : ${id('e')} : E (FINISHED)`,
    '-'.repeat(62),
  ];
  const list = (...args: string[]): Promise<CommandResult> =>
    cluster.flink(['list', '-m', jobManager.address, ...args], { env: { TZ: 'Asia/Kolkata' } });

  effectOf(
    'list',
    ['running', 'scheduled', 'all'],
    'chooses the sections; in each, the oldest first, in the time zone of the client',
    async () => {
      jobManager.on('GET', /^\/jobs\/overview$/, { json: { jobs } });
      expect(await list()).toEqual(ok('Waiting for response...', ...running, ...scheduled));
      expect(await list('-r')).toEqual(ok('Waiting for response...', ...running));
      expect(await list('-s')).toEqual(ok('Waiting for response...', ...scheduled));
      expect(await list('-rs', 'ignored')).toEqual(ok('Waiting for response...', ...running, ...scheduled));
      expect(await list('-a')).toEqual(ok('Waiting for response...', ...running, ...scheduled, ...terminated));
    },
  );

  test('empty sections', async () => {
    jobManager.on('GET', /^\/jobs\/overview$/, { json: { jobs: [] } });
    expect(await list('-a')).toEqual(ok('Waiting for response...', 'No running jobs.', 'No scheduled jobs.'));
    expect(await list('-r')).toEqual(ok('Waiting for response...', 'No running jobs.'));
  });

  effectOf('list', ['json'], 'prints one array and nothing else', async () => {
    jobManager.on('GET', /^\/jobs\/overview$/, { json: { jobs } });
    const result = await list('--json');
    expect(result).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(result.stdout)).toContainEqual({
      jobId: id('b'),
      name: 'B',
      state: 'RESTARTING',
      startTime: newYear + 1000,
      endTime: -1,
    });
  });
});

describe('a JobManager that does not answer as it should', () => {
  test('nobody listens', async () => {
    const result = await cluster.flink(['list', '-m', `localhost:${await freePort()}`]);
    expect(result).toMatchObject({ exitCode: 1, stdout: 'Waiting for response...\n' });
    expect(result.stderr).toMatch(
      /FlinkException: Failed to retrieve job list\.\nCaused by: There is no JobManager at localhost:\d+\.\n.*ECONNREFUSED/,
    );
    expect(result.stderr).toContain('start-cluster.sh');
  });

  test('a name that nobody has', async () => {
    const result = await cluster.flink(['list', '-m', 'no-such-host.invalid:8081']);
    expect(result).toMatchObject({ exitCode: 1 });
    expect(result.stderr).toMatch(/There is no JobManager at no-such-host\.invalid:8081\.\n.*(ENOTFOUND|EAI_AGAIN)/);
  });

  test('another program listens', async () => {
    jobManager.on('GET', /./, { text: '<html>\n<h1>Tea pot</h1>' });
    const result = await flink('list');
    expect(result).toMatchObject({ exitCode: 1 });
    expect(result.stderr).toMatch(/What answers at 127\.0\.0\.1:\d+ is not a JobManager\.\nIt answered 200 with: <html> <h1>Tea pot/);
  });

  test('a busy JobManager and a broken connection are asked again', async () => {
    jobManager.on('GET', /overview/, { status: 503, json: { errors: ['busy'] } }, 'disconnect', { json: { jobs: [] } });
    expect(await flink('list', '-Drest.retry.delay=1')).toMatchObject({ exitCode: 0 });
    expect(jobManager.asked).toHaveLength(3);
  });

  test('but not for ever', async () => {
    jobManager.on('GET', /overview/, { status: 503, json: { errors: ['The leader is not known yet.'] } });
    const result = await flink('list', '-Drest.retry.delay=1', '-Drest.retry.max-attempts=3');
    expect(result).toMatchObject({ exitCode: 1 });
    expect(result.stderr).toContain('Caused by: The leader is not known yet.');
    expect(jobManager.asked).toHaveLength(3);
  });
});

describe('the log of the client', () => {
  test('has the call, its lines, and the stack that the terminal was spared', async () => {
    const log = mkdtempSync(join(tmpdir(), 'weir-log-'));
    try {
      jobManager.on('GET', /overview/, { status: 500, json: { errors: ['a bad day'] } });
      await cluster.flink(['list', '-m', jobManager.address, '-Dmy.password=secret'], { env: { FLINK_LOG_DIR: log, HOSTNAME: 'here' } });
      const { stdout: text } = await execa('cat', [join(log, 'flink-weir-test-client-here.log')]);
      expect(text).toMatch(/INFO .*Called as: flink list -m \S+ -Dmy\.password=\*{6}\n.*INFO .*Waiting for response\.\.\.\n/);
      expect(text).toMatch(
        /ERROR .*\nFlinkException: Failed to retrieve job list\.\n +at [\s\S]*Caused by: RestResponseError: a bad day\n +at /,
      );
      expect(text).not.toContain('secret');
    } finally {
      rmSync(log, { recursive: true, force: true });
    }
  });
});
