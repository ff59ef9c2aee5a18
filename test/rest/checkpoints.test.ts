/** Checkpoints and savepoints over REST, in Flink's shapes: statistics, triggers and their outcomes, stop, disposal. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WatermarkStrategy } from '../../src/api/watermark-strategy.ts';
import { GatedNumberSource } from '../harness/gated-numbers.ts';
import { recordJob } from '../harness/local.ts';
import { waitFor } from '../harness/real-cluster.ts';
import { EmbeddedRest, type HttpAnswer } from '../harness/rest.ts';
import { flinkRestApi, violations } from './validate-answer.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-rest-checkpoints-'));
let rest: EmbeddedRest;
beforeAll(async () => {
  rest = await EmbeddedRest.start({}, 8);
});
afterAll(async () => {
  await rest[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

interface Trigger {
  readonly 'request-id': string;
}
interface Outcome {
  readonly status: { readonly id: string };
  readonly operation: Readonly<Record<string, unknown>> | null;
}

/** Calls an endpoint and holds its answer against Flink's shape. */
async function call(method: string, route: string, params: Record<string, string | number> = {}, body?: unknown): Promise<HttpAnswer> {
  const path = route.replace(/:(\w+)/g, (_, name: string) => String(params[name]));
  const answer = await rest.call(method, path, {
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const endpoint = flinkRestApi.endpoints[`${method} ${route}`];
  if (answer.status < 300) {
    expect(answer.status).toBe(endpoint?.status);
    expect(violations(endpoint?.answer ?? 'any', answer.json)).toEqual([]);
  }
  return answer;
}

async function outcome(route: string, params: Record<string, string>): Promise<Readonly<Record<string, unknown>>> {
  let operation: Readonly<Record<string, unknown>> | null = null;
  await waitFor(`an outcome of ${route}`, async () => {
    const answer = (await call('GET', route, params)).json as Outcome;
    operation = answer.operation;
    return answer.status.id === 'COMPLETED';
  });
  return operation as unknown as Readonly<Record<string, unknown>>;
}

/** A job that stands at number 100 until it is released. */
async function startJob(configuration: Record<string, string> = {}): Promise<{ jobid: string; source: GatedNumberSource; seen: number[] }> {
  const source = new GatedNumberSource({ splits: 2, perSplit: 1000, gates: [], holds: [100] });
  const seen: number[] = [];
  const job = await recordJob({ 'state.savepoints.dir': directory, ...configuration }, (env) => {
    env.setParallelism(2);
    env
      .fromSource(source, WatermarkStrategy.noWatermarks(), 'numbers')
      .uid('numbers')
      .keyBy((n) => n % 10)
      .reduce((a, b) => a + b)
      .uid('sum')
      .addSink((n) => void seen.push(n));
  });
  const jobid = await rest.cluster.submit(job);
  await waitFor('the job to run', async () => {
    const { vertices } = (await rest.call('GET', `/jobs/${jobid}`)).json as { vertices: { status: string }[] };
    return vertices.every(({ status }) => status === 'RUNNING');
  });
  return { jobid, source, seen };
}

async function trigger(route: string, jobid: string, body: unknown): Promise<string> {
  const answer = await call('POST', route, { jobid }, body);
  expect(answer).toMatchObject({ status: 202 });
  return (answer.json as Trigger)['request-id'];
}

describe('a running job with checkpoints', () => {
  const store = join(directory, 'checkpoints');
  let jobid: string;
  beforeAll(async () => {
    ({ jobid } = await startJob({ 'execution.checkpointing.interval': '1 h', 'state.checkpoints.dir': store }));
  });
  afterAll(async () => {
    await rest.cluster.dispatcher.cancelJob(jobid);
  });

  test('tells its settings', async () => {
    const { json } = await call('GET', '/jobs/:jobid/checkpoints/config', { jobid });
    expect(json).toMatchObject({ mode: 'exactly_once', interval: 3_600_000, checkpoint_storage: 'FileSystemCheckpointStorage' });
  });

  test('takes one when asked, and tells all about it', async () => {
    const id = await trigger('/jobs/:jobid/checkpoints', jobid, { checkpointType: 'CONFIGURED', triggerId: null });
    const done = await outcome('/jobs/:jobid/checkpoints/:triggerid', { jobid, triggerid: id });
    expect(done).toEqual({ checkpointId: 1 });
    const { json } = await call('GET', '/jobs/:jobid/checkpoints', { jobid });
    expect(json).toMatchObject({
      counts: { total: 1, completed: 1, failed: 0, in_progress: 0, restored: 0 },
      latest: {
        completed: { id: 1, external_path: `file:${join(store, jobid, 'chk-1')}`, discarded: false },
        savepoint: null,
        failed: null,
      },
      history: [{ id: 1, status: 'COMPLETED', checkpoint_type: 'CHECKPOINT', num_subtasks: 4, num_acknowledged_subtasks: 4, tasks: {} }],
    });
    const details = await call('GET', '/jobs/:jobid/checkpoints/details/:checkpointid', { jobid, checkpointid: 1 });
    const { tasks } = details.json as { tasks: Record<string, unknown> };
    expect(Object.keys(tasks).length).toBe(2);
    for (const vertexid of Object.keys(tasks)) {
      const route = '/jobs/:jobid/checkpoints/details/:checkpointid/subtasks/:vertexid';
      const answer = await call('GET', route, { jobid, checkpointid: 1, vertexid });
      expect(answer.json).toMatchObject({ subtasks: [{ className: 'completed' }, { className: 'completed' }] });
    }
  });

  test.each([
    ['/jobs/:jobid/checkpoints/details/:checkpointid', { checkpointid: 99 }, 404],
    ['/jobs/:jobid/checkpoints/details/:checkpointid', { checkpointid: 'x' }, 400],
    ['/jobs/:jobid/checkpoints/details/:checkpointid/subtasks/:vertexid', { checkpointid: 1, vertexid: 'f'.repeat(32) }, 404],
    ['/jobs/:jobid/checkpoints/:triggerid', { triggerid: 'f'.repeat(32) }, 404],
    ['/jobs/:jobid/savepoints/:triggerid', { triggerid: 'f'.repeat(32) }, 404],
  ])('%s with %o is %i', async (route, params, status) => {
    expect(await call('GET', route, { jobid, ...params } as Record<string, string | number>)).toMatchObject({ status });
  });

  test.each([
    [{ checkpointType: 'INCREMENTAL' }, 400],
    [{ checkpointType: 'HALF' }, 400],
    [{ triggerId: 'short' }, 400],
  ])('a checkpoint with %o is %i', async (body, status) => {
    expect(await call('POST', '/jobs/:jobid/checkpoints', { jobid }, body)).toMatchObject({ status });
  });

  test('a trigger id that is used again starts nothing', async () => {
    const triggerId = '0123456789abcdef0123456789abcdef';
    for (let again = 0; again < 2; again++) expect(await trigger('/jobs/:jobid/savepoints', jobid, { triggerId })).toBe(triggerId);
    const { location } = await outcome('/jobs/:jobid/savepoints/:triggerid', { jobid, triggerid: triggerId });
    expect(String(location)).toMatch(new RegExp(`^file:${directory}/savepoint-${jobid.slice(0, 6)}-[0-9a-f]{12}$`));
    expect(readdirSync(directory).filter((name) => name.startsWith('savepoint-')).length).toBe(1);
    const { json } = await call('GET', '/jobs/:jobid/checkpoints', { jobid });
    expect(json).toMatchObject({ latest: { savepoint: { is_savepoint: true, checkpoint_type: 'SAVEPOINT', external_path: location } } });

    const disposal = (await call('POST', '/savepoint-disposal', {}, { 'savepoint-path': location })).json as Trigger;
    expect(await outcome('/savepoint-disposal/:triggerid', { triggerid: disposal['request-id'] })).toEqual({});
    expect(existsSync(String(location).slice('file:'.length))).toBe(false);
  });
});

test('disposing of what is no savepoint fails with the reason', async () => {
  const disposal = (await call('POST', '/savepoint-disposal', {}, { 'savepoint-path': '/nowhere' })).json as Trigger;
  const done = await outcome('/savepoint-disposal/:triggerid', { triggerid: disposal['request-id'] });
  expect(done).toMatchObject({
    'failure-cause': { 'stack-trace': expect.stringContaining("Cannot find checkpoint or savepoint file/directory '/nowhere'") },
  });
  expect(await call('POST', '/savepoint-disposal', {}, {})).toMatchObject({ status: 400 });
});

describe('a job without checkpoints', () => {
  test('has no statistics until a savepoint is taken; without a directory none can be', async () => {
    const { jobid, source } = await startJob({ 'state.savepoints.dir': '' });
    expect(await call('GET', '/jobs/:jobid/checkpoints', { jobid })).toMatchObject({
      status: 404,
      json: { errors: ['Checkpointing has not been enabled'] },
    });
    expect(await call('POST', '/jobs/:jobid/savepoints', { jobid }, {})).toMatchObject({
      status: 400,
      json: { errors: ['Config key [state.savepoints.dir] is not set. Property [target-directory] must be provided.'] },
    });
    const id = await trigger('/jobs/:jobid/savepoints', jobid, { 'target-directory': directory, 'cancel-job': false });
    await outcome('/jobs/:jobid/savepoints/:triggerid', { jobid, triggerid: id });
    expect(await call('GET', '/jobs/:jobid/checkpoints', { jobid })).toMatchObject({ status: 200 });
    expect((await rest.call('GET', `/jobs/${jobid}/checkpoints/config`)).text).toContain('"interval":9223372036854775807');
    source.release();
    await rest.cluster.dispatcher.master(jobid)?.whenClosed();
  });
});

test('a job that is cancelled with a savepoint is cancelled when it is there', async () => {
  const { jobid } = await startJob();
  const id = await trigger('/jobs/:jobid/savepoints', jobid, { 'cancel-job': true });
  const { location } = await outcome('/jobs/:jobid/savepoints/:triggerid', { jobid, triggerid: id });
  expect(existsSync(join(String(location).slice('file:'.length), '_metadata'))).toBe(true);
  await waitFor(
    'the job to be cancelled',
    async () => ((await rest.call('GET', `/jobs/${jobid}/status`)).json as { status: string }).status === 'CANCELED',
  );
  expect(await call('POST', '/jobs/:jobid/savepoints', { jobid }, {})).toMatchObject({ status: 409 });
});

test.each([false, true])('a job that is stopped (drain: %s) has finished when its savepoint is reported', async (drain) => {
  const { jobid } = await startJob();
  const id = await trigger('/jobs/:jobid/stop', jobid, { targetDirectory: null, drain });
  const { location } = await outcome('/jobs/:jobid/savepoints/:triggerid', { jobid, triggerid: id });
  expect(existsSync(join(String(location).slice('file:'.length), '_metadata'))).toBe(true);
  expect((await rest.call('GET', `/jobs/${jobid}/status`)).json).toEqual({ status: 'FINISHED' });
});

test('an unknown job is 404 everywhere', async () => {
  const jobid = 'f'.repeat(32);
  for (const route of ['/jobs/:jobid/savepoints', '/jobs/:jobid/stop', '/jobs/:jobid/checkpoints'])
    expect(await call('POST', route, { jobid }, {})).toMatchObject({ status: 404, json: { errors: [`Job ${jobid} not found`] } });
});
