import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Configuration } from '../../../src/config/configuration.ts';
import { createRestartStrategy, type RestartStrategy } from '../../../src/runtime/scheduler/restart-strategy.ts';

const strategy = (configuration: Record<string, string>, random = 0.5): RestartStrategy =>
  createRestartStrategy(Configuration.of(configuration), () => random);
/** Delays for failures at these times; undefined where there is no more try. */
const delays = (of: RestartStrategy, ...times: number[]): (number | undefined)[] => times.map((time) => of.failed(time)?.delayMs);

describe('without a strategy', () => {
  test('the first failure ends a job that takes no checkpoints', () => {
    expect(delays(strategy({}), 0)).toEqual([undefined]);
  });

  test('a job that takes checkpoints is tried again, later and later', () => {
    const given = strategy({ 'execution.checkpointing.interval': '1 s' });
    expect(delays(given, 0, 10_000, 20_000, 30_000)).toEqual([1000, 1500, 2250, 3375]);
  });
});

test.each(['none', 'off', 'disable', 'None'])('%s: the first failure is the last', (type) => {
  expect(delays(strategy({ 'restart-strategy': type }), 0)).toEqual([undefined]);
});

test('an unknown one is refused with the known ones', () => {
  expect(() => strategy({ 'restart-strategy.type': 'sometimes' })).toThrow(/'sometimes' is no restart strategy.*exponential-delay/s);
});

test('fixed delay: so many attempts in the whole life of the job', () => {
  const given = strategy({
    'restart-strategy.type': 'fixed-delay',
    'restart-strategy.fixed-delay.attempts': '2',
    'restart-strategy.fixed-delay.delay': '3 s',
  });
  expect(delays(given, 0, 10 ** 9, 10 ** 12)).toEqual([3000, 3000, undefined]);
});

describe('failure rate', () => {
  const rate = (): RestartStrategy =>
    strategy({
      'restart-strategy.type': 'failure-rate',
      'restart-strategy.failure-rate.max-failures-per-interval': '2',
      'restart-strategy.failure-rate.failure-rate-interval': '1 min',
      'restart-strategy.failure-rate.delay': '1 s',
    });

  test('one more than allowed within the interval ends the job', () => {
    expect(delays(rate(), 0, 30_000, 60_000)).toEqual([1000, 1000, undefined]);
  });

  test('what is older than the interval does not count', () => {
    expect(delays(rate(), 0, 30_000, 60_001, 90_002)).toEqual([1000, 1000, 1000, 1000]);
  });

  test('agrees with counting all failures of the last interval', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50_000), { maxLength: 40 }), (gaps) => {
        const given = rate();
        const times: number[] = [];
        let now = 0;
        for (const gap of gaps) {
          now += gap;
          times.push(now);
          const recent = times.filter((time) => now - time <= 60_000).length;
          expect(given.failed(now) === undefined).toBe(recent > 2);
        }
      }),
    );
  });
});

describe('exponential delay', () => {
  const settings = {
    'restart-strategy.type': 'exponential-delay',
    'restart-strategy.exponential-delay.initial-backoff': '1 s',
    'restart-strategy.exponential-delay.max-backoff': '10 s',
    'restart-strategy.exponential-delay.backoff-multiplier': '2.0',
    'restart-strategy.exponential-delay.reset-backoff-threshold': '1 min',
    'restart-strategy.exponential-delay.jitter-factor': '0.1',
  };

  test('grows by the factor up to the maximum', () => {
    expect(delays(strategy(settings), 0, 20_000, 40_000, 60_000, 80_000, 100_000)).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000]);
  });

  test('failures before the next restart are part of the attempt: one restart, at the same time', () => {
    const given = strategy(settings);
    expect(given.failed(0)).toEqual({ delayMs: 1000, isNewAttempt: true });
    expect(given.failed(400)).toEqual({ delayMs: 600, isNewAttempt: false });
    expect(given.failed(1000)).toEqual({ delayMs: 0, isNewAttempt: false });
    expect(given.failed(1001)).toEqual({ delayMs: 2000, isNewAttempt: true });
  });

  test('begins anew after a quiet time behind the restart', () => {
    expect(delays(strategy(settings), 0, 5000, 7000 + 60_000)).toEqual([1000, 2000, 1000]);
    expect(delays(strategy(settings), 0, 5000, 7000 + 59_999)).toEqual([1000, 2000, 4000]);
  });

  test('jitter stays within its share, and never goes below the first delay or above the last', () => {
    expect(delays(strategy(settings, 0), 0, 20_000, 40_000)).toEqual([1000, 1800, 3600]);
    expect(delays(strategy(settings, 0.999999), 0, 20_000, 40_000)).toEqual([1099, 2199, 4399]);
    expect(delays(strategy(settings, 0.999999), 0, 20_000, 40_000, 60_000, 80_000).at(-1)).toBe(10_000);
  });

  test('ends after the attempts that are allowed', () => {
    const given = strategy({ ...settings, 'restart-strategy.exponential-delay.attempts-before-reset-backoff': '2' });
    expect(delays(given, 0, 500, 20_000, 40_000)).toEqual([1000, 500, 2000, undefined]);
  });

  test("'infinite' is a number of attempts", () => {
    const given = strategy({ ...settings, 'restart-strategy.exponential-delay.attempts-before-reset-backoff': 'infinite' });
    expect(delays(given, ...Array.from({ length: 50 }, (_, index) => index * 20_000))).not.toContain(undefined);
  });
});
