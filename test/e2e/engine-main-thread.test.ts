/** Records pass from slot thread to slot thread, also between processes: a TaskManager's main thread has nothing to do with them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RealCluster, repository } from '../harness/real-cluster.ts';

const records = 20_000_000;

test('the main thread of a TaskManager spends next to nothing while its slots exchange records over TCP', async () => {
  await using cluster = await RealCluster.start({ taskManagers: 2, slotsPerTaskManager: 1 });
  const { taskmanagers } = (await cluster.rest<{ taskmanagers: { id: string }[] }>('/taskmanagers')) as { taskmanagers: { id: string }[] };
  const pids = taskmanagers.map(({ id }) => Number(/:(\d+)-/.exec(id)?.[1]));
  const before = pids.map(cpuTicks);
  const run = await cluster.flink(['run', '-p', '2', join(repository, 'test/fixtures/programs/shuffled-numbers.ts'), String(records)]);
  expect(run, cluster.logs()).toMatchObject({ exitCode: 0 });
  expect(run.stdout).toContain(`arrived (LongCounter): ${records}`);
  pids.forEach((pid, index) => {
    const [now, then] = [cpuTicks(pid), before[index] as CpuTicks];
    const [main, all] = [now.main - then.main, now.all - then.all];
    expect(all).toBeGreaterThan(50);
    expect(main / all).toBeLessThan(0.05);
  });
}, 240_000);

interface CpuTicks {
  readonly main: number;
  readonly all: number;
}

/** Of the main thread and of the whole process, user and system time together. */
function cpuTicks(pid: number): CpuTicks {
  return { main: ticksIn(`/proc/${pid}/task/${pid}/stat`), all: ticksIn(`/proc/${pid}/stat`) };
}

function ticksIn(path: string): number {
  const stat = readFileSync(path, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
