/** What happens after a failure, in Flink's words; each is a few configuration keys. */
import { type Duration, durationMs } from './duration.ts';

export interface RestartStrategyConfiguration {
  readonly configuration: Readonly<Record<string, string>>;
}

export const RestartStrategies = {
  /** The first failure ends the job. */
  noRestart: (): RestartStrategyConfiguration => strategy('none', {}),

  /** What the cluster's configuration says. */
  fallBackRestart: (): RestartStrategyConfiguration => ({ configuration: {} }),

  fixedDelayRestart: (restartAttempts: number, delay: Duration): RestartStrategyConfiguration =>
    strategy('fixed-delay', { attempts: restartAttempts, delay: milliseconds(delay) }),

  /** Gives up when there are more failures than `failureRate` within `failureInterval`. */
  failureRateRestart: (failureRate: number, failureInterval: Duration, delay: Duration): RestartStrategyConfiguration =>
    strategy('failure-rate', {
      'max-failures-per-interval': failureRate,
      'failure-rate-interval': milliseconds(failureInterval),
      delay: milliseconds(delay),
    }),

  /** Waits longer after each failure, and starts anew after a time without one. */
  exponentialDelayRestart: (
    initialBackoff: Duration,
    maxBackoff: Duration,
    backoffMultiplier: number,
    resetBackoffThreshold: Duration,
    jitterFactor: number,
  ): RestartStrategyConfiguration =>
    strategy('exponential-delay', {
      'initial-backoff': milliseconds(initialBackoff),
      'max-backoff': milliseconds(maxBackoff),
      'backoff-multiplier': backoffMultiplier,
      'reset-backoff-threshold': milliseconds(resetBackoffThreshold),
      'jitter-factor': jitterFactor,
    }),
} as const;

function strategy(type: string, settings: Readonly<Record<string, string | number>>): RestartStrategyConfiguration {
  const keys = Object.entries(settings).map(([name, value]) => [`restart-strategy.${type}.${name}`, String(value)]);
  return { configuration: { 'restart-strategy.type': type, ...Object.fromEntries(keys) } };
}

function milliseconds(duration: Duration): string {
  return `${durationMs(duration, 'RestartStrategies')} ms`;
}
