/**
 * Every endpoint that Weir serves, asked about running, finished, failed and cancelled jobs of a real cluster: the answers have
 * exactly the keys and types that Flink documents, under both prefixes.
 */
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { countedKeys, countedRecords } from '../fixtures/programs/rest-jobs.ts';
import { parsePrometheus } from '../harness/prometheus.ts';
import { freePort, RealCluster, repository, waitFor } from '../harness/real-cluster.ts';
import { type HttpAnswer, http } from '../harness/rest.ts';
import { flinkRestApi, violations } from '../rest/validate-answer.ts';

const program = join(repository, 'test/fixtures/programs/rest-jobs.ts');
const states = ['RUNNING', 'FINISHED', 'FAILED', 'CANCELED'] as const;
type State = (typeof states)[number];

let cluster: RealCluster;
let prometheusPort: number;
const jobs = {} as Record<State, string>;

beforeAll(async () => {
  prometheusPort = await freePort();
  cluster = await RealCluster.start({
    slotsPerTaskManager: 4,
    conf: {
      'restart-strategy.type': 'fixed-delay',
      'rest.flamegraph.enabled': true,
      'rest.profiling.enabled': true,
      'metrics.reporters': 'prom',
      'metrics.reporter.prom.factory.class': 'org.apache.flink.metrics.prometheus.PrometheusReporterFactory',
      'metrics.reporter.prom.port': `${prometheusPort}-${prometheusPort + 20}`,
      'rest.flamegraph.num-samples': 4,
      'restart-strategy.fixed-delay.attempts': 1,
      'restart-strategy.fixed-delay.delay': '1 ms',
    },
  });
  jobs.FINISHED = await submit('counted');
  jobs.FAILED = await submit('failing');
  jobs.CANCELED = await submit('slow', 'cancelled');
  await cluster.waitForJobState(jobs.CANCELED, 'RUNNING');
  expect((await call('PATCH', `/jobs/${jobs.CANCELED}?mode=cancel`)).status).toBe(202);
  jobs.RUNNING = await submit('slow', 'running');
  for (const state of states) await cluster.waitForJobState(jobs[state], state);
});
afterAll(() => cluster[Symbol.asyncDispose]());

async function submit(name: string, ...args: string[]): Promise<string> {
  const run = await cluster.flink(['run', '-d', '-c', name, program, ...args]);
  // A job that has failed by the time the client looks is told as a failure.
  const id = /JobID:? ([0-9a-f]{32})/.exec(run.stdout + run.stderr)?.[1];
  if (id === undefined) throw new Error(`no job id in:\n${run.stdout}${run.stderr}`);
  return id;
}

function call(method: string, path: string): Promise<HttpAnswer> {
  return http(cluster.restPort, method, path);
}

/** The answers under both prefixes fit, apart from what time changes. */
async function expectConforming(method: string, route: string, path: string): Promise<unknown> {
  const endpoint = flinkRestApi.endpoints[`${method} ${route}`];
  if (!endpoint) throw new Error(`Flink has no ${method} ${route}`);
  for (const prefix of ['', '/v1']) {
    const answer = await call(method, prefix + path);
    expect(answer.status, `${path}: ${answer.text}`).toBe(endpoint.status);
    const isText = endpoint.answer === 'text';
    expect(answer.headers['content-type']).toBe(`${isText ? 'text/plain' : 'application/json'}; charset=UTF-8`);
    expect(violations(endpoint.answer, isText ? answer.text : answer.json), `${path}: ${answer.text.slice(0, 2000)}`).toEqual([]);
  }
  return (await call(method, path)).json;
}

