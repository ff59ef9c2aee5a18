/** Whether and when a failed job is tried again. */
import type { Configuration } from '../../config/configuration.ts';
import { UserError } from '../../shared/errors.ts';

export interface RestartStrategy {
  readonly description: string;
  /** Called once per failure; undefined: no more tries. */
  delayBeforeRestart(nowMs: number): number | undefined;
}

class NoRestart implements RestartStrategy {
  readonly description = 'NoRestartBackoffTimeStrategy';

  delayBeforeRestart(): undefined {
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

  delayBeforeRestart(): number | undefined {
    return ++this.#failures <= this.#attempts ? this.#delayMs : undefined;
  }
}

export function createRestartStrategy(config: Configuration): RestartStrategy {
  const name = config.getText('restart-strategy.type') ?? config.getText('restart-strategy');
  const checkpointing = config.has('execution.checkpointing.interval');
  switch (name?.toLowerCase()) {
    case undefined:
      return checkpointing ? new FixedDelay(Number.MAX_SAFE_INTEGER, 1000) : new NoRestart();
    case 'none':
    case 'off':
    case 'disable':
      return new NoRestart();
    case 'fixed-delay':
    case 'fixeddelay':
      return new FixedDelay(config.get('restart-strategy.fixed-delay.attempts'), config.get('restart-strategy.fixed-delay.delay'));
    default:
      throw new UserError('UNKNOWN_RESTART_STRATEGY', {
        problem: `restart-strategy '${name}' is not there yet.`,
        tryNext: ['restart-strategy: none', 'restart-strategy: fixed-delay'],
      });
  }
}
