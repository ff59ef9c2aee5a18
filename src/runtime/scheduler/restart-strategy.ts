/** Whether and when a failed job is tried again. Decisions only: time and randomness are passed in. */
import type { Configuration } from '../../config/configuration.ts';
import { UserError } from '../../shared/errors.ts';

export interface RestartStrategy {
  readonly description: string;
  /** Called once per failure; undefined: no more tries. */
  failed(nowMs: number): Restart | undefined;
}

export interface Restart {
  readonly delayMs: number;
  /** False: the failure came with the one before and is part of the same attempt. */
  readonly isNewAttempt: boolean;
}

class NoRestart implements RestartStrategy {
  readonly description = 'NoRestartBackoffTimeStrategy';

  failed(): undefined {
    return undefined;
  }
}

/** Attempts are counted over the whole life of the job. */
class FixedDelay implements RestartStrategy {
  readonly description: string;
  readonly #attempts: number;
  readonly #delayMs: number;
  #failures = 0;

  constructor(attempts: number, delayMs: number) {
    this.#attempts = attempts;
    this.#delayMs = delayMs;
    this.description = `FixedDelayRestartBackoffTimeStrategy(maxNumberRestartAttempts=${attempts}, backoffTimeMS=${delayMs})`;
  }

  failed(): Restart | undefined {
    return ++this.#failures <= this.#attempts ? { delayMs: this.#delayMs, isNewAttempt: true } : undefined;
  }
}

/** So many failures in an interval, however long the job lives. */
class FailureRate implements RestartStrategy {
  readonly description: string;
  readonly #maxFailures: number;
  readonly #intervalMs: number;
  readonly #delayMs: number;
  /** The last `maxFailures + 1`, oldest first. */
  readonly #failedAt: number[] = [];

  constructor(maxFailures: number, intervalMs: number, delayMs: number) {
    this.#maxFailures = maxFailures;
    this.#intervalMs = intervalMs;
    this.#delayMs = delayMs;
    this.description =
      `FailureRateRestartBackoffTimeStrategy(failuresIntervalMS=${intervalMs},backoffTimeMS=${delayMs},` +
      `maxFailuresPerInterval=${maxFailures})`;
  }

  failed(nowMs: number): Restart | undefined {
    this.#failedAt.push(nowMs);
    if (this.#failedAt.length > this.#maxFailures + 1) this.#failedAt.shift();
    const tooMany = this.#failedAt.length > this.#maxFailures && nowMs - (this.#failedAt[0] as number) <= this.#intervalMs;
    return tooMany ? undefined : { delayMs: this.#delayMs, isNewAttempt: true };
  }
}

export interface ExponentialDelaySettings {
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly multiplier: number;
  /** After running so long, the next failure counts as the first. */
  readonly resetThresholdMs: number;
  /** Share of the delay that it may be shorter or longer. */
  readonly jitter: number;
  readonly attempts: number;
}

/** Failures before the next restart belong to the attempt that is waiting: one lost TaskManager fails dozens of tasks. */
class ExponentialDelay implements RestartStrategy {
  readonly #settings: ExponentialDelaySettings;
  readonly #random: () => number;
  #attempt = 0;
  #nextRestartAt = 0;

  constructor(settings: ExponentialDelaySettings, random: () => number) {
    this.#settings = settings;
    this.#random = random;
  }

  get description(): string {
    const { initialBackoffMs, maxBackoffMs, multiplier, resetThresholdMs, jitter, attempts } = this.#settings;
    return (
      `ExponentialDelayRestartBackoffTimeStrategy(initialBackoffMS=${initialBackoffMs}, maxBackoffMS=${maxBackoffMs}, ` +
      `backoffMultiplier=${multiplier}, resetBackoffThresholdMS=${resetThresholdMs}, jitterFactor=${jitter}, ` +
      `attemptsBeforeResetBackoff=${attempts}, currentRestartAttempt=${this.#attempt})`
    );
  }

  failed(nowMs: number): Restart | undefined {
    const isNewAttempt = this.#attempt === 0 || nowMs > this.#nextRestartAt;
    if (isNewAttempt) {
      if (nowMs - this.#nextRestartAt >= this.#settings.resetThresholdMs) this.#attempt = 0;
      this.#nextRestartAt = nowMs + this.#backoffMs();
      this.#attempt++;
    }
    if (this.#attempt > this.#settings.attempts) return undefined;
    return { delayMs: Math.max(0, this.#nextRestartAt - nowMs), isNewAttempt };
  }

  #backoffMs(): number {
    const { initialBackoffMs, maxBackoffMs, multiplier, jitter } = this.#settings;
    const backoff = initialBackoffMs * multiplier ** this.#attempt;
    const varied = backoff + (this.#random() * 2 - 1) * backoff * jitter;
    return Math.max(initialBackoffMs, Math.min(Math.floor(varied), maxBackoffMs));
  }
}

/** Throws UserError('UNKNOWN_RESTART_STRATEGY'). */
export function createRestartStrategy(config: Configuration, random: () => number): RestartStrategy {
  const name = config.get('restart-strategy.type');
  switch (name?.toLowerCase()) {
    case undefined:
      return (config.get('execution.checkpointing.interval') ?? 0) > 0 ? exponentialDelay(config, random) : new NoRestart();
    case 'none':
    case 'off':
    case 'disable':
      return new NoRestart();
    case 'fixed-delay':
    case 'fixeddelay':
      return new FixedDelay(config.get('restart-strategy.fixed-delay.attempts'), config.get('restart-strategy.fixed-delay.delay'));
    case 'failure-rate':
    case 'failurerate':
      return new FailureRate(
        config.get('restart-strategy.failure-rate.max-failures-per-interval'),
        config.get('restart-strategy.failure-rate.failure-rate-interval'),
        config.get('restart-strategy.failure-rate.delay'),
      );
    case 'exponential-delay':
    case 'exponentialdelay':
      return exponentialDelay(config, random);
    default:
      throw new UserError('UNKNOWN_RESTART_STRATEGY', {
        problem: `'${name}' is no restart strategy.`,
        found: 'It comes from restart-strategy.type (restart-strategy).',
        tryNext: ['none', 'fixed-delay', 'failure-rate', 'exponential-delay'].map((known) => `restart-strategy.type: ${known}`),
      });
  }
}

function exponentialDelay(config: Configuration, random: () => number): RestartStrategy {
  return new ExponentialDelay(
    {
      initialBackoffMs: config.get('restart-strategy.exponential-delay.initial-backoff'),
      maxBackoffMs: config.get('restart-strategy.exponential-delay.max-backoff'),
      multiplier: config.get('restart-strategy.exponential-delay.backoff-multiplier'),
      resetThresholdMs: config.get('restart-strategy.exponential-delay.reset-backoff-threshold'),
      jitter: config.get('restart-strategy.exponential-delay.jitter-factor'),
      attempts: config.get('restart-strategy.exponential-delay.attempts-before-reset-backoff'),
    },
    random,
  );
}
