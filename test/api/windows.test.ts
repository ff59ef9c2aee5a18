/** Windows that make no sense are refused when the graph is built, else at the first record. */
import { describe, expect, test } from 'vitest';
import {
  CountTrigger,
  DeltaTrigger,
  EventTimeSessionWindows,
  GlobalWindows,
  MergingWindowAssigner,
  OutputTag,
  SlidingEventTimeWindows,
  TimeWindow,
  TumblingEventTimeWindows,
  TumblingProcessingTimeWindows,
  WatermarkStrategy,
} from '../../src/api/index.ts';
import type { PhysicalTransformation } from '../../src/api/transformation.ts';
import { collect, failureOf, localEnvironment } from '../harness/local.ts';

const numbers = () => localEnvironment().fromElements(1, 2, 3);
const keyed = () => numbers().keyBy((n) => n % 2);

describe('at once', () => {
  test.each<[string, () => unknown, string]>([
    ['a window without keys', () => (numbers() as any).window(TumblingEventTimeWindows.of('5s')), 'Call keyBy before window'],
    ['no assigner', () => keyed().window(5 as never), 'window() wants a window assigner'],
    ['a size of 0', () => TumblingEventTimeWindows.of(0), 'The size of TumblingEventTimeWindows is 0'],
    ['a negative size', () => TumblingProcessingTimeWindows.of(-5), 'The size of TumblingProcessingTimeWindows is -5'],
    ['a negative slide', () => SlidingEventTimeWindows.of('10s', -1), 'The slide of SlidingEventTimeWindows is -1'],
    ['an offset as long as the window', () => TumblingEventTimeWindows.of(10, 10), 'The offset of TumblingEventTimeWindows is 10'],
    ['a size that is no number', () => TumblingEventTimeWindows.of(Number.NaN), 'is no duration'],
    ['no gap', () => EventTimeSessionWindows.withGap(0), 'The gap of EventTimeSessionWindows is 0'],
    ['a count of 0', () => keyed().countWindow(0), 'The count of a CountTrigger is 0'],
    ['half a record', () => keyed().countWindow(2.5), 'a whole number of elements is wanted'],
    ['negative lateness', () => keyed().window(TumblingEventTimeWindows.of(5)).allowedLateness(-1), 'The allowed lateness is -1'],
    [
      'a trigger that cannot merge',
      () =>
        keyed()
          .window(EventTimeSessionWindows.withGap(5))
          .trigger(DeltaTrigger.of(1, (a: number, b: number) => b - a)),
      'cannot be used with a trigger that does not support merging',
    ],
    [
      'sessions without merge',
      () =>
        keyed()
          .window(EventTimeSessionWindows.withGap(5))
          .aggregate({ createAccumulator: () => 0, add: (n, sum) => sum + n, getResult: (sum) => sum }),
      'Add merge(a, b)',
    ],
    [
      'half an aggregate',
      () =>
        keyed()
          .window(GlobalWindows.create())
          .aggregate({ add: () => 0 } as never),
      'createAccumulator and getResult',
    ],
    [
      'an async function',
      () =>
        keyed()
          .window(GlobalWindows.create())
          .process((async () => []) as never),
      'process() was given an async function',
    ],
    [
      'no tag',
      () =>
        keyed()
          .window(GlobalWindows.create())
          .sideOutputLateData('late' as never),
      'wants an output tag',
    ],
  ])('%s', (_, build, message) => {
    expect(build).toThrow(message);
  });
});

