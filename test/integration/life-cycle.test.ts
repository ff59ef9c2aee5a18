/** What a task calls on its functions, and when, however it ends. */
import { expect, test } from 'vitest';
import { Configuration } from '../../src/config/configuration.ts';
import { MiniCluster } from '../../src/deployment/local/mini-cluster.ts';
import { systemClock } from '../../src/shared/time.ts';
import { localEnvironment, recordJob } from '../harness/local.ts';
import { waitFor } from '../harness/real-cluster.ts';

/** A mapper that writes down what happens to it. */
function diary(open: () => Promise<void> | void = () => {}, map: (n: number) => number = (n) => n) {
  const calls: string[] = [];
  const mapper = {
    async open() {
      calls.push('open begins');
      await open();
      calls.push('open ends');
    },
    map(n: number) {
      if (calls.at(-1) !== 'map') calls.push('map');
      return map(n);
    },
    close() {
      calls.push('close');
    },
  };
  return { calls, mapper };
}

test('open, records, close', async () => {
  const { calls, mapper } = diary();
  const env = localEnvironment();
  env
    .fromSequence(1, 100)
    .map(mapper)
    .addSink(() => {});
  await env.execute();
  expect(calls).toEqual(['open begins', 'open ends', 'map', 'close']);
});

test('a function that fails is closed, and then the failure is told', async () => {
  const { calls, mapper } = diary(undefined, () => {
    throw new Error('on purpose');
  });
  const env = localEnvironment();
  env
    .fromSequence(1, 100)
    .map(mapper)
    .addSink(() => {});
  await expect(env.execute()).rejects.toThrow(/Job execution failed/);
  expect(calls).toEqual(['open begins', 'open ends', 'map', 'close']);
});

test('cancelled while it opens, a function is closed when it has opened', async () => {
  let finishOpening: () => void = () => {};
  const opening = new Promise<void>((resolve) => {
    finishOpening = resolve;
  });
  const { calls, mapper } = diary(() => opening);
  const env = localEnvironment();
  env
    .fromSequence(1, 100)
    .map(mapper)
    .addSink(() => {});
  const job = await env.executeAsync();
  await waitFor('open', () => calls.length > 0);
  await job.cancel();
  expect(calls).toEqual(['open begins']);
  finishOpening();
  await expect(job.getJobExecutionResult()).rejects.toThrow(/cancelled/);
  expect(calls).toEqual(['open begins', 'open ends', 'close']);
});

test('cancelled while it writes, a sink is closed when it has written', async () => {
  const calls: string[] = [];
  let finishWriting: () => void = () => {};
  const env = localEnvironment();
  env.fromSequence(1, 100).addSink({
    invoke: async (n: number) => {
      calls.push(`write ${n}`);
      await new Promise<void>((resolve) => {
        finishWriting = resolve;
      });
      calls.push(`written ${n}`);
    },
    close: () => void calls.push('close'),
  });
  const job = await env.executeAsync();
  await waitFor('a write', () => calls.length > 0);
  await job.cancel();
  finishWriting();
  await expect(job.getJobExecutionResult()).rejects.toThrow(/cancelled/);
  expect(calls).toEqual(['write 1', 'written 1', 'close']);
});

test('an open that never returns does not keep a cancelled job', async () => {
  const impatient = {
    ...systemClock,
    schedule: (delayMs: number, callback: () => void) => systemClock.schedule(delayMs >= 5000 ? 0 : delayMs, callback),
  };
  const cluster = await MiniCluster.start({ config: Configuration.of({}), slots: 1, clock: impatient });
  const { calls, mapper } = diary(() => new Promise(() => {}));
  const jobId = await cluster.submit(await recordJob({}, (env) => void env.fromSequence(1, 9).map(mapper)));
  const master = cluster.dispatcher.master(jobId);
  await waitFor('open', () => calls.length > 0);
  await cluster.dispatcher.cancelJob(jobId);
  expect((await master?.whenDone())?.status).toBe('CANCELED');
  await cluster.close();
});

test('each subtask has function literals of its own', async () => {
  const env = localEnvironment({ 'parallelism.default': '3' });
  const seen = new Map<number, Set<unknown>>();
  const mapper = {
    index: -1,
    open(context: { getIndexOfThisSubtask(): number }) {
      this.index = context.getIndexOfThisSubtask();
    },
    map(n: number): number {
      seen.set(this.index, (seen.get(this.index) ?? new Set()).add(this));
      return n;
    },
  };
  env
    .fromSequence(1, 300)
    .rebalance()
    .map(mapper)
    .addSink(() => {});
  await env.execute();
  expect([...seen].map(([index, selves]) => [index, selves.size]).sort()).toEqual([
    [0, 1],
    [1, 1],
    [2, 1],
  ]);
});