describe.each(states)('a %s job', (state) => {
  test.each([
    '',
    '/plan',
    '/status',
    '/execution-result',
    '/config',
    '/exceptions',
    '/accumulators',
    '/metrics',
    '/jobmanager/config',
    '/jobmanager/environment',
  ])('/jobs/:jobid%s', async (rest) => {
    await expectConforming('GET', `/jobs/:jobid${rest}`, `/jobs/${jobs[state]}${rest}`);
  });

  test.each([
    '',
    '/taskmanagers',
    '/subtasktimes',
    '/watermarks',
    '/accumulators',
    '/subtasks/accumulators',
    '/backpressure',
    '/metrics',
    '/flamegraph',
    '/jm-operator-metrics',
    '/subtasks/metrics',
    '/subtasks/:subtaskindex',
    '/subtasks/:subtaskindex/metrics',
    '/subtasks/:subtaskindex/attempts/:attempt',
    '/subtasks/:subtaskindex/attempts/:attempt/accumulators',
  ])('/jobs/:jobid/vertices/:vertexid%s', async (rest) => {
    const detail = (await call('GET', `/jobs/${jobs[state]}`)).json as { vertices: { id: string; parallelism: number }[] };
    expect(detail.vertices.length).toBeGreaterThan(1);
    for (const { id, parallelism } of detail.vertices) {
      const path = rest.replace(':subtaskindex', String(parallelism - 1)).replace(':attempt', '0');
      await expectConforming('GET', `/jobs/:jobid/vertices/:vertexid${rest}`, `/jobs/${jobs[state]}/vertices/${id}${path}`);
    }
  });
});

test.each([
  '/config',
  '/overview',
  '/datasets',
  '/jars',
  '/jobs',
  '/jobs/overview',
  '/jobs/metrics',
  '/jobmanager/config',
  '/jobmanager/environment',
  '/jobmanager/metrics',
  '/jobmanager/logs',
  '/jobmanager/log',
  '/jobmanager/stdout',
  '/jobmanager/thread-dump',
  '/taskmanagers',
  '/taskmanagers/metrics',
])('%s', async (path) => {
  await expectConforming('GET', path, path);
});

test.each(['', '/metrics', '/logs', '/log', '/stdout', '/thread-dump'])('/taskmanagers/:taskmanagerid%s', async (rest) => {
  const { taskmanagers } = (await call('GET', '/taskmanagers')).json as { taskmanagers: { id: string }[] };
  for (const { id } of taskmanagers) await expectConforming('GET', `/taskmanagers/:taskmanagerid${rest}`, `/taskmanagers/${id}${rest}`);
});

type Json = Record<string, any>;

async function vertices(job: string): Promise<Json[]> {
  return ((await call('GET', `/jobs/${job}`)).json as Json)['vertices'];
}

