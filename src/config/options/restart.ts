/** Options of the restart strategies. */
import type { Option } from '../option.ts';

export const restartOptions = {
  'jobmanager.execution.failover-strategy': {
    type: 'enum',
    values: ['full', 'region'],
    default: 'region',
    description: 'Whether a failure restarts the whole job (full) or the region it is in (region).',
  },
  'restart-strategy': { type: 'string' },
  'restart-strategy.type': {
    type: 'string',
    fallback: ['restart-strategy'],
    description: 'How failed jobs restart. Unset: without end, after a second, when checkpoints are on; else never.',
  },
  'restart-strategy.fixed-delay.attempts': {
    type: 'int',
    default: '1',
    fallback: ['execution-retries.default'],
    description: 'Restarts before the job fails.',
  },
  'restart-strategy.fixed-delay.delay': {
    type: 'duration',
    default: '1 s',
    fallback: ['execution-retries.delay'],
    description: 'Pause before each restart.',
  },
  'restart-strategy.failure-rate.max-failures-per-interval': {
    type: 'int',
    default: '1',
    description: 'Failures within one interval that the job outlives.',
  },
  'restart-strategy.failure-rate.failure-rate-interval': {
    type: 'duration',
    default: '1 min',
    description: 'The interval.',
  },
  'restart-strategy.failure-rate.delay': {
    type: 'duration',
    default: '1 s',
    description: 'Pause before each restart.',
  },
  'restart-strategy.exponential-delay.initial-backoff': {
    type: 'duration',
    default: '1 s',
    description: 'First pause.',
  },
  'restart-strategy.exponential-delay.max-backoff': {
    type: 'duration',
    default: '1 min',
    description: 'Longest pause.',
  },
  'restart-strategy.exponential-delay.backoff-multiplier': {
    type: 'double',
    default: '1.5',
    description: 'Factor by which the pause grows.',
  },
  'restart-strategy.exponential-delay.reset-backoff-threshold': {
    type: 'duration',
    default: '1 h',
    description: 'Time without failure after which the first pause holds again.',
  },
  'restart-strategy.exponential-delay.jitter-factor': {
    type: 'double',
    default: '0.1',
    description: 'Random part of the pause.',
  },
  'restart-strategy.exponential-delay.attempts-before-reset-backoff': {
    type: 'int',
    values: ['infinite'],
    default: 'infinite',
    description: 'Restarts before the job fails; the count starts anew with the first pause.',
  },
} as const satisfies Record<string, Option>;
