/**
 * Jobs that start from what another one left: savepoints and retained checkpoints, with other parallelisms, from other places,
 * owned by the job or not; keyed, split, union and broadcast state.
 */
import { cpSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { state } from '../../src/api/declared-state.ts';
import type { FunctionInitializationContext } from '../../src/api/functions.ts';
import type { ListState } from '../../src/api/state.ts';
import type { StreamExecutionEnvironment } from '../../src/api/stream-execution-environment.ts';
import { WatermarkStrategy } from '../../src/api/watermark-strategy.ts';
import { Configuration } from '../../src/config/configuration.ts';
import { MiniCluster } from '../../src/deployment/local/mini-cluster.ts';
import { GatedNumberSource } from '../harness/gated-numbers.ts';
import { recordJob } from '../harness/local.ts';
import { waitFor } from '../harness/real-cluster.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-restore-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const perSplit = 500;
const splits = 4;
const all = perSplit * splits;

/** What one run saw. */
interface Run {
  readonly source: GatedNumberSource;
  /** Last count by key. */
  readonly counts: Map<number, number>;
  /** What the subtasks of the marking function found when they started. */
  readonly found: { split: string[][]; union: string[][] };
}

function newRun(held: boolean): Run {
  const source = new GatedNumberSource({ splits, perSplit, gates: [], holds: held ? [200] : [] });
  return { source, counts: new Map(), found: { split: [], union: [] } };
}

/** Counts per last digit, behind a function that keeps a mark of each of its subtasks in split and in union state. */
function program(env: StreamExecutionEnvironment, { source, counts, found }: Run, parallelism: number): void {
  env.setParallelism(parallelism);
  env
    .fromSource(source, WatermarkStrategy.noWatermarks(), 'numbers')
    .uid('numbers')
    .rebalance()
    .map(marking(found))
    .uid('marks')
    .keyBy((n) => n % 10)
    .process({
      state: { count: state.value(() => 0) },
      processElement(n, context) {
        context.state.count.update(context.state.count.value() + 1);
        counts.set(n % 10, context.state.count.value());
      },
    })
    .uid('counts')
    .addSink(() => {});
}

/** A function object per subtask is not to be had on one thread: the marks are told apart by the order of initialisation. */
function marking(found: Run['found']) {
  return {
    map: (n: number) => n,
    initializeState(context: FunctionInitializationContext) {
      const store = context.getOperatorStateStore();
      const split: ListState<string> = store.getListState({ kind: 'list', name: 'split' });
      const union: ListState<string> = store.getUnionListState({ kind: 'list', name: 'union' });
      const restored = { split: [...split.get()], union: [...union.get()] };
      found.split.push(restored.split);
      found.union.push(restored.union);
      const mark = `subtask ${found.split.length - 1}`;
      if (!context.isRestored()) {
        split.update([`${mark} a`, `${mark} b`]);
        union.update([mark]);
      } else {
        union.update([]);
      }
    },
    snapshotState() {},
  };
}

async function withCluster<T>(use: (cluster: MiniCluster) => Promise<T>): Promise<T> {
  const cluster = await MiniCluster.start({ config: Configuration.of({}), slots: 16 });
  try {
    return await use(cluster);
  } finally {
    await cluster.close();
  }
}

async function start(cluster: MiniCluster, run: Run, parallelism: number, configuration: Record<string, string>): Promise<string> {
  return cluster.submit(await recordJob(configuration, (env) => program(env, run, parallelism)));
}

/** A snapshot of a job that has counted 200 numbers in each subtask. */
async function snapshot(
  kind: 'savepoint' | 'checkpoint' | 'stop',
  parallelism: number,
  configuration: Record<string, string>,
): Promise<string> {
  return withCluster(async (cluster) => {
    const run = newRun(true);
    const jobId = await start(cluster, run, parallelism, {
      ...configuration,
      'execution.checkpointing.externalized-checkpoint-retention': 'RETAIN_ON_CANCELLATION',
      'execution.checkpointing.interval': '1 h',
    });
    await waitFor('all held numbers', () => [...run.counts.values()].reduce((sum, count) => sum + count, 0) === 200 * parallelism);
    const target = join(directory, `savepoints-${Math.random()}`);
    let path: string;
    if (kind === 'stop') {
      path = await cluster.dispatcher.stopWithSavepoint(jobId, { directory: target, drain: false });
    } else if (kind === 'savepoint') {
      path = await cluster.dispatcher.triggerSavepoint(jobId, { directory: target, cancelJob: true });
    } else {
      await cluster.dispatcher.triggerCheckpoint(jobId, { full: false });
      path = (await cluster.dispatcher.requestJob(jobId)).checkpoints?.latest.completed?.externalPath as string;
      await cluster.dispatcher.cancelJob(jobId);
    }
    await waitFor('the job to end', async () => ['CANCELED', 'FINISHED'].includes((await cluster.dispatcher.requestJob(jobId)).status));
    return path.replace(/^file:/, '');
  });
}

async function resume(
  path: string,
  parallelism: number,
  claimMode: 'CLAIM' | 'NO_CLAIM',
  configuration: Record<string, string>,
): Promise<Run> {
  return withCluster(async (cluster) => {
    const run = newRun(false);
    const restored = { 'execution.state-recovery.path': path, 'execution.state-recovery.claim-mode': claimMode };
    const jobId = await start(cluster, run, parallelism, { 'execution.checkpointing.interval': '20 ms', ...configuration, ...restored });
    const master = cluster.dispatcher.master(jobId);
    const result = await master?.whenDone();
    await master?.whenClosed();
    expect(result?.failure).toBeUndefined();
    return run;
  });
}

const storages = {
  files: { 'state.checkpoints.dir': join(directory, 'checkpoints'), 'state.storage.fs.memory-threshold': '0 kb' },
  inlined: { 'state.checkpoints.dir': join(directory, 'checkpoints') },
  jobmanager: { 'state.backend': 'jobmanager', 'state.checkpoints.dir': join(directory, 'checkpoints') },
} as const;

describe.each(['savepoint', 'checkpoint', 'stop'] as const)('a %s', (kind) => {
  describe.each(Object.keys(storages) as (keyof typeof storages)[])('with state in %s', (storage) => {
    test.each([
      [2, 2, 'NO_CLAIM'],
      [2, 4, 'CLAIM'],
      [4, 3, 'NO_CLAIM'],
      [3, 1, 'CLAIM'],
    ] as const)('taken at %i goes on at %i, %s', async (before, after, claimMode) => {
      const path = await snapshot(kind, before, storages[storage]);
      let from = path;
      if (kind !== 'checkpoint') {
        from = `${path}-moved`;
        renameSync(path, from);
      }
      const run = await resume(from, after, claimMode, storages[storage]);
      expect([...run.counts].sort(([a], [b]) => a - b)).toEqual(Array.from({ length: 10 }, (_, digit) => [digit, all / 10]));
      const marks = Array.from({ length: before }, (_, index) => `subtask ${index}`);
      expect(run.found.split.length).toBe(after);
      expect(run.found.split.flat().sort()).toEqual(marks.flatMap((mark) => [`${mark} a`, `${mark} b`]).sort());
      const sizes = run.found.split.map((part) => part.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      for (const union of run.found.union) expect([...union].sort()).toEqual(marks);
      expect(existsSync(join(from, '_metadata'))).toBe(claimMode === 'NO_CLAIM');
    });
  });
});

test('two jobs can start from one savepoint that neither of them owns', async () => {
  const path = await snapshot('savepoint', 2, storages.files);
  const copy = join(directory, 'copy');
  cpSync(path, copy, { recursive: true });
  for (const from of [path, path, join(copy, '_metadata')]) {
    const run = await resume(from, 2, 'NO_CLAIM', storages.files);
    expect([...run.counts.values()]).toEqual(Array.from({ length: 10 }, () => all / 10));
  }
  expect(readdirSync(path)).toContain('_metadata');
});
