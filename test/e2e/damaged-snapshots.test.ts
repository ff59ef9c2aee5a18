/**
 * Snapshots that are damaged, foreign, newer, missing or not theirs, met through the command line: each is refused with what is
 * wrong and what to do, and nothing is deleted.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RealCluster, repository, submittedJobId, waitFor } from '../harness/real-cluster.ts';

const program = join(repository, 'test/fixtures/programs/stateful.ts');
const directory = mkdtempSync(join(tmpdir(), 'weir-e2e-damaged-'));
const checkpoints = join(directory, 'checkpoints');
let cluster: RealCluster;
/** A savepoint that is whole. */
let savepoint: string;

beforeAll(async () => {
  cluster = await RealCluster.start({
    slotsPerTaskManager: 4,
    conf: {
      'state.checkpoints.dir': `file://${checkpoints}`,
      'state.storage.fs.memory-threshold': '0 kb',
      'execution.checkpointing.interval': '1 h',
      'execution.checkpointing.num-retained': 3,
      'restart-strategy.type': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': 10,
      'restart-strategy.fixed-delay.delay': '100 ms',
    },
  });
  const jobId = await start();
  const stopped = await cluster.flink(['stop', '-p', join(directory, 'savepoints'), jobId]);
  savepoint = /Path: file:(\S+)/.exec(stopped.stdout)?.[1] as string;
});

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

async function start(...args: string[]): Promise<string> {
  const run = await cluster.flink(['run', '-d', ...args, program]);
  expect(run, run.stderr).toMatchObject({ exitCode: 0 });
  const id = submittedJobId(run.stdout);
  await waitFor('running tasks', async () => {
    const job = await cluster.rest<{ vertices: { status: string }[] }>(`/jobs/${id}`);
    return job?.vertices.every(({ status }) => status === 'RUNNING') === true;
  });
  return id;
}

/** By name, with contents. */
function files(path: string): Map<string, string> {
  return new Map(readdirSync(path).map((name) => [name, readFileSync(join(path, name)).toString('hex')]));
}

function stateFile(path: string): string {
  const name = readdirSync(path).find((other) => /^[0-9a-f-]{36}$/.test(other));
  return join(path, name as string);
}

function flipBit(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 4;
  writeFileSync(file, bytes);
}

function cutShort(file: string): void {
  truncateSync(file, readFileSync(file).length - 3);
}

let copies = 0;

describe('a savepoint', () => {
  test.each<[string, (path: string) => string, readonly (string | RegExp)[]]>([
    ['whose metadata is cut short', (path) => (cutShort(join(path, '_metadata')), join(path, '_metadata')), ['damaged']],
    ['with a flipped bit in its metadata', (path) => (flipBit(join(path, '_metadata')), join(path, '_metadata')), ['damaged']],
    [
      'with metadata of something else',
      (path) => (writeFileSync(join(path, '_metadata'), 'hello'), join(path, '_metadata')),
      ['is no metadata of a Weir checkpoint or savepoint'],
    ],
    [
      'of Apache Flink',
      (path) => (writeFileSync(join(path, '_metadata'), Buffer.from('4960672d00000004', 'hex')), join(path, '_metadata')),
      ['Apache Flink'],
    ],
    ['with a state file that is cut short', (path) => (cutShort(stateFile(path)), stateFile(path)), ['is damaged', 'flink run -s']],
    ['with a flipped bit in a state file', (path) => (flipBit(stateFile(path)), stateFile(path)), ['is damaged', 'flink run -s']],
    [
      'with a state file that is gone',
      (path) => {
        const file = stateFile(path);
        rmSync(file);
        return file;
      },
      ['does not exist', 'flink run -s'],
    ],
    [
      'without metadata',
      (path) => (renameSync(join(path, '_metadata'), join(path, 'metadata')), path),
      ["Cannot find meta data file '_metadata'", 'Pass the directory that contains _metadata'],
    ],
  ])('%s is refused, and stays as it is', async (_what, damage, says) => {
    for (const claim of ['no_claim', 'claim']) {
      const path = join(directory, `copy-${copies++}`);
      cpSync(savepoint, path, { recursive: true });
      const culprit = damage(path);
      const before = files(path);
      const run = await cluster.flink(['run', '-s', path, '-cm', claim, program]);
      expect(run.exitCode).toBe(1);
      for (const text of [culprit, ...says]) expect(run.stderr).toContain(text);
      expect(run.stderr).not.toContain('TypeError');
      expect(files(path)).toEqual(before);
    }
  });

  test('that is an empty directory, a loop of links, or no path at all', async () => {
    const empty = join(directory, 'empty');
    mkdirSync(empty);
    const loop = join(directory, 'loop');
    symlinkSync(loop, loop);
    for (const [path, says] of [
      [empty, "Cannot find meta data file '_metadata'"],
      [loop, 'Cannot access file system for checkpoint/savepoint path'],
      [`${savepoint}/_metadata/below`, 'Cannot find checkpoint or savepoint file/directory'],
      ['hdfs:///savepoint', "Could not find a file system implementation for scheme 'hdfs'"],
    ] as const) {
      const run = await cluster.flink(['run', '-s', path, program]);
      expect(run.exitCode).toBe(1);
      expect(run.stderr).toContain(says);
    }
    expect(readdirSync(empty)).toEqual([]);
  });

  test('that is no savepoint is not disposed of', async () => {
    const foreign = join(directory, 'foreign');
    mkdirSync(foreign);
    writeFileSync(join(foreign, '_metadata'), 'my notes');
    writeFileSync(join(foreign, 'thesis.txt'), 'chapter one');
    const disposed = await cluster.flink(['savepoint', '-d', foreign]);
    expect(disposed.exitCode).toBe(1);
    expect(disposed.stderr).toContain(join(foreign, '_metadata'));
    expect(readdirSync(foreign)).toEqual(['_metadata', 'thesis.txt']);
  });

  test('is disposed of without what a user put beside it', async () => {
    const path = join(directory, `copy-${copies++}`);
    cpSync(savepoint, path, { recursive: true });
    writeFileSync(join(path, 'thesis.txt'), 'chapter one');
    expect(await cluster.flink(['savepoint', '-d', path])).toMatchObject({ exitCode: 0 });
    expect(readdirSync(path)).toEqual(['thesis.txt']);
  });
});

