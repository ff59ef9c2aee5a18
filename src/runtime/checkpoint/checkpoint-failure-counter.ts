/**
 * Counts consecutive checkpoint failures against what the job tolerates. Keeps true: a checkpoint counts at most once, and a
 * failure of one that is older than the last success does not count.
 */
import { type CheckpointFailureReason, checkpointFailureReasons } from './checkpoint-failure-reason.ts';

export class CheckpointFailureCounter {
  readonly #tolerable: number;
  readonly #counted = new Set<number>();
  #failures = 0;
  #lastSuccess = 0;

  constructor(tolerable: number) {
    this.#tolerable = tolerable;
  }

  /** True when the job has to be failed; counting then begins anew. `checkpointId`: undefined when it never got one. */
  failed(reason: CheckpointFailureReason, checkpointId: number | undefined): boolean {
    if (!checkpointFailureReasons[reason].counts) return false;
    if (checkpointId !== undefined) {
      if (checkpointId < this.#lastSuccess || this.#counted.has(checkpointId)) return false;
      this.#counted.add(checkpointId);
    }
    this.#failures++;
    if (this.#failures <= this.#tolerable) return false;
    this.#reset();
    return true;
  }

  succeeded(checkpointId: number): void {
    if (checkpointId < this.#lastSuccess) return;
    this.#lastSuccess = checkpointId;
    this.#reset();
  }

  #reset(): void {
    this.#failures = 0;
    this.#counted.clear();
  }
}
