/**
 * Windows and joins in whole jobs: what is committed equals a plain computation over the same events, with disorder, lateness and
 * duplicates, at several parallelisms, with a failure in the middle, and with a savepoint that is restored at another parallelism.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { DataStream } from '../../src/api/data-stream.ts';
import type { CheckpointListener, MapFunction } from '../../src/api/functions.ts';
import { OutputTag } from '../../src/api/output-tag.ts';
import type { StreamExecutionEnvironment } from '../../src/api/stream-execution-environment.ts';
import { WatermarkStrategy } from '../../src/api/watermark-strategy.ts';
import { EventTimeSessionWindows, SlidingEventTimeWindows, TumblingEventTimeWindows } from '../../src/api/windows/assigners.ts';
import type { TimeWindow } from '../../src/api/windows/window.ts';
import { Configuration } from '../../src/config/configuration.ts';
import { BasePathBucketAssigner } from '../../src/connectors/filesystem/file-sink/bucket-assigner.ts';
import { FileSink } from '../../src/connectors/filesystem/file-sink/file-sink.ts';
import { OnCheckpointRollingPolicy } from '../../src/connectors/filesystem/file-sink/rolling-policy.ts';
import { MiniCluster } from '../../src/deployment/local/mini-cluster.ts';
import { GatedNumberSource } from '../harness/gated-numbers.ts';
import { recordJob } from '../harness/local.ts';
import { waitFor } from '../harness/real-cluster.ts';
import { type Element, type Result, type Shape, WindowModel } from '../harness/window-model.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-windows-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The watermark that follows the event. */
interface TimedElement extends Element {
  readonly watermark: number;
}

const count = 400;

/** Time goes on by about 2 ms an event; events are up to 30 ms out of order, and the watermark is 10 ms behind: some are late. */
const events: fc.Arbitrary<TimedElement[]> = fc
  .array(fc.record({ key: fc.constantFrom(...'abcdefgh'), back: fc.nat({ max: 30 }), repeats: fc.integer({ min: 0, max: 9 }) }), {
    minLength: count,
    maxLength: count,
  })
  .map((drawn) => {
    const made: TimedElement[] = [];
    let largest = 0;
    for (const [n, { key, back, repeats }] of drawn.entries()) {
      const before = made.at(-1);
      const { key: usedKey, at } = repeats === 0 && before ? before : { key, at: n * 2 - back };
      largest = Math.max(largest, at);
      made.push({ key: usedKey, at, n, watermark: largest - 10 });
    }
    return made;
  });

const shapes = {
  tumbling: { kind: 'aligned', size: 20, slide: 20, offset: 0 },
  sliding: { kind: 'aligned', size: 60, slide: 15, offset: 5 },
  sessions: { kind: 'session', gap: 12 },
} satisfies Record<string, Shape>;

const lineOf = (tag: string, key: string, start: number, end: number, numbers: readonly number[]): string =>
  `${tag} ${key} ${start}-${end} ${[...numbers].sort((a, b) => a - b).join(',')}`;

const listing = {
  createAccumulator: (): number[] => [],
  add: ({ n }: Element, numbers: number[]): number[] => [...numbers, n],
  getResult: (numbers: number[]): number[] => numbers,
  merge: (a: number[], b: number[]): number[] => [...a, ...b],
};

const finish =
  (tag: string) =>
  (key: string, { start, end }: TimeWindow, [numbers]: readonly [number[]]): string[] => [lineOf(tag, key, start, end, numbers)];

