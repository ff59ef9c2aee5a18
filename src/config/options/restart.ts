/** Options of the restart strategies. */
import type { Option } from '../option.ts';

export const restartOptions = {
  'jobmanager.execution.failover-strategy': { type: 'enum', values: ['full', 'region'], default: 'region' },
  'restart-strategy': { type: 'string' },
  'restart-strategy.type': { type: 'string', fallback: ['restart-strategy'] },
  'restart-strategy.fixed-delay.attempts': { type: 'int', default: '1', fallback: ['execution-retries.default'] },
  'restart-strategy.fixed-delay.delay': { type: 'duration', default: '1 s', fallback: ['execution-retries.delay'] },
  'restart-strategy.failure-rate.max-failures-per-interval': { type: 'int', default: '1' },
  'restart-strategy.failure-rate.failure-rate-interval': { type: 'duration', default: '1 min' },
  'restart-strategy.failure-rate.delay': { type: 'duration', default: '1 s' },
  'restart-strategy.exponential-delay.initial-backoff': { type: 'duration', default: '1 s' },
  'restart-strategy.exponential-delay.max-backoff': { type: 'duration', default: '1 min' },
  'restart-strategy.exponential-delay.backoff-multiplier': { type: 'double', default: '1.5' },
  'restart-strategy.exponential-delay.reset-backoff-threshold': { type: 'duration', default: '1 h' },
  'restart-strategy.exponential-delay.jitter-factor': { type: 'double', default: '0.1' },
  'restart-strategy.exponential-delay.attempts-before-reset-backoff': { type: 'int', default: 'infinite' },
} as const satisfies Record<string, Option>;
