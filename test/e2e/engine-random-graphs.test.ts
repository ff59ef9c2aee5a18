/**
 * The random graphs of test/integration/random-graph on a real cluster: over slot threads that share rings, and over two
 * TaskManagers, with channels so small that nearly every frame has to wait for its reader.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RealCluster, repository } from '../harness/real-cluster.ts';
import { seedsToRun } from '../integration/random-graph/seeds.ts';

const program = join(repository, 'test/integration/random-graph/program.ts');
const seedsPerJob = 8;
const seeds = seedsToRun(8);
const jobs = Array.from({ length: Math.ceil(seeds.length / seedsPerJob) }, (_, job) =>
  seeds.slice(job * seedsPerJob, (job + 1) * seedsPerJob),
);

/** One segment a channel, and none to float. */
const oneSlotCredit = {
  'taskmanager.network.memory.buffers-per-channel': 1,
  'taskmanager.network.memory.floating-buffers-per-gate': 0,
  'taskmanager.memory.segment-size': '4kb',
};

const clusters = {
  'one TaskManager': { taskManagers: 1, slotsPerTaskManager: 12, conf: { 'taskmanager.memory.process.size': '6g' } },
  'two TaskManagers, one-slot credit': {
    taskManagers: 2,
    slotsPerTaskManager: 6,
    conf: { ...oneSlotCredit, 'taskmanager.memory.process.size': '3g', 'taskmanager.load-balance.mode': 'SLOTS' },
  },
};

describe.each(Object.entries(clusters))('%s', (_, options) => {
  let cluster: RealCluster;

  beforeAll(async () => {
    cluster = await RealCluster.start(options);
  });

  afterAll(() => cluster[Symbol.asyncDispose]());

  describe.each([
    { placement: 'chained', spread: 'together', flags: [] },
    { placement: 'spread over slots, chaining off', spread: 'spread', flags: ['-Dpipeline.operator-chaining=false'] },
  ])('$placement', ({ spread, flags }) => {
    test.each(jobs)('seeds %i to …', async (...some) => {
      const run = await cluster.flink(['run', ...flags, program, spread, ...some.map(String)]);
      expect(run.stderr).toBe('');
      expect(run.exitCode).toBe(0);
      expect(run.stdout.match(/is right/g)).toHaveLength(some.length);
    });
  });
});