/** Up to the windows at parallelism 1: over one channel, what is late is late in every run. */
function program(elements: DataStream<TimedElement>): DataStream<string> {
  const timed = elements
    .assignTimestampsAndWatermarks(
      WatermarkStrategy.forGenerator<TimedElement>(() => ({
        onEvent: ({ watermark }, _timestamp, output) => output.emitWatermark(watermark),
        onPeriodicEmit: () => {},
      })).withTimestampAssigner(({ at }) => at),
    )
    .setParallelism(1);
  const keyed = timed.keyBy('key');
  const late = new OutputTag<TimedElement>('late');
  const tumbling = keyed
    .window(TumblingEventTimeWindows.of(20))
    .sideOutputLateData(late)
    .process(function* (key, context, found) {
      const { start, end } = context.window();
      yield lineOf(
        'tumbling',
        key,
        start,
        end,
        Array.from(found, ({ n }) => n),
      );
    })
    .uid('tumbling');
  const sliding = keyed
    .window(SlidingEventTimeWindows.of(60, 15, 5))
    .aggregate(listing, finish('sliding'))
    .uid('sliding');
  const kept = keyed
    .window(SlidingEventTimeWindows.of(60, 15, 5))
    .allowedLateness(25)
    .apply((key, { start, end }, found) => [
      lineOf(
        'kept',
        key,
        start,
        end,
        Array.from(found, ({ n }) => n),
      ),
    ])
    .uid('kept');
  const sessions = keyed
    .window(EventTimeSessionWindows.withGap(12))
    .allowedLateness(8)
    .aggregate(listing, finish('session'))
    .uid('session');
  const counted = keyed
    .countWindow(3)
    .apply((key, _window, found) => [`counted ${key} ${Array.from(found, ({ n }) => n).join(',')}`])
    .uid('counted');
  const even = timed.filter(({ n }) => n % 2 === 0).setParallelism(1);
  const odd = timed.filter(({ n }) => n % 2 === 1).setParallelism(1);
  const close = even
    .keyBy('key')
    .intervalJoin(odd.keyBy('key'))
    .between(-7, 15)
    .process((a, b) => [`close ${a.n} ${b.n}`])
    .uid('close');
  const pairs = even
    .join(odd)
    .where('key')
    .equalTo('key')
    .window(TumblingEventTimeWindows.of(20))
    .apply((a, b) => `pair ${a.n} ${b.n}`);
  pairs.uid('pairs');
  const lates = tumbling.getSideOutput(late).map(({ n }) => `late ${n}`);
  return tumbling.union(sliding, kept, sessions, counted, close, pairs, lates);
}

/** Everything by hand. */
function expectedLines(elements: readonly TimedElement[]): string[] {
  const models = {
    tumbling: new WindowModel(shapes.tumbling, 0),
    sliding: new WindowModel(shapes.sliding, 0),
    kept: new WindowModel(shapes.sliding, 25),
    session: new WindowModel(shapes.sessions, 8),
  };
  const lines: string[] = [];
  const fired = (tag: string, results: readonly Result[]): void => {
    for (const { key, start, end, elements: numbers } of results) {
      lines.push(lineOf(tag, key, start, end, numbers));
      if (tag !== 'tumbling') continue;
      for (const a of numbers) for (const b of numbers) if (a % 2 === 0 && b % 2 === 1) lines.push(`pair ${a} ${b}`);
    }
  };
  const byKey = new Map<string, number[]>();
  const onTime: TimedElement[] = [];
  let watermark = Number.NEGATIVE_INFINITY;
  for (const element of elements) {
    for (const [tag, model] of Object.entries(models)) fired(tag, model.element(element));
    const numbers = [...(byKey.get(element.key) ?? []), element.n];
    if (numbers.length === 3) lines.push(`counted ${element.key} ${numbers.join(',')}`);
    byKey.set(element.key, numbers.length === 3 ? [] : numbers);
    if (element.at >= watermark) onTime.push(element);
    watermark = element.watermark;
    for (const [tag, model] of Object.entries(models)) fired(tag, model.watermark(watermark));
  }
  for (const [tag, model] of Object.entries(models)) fired(tag, model.watermark(Number.MAX_SAFE_INTEGER));
  for (const a of onTime) {
    for (const b of onTime) {
      const difference = b.at - a.at;
      if (a.key === b.key && a.n % 2 === 0 && b.n % 2 === 1 && difference >= -7 && difference <= 15) lines.push(`close ${a.n} ${b.n}`);
    }
  }
  return [...lines, ...models.tumbling.late.map((n) => `late ${n}`)];
}

/** Fails once, when a checkpoint has completed and some more records have passed. */
class FailingOnce implements MapFunction<number, number>, CheckpointListener {
  failures = 0;
  #isArmed = false;
  #since = 0;

  map(n: number): number {
    if (this.#isArmed && this.failures === 0 && ++this.#since > 60) {
      this.failures++;
      throw new Error('a failure for the test');
    }
    return n;
  }