describe('at the first record', () => {
  test('event time without timestamps: the operator, the record and what to do', async () => {
    const counts = keyed()
      .window(TumblingEventTimeWindows.of('5s'))
      .reduce((a, b) => a + b)
      .name('sums');
    const failure = await failureOf(collect(counts.executeAndCollect()));
    expect(failure).toContain("Operator 'sums': A record has no timestamp, and its window goes by event time.");
    expect(failure).toContain('The record: 1');
    expect(failure).toContain('assignTimestampsAndWatermarks()');
  });

  test('a gap that is no gap', async () => {
    const timed = numbers().assignTimestampsAndWatermarks(
      WatermarkStrategy.forMonotonousTimestamps<number>().withTimestampAssigner((n) => n),
    );
    const sessions = timed
      .keyBy((n) => n % 2)
      .window(EventTimeSessionWindows.withDynamicGap((n: number) => 2 - n))
      .reduce((a, b) => a + b)
      .name('sessions');
    expect(await failureOf(collect(sessions.executeAndCollect()))).toContain("Operator 'sessions': The gap of a session window");
  });

  test('state of a window that merges', async () => {
    const timed = numbers().assignTimestampsAndWatermarks(
      WatermarkStrategy.forMonotonousTimestamps<number>().withTimestampAssigner((n) => n),
    );
    const sessions = timed
      .keyBy((n) => n % 2)
      .window(EventTimeSessionWindows.withGap(5))
      .process((_key, context) => [context.windowState().getState<number>({ kind: 'value', name: 'x' }).value()]);
    expect(await failureOf(collect(sessions.executeAndCollect()))).toContain('per-window state is not allowed when using merging windows');
  });
});

test('timeWindow goes by event time where the stream has one', () => {
  const assignerOf = (stream: { transformation: unknown }): string =>
    ((stream.transformation as PhysicalTransformation).spec['assigner'] as object).constructor.name;
  const sum = (a: number, b: number): number => a + b;
  const timed = numbers().assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps());
  expect(assignerOf(keyed().timeWindow('5s').reduce(sum))).toBe('TumblingProcessingTimeWindows');
  expect(assignerOf(keyed().timeWindow('5s', '1s').reduce(sum))).toBe('SlidingProcessingTimeWindows');
  const even = timed.filter((n) => n % 2 === 0);
  expect(
    assignerOf(
      even
        .keyBy((n) => n)
        .timeWindow('5s')
        .reduce(sum),
    ),
  ).toBe('TumblingEventTimeWindows');
  expect(assignerOf(even.union(timed).timeWindowAll('5s', '1s').reduce(sum))).toBe('SlidingEventTimeWindows');
});

test('short forms, windows over everything, late elements and an assigner of the program', async () => {
  const late = new OutputTag<number>('late');
  class Decades extends MergingWindowAssigner<number> {
    assignWindows(n: number) {
      return [new TimeWindow(n, n + 10)];
    }
    getDefaultTrigger() {
      return CountTrigger.of(3);
    }
    isEventTime() {
      return true;
    }
  }
  const env = localEnvironment();
  const numbers = env.fromElements(1, 12, 25, 3, 14, 30);
  const timed = numbers.assignTimestampsAndWatermarks(
    WatermarkStrategy.forGenerator<number>(() => ({
      onEvent: (n, _timestamp, output) => output.emitWatermark(n),
      onPeriodicEmit: () => {},
    })).withTimestampAssigner((n) => n),
  );
  const sums = timed
    .windowAll(TumblingEventTimeWindows.of(10))
    .sideOutputLateData(late)
    .reduce(
      (a, b) => a + b,
      (window, [sum]) => [`${window.start}: ${sum}`],
    );
  const counted = timed.countWindowAll(3).apply((_window, elements) => [`counted ${[...elements].join(' ')}`]);
  // No watermark ends these.
  const own = numbers
    .keyBy(() => 0)
    .window(new Decades())
    .apply((_key, { start, end }, elements) => [`own ${start}-${end} ${[...elements].join(' ')}`]);
  const lines = sums.union(
    sums.getSideOutput(late).map((n) => `late ${n}`),
    counted,
    own,
  );
  expect((await collect(lines.executeAndCollect())).sort()).toEqual(
    ['0: 1', '10: 12', '20: 25', '30: 30', 'late 3', 'late 14', 'counted 1 12 25', 'counted 3 14 30', 'own 1-22 1 12 3'].sort(),
  );
});
