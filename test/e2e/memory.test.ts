/** A TaskManager's process under load: what it takes of its configured size, and what it refuses. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RealCluster, repository, waitFor } from '../harness/real-cluster.ts';

const programs = join(repository, 'test/fixtures/programs');

/** YARN's default check of virtual memory kills a container above this. */
const virtualShare = 2.1;

interface ProcessMemory {
  readonly mostResidentMb: number;
  readonly mostVirtualMb: number;
}

function memoryOf(cluster: RealCluster, program: string): ProcessMemory {
  const [pid] = cluster.processes().filter((candidate) => {
    const line = cluster.commandLine(candidate);
    return line.includes(`/dist/${program}.js`) && !line.includes('supervisor.sh');
  });
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024;
  return { mostResidentMb: read('VmHWM'), mostVirtualMb: read('VmPeak') };
}

function expectWithin(memory: ProcessMemory, processMb: number): void {
  expect(memory.mostResidentMb).toBeLessThan(processMb);
  expect(memory.mostVirtualMb).toBeLessThan(virtualShare * processMb);
}

test('1728m with two slots that are full of state stay below their size, in resident and in virtual memory', async () => {
  await using cluster = await RealCluster.start({ slotsPerTaskManager: 2, conf: { 'taskmanager.memory.process.size': '1728m' } });
  const run = await cluster.flink(['run', '-p', '2', join(programs, 'fills-memory.ts'), '600000', '500000', '400']);
  expect(run).toMatchObject({ exitCode: 0 });
  const lines = cluster.logFile(/taskexecutor.*\.out$/).match(/customer-7-of-the-whole-wide-world\|\d+\|/g);
  expect(lines?.sort()).toEqual(['customer-7-of-the-whole-wide-world|1|', 'customer-7-of-the-whole-wide-world|2|']);
  const taskManager = memoryOf(cluster, 'taskmanager');
  // It did fill them: two slots with some 230 MB each.
  expect(taskManager.mostResidentMb).toBeGreaterThan(350);
  expectWithin(taskManager, 1728);
  expectWithin(memoryOf(cluster, 'jobmanager'), 1024);
});

describe('500,000 distinct words in 1g', () => {
  test.each([{ slots: 1 }, { slots: 2 }])('are counted with $slots slot(s)', async ({ slots }) => {
    await using cluster = await RealCluster.start({ slotsPerTaskManager: slots, conf: { 'taskmanager.memory.process.size': '1g' } });
    const words = join(cluster.directory, 'words.txt');
    writeFileSync(words, Array.from({ length: 50_000 }, (_, line) => distinctWords(line)).join('\n'));
    const run = await cluster.flink(['run', '-p', `${slots}`, join(repository, 'examples/word-count.ts'), '--input', words]);
    expect(run).toMatchObject({ exitCode: 0 });
    const counted = cluster.logFile(/taskexecutor.*\.out$/).match(/\(word\d+x\d+,1\)/g) ?? [];
    expect(new Set(counted).size).toBe(500_000);
    expect(counted).toHaveLength(500_000);
    expectWithin(memoryOf(cluster, 'taskmanager'), 1024);
  });
});

function distinctWords(line: number): string {
  return Array.from({ length: 10 }, (_, n) => `word${line * 10 + n}x${(line * 7919 + n * 104_729) % 1_000_003}`).join(' ');
}

test('with taskmanager.jvm-exit-on-oom a full slot ends its process, whose log tells what everything took', async () => {
  await using cluster = await RealCluster.start({
    slotsPerTaskManager: 1,
    conf: {
      'taskmanager.memory.process.size': '1g',
      'taskmanager.jvm-exit-on-oom': true,
      'taskmanager.debug.memory.log': true,
      'taskmanager.debug.memory.log-interval': '100 ms',
    },
  });
  const run = await cluster.flink(['run', '-c', 'growMap', join(programs, 'hostile.ts')]);
  expect(run.exitCode).toBe(1);
  await waitFor(
    'a new TaskManager',
    () => /registered with 1 slot[\s\S]*is gone[\s\S]*registered with 1 slot/.test(cluster.logFile(/standalonesession.*\.log$/)),
    () => cluster.logs(),
  );
  const log = cluster.logFile(/taskexecutor.*\.log$/);
  expect(log).toContain('Slot 0 ran out of memory, and taskmanager.jvm-exit-on-oom is true.');
  expect(log).toMatch(
    /Memory usage: resident \d+ MB; main thread: \d+ MB of objects and \d+ MB of buffers; slot 0: \d+ MB of objects .*grows a map/,
  );
});

test('a size that leaves too little for each slot is refused before anything starts, with its whole arithmetic', async () => {
  await using cluster = await RealCluster.prepare({ slotsPerTaskManager: 40, conf: { 'taskmanager.memory.process.size': '1728m' } });
  const start = await cluster.script('start-cluster.sh');
  expect(start.exitCode).toBe(1);
  expect(start.stderr).toMatch(
    /too little for each of its 40 slots[\s\S]*process 1\.688gb[\s\S]*- managed 512\.000mb[\s\S]*\/ 40 = \d+ mb a slot[\s\S]*at least 16 are needed/,
  );
  expect(start.stderr).toMatch(/Try: Raise taskmanager\.memory\.process\.size[\s\S]*Try: Lower taskmanager\.numberOfTaskSlots/);
  expect(cluster.processes()).toEqual([]);
});