  notifyCheckpointComplete(): void {
    this.#isArmed = true;
  }
}

interface Run {
  readonly elements: readonly TimedElement[];
  readonly source: GatedNumberSource;
  readonly parallelism: number;
  readonly out: string;
  readonly failing?: FailingOnce;
  readonly onElement?: () => void;
}

function build(env: StreamExecutionEnvironment, { elements, source, parallelism, out, failing, onElement }: Run): void {
  env.setParallelism(parallelism);
  const numbers = env.fromSource(source, WatermarkStrategy.noWatermarks(), 'numbers').setParallelism(1);
  numbers.uid('numbers');
  const timed = numbers
    .map(failing ?? ((n: number) => n))
    .setParallelism(1)
    .map((n) => {
      onElement?.();
      return elements[n] as TimedElement;
    })
    .setParallelism(1);
  const sink = FileSink.forRowFormat<string>(out)
    .withBucketAssigner(new BasePathBucketAssigner())
    .withRollingPolicy(new OnCheckpointRollingPolicy())
    .build();
  program(timed).sinkTo(sink).uid('lines');
}

async function submit(cluster: MiniCluster, run: Run, configuration: Readonly<Record<string, string>>): Promise<string> {
  const checkpoints = { 'execution.checkpointing.interval': '15 ms', 'state.checkpoints.dir': join(directory, 'checkpoints') };
  return cluster.submit(await recordJob({ ...checkpoints, ...configuration }, (env) => build(env, run)));
}

async function finished(cluster: MiniCluster, jobId: string): Promise<void> {
  const master = cluster.dispatcher.master(jobId);
  const result = await master?.whenDone();
  await master?.whenClosed();
  expect(result?.failure).toBeUndefined();
}

function committed(out: string): string[] {
  if (!existsSync(out)) return [];
  return readdirSync(out)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) => readFileSync(join(out, name), 'utf8').split('\n').slice(0, -1));
}

let runs = 0;
const newDirectory = (): string => join(directory, `run-${runs++}`);
const gated = (options: { gates?: number[]; holds?: number[] }): GatedNumberSource =>
  new GatedNumberSource({ splits: 1, perSplit: count, gates: [], ...options });

async function withCluster(use: (cluster: MiniCluster) => Promise<void>): Promise<void> {
  const cluster = await MiniCluster.start({ config: Configuration.of({}), slots: 4 });
  try {
    await use(cluster);
  } finally {
    await cluster.close();
  }
}

test.each([1, 2, 3])('at parallelism %i, with a failure behind a checkpoint', async (parallelism) => {
  await withCluster((cluster) =>
    fc.assert(
      fc.asyncProperty(events, async (elements) => {
        const failing = new FailingOnce();
        const run = { elements, source: gated({ gates: [170, 330] }), parallelism, out: newDirectory(), failing };
        const restarts = { 'restart-strategy.type': 'fixed-delay', 'restart-strategy.fixed-delay.delay': '1 ms' };
        await finished(cluster, await submit(cluster, run, restarts));
        expect(failing.failures).toBe(1);
        expect(committed(run.out).sort()).toEqual(expectedLines(elements).sort());
      }),
      { numRuns: 2, endOnFailure: true },
    ),
  );
});

test.each([
  [2, 3],
  [3, 1],
])('from a savepoint at parallelism %i to parallelism %i', async (before, after) => {
  await withCluster((cluster) =>
    fc.assert(
      fc.asyncProperty(events, async (elements) => {
        const out = newDirectory();
        let seen = 0;
        const first = { elements, source: gated({ holds: [230] }), parallelism: before, out, onElement: () => seen++ };
        const jobId = await submit(cluster, first, {});
        await waitFor('the first half', () => seen === 230);
        const path = await cluster.dispatcher.stopWithSavepoint(jobId, { directory: newDirectory(), drain: false });
        await finished(cluster, jobId);
        const second = { elements, source: gated({}), parallelism: after, out };
        await finished(cluster, await submit(cluster, second, { 'execution.state-recovery.path': path.replace(/^file:/, '') }));
        expect(committed(out).sort()).toEqual(expectedLines(elements).sort());
      }),
      { numRuns: 2, endOnFailure: true },
    ),
  );
});
