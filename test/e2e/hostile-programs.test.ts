/** User code that misbehaves fails its own job, with a located message, and nobody else's. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RealCluster, repository, submittedJobId, waitFor } from '../harness/real-cluster.ts';

const programs = join(repository, 'test/fixtures/programs');
const hostile = join(programs, 'hostile.ts');

const hostileLines = readFileSync(hostile, 'utf8').split('\n');

/** The line of the program that holds the text, or one below it. */
function placeOf(text: string, below = 0): RegExp {
  const line = hostileLines.findIndex((candidate) => candidate.includes(text)) + 1 + below;
  return new RegExp(`hostile\\.ts:${line}:\\d+`);
}

interface JobDetail {
  readonly state: string;
  readonly vertices: readonly { readonly id: string }[];
}

describe('beside another job', () => {
  let cluster: RealCluster;
  let neighbour: string;

  beforeAll(async () => {
    cluster = await RealCluster.start({ slotsPerTaskManager: 2, conf: { 'taskmanager.memory.process.size': '1g' } });
    const run = await cluster.flink(['run', '-d', join(programs, 'endless.ts')]);
    neighbour = submittedJobId(run.stdout);
    await cluster.waitForJobState(neighbour, 'RUNNING');
  });

  afterAll(() => cluster[Symbol.asyncDispose]());

  async function expectNeighbourUntouched(): Promise<void> {
    const job = await cluster.rest<JobDetail>(`/jobs/${neighbour}`);
    expect(job?.state).toBe('RUNNING');
    expect(await failures(cluster, neighbour)).toEqual([]);
  }

  test.each([
    { program: 'exitInMap', says: ['The program called process.exit(0).', /hostile\.ts:\d+:\d+/] },
    { program: 'rejectUnhandled', says: ['nobody handles this', /hostile\.ts:\d+:\d+/] },
    { program: 'throwLater', says: ['thrown from a timer', /hostile\.ts:\d+:\d+/] },
    {
      program: 'throwInMap',
      says: ['checks the answer', 'TypeError: the answer is not allowed', placeOf("throw new TypeError('the answer")],
    },
    { program: 'asyncMap', says: ["Operator 'asks politely'", 'asynchronous I/O'] },
    { program: 'differsInReplay', says: ["'in the client'", "'in a worker'", 'env.once'] },
    { program: 'growMap', says: ['Slot', 'ran out of its heap', 'grows a map', 'taskmanager.memory.process.size'] },
    { program: 'growArray', says: ['ran out of its heap', 'grows an array'] },
    { program: 'growStrings', says: ['ran out of its heap', 'grows strings'] },
    { program: 'growInOneCall', says: ['ran out of its heap', 'grows in one call'] },
    { program: 'growBuffers', says: ['buffers outside the heap', 'grows buffers', 'taskmanager.memory.process.size'] },
    { program: 'growInEnumerator', says: ['in the JobManager ended', 'heap', 'jobmanager.memory.process.size'] },
    { program: 'exitInEnumerator', says: ['The program called process.exit(0).'] },
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

  test('an enumerator that loops for ever is cancelled, and the JobManager goes on', async () => {
    // A client waits until its job is initialised.
    const run = cluster.flink(['run', '-c', 'loopInEnumerator', hostile]);
    const initializing = async (): Promise<string | undefined> =>
      (await cluster.rest<{ jobs: { id: string; status: string }[] }>('/jobs'))?.jobs.find(({ status }) => status === 'INITIALIZING')?.id;
    let job = '';
    await waitFor('the job', async () => {
      job = (await initializing()) ?? '';
      return job !== '';
    });
    expect(await cluster.flink(['cancel', job])).toMatchObject({ exitCode: 0 });
    await cluster.waitForJobState(job, 'CANCELED');
    expect((await run).exitCode).toBe(1);
    await expectNeighbourUntouched();
  });

  test('a flood of console lines is written, and stops nobody', async () => {
    const run = await cluster.flink(['run', '-c', 'floodConsole', hostile]);
    expect(run).toMatchObject({ exitCode: 0 });
    const lines = cluster.logFile(/taskexecutor.*\.out$/).match(/^line \d+ x{100}$/gm) ?? [];
    expect(lines).toHaveLength(300_000);
    await expectNeighbourUntouched();
  });

  test('what fails in main is told with its place, and submits nothing', async () => {
    const thrown = await cluster.flink(['run', '-c', 'throwInMain', hostile]);
    expect(thrown).toMatchObject({ exitCode: 1, stdout: '' });
    expect(thrown.stderr).toMatch(/The main method caused an error: main is not in the mood/);
    expect(thrown.stderr).toMatch(placeOf("throw new RangeError('main"));
    const forgotten = await cluster.flink(['run', '-c', 'neverExecutes', hostile]);
    expect(forgotten).toMatchObject({ exitCode: 1, stdout: '' });
    expect(forgotten.stderr).toMatch(/declares a job and never executes it[\s\S]*env\.execute/);
    expect(forgotten.stderr).toMatch(placeOf('async function neverExecutes', 2));
    const missing = await cluster.flink(['run', '-c', 'noSuchProgram', hostile]);
    expect(missing).toMatchObject({ exitCode: 1, stdout: '' });
    expect(missing.stderr).toMatch(/'noSuchProgram' was not found[\s\S]*exitInMap/);
  });
});

describe('beside a job that restarts', () => {
  let cluster: RealCluster;
  let neighbour: string;

  beforeAll(async () => {
    cluster = await RealCluster.start({
      slotsPerTaskManager: 2,
      conf: {
        'taskmanager.memory.process.size': '1g',
        'task.cancellation.timeout': '4 s',
        'restart-strategy': 'fixed-delay',
        'restart-strategy.fixed-delay.attempts': 2,
        'restart-strategy.fixed-delay.delay': '100 ms',
      },
    });
    neighbour = submittedJobId((await cluster.flink(['run', '-d', join(programs, 'endless.ts')])).stdout);
    await cluster.waitForJobState(neighbour, 'RUNNING');
  });

  afterAll(() => cluster[Symbol.asyncDispose]());

  async function submit(program: string): Promise<string> {
    const run = await cluster.flink(['run', '-d', '-Drestart-strategy=none', '-c', program, hostile]);
    const job = submittedJobId(run.stdout);
    await cluster.waitForJobState(job, 'RUNNING');
    return job;
  }

  async function expectNeighbourRestarted(times: number): Promise<void> {
    await cluster.waitForJobState(neighbour, 'RUNNING');
    expect(await failures(cluster, neighbour)).toHaveLength(times);
  }

  test('a task that loops for ever is cancelled, and costs its own thread only', async () => {
    const [before] = await taskManagers(cluster);
    const job = await submit('loopForEver');
    expect(await cluster.flink(['cancel', job])).toMatchObject({ exitCode: 0 });
    await cluster.waitForJobState(job, 'CANCELED');
    expect((await taskManagers(cluster)).map(({ id }) => id)).toEqual([before?.id]);
    await expectNeighbourRestarted(0);
  });

  test('a thread in a system call costs its process, which comes back with what the jobs of its other slots need', async () => {
    const [before] = await taskManagers(cluster);
    const job = await submit('blockInExecSync');
    expect(await cluster.flink(['cancel', job])).toMatchObject({ exitCode: 0 });
    await cluster.waitForJobState(job, 'CANCELED');
    await anotherTaskManager(cluster, before?.id);
    await expectNeighbourRestarted(1);
    expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toMatch(/^sleep 1000$/m);
  });

  test('a program that takes its process with it fails, and the jobs of the other slots come back', async () => {
    const [before] = await taskManagers(cluster);
    const run = await cluster.flink(['run', '-Drestart-strategy=none', '-c', 'killProcess', hostile]);
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toMatch(/The TaskManager \S+ is lost[\s\S]*It was process \d+ on localhost[\s\S]*\.out files/);
    await anotherTaskManager(cluster, before?.id);
    await expectNeighbourRestarted(2);
  });
});

/** The metaspace share, which slots get too, just covers what Node takes: the slot has what is written. */
describe.each([{ heap: 64 }, { heap: 300 }, { heap: 1000 }])('with $heap MB a slot', ({ heap }) => {
  let cluster: RealCluster;
  let before: readonly number[];

  beforeAll(async () => {
    cluster = await RealCluster.start({
      slotsPerTaskManager: 1,
      conf: {
        'taskmanager.memory.process.size': `${2 * heap + 1200}m`,
        'taskmanager.memory.task.heap.size': `${heap}m`,
        'taskmanager.memory.jvm-metaspace.size': '58m',
      },
    });
    before = cluster.processes();
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  test.each(['growMap', 'growArray', 'growStrings'])('%s ends its slot, not its process', async (program) => {
    const run = await cluster.flink(['run', '-c', program, hostile]);
    expect(run.exitCode).toBe(1);
    const limit = Number(/ran out of its heap of (\d+) MB/.exec(run.stderr)?.[1]);
    expect(limit).toBeGreaterThan(0.8 * heap);
    expect(limit).toBeLessThan(heap);
    expect(run.stderr).toMatch(/In this slot ran: .*grows/);
    expect(cluster.processes()).toEqual(before);
  });
});

async function taskManagers(cluster: RealCluster): Promise<readonly { id: string; freeSlots: number }[]> {
  return (await cluster.rest<{ taskmanagers: { id: string; freeSlots: number }[] }>('/taskmanagers'))?.taskmanagers ?? [];
}

async function anotherTaskManager(cluster: RealCluster, than: string | undefined): Promise<void> {
  await waitFor('another TaskManager', async () => {
    const [after] = await taskManagers(cluster);
    return after !== undefined && after.id !== than;
  });
}

async function failures(cluster: RealCluster, job: string): Promise<unknown[]> {
  const exceptions = await cluster.rest<{ exceptionHistory: { entries: unknown[] } }>(`/jobs/${job}/exceptions`);
  return exceptions?.exceptionHistory.entries ?? [];
}
