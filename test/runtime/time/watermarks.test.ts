/** Watermark strategies, sources that keep together, and the watchdog that names the input which event time waits for. */
import { describe, expect, test } from 'vitest';
import {
  AscendingTimestampExtractor,
  type AssignerWithPunctuatedWatermarks,
  BoundedOutOfOrdernessTimestampExtractor,
  type DataStream,
  WatermarkStrategy,
} from 'weir';
import { MiniCluster, TestInput, testOperator } from 'weir/testing';
import { WatermarkAlignment } from '../../../src/runtime/source/watermark-alignment.ts';
import { WatermarkValve } from '../../../src/runtime/time/watermark-valve.ts';
import { WatermarkWatchdog } from '../../../src/runtime/time/watermark-watchdog.ts';

const last = Number.MAX_SAFE_INTEGER;

describe('strategies', () => {
  /** Watermarks behind some timestamps, each followed by a beat of the periodic generators. */
  async function watermarks(assign: (stream: DataStream<number>) => DataStream<number>): Promise<readonly number[]> {
    await using harness = await testOperator(assign);
    for (const at of [1000, 3000, 2000]) {
      await harness.processElement(at);
      await harness.advanceProcessingTime(200);
    }
    await harness.endInput();
    expect(harness.getOutput().map(({ timestamp }) => timestamp)).toEqual([1000, 3000, 2000]);
    return harness.getWatermarks();
  }
  const by = (strategy: WatermarkStrategy<number>) => (stream: DataStream<number>) =>
    stream.assignTimestampsAndWatermarks(strategy.withTimestampAssigner((n) => n));

  test.each<[string, (stream: DataStream<number>) => DataStream<number>, readonly number[]]>([
    ['monotonous', by(WatermarkStrategy.forMonotonousTimestamps()), [999, 2999, last]],
    ['bounded disorder', by(WatermarkStrategy.forBoundedOutOfOrderness('1s')), [-1, 1999, last]],
    ['none', by(WatermarkStrategy.noWatermarks()), [last]],
    [
      'punctuated, of its own',
      by(
        WatermarkStrategy.forGenerator(() => ({
          onEvent: (n, _at, output) => n % 2000 === 0 && output.emitWatermark(n),
          onPeriodicEmit: () => {},
        })),
      ),
      [2000, last],
    ],
    [
      'an assigner in the older form',
      (stream) => {
        const assigner: AssignerWithPunctuatedWatermarks<number> = {
          extractTimestamp: (n) => n,
          checkAndGetNextWatermark: (n, extracted) => (n === 3000 ? extracted - 500 : null),
        };
        return stream.assignTimestampsAndWatermarks(assigner);
      },
      [2500, last],
    ],
    [
      'an extractor in the older form',
      (stream) =>
        stream.assignTimestampsAndWatermarks(
          new (class extends BoundedOutOfOrdernessTimestampExtractor<number> {
            override extractTimestamp(n: number): number {
              return n;
            }
          })('1s'),
        ),
      [-1, 1999, last],
    ],
    [
      'ascending, in the older form',
      (stream) =>
        stream.assignTimestampsAndWatermarks(
          new (class extends AscendingTimestampExtractor<number> {
            override extractAscendingTimestamp(n: number): number {
              return n;
            }
          })(),
        ),
      [999, 2999, last],
    ],
  ])('%s', async (_, assign, expected) => {
    expect(await watermarks(assign)).toEqual(expected);
  });
});

