/** Times, rates and histograms against a plain computation over the same events. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LatestValues } from '../../../src/runtime/metrics/latest-values.ts';
import { Rate } from '../../../src/runtime/metrics/rate.ts';
import { TaskMetrics } from '../../../src/runtime/metrics/task-metrics.ts';
import { type TaskActivity, TaskTimes } from '../../../src/runtime/metrics/task-times.ts';
import { ManualClock } from '../../harness/manual-clock.ts';

test('busy, idle and back-pressured time add up to the time since the start', () => {
  const activity = fc.constantFrom<TaskActivity>('busy', 'idle', 'backPressured');
  fc.assert(
    fc.property(fc.array(fc.tuple(activity, fc.nat(500)), { minLength: 1 }), (steps) => {
      const times = new TaskTimes();
      const expected = { busy: 0, idle: 0, backPressured: 0 };
      let now = 1000;
      for (const [each, ms] of steps) {
        times.become(each, now);
        now += ms;
        expected[each] += ms;
        expect(times.report(now)).toEqual({ busyMs: expected.busy, idleMs: expected.idle, backPressuredMs: expected.backPressured });
      }
    }),
  );
});

test('a task that never ran spent no time', () => {
  expect(new TaskTimes().report(5000)).toEqual({ busyMs: 0, idleMs: 0, backPressuredMs: 0 });
});

test('a rate is that of the last minute', () => {
  const clock = new ManualClock();
  const rate = new Rate(() => clock.monotonic());
  expect(rate.perSecond(0)).toBe(0);
  let count = 0;
  for (let second = 0; second < 300; second++) {
    clock.advance(1000);
    count += second < 200 ? 50 : 10;
    const perSecond = rate.perSecond(count);
    if (second < 200) expect(perSecond).toBe(50);
    if (second >= 260) expect(perSecond).toBe(10);
  }
});

test('statistics are those of the newest 1024 values', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { maxLength: 2000 }), (values) => {
      const latest = new LatestValues();
      for (const value of values) latest.add(value);
      const sorted = values.slice(-1024).sort((a, b) => a - b);
      const statistics = latest.statistics();
      expect(statistics.count).toBe(values.length);
      if (sorted.length === 0) return;
      expect(statistics.min).toBe(sorted[0]);
      expect(statistics.max).toBe(sorted.at(-1));
      expect(statistics.mean).toBeCloseTo(sorted.reduce((sum, value) => sum + value, 0) / sorted.length, 3);
      for (const [name, q] of [
        ['median', 0.5],
        ['p95', 0.95],
        ['p999', 0.999],
      ] as const) {
        const below = sorted[Math.floor(q * (sorted.length - 1))] as number;
        const above = sorted[Math.ceil(q * (sorted.length - 1))] as number;
        expect(statistics[name]).toBeGreaterThanOrEqual(below - 1e-6);
        expect(statistics[name]).toBeLessThanOrEqual(above + 1e-6);
      }
    }),
    { numRuns: 50 },
  );
});

test('names are made safe, and a gauge that fails harms no other metric', () => {
  const metrics = new TaskMetrics(() => 0);
  const group = metrics.group('My_Map.');
  group.counter('a counter: of.things').inc(3);
  group.addGroup('kind', 'a.b').gauge('level', () => 'high');
  group.gauge('broken', () => {
    throw new Error('no sensor');
  });
  group.gauge('object', () => ({ a: 1 }) as never);
  expect(metrics.dump()).toEqual({
    'My_Map.a_counter__of_things': 3,
    'My_Map.kind.a_b.level': 'high',
    'My_Map.broken': 'failed: no sensor',
    'My_Map.object': '[object Object]',
  });
});
