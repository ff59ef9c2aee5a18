/** What kind of snapshot one is, and when its files are deleted. Plain data: it stands in the metadata. */
import type { CheckpointOptions } from '../rpc/gateways.ts';

/** How a job ended, as far as its checkpoints care. */
export type JobEnd = 'FINISHED' | 'CANCELED' | 'FAILED' | 'SUSPENDED';

export interface CheckpointProperties {
  readonly kind: 'checkpoint' | 'savepoint';
  /** A savepoint that ends the job. */
  readonly stop?: CheckpointOptions['stop'];
  /** No reference to files of earlier checkpoints. */
  readonly full: boolean;
  /** Runs beside pending checkpoints, whatever their number. */
  readonly forced: boolean;
  /** A snapshot that was restored and stays its owner's: the first checkpoint after it must not build on its files. */
  readonly unclaimed: boolean;
  readonly discardWhen: Readonly<Record<JobEnd | 'SUBSUMED', boolean>>;
}

export type Retention = 'NO_EXTERNALIZED_CHECKPOINTS' | 'DELETE_ON_CANCELLATION' | 'RETAIN_ON_CANCELLATION';

const never = { SUBSUMED: false, FINISHED: false, CANCELED: false, FAILED: false, SUSPENDED: false };

const discardRules: Readonly<Record<Retention, CheckpointProperties['discardWhen']>> = {
  NO_EXTERNALIZED_CHECKPOINTS: { SUBSUMED: true, FINISHED: true, CANCELED: true, FAILED: true, SUSPENDED: true },
  DELETE_ON_CANCELLATION: { SUBSUMED: true, FINISHED: true, CANCELED: true, FAILED: false, SUSPENDED: true },
  RETAIN_ON_CANCELLATION: { SUBSUMED: true, FINISHED: true, CANCELED: false, FAILED: false, SUSPENDED: false },
};

export function checkpointProperties(retention: Retention, full = false): CheckpointProperties {
  return { kind: 'checkpoint', full, forced: false, unclaimed: false, discardWhen: discardRules[retention] };
}

/** Forced unless checkpoints are unaligned: those allow no other beside them. */
export function savepointProperties(options: { forced: boolean; stop?: CheckpointOptions['stop'] }): CheckpointProperties {
  return {
    kind: 'savepoint',
    ...(options.stop ? { stop: options.stop } : {}),
    full: true,
    forced: options.forced,
    unclaimed: false,
    discardWhen: never,
  };
}

/** A snapshot that a job was started from and that is not its own: treated as a savepoint, whatever it was taken as. */
export function unclaimedProperties(options: { forceFull: boolean }): CheckpointProperties {
  return { kind: 'savepoint', full: true, forced: false, unclaimed: options.forceFull, discardWhen: never };
}

/** A plain savepoint is its owner's alone: it neither subsumes checkpoints nor triggers commits. Stopping with one does. */
export function isPlainSavepoint(properties: CheckpointProperties): boolean {
  return properties.kind === 'savepoint' && properties.stop === undefined;
}