describe('what is told about a job is true', () => {
  /** What the program does, done again by a loop. */
  const sums = new Map<number, number>();
  let kept = 0;
  for (let n = 2; n <= 2 * countedRecords; n += 2) {
    if (n % 3 !== 0) continue;
    kept++;
    sums.set(n % countedKeys, (sums.get(n % countedKeys) ?? 0) + n);
  }

  test('totals of records equal an independent count, and no byte is lost between two vertices', async () => {
    const [source, reduced, sink, ...others] = await vertices(jobs.FINISHED);
    expect(others).toEqual([]);
    expect(source?.['metrics']).toMatchObject({ 'read-records': 0, 'read-bytes': 0, 'write-records': kept });
    expect(reduced?.['metrics']).toMatchObject({ 'read-records': kept, 'write-records': kept });
    expect(sink?.['metrics']).toMatchObject({ 'read-records': kept, 'write-records': 0, 'write-bytes': 0 });
    expect(source?.['metrics']['write-bytes']).toBeGreaterThan(kept / 2);
    expect(reduced?.['metrics']['read-bytes']).toBe(source?.['metrics']['write-bytes']);
    expect(sink?.['metrics']['read-bytes']).toBe(reduced?.['metrics']['write-bytes']);
    const printed = (cluster.logFile(/taskexecutor.*\.out$/).match(/^[12]> \d+$/gm) ?? []).map((line) => Number(line.slice(3)));
    expect(printed).toHaveLength(kept);
    for (const sum of sums.values()) expect(printed).toContain(sum);
  });

  test('subtasks add up to their vertex, whichever way it is asked', async () => {
    for (const vertex of await vertices(jobs.FINISHED)) {
      const path = `/jobs/${jobs.FINISHED}/vertices/${vertex['id']}`;
      const { subtasks, aggregated } = (await call('GET', path)).json as Json;
      const { taskmanagers } = (await call('GET', `${path}/taskmanagers`)).json as Json;
      for (const key of ['read-records', 'write-records', 'read-bytes', 'write-bytes', 'accumulated-busy-time']) {
        const sum = (parts: Json[]): number => parts.reduce((total, part) => total + part['metrics'][key], 0);
        expect(sum(subtasks), key).toBe(vertex['metrics'][key]);
        expect(sum(taskmanagers), key).toBe(vertex['metrics'][key]);
        expect(aggregated.metrics[key].sum, key).toBe(vertex['metrics'][key]);
      }
      const ids = 'numRecordsIn,numRecordsOut';
      const [read, written] = (await call('GET', `${path}/subtasks/metrics?get=${ids}&agg=sum`)).json as Json[];
      expect(read).toEqual({ id: 'numRecordsIn', sum: vertex['metrics']['read-records'] });
      expect(written).toEqual({ id: 'numRecordsOut', sum: vertex['metrics']['write-records'] });
    }
  });

  test('accumulators and metrics of the program arrive, by name and by subtask', async () => {
    const [source] = await vertices(jobs.FINISHED);
    const seen = { name: 'seen', type: 'IntCounter', value: String(countedRecords) };
    const { 'user-task-accumulators': merged } = (await call('GET', `/jobs/${jobs.FINISHED}/accumulators`)).json as Json;
    expect(merged).toEqual([seen]);
    const path = `/jobs/${jobs.FINISHED}/vertices/${source?.['id']}`;
    expect(((await call('GET', `${path}/accumulators`)).json as Json)['user-accumulators']).toEqual([seen]);
    const names = ((await call('GET', `${path}/metrics`)).json as Json[]).map(({ id }) => id);
    expect(names).toContain('1.doubles__all__of_them.doubled');
    const wanted = '0.doubles__all__of_them.doubled,1.doubles__all__of_them.doubled,0.nothing,1.doubles__all__of_them.answer';
    const values = (await call('GET', `${path}/metrics?get=${wanted}`)).json as { id: string; value: string }[];
    expect(values).toHaveLength(3);
    expect(Number(values[0]?.value) + Number(values[1]?.value)).toBe(countedRecords);
    expect(values[2]).toEqual({ id: '1.doubles__all__of_them.answer', value: '42' });
    expect((await call('GET', `${path}/subtasks/metrics?get=numRecordsOut,nothing`)).json).toEqual([]);
  });

  test('states have times, in order', async () => {
    for (const state of ['FINISHED', 'FAILED', 'CANCELED'] as const) {
      const job = (await call('GET', `/jobs/${jobs[state]}`)).json as Json;
      const { timestamps } = job;
      expect(job['start-time']).toBe(timestamps.INITIALIZING);
      expect(job['end-time']).toBe(timestamps[state]);
      expect(job['duration']).toBe(job['end-time'] - job['start-time']);
      expect(timestamps.CREATED).toBeGreaterThanOrEqual(timestamps.INITIALIZING);
      expect(timestamps.RUNNING).toBeGreaterThanOrEqual(timestamps.CREATED);
      expect(timestamps[state]).toBeGreaterThanOrEqual(timestamps.RUNNING);
      for (const vertex of job['vertices']) {
        expect(vertex['start-time']).toBeGreaterThanOrEqual(job['start-time']);
        expect(vertex['end-time']).toBeLessThanOrEqual(job['end-time']);
        const { subtasks } = (await call('GET', `/jobs/${jobs[state]}/vertices/${vertex.id}/subtasktimes`)).json as Json;
        for (const { timestamps: times, duration } of subtasks) {
          const entered = Object.values(times as Record<string, number>).filter((time) => time > 0);
          expect(Math.max(...entered) - times.DEPLOYING).toBe(duration);
          expect(times.SCHEDULED).toBeGreaterThanOrEqual(times.CREATED);
        }
      }
    }
  });

  test('a failed job names the error, its place, and its attempts', async () => {
    const exceptions = (await call('GET', `/jobs/${jobs.FAILED}/exceptions`)).json as Json;
    expect(exceptions['root-exception']).toMatch(/RangeError: 400 is <too much> & not enough[\s\S]*rest-jobs\.ts:\d+:\d+/);
    const { entries } = exceptions['exceptionHistory'];
    expect(entries).toHaveLength(2);
    for (const entry of entries) expect(entry.taskName).toBe('checks -> Sink: Print to Std. Out (1/1)');
    expect(((await call('GET', `/jobs/${jobs.FAILED}/exceptions?maxExceptions=1`)).json as Json)['exceptionHistory']).toMatchObject({
      entries: [entries[0]],
      truncated: true,
    });
    const [, checks] = await vertices(jobs.FAILED);
    const attempt = (number: number) => call('GET', `/jobs/${jobs.FAILED}/vertices/${checks?.['id']}/subtasks/0/attempts/${number}`);
    for (const number of [0, 1]) {
      const { metrics, ...told } = (await attempt(number)).json as Json;
      expect(told).toMatchObject({ attempt: number, status: 'FAILED' });
      // The records of the slice that failed are not counted.
      expect(metrics['read-records']).toBeGreaterThan(200);
      expect(metrics['read-records']).toBeLessThanOrEqual(400);
    }
    expect((await attempt(2)).status).toBe(404);
    const [restarts] = (await call('GET', `/jobs/${jobs.FAILED}/metrics?get=numRestarts`)).json as Json[];
    expect(restarts).toEqual({ id: 'numRestarts', value: '1' });
  });

  test('a plan is for eyes: names are escaped, ids are those of the vertices', async () => {
    const { plan, vertices: all } = (await call('GET', `/jobs/${jobs.FINISHED}`)).json as Json;
    expect(plan.jid).toBe(jobs.FINISHED);
    expect(plan.name).toBe('counted <job> & "more"');
    expect(plan.nodes.map((node: Json) => node['id']).sort()).toEqual(all.map((vertex: Json) => vertex['id']).sort());
    expect(plan.nodes.flatMap((node: Json) => (node['inputs'] ?? []).map((input: Json) => input['ship_strategy']))).toEqual([
      'REBALANCE',
      'HASH',
    ]);
  });

  test('a slow consumer is busy, its source is back-pressured, and the shares add up', async () => {
    const [source, slow] = await vertices(jobs.RUNNING);
    const pressure = async (vertex: Json | undefined): Promise<Json> =>
      (await call('GET', `/jobs/${jobs.RUNNING}/vertices/${vertex?.['id']}/backpressure`)).json as Json;
    await waitFor('back pressure', async () => (await pressure(source))['backpressure-level'] === 'high');
    await waitFor('a busy consumer', async () => (await pressure(slow))['subtasks'].every((subtask: Json) => subtask['busyRatio'] > 0.5));
    for (const vertex of [source, slow])
      for (const { ratio, idleRatio, busyRatio } of (await pressure(vertex))['subtasks'])
        expect(ratio + idleRatio + busyRatio).toBeCloseTo(1);
    expect((await pressure(slow))['backpressure-level']).toBe('ok');
    const before = await vertices(jobs.RUNNING);
    const total = (vertex: Json | undefined): number =>
      ['accumulated-backpressured-time', 'accumulated-idle-time', 'accumulated-busy-time'].reduce(
        (sum, key) => sum + vertex?.['metrics'][key],
        0,
      );
    for (const vertex of before) expect(total(vertex)).toBeLessThanOrEqual(vertex['duration'] * vertex['parallelism'] + 10);
  });
});

