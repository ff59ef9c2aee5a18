/** Checkpoint settings with Flink's setter names; each is a configuration key underneath. */
import { Configuration } from '../config/configuration.ts';
import { type Duration, durationMs } from './duration.ts';

export type CheckpointingMode = 'EXACTLY_ONCE' | 'AT_LEAST_ONCE';
export type ExternalizedCheckpointRetention = 'DELETE_ON_CANCELLATION' | 'RETAIN_ON_CANCELLATION' | 'NO_EXTERNALIZED_CHECKPOINTS';

export class CheckpointConfig {
  readonly #configuration: Record<string, string>;

  constructor(configuration: Record<string, string>) {
    this.#configuration = configuration;
  }

  setCheckpointInterval(interval: Duration): this {
    return this.#set('execution.checkpointing.interval', durationMs(interval, 'setCheckpointInterval'));
  }

  isCheckpointingEnabled(): boolean {
    return this.getCheckpointInterval() > 0;
  }

  /** Milliseconds; -1 without periodic checkpoints. */
  getCheckpointInterval(): number {
    return this.#read.getOptional('execution.checkpointing.interval') ?? -1;
  }

  getCheckpointingMode(): CheckpointingMode {
    return this.#read.get('execution.checkpointing.mode') as CheckpointingMode;
  }

  /** Milliseconds. */
  getCheckpointTimeout(): number {
    return this.#read.get('execution.checkpointing.timeout');
  }

  /** Milliseconds. */
  getMinPauseBetweenCheckpoints(): number {
    return this.#read.get('execution.checkpointing.min-pause');
  }

  getMaxConcurrentCheckpoints(): number {
    return this.#read.get('execution.checkpointing.max-concurrent-checkpoints');
  }

  getTolerableCheckpointFailureNumber(): number {
    return this.#read.getOptional('execution.checkpointing.tolerable-failed-checkpoints') ?? 0;
  }

  isUnalignedCheckpointsEnabled(): boolean {
    return this.#read.get('execution.checkpointing.unaligned.enabled');
  }

  setCheckpointingMode(mode: CheckpointingMode): this {
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

  /** An aligned checkpoint that takes longer at one task goes on unaligned. */
  setAlignedCheckpointTimeout(timeout: Duration): this {
    return this.#set('execution.checkpointing.aligned-checkpoint-timeout', durationMs(timeout, 'setAlignedCheckpointTimeout'));
  }

  setExternalizedCheckpointRetention(retention: ExternalizedCheckpointRetention): this {
    return this.#set('execution.checkpointing.externalized-checkpoint-retention', retention);
  }

  setCheckpointStorage(directory: string): this {
    return this.#set('state.checkpoints.dir', directory);
  }

  get #read(): Configuration {
    return Configuration.of(this.#configuration);
  }

  #set(key: string, value: string | number | boolean): this {
    this.#configuration[key] = String(value);
    return this;
  }
}
