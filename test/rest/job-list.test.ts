/** The list of jobs while many come and go, and what is answered about those that were forgotten. */
import { expect, test } from 'vitest';
import { installConnectors } from '../../src/api/connector-registry.ts';
import type { PipelineExecutor, RecordedJob } from '../../src/api/executor.ts';
import { StreamExecutionEnvironment } from '../../src/api/stream-execution-environment.ts';
import { builtInConnectors } from '../../src/connectors/built-in.ts';
import { EmbeddedRest } from '../harness/rest.ts';
import { flinkRestApi, violations } from './validate-answer.ts';

installConnectors(builtInConnectors);

/** Submits what `declare` declares; resolves with the job's id once it has ended. */
async function run(rest: EmbeddedRest, name: string, fails = false): Promise<string> {
  let submitted: RecordedJob | undefined;
  const recorder = {
    configuration: {},
    execute: async (job: RecordedJob) => {
      submitted = job;
      return { jobId: '', netRuntimeMs: 0, accumulators: {} };
    },
  } as unknown as PipelineExecutor;
  const env = StreamExecutionEnvironment.withExecutor(recorder);
  env
    .fromElements(1, 2, 3)
    .map((n) => {
      if (fails) throw new Error('as it should');
      return n;
    })
    .filter(() => false)
    .print();
  await env.execute(name);
  const jobId = await rest.cluster.submit(submitted as RecordedJob);
  await rest.cluster.dispatcher.master(jobId)?.whenDone();
  return jobId;
}

interface Row {
  readonly jid: string;
  readonly name: string;
  readonly state: string;
}

test('it stays within jobstore.max-capacity, in order, and every answer about it conforms', async () => {
  await using rest = await EmbeddedRest.start({ 'jobstore.max-capacity': '20', 'jobstore.cache-size': '20000' });
  const ids: string[] = [];
  for (let n = 0; n < 60; n++) {
    ids.push(await run(rest, `job ${n}`, n % 3 === 0));
    const { json } = await rest.call('GET', '/jobs/overview');
    expect(violations(flinkRestApi.endpoints['GET /jobs/overview']?.answer ?? 'any', json)).toEqual([]);
    expect((json as { jobs: Row[] }).jobs.map(({ jid }) => jid)).toEqual(ids.slice(-20));
  }
  const { jobs } = (await rest.call('GET', '/jobs/overview')).json as { jobs: Row[] };
  for (const { jid, name, state } of jobs) {
    expect(name).toBe(`job ${ids.indexOf(jid)}`);
    expect(state).toBe(ids.indexOf(jid) % 3 === 0 ? 'FAILED' : 'FINISHED');
    expect(await rest.call('GET', `/jobs/${jid}`)).toMatchObject({ status: 200, json: { jid, name, state } });
    const result = await rest.call('GET', `/jobs/${jid}/execution-result`);
    expect(violations(flinkRestApi.endpoints['GET /jobs/:jobid/execution-result']?.answer ?? 'any', result.json)).toEqual([]);
  }
  expect(await rest.call('GET', '/overview')).toMatchObject({ json: { 'jobs-failed': 6, 'jobs-finished': 14, 'jobs-running': 0 } });
  for (const path of ['', '/exceptions', '/execution-result', '/plan'])
    expect(await rest.call('GET', `/jobs/${ids[0]}${path}`)).toMatchObject({ status: 404, json: { errors: [`Job ${ids[0]} not found`] } });
  expect(await rest.call('PATCH', `/jobs/${ids[0]}`)).toMatchObject({ status: 404 });
});
