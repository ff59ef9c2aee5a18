/** How long keyed state lives. `StateTtlConfig.newBuilder('1h')…build()`, or an options object. */
import { UserError } from '../shared/errors.ts';
import { type Duration, durationMs } from './duration.ts';

/** What makes a value young again. */
export type TtlUpdateType = 'Disabled' | 'OnCreateAndWrite' | 'OnReadAndWrite';
/** Whether a value whose time is over can still be read, as long as it has not been removed. */
export type TtlStateVisibility = 'NeverReturnExpired' | 'ReturnExpiredIfNotCleanedUp';

export interface StateTtlOptions {
  readonly ttl: Duration;
  readonly update?: TtlUpdateType;
  readonly visibility?: TtlStateVisibility;
  /** Values whose time is over are left out of snapshots. */
  readonly cleanupFullSnapshot?: boolean;
  /** Keys that are looked at with each access to the state, to remove what is over; 0: none. 5 if nothing is said. */
  readonly cleanupIncrementally?: number;
}

const defaultCleanupSize = 5;

export class StateTtlConfig {
  /** Milliseconds of processing time. */
  readonly ttlMs: number;
  readonly updateType: TtlUpdateType;
  readonly visibility: TtlStateVisibility;
  readonly filtersSnapshots: boolean;
  /** 0: nothing is removed but what is read. */
  readonly cleanupSize: number;

  constructor(options: StateTtlOptions) {
    this.ttlMs = durationMs(options.ttl, 'State TTL');
    this.updateType = options.update ?? 'OnCreateAndWrite';
    this.visibility = options.visibility ?? 'NeverReturnExpired';
    this.filtersSnapshots = options.cleanupFullSnapshot ?? false;
    this.cleanupSize = options.cleanupIncrementally ?? defaultCleanupSize;
    if (!(this.ttlMs > 0)) throw new UserError('BAD_TTL', { problem: `A state TTL of ${this.ttlMs} ms: more than 0 is wanted.` });
    if (!Number.isInteger(this.cleanupSize) || this.cleanupSize < 0)
      throw new UserError('BAD_TTL', { problem: `cleanupIncrementally(${this.cleanupSize}): a whole number from 0 is wanted.` });
  }

  static readonly UpdateType = {
    Disabled: 'Disabled',
    OnCreateAndWrite: 'OnCreateAndWrite',
    OnReadAndWrite: 'OnReadAndWrite',
  } as const;

  static readonly StateVisibility = {
    ReturnExpiredIfNotCleanedUp: 'ReturnExpiredIfNotCleanedUp',
    NeverReturnExpired: 'NeverReturnExpired',
  } as const;

  /** Time to live is counted in processing time. */
  static readonly TtlTimeCharacteristic = { ProcessingTime: 'ProcessingTime' } as const;

  static newBuilder(ttl: Duration): StateTtlConfigBuilder {
    return new StateTtlConfigBuilder(ttl);
  }

  get isEnabled(): boolean {
    return this.updateType !== 'Disabled';
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

class StateTtlConfigBuilder {
  readonly #options: Mutable<StateTtlOptions>;

  constructor(ttl: Duration) {
    this.#options = { ttl };
  }

  setUpdateType(update: TtlUpdateType): this {
    this.#options.update = update;
    return this;
  }

  updateTtlOnCreateAndWrite(): this {
    return this.setUpdateType('OnCreateAndWrite');
  }

  updateTtlOnReadAndWrite(): this {
    return this.setUpdateType('OnReadAndWrite');
  }

  setStateVisibility(visibility: TtlStateVisibility): this {
    this.#options.visibility = visibility;
    return this;
  }

  neverReturnExpired(): this {
    return this.setStateVisibility('NeverReturnExpired');
  }

  returnExpiredIfNotCleanedUp(): this {
    return this.setStateVisibility('ReturnExpiredIfNotCleanedUp');
  }

  setTtlTimeCharacteristic(_characteristic: 'ProcessingTime'): this {
    return this;
  }

  useProcessingTime(): this {
    return this;
  }

  cleanupFullSnapshot(): this {
    this.#options.cleanupFullSnapshot = true;
    return this;
  }

  /** The second argument of Flink's is accepted: clean-up is made with accesses to the state only. */
  cleanupIncrementally(cleanupSize: number, _runCleanupForEveryRecord = false): this {
    this.#options.cleanupIncrementally = cleanupSize;
    return this;
  }

  /** Accepted, and of no effect: state on the heap is cleaned up incrementally. */
  cleanupInRocksdbCompactFilter(_queryTimeAfterNumEntries?: number, _periodicCompaction?: Duration): this {
    return this;
  }

  /** What nobody reads stays. */
  disableCleanupInBackground(): this {
    this.#options.cleanupIncrementally = 0;
    return this;
  }

  build(): StateTtlConfig {
    return new StateTtlConfig(this.#options);
  }
}

/** A duration, options or a built configuration, as one. */
export type StateTtl = Duration | StateTtlOptions | StateTtlConfig;

export function ttlConfigOf(ttl: StateTtl): StateTtlConfig {
  if (ttl instanceof StateTtlConfig) return ttl;
  return new StateTtlConfig(typeof ttl === 'object' && 'ttl' in ttl ? ttl : { ttl });
}
