/** Whole programs on the MiniCluster of `weir/testing`, with the test's clock and the test's input. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Collector, state, TumblingProcessingTimeWindows, WatermarkStrategy } from 'weir';
import { MiniCluster, TestInput } from 'weir/testing';

describe('one cluster for many tests', () => {
  const cluster = new MiniCluster();
  beforeAll(cluster.start);
  afterAll(cluster.close);

  test('runs bounded jobs, several at a time', async () => {
    const runs = [1, 2, 3].map(async (factor) => {
      const env = cluster.getExecutionEnvironment({ 'parallelism.default': 2 });
      const results = cluster.collect(env.fromSequence(1, 4).map((n) => n * factor));
      await env.execute();
      return [...results].sort((a, b) => a - b);
    });
    expect(await Promise.all(runs)).toEqual([
      [1, 2, 3, 4],
      [2, 4, 6, 8],
      [3, 6, 9, 12],
    ]);
  });

  test('says what failed', async () => {
    const env = cluster.getExecutionEnvironment();
    env
      .fromElements(1)
      .map(() => {
        throw new Error('in the function');
      })
      .print();
    await expect(env.execute()).rejects.toThrow('Job execution failed');
  });

  test('gives records to the test as they come', async () => {
    const input = new TestInput<string>();
    const env = cluster.getExecutionEnvironment();
    const results = cluster.collect(env.fromSource(input, WatermarkStrategy.noWatermarks(), 'words').map((word) => word.toUpperCase()));
    const job = await env.executeAsync();
    input.add('a').add('b');
    await cluster.settled();
    expect(results).toEqual(['A', 'B']);
    input.add('c').end();
    await job.getJobExecutionResult();
    expect(results).toEqual(['A', 'B', 'C']);
  });

  test('cannot move the time of the system', async () => {
    await expect(cluster.advanceTime('1s')).rejects.toThrow('virtual clock');
  });
});

test('a virtual clock moves processing time as far as the test says', async () => {
  await using cluster = await MiniCluster.start({ clock: 'virtual' });
  const input = new TestInput<{ user: string }>();
  const env = cluster.getExecutionEnvironment({ 'parallelism.default': 2 });
  const counts = env
    .fromSource(input, WatermarkStrategy.noWatermarks(), 'clicks')
    .map(({ user }) => ({ user, n: 1 }))
    .keyBy('user')
    .window(TumblingProcessingTimeWindows.of('1min'))
    .reduce((a, b) => ({ user: a.user, n: a.n + b.n }));
  const results = cluster.collect(counts);
  const job = await env.executeAsync();
  input.addAll([{ user: 'ann' }, { user: 'ann' }]);
  await cluster.advanceTime('59s');
  expect(results).toEqual([]);
  input.add({ user: 'bob' });
  await cluster.advanceTime('1s');
  expect([...results].sort((a, b) => (a.user < b.user ? -1 : 1))).toEqual([
    { user: 'ann', n: 2 },
    { user: 'bob', n: 1 },
  ]);
  expect(cluster.currentTime()).toBe(60_000);
  await job.cancel();
});

test('watermarks of the test fire timers, and idle inputs hold nothing back', async () => {
  await using cluster = await MiniCluster.start({ clock: 'virtual' });
  const [first, second] = [new TestInput<number>(), new TestInput<number>()];
  const env = cluster.getExecutionEnvironment();
  const noWatermarks = WatermarkStrategy.noWatermarks<number>();
  const results = cluster.collect(
    env
      .fromSource(first, noWatermarks, 'first')
      .union(env.fromSource(second, noWatermarks, 'second'))
      .keyBy((n) => n)
      .process({
        state: {},
        processElement: (_n, context, _out: Collector<string>) => context.timerService().registerEventTimeTimer(100),
        onTimer: (at, context, out) => out.collect(`${context.getCurrentKey()} at ${at}`),
      }),
  );
  const job = await env.executeAsync();
  first.add(1, 10).watermark(100);
  await cluster.settled();
  expect(results).toEqual([]);
  second.idle();
  await cluster.settled();
  expect(results).toEqual(['1 at 100']);
  await job.cancel();
});

test('tasks that fail go on from the last checkpoint, which a virtual clock takes when it is time', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'weir-testing-'));
  try {
    await using cluster = await MiniCluster.start({
      clock: 'virtual',
      configuration: {
        'execution.checkpointing.interval': '10 s',
        'state.checkpoints.dir': directory,
        'restart-strategy.type': 'fixed-delay',
        'restart-strategy.fixed-delay.delay': '1 s',
      },
    });
    const input = new TestInput<number>();
    const env = cluster.getExecutionEnvironment();
    const sums = env
      .fromSource(input, WatermarkStrategy.noWatermarks(), 'numbers')
      .keyBy(() => 'all')
      .process({
        state: { sum: state.value(() => 0) },
        processElement(n, context, out: Collector<number>) {
          context.state.sum.update(context.state.sum.value() + n);
          out.collect(context.state.sum.value());
        },
      });
    const results = cluster.collect(sums);
    const job = await env.executeAsync();
    input.addAll([1, 2]);
    await cluster.advanceTime('11s');
    input.add(4);
    await cluster.settled();
    expect(results).toEqual([1, 3, 7]);
    cluster.failAllTasks();
    await cluster.settled();
    expect(results).toEqual([1, 3, 7]);
    await cluster.advanceTime('2s');
    // What came behind the checkpoint is read again.
    expect(results).toEqual([1, 3, 7, 7]);
    input.end();
    await cluster.advanceTime('11s');
    await job.getJobExecutionResult();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test('an input without watermarks is named in the log when the others go on', async () => {
  const lines: string[] = [];
  await using cluster = await MiniCluster.start({
    clock: 'virtual',
    configuration: { 'weir.watermark.watchdog-timeout': '1 ms' },
    log: (line) => void lines.push(line),
  });
  const [live, silent] = [new TestInput<number>(), new TestInput<number>()];
  const env = cluster.getExecutionEnvironment();
  const noWatermarks = WatermarkStrategy.noWatermarks<number>();
  env
    .fromSource(live, noWatermarks, 'live')
    .union(env.fromSource(silent, noWatermarks, 'silent'))
    .keyBy((n) => n)
    .reduce((a) => a)
    .name('reduced')
    .print();
  const job = await env.executeAsync();
  live.watermark(1000);
  const warnings = (): string[] => lines.filter((line) => line.includes('stood still'));
  while (warnings().length === 0) await cluster.advanceTime('1s');
  expect(warnings()[0]).toMatch(/'reduced[^']*' \(1\/1\)[\s\S]*waits for 'Source: silent' \(1\/1\)/);
  await job.cancel();
});

test('a job whose calls to the outside hang is cancelled at once, and they are told', async () => {
  // With the clock at rest, nothing ends because somebody lost patience.
  await using cluster = await MiniCluster.start({ clock: 'virtual' });
  const env = cluster.getExecutionEnvironment();
  let aborted = 0;
  const hang = (_n: number, { signal }: { signal: AbortSignal }): Promise<number> => {
    signal.addEventListener('abort', () => aborted++);
    return new Promise(() => {});
  };
  env.fromElements(1, 2, 3).mapAsync(hang, { capacity: 2, timeout: 0 }).print();
  const job = await env.executeAsync();
  await cluster.settled();
  await job.cancel();
  await expect(job.getJobExecutionResult()).rejects.toThrow('cancelled');
  expect(aborted).toBe(2);
});