describe('alignment', () => {
  const member = (operatorId: string, subtaskIndex = 0) => ({ operatorId, subtaskIndex, attemptNumber: 0 });

  test('all may go as far as the slowest and the drift; who is idle is left out', () => {
    const alignment = new WatermarkAlignment();
    expect(alignment.report('g', member('a'), 100, 10)).toEqual({ allowed: 110, tell: [member('a')] });
    expect(alignment.report('g', member('b'), 50, 10)).toEqual({ allowed: 60, tell: [member('a'), member('b')] });
    // Nothing new for the others.
    expect(alignment.report('g', member('a'), 105, 10)).toEqual({ allowed: 60, tell: [member('a')] });
    expect(alignment.report('other', member('c'), 1, 10).allowed).toBe(11);
    expect(alignment.report('g', member('b'), undefined, 10)).toMatchObject({ allowed: 115 });
    alignment.forget('a', 0);
    expect(alignment.report('g', member('b'), undefined, 10).allowed).toBe(Number.POSITIVE_INFINITY);
  });

  test('a source that is ahead waits for the other one', async () => {
    await using cluster = await MiniCluster.start({ clock: 'virtual', configuration: { 'pipeline.auto-watermark-interval': '50 ms' } });
    const [fast, slow] = [new TestInput<number>(), new TestInput<number>()];
    const strategy = WatermarkStrategy.forMonotonousTimestamps<number>()
      .withTimestampAssigner((n) => n)
      .withWatermarkAlignment('numbers', '1s', '100ms');
    const env = cluster.getExecutionEnvironment();
    const ofFast = cluster.collect(env.fromSource(fast, strategy, 'fast'));
    const ofSlow = cluster.collect(env.fromSource(slow, strategy, 'slow'));
    const job = await env.executeAsync();
    fast.add(10_000);
    slow.add(0);
    await cluster.advanceTime('1s');
    expect([ofFast, ofSlow]).toEqual([[10_000], [0]]);
    // More than a second ahead: it stays where it is.
    fast.add(10_001);
    await cluster.advanceTime('10s');
    expect(ofFast).toEqual([10_000]);
    slow.add(5000);
    await cluster.advanceTime('1s');
    expect([ofFast, ofSlow]).toEqual([[10_000], [0, 5000]]);
    slow.add(9500);
    await cluster.advanceTime('1s');
    expect([ofFast, ofSlow]).toEqual([
      [10_000, 10_001],
      [0, 5000, 9500],
    ]);
    // The end of one lets the other go.
    fast.add(99_000).add(99_001);
    await cluster.advanceTime('1s');
    slow.end();
    await cluster.advanceTime('1s');
    expect(ofFast.at(-1)).toBe(99_001);
    await job.cancel();
  });
});

describe('the watchdog', () => {
  function watched(patienceMs: number): { valve: WatermarkValve; watchdog: WatermarkWatchdog; warnings: string[] } {
    const valve = new WatermarkValve(3);
    const warnings: string[] = [];
    const watchdog = new WatermarkWatchdog({
      valve,
      inputName: (channel) => `'clicks' (${channel + 1}/3)`,
      taskName: "'Window' (1/1)",
      patienceMs,
      warn: (message) => void warnings.push(message),
    });
    return { valve, watchdog, warnings };
  }

  test('names the input that holds event time back, once each time it does', () => {
    const { valve, watchdog, warnings } = watched(1000);
    valve.advance(0, 5000);
    valve.advance(2, 4000);
    expect(watchdog.heldBackBy).toBe("'clicks' (2/3)");
    for (const now of [0, 500, 999, 1000, 2000, 9000]) watchdog.check(now);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("waits for 'clicks' (2/3), while others have come to 1970-01-01T00:00:05.000Z");
    valve.advance(1, 3000);
    watchdog.check(10_000);
    expect(watchdog.heldBackBy).toBe("'clicks' (2/3)");
    for (const now of [10_001, 11_002]) watchdog.check(now);
    expect(warnings).toHaveLength(2);
  });

  test('is quiet where all have come to the same, where the slow one is idle, and where it is switched off', () => {
    const level = watched(1);
    for (const channel of [0, 1, 2]) level.valve.advance(channel, 5);
    const idle = watched(1);
    idle.valve.advance(0, 5);
    idle.valve.setIdle(1, true);
    idle.valve.setIdle(2, true);
    const off = watched(0);
    off.valve.advance(0, 5);
    for (const { watchdog, warnings } of [level, idle, off]) {
      for (const now of [0, 10, 1000]) watchdog.check(now);
      expect(warnings).toEqual([]);
    }
    expect([level.watchdog.heldBackBy, idle.watchdog.heldBackBy]).toEqual(['', '']);
  });
});