test('a TaskManager tells its memory as it is', async () => {
  const { taskmanagers } = (await call('GET', '/taskmanagers')).json as Json;
  const [{ id }] = taskmanagers;
  const metrics = async (): Promise<Json> => ((await call('GET', `/taskmanagers/${id}`)).json as Json)['metrics'];
  await waitFor('reports of all slots', async () => (await metrics())['heapUsed'] > 40 * 2 ** 20);
  const told = await metrics();
  expect(told['heapUsed']).toBeLessThanOrEqual(told['heapCommitted']);
  expect(told['heapCommitted']).toBeLessThanOrEqual(told['heapMax']);
  const pid = taskManagerProcess();
  const resident = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
  expect(told['heapCommitted'] + told['nonHeapUsed']).toBeLessThan(resident * 1.5);
  expect(told['heapCommitted'] + told['nonHeapUsed']).toBeGreaterThan(resident / 1.5);
  for (const kind of ['nettyShuffleMemory', 'nettyShuffleMemorySegments'])
    expect(told[`${kind}Available`] + told[`${kind}Used`]).toBeLessThanOrEqual(told[`${kind}Total`]);
  expect(told['nettyShuffleMemoryUsed']).toBeGreaterThan(0);
  const ids = 'Status.JVM.Threads.Count,Status.JVM.CPU.Load';
  const [threads, load] = (await call('GET', `/taskmanagers/${id}/metrics?get=${ids}`)).json as Json[];
  expect(Number(threads?.['value'])).toBeGreaterThan(4);
  expect(Number(load?.['value'])).toBeGreaterThan(0);
});

