/** After many jobs on one cluster, however they ended, nothing of them is open any more. */
import { expect, test } from 'vitest';
import type { StreamExecutionEnvironment } from '../../src/api/stream-execution-environment.ts';
import { Configuration } from '../../src/config/configuration.ts';
import { MiniCluster } from '../../src/deployment/local/mini-cluster.ts';
import { recordJob } from '../harness/local.ts';
import { waitFor } from '../harness/real-cluster.ts';

const nothing = { programs: 0, tasks: 0, jobs: 0, gates: 0, partitions: 0, halfOpenChannels: 0, connections: 0 };

function numbers(env: StreamExecutionEnvironment, end: number) {
  env.setParallelism(2);
  return env
    .fromSequence(1, end)
    .rebalance()
    .map((n) => n % 7)
    .setParallelism(3)
    .keyBy((n) => n)
    .reduce((a, b) => a + b);
}

const programs: Record<string, (env: StreamExecutionEnvironment) => void> = {
  finished: (env) => void numbers(env, 2000).addSink(() => {}),
  failed: (env) =>
    void numbers(env, 2000).addSink(() => {
      throw new Error('on purpose');
    }),
  'failed while it opens': (env) =>
    void numbers(env, 2000).process({
      open() {
        throw new Error('on purpose');
      },
      processElement() {},
    } as never),
  cancelled: (env) => void numbers(env, Number.MAX_SAFE_INTEGER).addSink(() => {}),
  'cancelled while it waits': (env) => void numbers(env, Number.MAX_SAFE_INTEGER).addSink(() => new Promise<void>(() => {})),
};

test('on one thread', async () => {
  // Patience with a promise that never settles is not what is tested.
  const cluster = await MiniCluster.start({ config: Configuration.of({}), slots: 8, clock: impatientClock });
  try {
    for (let round = 0; round < 4; round++) {
      for (const [outcome, program] of Object.entries(programs)) {
        const job = await recordJob({}, program);
        const jobId = await cluster.submit(job);
        const master = cluster.dispatcher.master(jobId);
        if (outcome.startsWith('cancelled')) {
          await waitFor('records', () => cluster.usage.tasks > 0 && master?.status === 'RUNNING');
          await cluster.dispatcher.cancelJob(jobId);
        }
        const result = (await master?.whenDone()) ?? (await cluster.dispatcher.requestJobResult(jobId));
        expect(result?.status).toBe(outcome === 'finished' ? 'FINISHED' : outcome.startsWith('failed') ? 'FAILED' : 'CANCELED');
      }
    }
    await waitFor('all of it closed', () => JSON.stringify(cluster.usage) === JSON.stringify(nothing)).catch(() => {});
    expect(cluster.usage).toEqual(nothing);
  } finally {
    await cluster.close();
  }
});

const impatientClock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(delayMs: number, callback: () => void) {
    const timer = setTimeout(callback, delayMs >= 5000 ? 0 : delayMs);
    return () => clearTimeout(timer);
  },
};
