/** User code that misbehaves fails its own job, with a located message, and nobody else's. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type CommandResult, RealCluster, repository, submittedJobId, waitFor } from '../harness/real-cluster.ts';

const programs = join(repository, 'test/fixtures/programs');
const hostile = join(programs, 'hostile.ts');

interface JobDetail {
  readonly state: string;
  readonly vertices: readonly { readonly id: string }[];
}

describe('beside another job', () => {
  let cluster: RealCluster;
  let neighbour: string;

  beforeAll(async () => {
    cluster = await RealCluster.start({ slotsPerTaskManager: 2 });
    const run = await cluster.flink(['run', '-d', join(programs, 'endless.ts')]);
    neighbour = submittedJobId(run.stdout);
    await cluster.waitForJobState(neighbour, 'RUNNING');
  });

  afterAll(() => cluster[Symbol.asyncDispose]());

  async function expectNeighbourUntouched(): Promise<void> {
    const job = await cluster.rest<JobDetail>(`/jobs/${neighbour}`);
    expect(job?.state).toBe('RUNNING');
    const exceptions = await cluster.rest<{ exceptionHistory: { entries: unknown[] } }>(`/jobs/${neighbour}/exceptions`);
    expect(exceptions?.exceptionHistory.entries).toEqual([]);
  }

  test.each([
    { program: 'exitInMap', says: ['The program called process.exit(0).', /hostile\.ts:\d+:\d+/] },
    { program: 'rejectUnhandled', says: ['nobody handles this', /hostile\.ts:\d+:\d+/] },
    { program: 'throwLater', says: ['thrown from a timer', /hostile\.ts:\d+:\d+/] },
    { program: 'throwInMap', says: ['checks the answer', 'TypeError: the answer is not allowed', /hostile\.ts:131:\d+/] },
    { program: 'asyncMap', says: ["Operator 'asks politely'", 'asynchronous I/O'] },
    { program: 'differsInReplay', says: ["'in the client'", "'in a worker'", 'env.once'] },
    { program: 'growMap', says: ['Slot', 'ran out of its heap', 'grows a map', 'taskmanager.memory.process.size'] },
    { program: 'growArray', says: ['ran out of its heap', 'grows an array'] },
    { program: 'growStrings', says: ['ran out of its heap', 'grows strings'] },
  ])('$program fails its job only', async ({ program, says }) => {
    const run = await cluster.flink(['run', '-c', program, hostile]);
    expect(run.exitCode).toBe(1);
    for (const words of says) expect(run.stderr).toMatch(words);
    expect(run.stderr).not.toMatch(/dist\/|node:internal/);
    await expectNeighbourUntouched();
  });

  test('a program that exits at import fails its job only', async () => {
    const run = await cluster.flink(['run', join(programs, 'exits-at-import.ts')]);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain('The program called process.exit(3).');
    await expectNeighbourUntouched();
  });

  test('a flood of console lines is written, and stops nobody', async () => {
    const run = await cluster.flink(['run', '-c', 'floodConsole', hostile]);
    expect(run).toMatchObject({ exitCode: 0 });
    const lines = cluster.logFile(/taskexecutor.*\.out$/).match(/^line \d+ x{100}$/gm) ?? [];
    expect(lines).toHaveLength(300_000);
    await expectNeighbourUntouched();
  });

  test('a task that loops for ever is cancelled', async () => {
    const run = await cluster.flink(['run', '-d', '-c', 'loopForEver', hostile]);
    const job = submittedJobId(run.stdout);
    await cluster.waitForJobState(job, 'RUNNING');
    expect(await cluster.flink(['cancel', job])).toMatchObject({ exitCode: 0 });
    await cluster.waitForJobState(job, 'CANCELED');
    await expectNeighbourUntouched();
  });

  test('what fails in main is told with its place, and submits nothing', async () => {
    const thrown = await cluster.flink(['run', '-c', 'throwInMain', hostile]);
    expect(thrown).toMatchObject({ exitCode: 1, stdout: '' });
    expect(thrown.stderr).toMatch(/The main method caused an error: main is not in the mood/);
    expect(thrown.stderr).toMatch(/hostile\.ts:150:\d+/);
    const forgotten = await cluster.flink(['run', '-c', 'neverExecutes', hostile]);
    expect(forgotten).toMatchObject({ exitCode: 1, stdout: '' });
    expect(forgotten.stderr).toMatch(/declares a job and never executes it[\s\S]*hostile\.ts:155:\d+[\s\S]*env\.execute/);
    const missing = await cluster.flink(['run', '-c', 'noSuchProgram', hostile]);
    expect(missing).toMatchObject({ exitCode: 1, stdout: '' });
    expect(missing.stderr).toMatch(/'noSuchProgram' was not found[\s\S]*exitInMap/);
  });
});

describe('in a system call', () => {
  let cluster: RealCluster;
  beforeAll(async () => {
    cluster = await RealCluster.start({ slotsPerTaskManager: 1 });
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  test('a thread that cannot be ended costs its process, which comes back', async () => {
    const run = await cluster.flink(['run', '-d', '-c', 'blockInExecSync', hostile]);
    const job = submittedJobId(run.stdout);
    await cluster.waitForJobState(job, 'RUNNING');
    const [before] = await taskManagers(cluster);
    expect(await cluster.flink(['cancel', job])).toMatchObject({ exitCode: 0 });
    await cluster.waitForJobState(job, 'CANCELED');
    await waitFor('another TaskManager', async () => {
      const [after] = await taskManagers(cluster);
      return after !== undefined && after.id !== before?.id && after.freeSlots === 1;
    });
    expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toMatch(/^sleep 1000$/m);
  });
});

describe.each([{ heap: 64 }, { heap: 300 }, { heap: 1000 }])('with $heap MB a slot', ({ heap }) => {
  let cluster: RealCluster;
  let before: readonly number[];

  beforeAll(async () => {
    cluster = await RealCluster.start({
      slotsPerTaskManager: 1,
      conf: { 'taskmanager.memory.process.size': `${2 * heap + 1200}m`, 'taskmanager.memory.task.heap.size': `${heap}m` },
    });
    before = cluster.processes();
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  let run: CommandResult;
  beforeEach(() => {
    run = { exitCode: -1, stdout: '', stderr: '' };
  });

  test.each(['growMap', 'growArray', 'growStrings'])('%s ends its slot, not its process', async (program) => {
    run = await cluster.flink(['run', '-c', program, hostile]);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toMatch(/ran out of its heap|heap is nearly full/);
    expect(run.stderr).toMatch(/grows/);
    expect(cluster.processes()).toEqual(before);
  });
});

async function taskManagers(cluster: RealCluster): Promise<readonly { id: string; freeSlots: number }[]> {
  return (await cluster.rest<{ taskmanagers: { id: string; freeSlots: number }[] }>('/taskmanagers'))?.taskmanagers ?? [];
}
