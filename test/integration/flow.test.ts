/** Who waits for whom: slow consumers, endless calls, silent inputs. */
import { expect, test } from 'vitest';
import type { Collector } from '../../src/api/functions.ts';
import { WatermarkStrategy } from '../../src/api/watermark-strategy.ts';
import { collect, localEnvironment } from '../harness/local.ts';
import { waitFor } from '../harness/real-cluster.ts';

function causes(error: unknown): string {
  const { message, cause } = error as Error;
  return cause === undefined ? message : `${message}\n${causes(cause)}`;
}

test('a client that stays away stops the job it collects from, and ends it when it has enough', async () => {
  let made = 0;
  const env = localEnvironment();
  const records = env
    .fromCollection(function* () {
      for (;;) yield `record ${made++}`;
    })
    .rebalance()
    .map((text) => text)
    .executeAndCollect();
  expect((await records.next()).value).toBe('record 0');
  let before = -1;
  await waitFor('the source to stand still', async () => {
    const stands = made === before;
    before = made;
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    return stands;
  });
  const some: string[] = [];
  for await (const text of records) if (some.push(text) === 40_000) break;
  expect(some.at(-1)).toBe('record 40000');
});

test('a slow sink slows its source, whatever lies between', async () => {
  let made = 0;
  let written = 0;
  let furthest = 0;
  const env = localEnvironment({ 'parallelism.default': '2' });
  env
    .fromCollection(function* () {
      while (made < 60_000) yield made++;
    })
    .rebalance()
    .flatMap(function* (n) {
      yield n;
      yield -n;
    })
    .keyBy((n) => n % 10)
    .reduce((_, n) => n)
    .rebalance()
    .addSink(async () => {
      furthest = Math.max(furthest, made * 2 - written);
      written++;
      if (written % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
    });
  await env.execute();
  expect(written).toBe(120_000);
  expect(furthest).toBeLessThan(80_000);
});

test('one call of a collector that emits more than the limit fails, with the name of the operator', async () => {
  const env = localEnvironment({ 'weir.output.overflow-limit': '1mb' });
  env
    .fromElements(1)
    .flatMap({
      flatMap(_, out: Collector<string>) {
        for (let n = 0; n < 100_000; n++) out.collect('x'.repeat(200));
      },
    })
    .name('talks too much')
    .rebalance()
    .addSink(() => {});
  const error = await env.execute().catch((reason: unknown) => reason);
  expect(causes(error)).toMatch(/Operator 'talks too much' emitted \d+ bytes from one call[\s\S]*Return a generator/);
});

test('the same from a generator passes', async () => {
  const env = localEnvironment({ 'weir.output.overflow-limit': '1mb' });
  let written = 0;
  env
    .fromElements(1)
    .flatMap(function* () {
      for (let n = 0; n < 100_000; n++) yield 'x'.repeat(200);
    })
    .rebalance()
    .addSink(() => void written++);
  await env.execute();
  expect(written).toBe(100_000);
});

test('a source that does not wait when it is asked to fails, and learns how to wait', async () => {
  const env = localEnvironment({ 'weir.output.overflow-limit': '1mb' });
  env
    .addSource<string>({
      run(context) {
        for (let n = 0; n < 100_000; n++) context.collect('x'.repeat(200));
      },
      cancel() {},
    })
    .addSink(() => {});
  expect(causes(await env.execute().catch((reason: unknown) => reason))).toMatch(
    /The source 'Source: Custom Source' emitted[\s\S]*ready\(\)/,
  );
});

test('a generator without an end leaves the thread to others, and is cancelled in the middle', async () => {
  const env = localEnvironment();
  let endless = 0;
  let closed = false;
  env
    .fromElements(1)
    .flatMap(function* () {
      try {
        for (;;) yield endless++;
      } finally {
        closed = true;
      }
    })
    .addSink(() => {});
  let others = 0;
  env.fromSequence(1, 10_000).addSink(() => void others++);
  const job = await env.executeAsync();
  await waitFor('both to run', () => endless > 1000 && others === 10_000);
  await job.cancel();
  await expect(job.getJobExecutionResult()).rejects.toThrow(/cancelled/);
  expect(closed).toBe(true);
});

test('the results of timers that fire together do not have to fit anywhere at once', async () => {
  const env = localEnvironment({ 'weir.output.overflow-limit': '1mb' });
  const keys = 3000;
  const fired = env
    .fromSequence(0, keys - 1)
    .assignTimestampsAndWatermarks(WatermarkStrategy.noWatermarks<number>().withTimestampAssigner((n) => n))
    .keyBy((n) => n)
    .process({
      processElement: (_, context) => context.timerService().registerEventTimeTimer(1_000_000),
      *onTimer(_time, context): Generator<string> {
        for (let part = 0; part < 10; part++) yield `${context.getCurrentKey()} ${'x'.repeat(300)}`;
      },
    })
    .rebalance()
    .map((text) => text.split(' ')[0])
    .executeAndCollect();
  expect(new Set(await collect(fired)).size).toBe(keys);
});

test('event time does not wait for an input that has said it is idle', async () => {
  const env = localEnvironment();
  const idle = env
    .addSource<number>({
      async run(context) {
        context.markAsTemporarilyIdle();
        await new Promise<void>((resolve) => context.signal.addEventListener('abort', () => resolve()));
      },
      cancel() {},
    })
    .name('idle');
  const busy = env.addSource<number>({
    async run(context) {
      for (let n = 0; ; n++) {
        context.collectWithTimestamp(n, n);
        context.emitWatermark(n);
        await new Promise((resolve) => setImmediate(resolve));
        if (context.signal.aborted) return;
      }
    },
    cancel() {},
  });
  const fired = busy
    .union(idle)
    .keyBy(() => 'all')
    .process({
      processElement: (n: number, context) => context.timerService().registerEventTimeTimer(n),
      onTimer: (time: number, _context, out: Collector<number>) => out.collect(time),
    })
    .executeAndCollect();
  for (let n = 0; n < 100; n++) expect((await fired.next()).value).toBe(n);
  await fired.return();
});
