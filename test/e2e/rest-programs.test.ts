/** Programs over REST: uploaded, planned, run and deleted; those that misbehave harm neither the JobManager nor each other. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RealCluster, repository, submittedJobId, waitFor } from '../harness/real-cluster.ts';
import { type HttpAnswer, type HttpCall, http, multipart } from '../harness/rest.ts';
import { flinkRestApi, violations } from '../rest/validate-answer.ts';

const source = readFileSync(join(repository, 'test/fixtures/programs/hostile-main.ts'));
let cluster: RealCluster;
let neighbour: string;
let program: string;

beforeAll(async () => {
  cluster = await RealCluster.start({ slotsPerTaskManager: 2, conf: { 'web.timeout': 15_000, 'rest.server.numThreads': 2 } });
  const run = await cluster.flink(['run', '-d', join(repository, 'test/fixtures/programs/endless.ts')]);
  neighbour = submittedJobId(run.stdout);
  program = await upload('hostile-main.ts', source);
});
afterAll(() => cluster[Symbol.asyncDispose]());

function call(method: string, path: string, options?: HttpCall): Promise<HttpAnswer> {
  return http(cluster.restPort, method, path, options);
}

async function upload(fileName: string, content: string | Uint8Array): Promise<string> {
  const answer = await call('POST', '/v1/jars/upload', multipart([{ name: 'jarfile', fileName, content }]));
  expect(answer, answer.text).toMatchObject({ status: 200 });
  expect(violations(flinkRestApi.endpoints['POST /jars/upload']?.answer ?? 'any', answer.json)).toEqual([]);
  return ((answer.json as { filename: string }).filename.match(/[^/]+$/) as RegExpMatchArray)[0];
}

function run(entryClass: string, body: Record<string, unknown> = {}, id = program): Promise<HttpAnswer> {
  return call('POST', `/jars/${id}/run`, { body: JSON.stringify({ entryClass, ...body }) });
}

async function expectUnharmed(): Promise<void> {
  expect(await call('GET', `/jobs/${neighbour}/status`)).toMatchObject({ json: { status: 'RUNNING' } });
}

const printed = (): string[] => cluster.logFile(/taskexecutor.*\.out$/).split('\n');

describe('a program that behaves', () => {
  test('is listed, planned both ways, run with arguments in every form, and deleted', async () => {
    const id = await upload('good.ts', source);
    const list = await call('GET', '/jars');
    expect(violations(flinkRestApi.endpoints['GET /jars']?.answer ?? 'any', list.json)).toEqual([]);
    expect((list.json as { files: { id: string; name: string }[] }).files).toContainEqual(expect.objectContaining({ id, name: 'good.ts' }));
    for (const method of ['GET', 'POST']) {
      const plan = await call(method, `/jars/${id}/plan?entry-class=wellBehaved&programArg=a,b&parallelism=2`);
      expect(violations(flinkRestApi.endpoints['GET /jars/:jarid/plan']?.answer ?? 'any', plan.json), plan.text).toEqual([]);
      expect(plan.json).toMatchObject({ plan: { name: 'well behaved' } });
    }
    const jobId = 'abcdefabcdefabcdefabcdefabcdef01';
    const forms = [
      call('POST', `/jars/${id}/run?entry-class=wellBehaved&programArg=query,list`),
      call('POST', `/jars/${id}/run?entry-class=wellBehaved&program-args=query%20%22one%20line%22`),
      run('wellBehaved', { programArgsList: ['body', 'a list'] }, id),
      run('wellBehaved', { programArgs: "body 'one line'", parallelism: '1', allowNonRestoredState: 'true' }, id),
      run('wellBehaved', { programArgsList: ['fixed id'], jobId, flinkConfiguration: { 'pipeline.name': 'x' }, savepointPath: '' }, id),
    ];
    const jobs = (await Promise.all(forms)).map((answer) => {
      expect(violations(flinkRestApi.endpoints['POST /jars/:jarid/run']?.answer ?? 'any', answer.json), answer.text).toEqual([]);
      return (answer.json as { jobid: string }).jobid;
    });
    expect(jobs[4]).toBe(jobId);
    for (const job of jobs) await cluster.waitForJobState(job, 'FINISHED');
    const words = ['query', 'list', 'one line', 'body', 'a list', 'fixed id'];
    await waitFor('all words', () => words.every((word) => printed().includes(word)));
    expect(await call('DELETE', `/jars/${id}`)).toMatchObject({ status: 200, json: {} });
    expect(await run('wellBehaved', {}, id)).toMatchObject({ status: 404 });
  });

  test('a .tgz of npm pack runs, also under the name of a jar and beside the attribute that operators send', async () => {
    const directory = join(cluster.directory, 'packed');
    mkdirSync(directory);
    writeFileSync(
      join(directory, 'package.json'),
      JSON.stringify({ name: 'packed', version: '1.0.0', weir: { entry: './job.ts#wellBehaved' } }),
    );
    writeFileSync(join(directory, 'job.ts'), source);
    execFileSync('tar', ['-czf', join(cluster.directory, 'packed.tgz'), '-C', cluster.directory, 'packed']);
    const content = readFileSync(join(cluster.directory, 'packed.tgz'));
    const answer = await call(
      'POST',
      '/jars/upload',
      multipart([
        { name: 'request', content: '{}', contentType: 'application/json' },
        { name: 'file_0', fileName: 'packed.jar', content, contentType: 'application/java-archive' },
      ]),
    );
    const id = ((answer.json as { filename: string }).filename.match(/[^/]+$/) as RegExpMatchArray)[0];
    const started = await call('POST', `/jars/${id}/run`, { body: '{"programArgsList":["packed"]}' });
    expect(started, started.text).toMatchObject({ status: 200 });
    await cluster.waitForJobState((started.json as { jobid: string }).jobid, 'FINISHED');
  });
});

describe('a request that makes no sense', () => {
  test.each([
    { body: { entryClass: 'noSuchExport' }, says: "'noSuchExport' was not found" },
    { body: { entryClass: 'wellBehaved', parallelism: -1 }, says: 'parallelism' },
    { body: { entryClass: 'wellBehaved', jobId: 'nonsense' }, says: "'nonsense'" },
    { body: { entryClass: 'wellBehaved', claimMode: 'STEAL' }, says: 'STEAL' },
    { body: { entryClass: 'wellBehaved', programArgsList: 'x' }, says: 'programArgsList' },
    { body: { entryClass: 'wellBehaved', programArgsList: ['x'], programArgs: 'y' }, says: 'Confusing request' },
    { body: { entryClass: 'wellBehaved', flinkConfiguration: [] }, says: 'flinkConfiguration' },
  ])('$body is 400', async ({ body, says }) => {
    const answer = await call('POST', `/jars/${program}/run`, { body: JSON.stringify(body) });
    expect(answer).toMatchObject({ status: 400, json: { errors: [expect.stringContaining(says)] } });
  });

  test.each(['..%2f..%2fetc%2fpasswd', '..', 'x', '%00', 'a_b'])('the program id %s is 404', async (id) => {
    for (const answer of [await call('DELETE', `/jars/${id}`), await run('wellBehaved', {}, id)])
      expect(answer).toMatchObject({ status: 404 });
  });
});

describe('a program that does not', () => {
  test.each([
    { entry: 'exits', says: /process\.exit\(0\)/ },
    { entry: 'aborts', says: /process\.abort\(\)/ },
    { entry: 'killsItsProcess', says: 'process.kill' },
    { entry: 'throws', says: /RangeError: main is not in the mood\n.*hostile-main\.ts:32/ },
    { entry: 'throwsNothing', says: 'The main method caused an error' },
    { entry: 'rejectsLater', says: /nobody handles this\n.*hostile-main\.ts:40/ },
    { entry: 'throwsLater', says: /thrown from a timer\n.*hostile-main\.ts:46/ },
    { entry: 'overflowsTheStack', says: 'Maximum call stack' },
    { entry: 'neverExecutes', says: 'never executes it' },
    { entry: 'executesNothing', says: 'did not execute a job' },
    { entry: 'growsAnArray', says: /heap/ },
    { entry: 'growsAMap', says: /heap/ },
  ])('$entry is 400, with its reason', async ({ entry, says }) => {
    const answer = await run(entry);
    expect(answer, answer.text).toMatchObject({ status: 400, json: { errors: [expect.stringMatching(says)] } });
    expect(answer.text).not.toMatch(/node:internal|dist\//);
    await expectUnharmed();
  });

  test('one whose client goes away is ended, with what it started; others take its turn; and web.timeout ends all', async () => {
    const withdrawn = execa('curl', ['-s', '-X', 'POST', `${rest()}/jars/${program}/run?entry-class=blocksInASystemCall`], {
      reject: false,
    });
    const endless = run('loopsForEver');
    await waitFor('both to run', () => programProcesses().length === 2 && systemCalls().length === 1);
    const waiting = run('wellBehaved', { programArgsList: ['patient'] });
    await expectUnharmed();
    withdrawn.kill();
    await withdrawn;
    const answer = await waiting;
    expect(answer, answer.text).toMatchObject({ status: 200 });
    expect(await endless).toMatchObject({ status: 400, json: { errors: [expect.stringContaining('web.timeout')] } });
    await expectNothingLeft();
    await expectUnharmed();
  });

  async function expectNothingLeft(): Promise<void> {
    await waitFor('no process', () => programProcesses().length === 0 && systemCalls().length === 0);
    const directories = (): string[] => readdirSync(join(cluster.directory, 'tmp'), { recursive: true }).map(String);
    await waitFor('no directory', () => !directories().some((path) => /program-[^/]*$/.test(path)));
  }
});

function rest(): string {
  return `http://localhost:${cluster.restPort}`;
}

function systemCalls(): number[] {
  return cluster.processes().filter((pid) => commandOf(pid).startsWith('sleep'));
}

function programProcesses(): number[] {
  return cluster.processes().filter((pid) => commandOf(pid).includes('program-process'));
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