test('Prometheus finds each process, and in it what REST says', async () => {
  const urls = (): string[] =>
    [...cluster.logFile(/\.log$/).matchAll(/Metrics for Prometheus at http:\/\/\S+:(\d+)\//g)].map((match) => match[1] as string);
  const pages = await Promise.all(urls().map(async (port) => parsePrometheus((await http(Number(port), 'GET', '/metrics')).text)));
  expect(pages).toHaveLength(2);
  const samples = pages.flatMap((page) => page.samples);
  const named = (name: string): typeof samples => samples.filter((sample) => sample.name === name);
  expect(named('flink_jobmanager_numRegisteredTaskManagers')[0]?.value).toBe(1);
  expect(named('flink_jobmanager_job_numRestarts')).toContainEqual({
    name: 'flink_jobmanager_job_numRestarts',
    labels: { host: 'localhost', job_id: jobs.RUNNING, job_name: 'running' },
    value: 0,
  });
  const [, slow] = await vertices(jobs.RUNNING);
  const busy = named('flink_taskmanager_job_task_busyTimeMsPerSecond').filter(({ labels }) => labels['task_id'] === slow?.['id']);
  expect(busy.map(({ labels }) => labels['subtask_index']).sort()).toEqual(['0', '1']);
  for (const { value } of busy) expect(value).toBeGreaterThan(500);
  const read = named('flink_taskmanager_job_task_numRecordsIn').filter(({ labels }) => labels['task_id'] === slow?.['id']);
  expect(read.reduce((sum, { value }) => sum + value, 0)).toBeGreaterThan(0);
  expect(named('flink_taskmanager_Status_JVM_Memory_Heap_Used')[0]?.value).toBeGreaterThan(1e6);
});

describe('what threads do is seen from outside', () => {
  test('a thread dump shows the line of the program', async () => {
    const { taskmanagers } = (await call('GET', '/taskmanagers')).json as Json;
    const stacks = async (): Promise<string> => (await call('GET', `/taskmanagers/${taskmanagers[0].id}/thread-dump`)).text;
    await waitFor('the slow filter', async () => /slot \d.*rest-jobs\.ts:\d+:\d+/s.test(await stacks()));
    expect(await stacks()).toMatch(/tasks: .*slow \(\d\/2\)/);
  });

  test('profiles of each process are taken one at a time, listed, and downloaded whole', async () => {
    const { taskmanagers } = (await call('GET', '/taskmanagers')).json as Json;
    for (const [path, route, thread] of [
      ['/jobmanager', '/jobmanager', 'main'],
      [`/taskmanagers/${taskmanagers[0].id}`, '/taskmanagers/:taskmanagerid', 'slot 0'],
    ]) {
      const start = (body: Json): Promise<HttpAnswer> => http(cluster.restPort, 'POST', `${path}/profiler`, { body: JSON.stringify(body) });
      const started = await start({ mode: 'CPU', duration: 1 });
      expect(violations(flinkRestApi.endpoints[`POST ${route}/profiler`]?.answer ?? 'any', started.json), started.text).toEqual([]);
      expect(await start({ mode: 'CPU', duration: 1 })).toMatchObject({
        status: 400,
        json: { errors: [expect.stringContaining('already')] },
      });
      expect(await start({ mode: 'LOCK', duration: 1 })).toMatchObject({ status: 400 });
      expect(await start({ mode: 'CPU', duration: 1e9 })).toMatchObject({ status: 400 });
      const newest = async (): Promise<Json> =>
        ((await expectConforming('GET', `${route}/profiler`, `${path}/profiler`)) as Json)['profilingList'][0];
      await waitFor('the profile', async () => (await newest())['status'] === 'FINISHED');
      const file = await call('GET', `${path}/profiler/${(await newest())['outputFile']}`);
      expect(file).toMatchObject({ status: 200, headers: { 'content-type': 'application/octet-stream' } });
      const events = (file.json as Json)['traceEvents'] as Json[];
      expect(events.map(({ args }) => args.name)).toContain(thread);
      expect(events.find(({ name }) => name === 'ProfileChunk')?.['args'].data.cpuProfile.samples.length).toBeGreaterThan(10);
      expect(await call('GET', `${path}/profiler/..%2f..%2fetc%2fpasswd`)).toMatchObject({ status: 404 });
    }
  });

  test('a flame graph is sampled at the first request, and holds the vertex’s own calls', async () => {
    const [, slow] = await vertices(jobs.RUNNING);
    const graph = async (query: string): Promise<Json> =>
      (await call('GET', `/jobs/${jobs.RUNNING}/vertices/${slow?.['id']}/flamegraph${query}`)).json as Json;
    await waitFor('a graph', async () => (await graph('?type=on_cpu'))['data'] !== null);
    const { data, endTimestamp } = await graph('?type=on_cpu');
    expect(endTimestamp).toBeGreaterThan(1e12);
    expect(JSON.stringify(data)).toMatch(/input0 \(running\/slow\).*rest-jobs\.ts/);
    const weigh = (node: Json): void => {
      const below = node['children'].reduce((sum: number, child: Json) => sum + child['value'], 0);
      expect(below).toBeLessThanOrEqual(node['value']);
      for (const child of node['children']) weigh(child);
    };
    weigh(data);
    expect(await call('GET', `/jobs/${jobs.RUNNING}/vertices/${slow?.['id']}/flamegraph?type=warm`)).toMatchObject({ status: 400 });
    expect(await call('GET', `/jobs/${jobs.RUNNING}/vertices/${slow?.['id']}/flamegraph?subtaskindex=9`)).toMatchObject({ status: 404 });
  });
});

describe('checkpoints and savepoints', () => {
  let job: string;
  beforeAll(async () => {
    job = await submit('checkpointed');
    await waitFor('checkpoints', async () => ((await call('GET', `/jobs/${job}/checkpoints`)).json as Json)['counts']?.completed > 1);
  });

  async function outcome(method: string, path: string, body: Json, statusPath: string, statusRoute: string): Promise<Json> {
    const answer = await http(cluster.restPort, method, path, { body: JSON.stringify(body) });
    const [, route = ''] = /^(?:\/jobs\/[0-9a-f]{32})?(\/.*)$/.exec(path) ?? [];
    const endpoint = flinkRestApi.endpoints[`${method} ${path.startsWith('/jobs') ? '/jobs/:jobid' : ''}${route}`];
    expect(answer.status, answer.text).toBe(endpoint?.status);
    const id = (answer.json as Json)['request-id'];
    let told: Json = {};
    await waitFor(`the outcome of ${path}`, async () => {
      told = (await expectConforming('GET', statusRoute, `${statusPath}/${id}`)) as Json;
      return told['status'].id === 'COMPLETED';
    });
    return told['operation'];
  }

  test('statistics, settings and details conform', async () => {
    const { history } = (await expectConforming('GET', '/jobs/:jobid/checkpoints', `/jobs/${job}/checkpoints`)) as Json;
    await expectConforming('GET', '/jobs/:jobid/checkpoints/config', `/jobs/${job}/checkpoints/config`);
    const { id } = history.find((checkpoint: Json) => checkpoint['status'] === 'COMPLETED');
    await expectConforming('GET', '/jobs/:jobid/checkpoints/details/:checkpointid', `/jobs/${job}/checkpoints/details/${id}`);
    for (const vertex of await vertices(job))
      await expectConforming(
        'GET',
        '/jobs/:jobid/checkpoints/details/:checkpointid/subtasks/:vertexid',
        `/jobs/${job}/checkpoints/details/${id}/subtasks/${vertex['id']}`,
      );
    for (const unknown of ['999999', `${id}/subtasks/${'f'.repeat(32)}`])
      expect(await call('GET', `/jobs/${job}/checkpoints/details/${unknown}`)).toMatchObject({ status: 404 });
    expect(await call('GET', `/jobs/${job}/checkpoints/details/x`)).toMatchObject({ status: 400 });
  });

  test('metrics of the job agree with the statistics', async () => {
    const ids = 'numberOfCompletedCheckpoints,lastCompletedCheckpointId,lastCheckpointExternalPath';
    const before = ((await call('GET', `/jobs/${job}/checkpoints`)).json as Json)['latest'].completed;
    const [count, last, path] = (await call('GET', `/jobs/${job}/metrics?get=${ids}`)).json as Json[];
    const { counts } = (await call('GET', `/jobs/${job}/checkpoints`)).json as Json;
    expect(Number(count?.['value'])).toBeLessThanOrEqual(counts.completed);
    expect(Number(last?.['value'])).toBeGreaterThanOrEqual(before.id);
    expect(path?.['value']).toMatch(/chk-\d+$|not-externally-addressable/);
  });

  test('triggering, and failing to, follows the pattern of asynchronous operations', async () => {
    const target = join(cluster.directory, 'savepoints');
    const checkpoint = await outcome(
      'POST',
      `/jobs/${job}/checkpoints`,
      { checkpointType: 'FULL', triggerId: null },
      `/jobs/${job}/checkpoints`,
      '/jobs/:jobid/checkpoints/:triggerid',
    );
    expect(checkpoint['checkpointId']).toBeGreaterThan(0);
    const savepoint = await outcome(
      'POST',
      `/jobs/${job}/savepoints`,
      { 'target-directory': target, 'cancel-job': false, formatType: 'CANONICAL', triggerId: null },
      `/jobs/${job}/savepoints`,
      '/jobs/:jobid/savepoints/:triggerid',
    );
    expect(savepoint['location']).toContain(target);
    expect(
      await outcome(
        'POST',
        '/savepoint-disposal',
        { 'savepoint-path': savepoint['location'] },
        '/savepoint-disposal',
        '/savepoint-disposal/:triggerid',
      ),
    ).toEqual({});
    const failed = await outcome(
      'POST',
      '/savepoint-disposal',
      { 'savepoint-path': savepoint['location'] },
      '/savepoint-disposal',
      '/savepoint-disposal/:triggerid',
    );
    expect(failed['failure-cause']['stack-trace']).toContain(savepoint['location'].replace(/^file:/, ''));
    const stopped = await outcome(
      'POST',
      `/jobs/${job}/stop`,
      { targetDirectory: target, drain: false, formatType: 'CANONICAL', triggerId: null },
      `/jobs/${job}/savepoints`,
      '/jobs/:jobid/savepoints/:triggerid',
    );
    expect(stopped['location']).toContain(target);
    expect(await call('GET', `/jobs/${job}/status`)).toMatchObject({ json: { status: 'FINISHED' } });
    await expectConforming('GET', '/jobs/:jobid/checkpoints', `/jobs/${job}/checkpoints`);
    expect(await call('GET', `/jobs/${job}/savepoints/${'e'.repeat(32)}`)).toMatchObject({ status: 404 });
  });
});

describe('what cannot be answered', () => {
  const nobody = 'ffffffffffffffffffffffffffffffff';
  test.each([
    { path: () => `/jobs/${nobody}`, status: 404, says: `Job ${nobody} not found` },
    { path: () => '/jobs/nonsense', status: 400, says: 'nonsense' },
    { path: () => `/jobs/${jobs.FINISHED}/vertices/${nobody}`, status: 404, says: nobody },
    { path: () => `/jobs/${jobs.FINISHED}/vertices/x`, status: 400, says: "'x'" },
    { path: () => `/jobs/${jobs.FINISHED}/checkpoints`, status: 404, says: 'Checkpointing has not been enabled' },
    { path: () => '/taskmanagers/nobody', status: 404, says: 'nobody' },
    { path: () => `/datasets/delete/${nobody}`, status: 404, says: nobody },
  ])('$status: $says', async ({ path, status, says }) => {
    const answer = await call('GET', path());
    expect(answer).toMatchObject({ status });
    expect(answer.json).toEqual({ errors: [expect.stringContaining(says)] });
  });

  test('a job that has ended is not cancelled, unless it was', async () => {
    expect(await call('PATCH', `/jobs/${jobs.FINISHED}`)).toMatchObject({ status: 409 });
    expect(await call('GET', `/jobs/${jobs.FAILED}/yarn-cancel`)).toMatchObject({ status: 409 });
    expect(await call('PATCH', `/jobs/${jobs.CANCELED}?mode=CANCEL`)).toMatchObject({ status: 202, json: {} });
    for (const path of [`/jobs/${jobs.RUNNING}/yarn-stop`, `/jobs/${jobs.RUNNING}?mode=stop`]) {
      const answer = await call(path.endsWith('yarn-stop') ? 'GET' : 'PATCH', path);
      expect(answer).toMatchObject({ status: 308, json: { errors: [expect.stringContaining('jobs/:jobId/stop')] } });
    }
  });

  test('a data set that is deleted was not there, and that is fine', async () => {
    const trigger = await call('DELETE', `/datasets/${nobody}`);
    expect(violations(flinkRestApi.endpoints['DELETE /datasets/:datasetid']?.answer ?? 'any', trigger.json)).toEqual([]);
    const id = (trigger.json as Json)['request-id'];
    expect(await expectConforming('GET', '/datasets/delete/:triggerid', `/datasets/delete/${id}`)).toEqual({
      status: { id: 'COMPLETED' },
      operation: {},
    });
  });
});

describe('logs', () => {
  const out = (): string =>
    join(cluster.directory, 'log', readdirSync(join(cluster.directory, 'log')).find((name) => /taskexecutor.*\.out$/.test(name)) ?? '');

  test('a file of any length is sent whole, by every name it has', async () => {
    appendFileSync(out(), `${'y'.repeat(1_000_003)}\n`.repeat(25));
    const content = readFileSync(out(), 'utf8');
    const { taskmanagers } = (await call('GET', '/taskmanagers')).json as Json;
    const name = out().slice(out().lastIndexOf('/') + 1);
    for (const path of [
      `/taskmanagers/${taskmanagers[0].id}/stdout`,
      `/taskmanagers/${taskmanagers[0].id}/logs/${name}`,
      `/jobmanager/logs/${name}`,
    ]) {
      const answer = await call('GET', path);
      expect(answer.status).toBe(200);
      expect(answer.text === content, path).toBe(true);
    }
    const { logs } = (await call('GET', '/jobmanager/logs')).json as Json;
    expect(logs).toContainEqual({ name, size: content.length, mtime: expect.any(Number) });
  });

  test.each(['absent.log', '..%2f..%2fetc%2fpasswd', '%2e%2e', '.', '%00', 'x'.repeat(300)])('there is no file %.20s', async (name) => {
    const { taskmanagers } = (await call('GET', '/taskmanagers')).json as Json;
    for (const path of ['/jobmanager', `/taskmanagers/${taskmanagers[0].id}`])
      expect(await call('GET', `${path}/logs/${name}`)).toMatchObject({ status: 404, json: { errors: [expect.any(String)] } });
  });
});

describe('at the end', () => {
  test('a TaskManager that hangs costs an error, not the answer', async () => {
    const { taskmanagers } = (await call('GET', '/taskmanagers')).json as Json;
    const pid = taskManagerProcess();
    process.kill(pid, 'SIGSTOP');
    try {
      const answers = await Promise.all(
        ['log', 'thread-dump', 'logs'].map((what) => call('GET', `/taskmanagers/${taskmanagers[0].id}/${what}`)),
      );
      for (const answer of answers) expect(answer.json).toEqual({ errors: [expect.stringContaining('connection')] });
      expect(await call('GET', '/taskmanagers')).toMatchObject({ json: { taskmanagers: [] } });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  });

  test('DELETE /cluster answers, and ends the JobManager for good', async () => {
    expect(await call('DELETE', '/v1/cluster')).toMatchObject({ status: 200, json: {} });
    await waitFor('no JobManager', () => !cluster.processes().some((pid) => commandOf(pid).includes('jobmanager.js')));
    expect(await cluster.rest('/overview')).toBeUndefined();
  });
});

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function taskManagerProcess(): number {
  return cluster.processes().find((pid) => /^[^\0]*node\0.*dist\/taskmanager\.js\0/s.test(commandOf(pid))) as number;
}
