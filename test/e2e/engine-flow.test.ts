/**
 * Graphs in which inputs of different pace meet again, with barriers under way, on channels of the least credit: everything
 * arrives, and nothing waits for ever. And one watermark that fires a million timers.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RealCluster, repository } from '../harness/real-cluster.ts';

const program = join(repository, 'test/fixtures/programs/slow-and-fast.ts');

/** The first `count` numbers, `times` over. */
function expected(count: number, times: number): string[] {
  return [`- arrived (LongCounter): ${count * times}`, `- sum (LongCounter): ${((count * (count + 1)) / 2) * times}`];
}

describe.each([
  { name: 'rings', taskManagers: 1, slotsPerTaskManager: 4 },
  { name: 'connections', taskManagers: 2, slotsPerTaskManager: 2 },
])('over $name of the least credit', ({ taskManagers, slotsPerTaskManager }) => {
  let cluster: RealCluster;

  beforeAll(async () => {
    cluster = await RealCluster.start({
      taskManagers,
      slotsPerTaskManager,
      conf: {
        'taskmanager.memory.process.size': taskManagers === 1 ? '2g' : '1200m',
        'taskmanager.network.memory.buffers-per-channel': 1,
        'taskmanager.network.memory.floating-buffers-per-gate': 0,
        'taskmanager.memory.segment-size': '4kb',
        'taskmanager.load-balance.mode': 'SLOTS',
      },
    });
  });

  afterAll(() => cluster[Symbol.asyncDispose]());

  const count = 60_000;
  test.each([
    ['diamond', 3],
    ['broadcast', 5],
    ['connect', 2],
  ])('%s: every record comes %i times', async (shape, times) => {
    const run = await cluster.flink(['run', '-p', '4', program, shape, String(count)]);
    expect(run, cluster.logs()).toMatchObject({ exitCode: 0, stderr: '' });
    for (const line of expected(count, times)) expect(run.stdout).toContain(line);
  });
});

test('a million timers of one watermark fire within the memory of their slots', async () => {
  const count = 1_000_000;
  await using cluster = await RealCluster.start({ taskManagers: 1, slotsPerTaskManager: 2 });
  const run = await cluster.flink(['run', '-p', '2', program, 'timers', String(count)]);
  expect(run, cluster.logs()).toMatchObject({ exitCode: 0, stderr: '' });
  for (const line of expected(count, 1)) expect(run.stdout).toContain(line);
}, 240_000);
