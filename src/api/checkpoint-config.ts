/** Checkpoint settings with Flink's setter names; each is a configuration key underneath. */
import { type Duration, durationMs } from './duration.ts';

export class CheckpointConfig {
  readonly #configuration: Record<string, string>;

  constructor(configuration: Record<string, string>) {
    this.#configuration = configuration;
  }

  setCheckpointInterval(interval: Duration): this {
    return this.#set('execution.checkpointing.interval', durationMs(interval, 'setCheckpointInterval'));
  }

  setCheckpointingMode(mode: 'EXACTLY_ONCE' | 'AT_LEAST_ONCE'): this {
    return this.#set('execution.checkpointing.mode', mode);
  }

  setCheckpointTimeout(timeout: Duration): this {
    return this.#set('execution.checkpointing.timeout', durationMs(timeout, 'setCheckpointTimeout'));
  }

  setMinPauseBetweenCheckpoints(pause: Duration): this {
    return this.#set('execution.checkpointing.min-pause', durationMs(pause, 'setMinPauseBetweenCheckpoints'));
  }

  setMaxConcurrentCheckpoints(count: number): this {
    return this.#set('execution.checkpointing.max-concurrent-checkpoints', count);
  }

  setTolerableCheckpointFailureNumber(count: number): this {
    return this.#set('execution.checkpointing.tolerable-failed-checkpoints', count);
  }

  enableUnalignedCheckpoints(enabled = true): this {
    return this.#set('execution.checkpointing.unaligned', enabled);
  }

  setExternalizedCheckpointRetention(retention: 'DELETE_ON_CANCELLATION' | 'RETAIN_ON_CANCELLATION' | 'NO_EXTERNALIZED_CHECKPOINTS'): this {
    return this.#set('execution.checkpointing.externalized-checkpoint-retention', retention);
  }

  setCheckpointStorage(directory: string): this {
    return this.#set('state.checkpoints.dir', directory);
  }

  #set(key: string, value: string | number | boolean): this {
    this.#configuration[key] = String(value);
    return this;
  }
}
