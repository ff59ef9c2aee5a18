/** The checkpoint settings of one job, read once and checked. */
import type { Configuration } from '../../config/configuration.ts';
import { UserError } from '../../shared/errors.ts';
import type { CheckpointOptions } from '../rpc/gateways.ts';
import type { Retention } from './checkpoint-properties.ts';

export interface CheckpointSettings {
  /** Undefined: no periodic checkpoints; savepoints are possible all the same. */
  readonly intervalMs: number | undefined;
  readonly alignment: CheckpointOptions['alignment'];
  readonly timeoutMs: number;
  readonly minPauseMs: number;
  readonly maxConcurrent: number;
  readonly tolerableFailures: number;
  readonly retention: Retention;
  readonly retained: number;
  /** Checkpoints go on when some tasks have finished. */
  readonly afterTasksFinish: boolean;
  /** Asked for and not there: checkpoints are aligned. */
  readonly unaligned: boolean;
  readonly alignedTimeoutMs: number;
}

/** Shorter ones are a mistake of units. */
const leastMs = 10;

/** Throws UserError('BAD_CHECKPOINT_SETTING') naming the key. */
export function readCheckpointSettings(config: Configuration): CheckpointSettings {
  const interval = config.get('execution.checkpointing.interval');
  const intervalMs = interval !== undefined && interval > 0 ? atLeast('execution.checkpointing.interval', interval, leastMs) : undefined;
  const unaligned = config.get('execution.checkpointing.unaligned.enabled');
  const mode = config.get('execution.checkpointing.mode');
  const maxConcurrent = atLeast(
    'execution.checkpointing.max-concurrent-checkpoints',
    config.get('execution.checkpointing.max-concurrent-checkpoints'),
    1,
  );
  if (unaligned && mode !== 'EXACTLY_ONCE') throw unalignedNeeds('execution.checkpointing.mode: EXACTLY_ONCE');
  if (unaligned && maxConcurrent > 1) throw unalignedNeeds('execution.checkpointing.max-concurrent-checkpoints: 1');
  return {
    intervalMs,
    alignment: mode === 'AT_LEAST_ONCE' ? 'at-least-once' : 'exactly-once',
    timeoutMs: atLeast('execution.checkpointing.timeout', config.get('execution.checkpointing.timeout'), leastMs),
    minPauseMs: Math.max(0, config.get('execution.checkpointing.min-pause')),
    maxConcurrent,
    tolerableFailures: Math.max(0, config.get('execution.checkpointing.tolerable-failed-checkpoints') ?? 0),
    retention: config.get('execution.checkpointing.externalized-checkpoint-retention') ?? 'NO_EXTERNALIZED_CHECKPOINTS',
    retained: Math.max(1, config.get('execution.checkpointing.num-retained')),
    afterTasksFinish: config.get('execution.checkpointing.checkpoints-after-tasks-finish'),
    unaligned,
    alignedTimeoutMs: config.get('execution.checkpointing.aligned-checkpoint-timeout'),
  };
}

function atLeast(key: string, value: number, least: number): number {
  if (value >= least) return value;
  throw new UserError('BAD_CHECKPOINT_SETTING', { problem: `${key} is ${value}; it must be at least ${least}.` });
}

function unalignedNeeds(setting: string): UserError {
  return new UserError('BAD_CHECKPOINT_SETTING', {
    problem: `Unaligned checkpoints need ${setting}.`,
    tryNext: [`Set ${setting}, or execution.checkpointing.unaligned.enabled: false`],
  });
}