async function killTaskManager(): Promise<void> {
  const { taskmanagers } = (await cluster.rest<{ taskmanagers: { id: string }[] }>('/taskmanagers')) as { taskmanagers: { id: string }[] };
  process.kill(Number(/:(\d+)-/.exec(taskmanagers[0]?.id ?? '')?.[1]), 'SIGKILL');
}

async function withCheckpoints(jobId: string, count: number): Promise<string[]> {
  for (let taken = 0; taken < count; taken++) expect(await cluster.flink(['checkpoint', jobId])).toMatchObject({ exitCode: 0 });
  const below = join(checkpoints, jobId);
  const names = readdirSync(below).filter((name) => name.startsWith('chk-'));
  return names.sort((a, b) => Number(a.slice(4)) - Number(b.slice(4))).map((name) => join(below, name));
}

describe('the newest checkpoint of a job that fails', () => {
  test('is damaged: the job ends, names the file and the way back, and everything stays', async () => {
    const jobId = await start();
    const [older, newest] = (await withCheckpoints(jobId, 2)) as [string, string];
    flipBit(stateFile(newest));
    const before = [files(older), files(newest)];
    await killTaskManager();
    await cluster.waitForJobState(jobId, 'FAILED');
    const { 'root-exception': cause } = (await cluster.rest<{ 'root-exception': string }>(`/jobs/${jobId}/exceptions`)) as {
      'root-exception': string;
    };
    expect(cause).toContain(stateFile(newest));
    const listed = await cluster.rest<Record<string, unknown>>(`/jobs/${jobId}/exceptions`);
    expect(JSON.stringify(listed)).toContain('damaged');
    expect(cluster.logs()).toContain(`flink run -s file:${older}`);
    expect([files(older), files(newest)]).toEqual(before);
    const back = await start('-s', older);
    await cluster.flink(['cancel', back]);
  });

  test('is damaged, and the job may go back by itself: it does, and says so', async () => {
    const jobId = await start('-Dweir.checkpoint.fall-back-when-damaged=true');
    const [older, newest] = (await withCheckpoints(jobId, 2)) as [string, string];
    cutShort(stateFile(newest));
    await killTaskManager();
    await waitFor('the restore from the older one', async () => {
      const found = await cluster.rest<{ latest: { restored: { id: number } | null } }>(`/jobs/${jobId}/checkpoints`);
      return found?.latest.restored?.id === Number(older.slice(older.lastIndexOf('-') + 1));
    });
    await cluster.waitForJobState(jobId, 'RUNNING');
    expect(cluster.logs()).toContain(`file:${newest} is damaged. Job ${jobId} goes back to the checkpoint before`);
    await cluster.flink(['cancel', jobId]);
  });
});

test('two jobs in one directory: neither replaces nor deletes what the other wrote', async () => {
  const flat = ['-Dexecution.checkpointing.create-subdir=false', `-Dstate.checkpoints.dir=${join(directory, 'flat')}`];
  const [one, other] = [await start(...flat), await start(...flat)];
  const written = (id: number): Map<string, string> => files(join(directory, 'flat', `chk-${id}`));
  expect(await cluster.flink(['checkpoint', one])).toMatchObject({ exitCode: 0 });
  const first = written(1);
  const refused = await cluster.flink(['checkpoint', other]);
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain(`There is a checkpoint in file:${join(directory, 'flat', 'chk-1')} already; it is not replaced.`);
  expect(refused.stderr).toContain('Use another state.checkpoints.dir');
  expect(written(1)).toEqual(first);
  await waitFor('a number that is free', async () => (await cluster.flink(['checkpoint', other])).exitCode === 0);
  expect(written(1)).toEqual(first);
  for (const id of [other, one]) {
    await cluster.flink(['cancel', id]);
    await cluster.waitForJobState(id, 'CANCELED');
    if (id === other) expect(written(1)).toEqual(first);
  }
});
