/** When a part file is closed and a new one begun. */
import { type Duration, durationMs } from '../../../api/duration.ts';

/** The file that is being written. Times in ms since the epoch. */
export interface PartFileInfo {
  readonly bucketId: string;
  readonly sizeBytes: number;
  readonly creationTime: number;
  readonly lastUpdateTime: number;
}

export interface RollingPolicy {
  shouldRollOnCheckpoint(file: PartFileInfo): boolean;
  /** After a record was written. */
  shouldRollOnEvent(file: PartFileInfo): boolean;
  /** Asked about once a second. */
  shouldRollOnProcessingTime(file: PartFileInfo, now: number): boolean;
}

export interface DefaultRollingPolicyOptions {
  /** Bytes; 128 MB by default. */
  readonly maxPartSize?: number | undefined;
  /** Age; 60 s by default. */
  readonly rolloverInterval?: Duration | undefined;
  /** Time without a record; 60 s by default. */
  readonly inactivityInterval?: Duration | undefined;
}

export class DefaultRollingPolicy implements RollingPolicy {
  readonly #maxPartSize: number;
  readonly #rolloverMs: number;
  readonly #inactivityMs: number;

  constructor(options: DefaultRollingPolicyOptions = {}) {
    this.#maxPartSize = options.maxPartSize ?? 128 * 1024 * 1024;
    this.#rolloverMs = durationMs(options.rolloverInterval ?? '60 s', 'rolloverInterval');
    this.#inactivityMs = durationMs(options.inactivityInterval ?? '60 s', 'inactivityInterval');
  }

  shouldRollOnCheckpoint(file: PartFileInfo): boolean {
    return file.sizeBytes > this.#maxPartSize;
  }

  shouldRollOnEvent(file: PartFileInfo): boolean {
    return file.sizeBytes > this.#maxPartSize;
  }

  shouldRollOnProcessingTime(file: PartFileInfo, now: number): boolean {
    return now - file.creationTime >= this.#rolloverMs || now - file.lastUpdateTime >= this.#inactivityMs;
  }
}

/** A finished file per checkpoint: output is visible as soon as the checkpoint is complete. */
export class OnCheckpointRollingPolicy implements RollingPolicy {
  shouldRollOnCheckpoint(): boolean {
    return true;
  }

  shouldRollOnEvent(): boolean {
    return false;
  }

  shouldRollOnProcessingTime(): boolean {
    return false;
  }
}
