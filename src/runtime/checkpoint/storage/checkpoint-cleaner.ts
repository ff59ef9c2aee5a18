/**
 * Deletes in the background what checkpoints no longer need, and knows how much is under way: slow deletion holds back new
 * checkpoints. A deletion that fails is logged; nobody waits for it.
 */
import type { Logger } from '../../../shared/logger.ts';
import type { CompletedCheckpoint } from '../completed-checkpoint.ts';
import { discardSnapshot, removeFile } from './discard-snapshot.ts';

export class CheckpointCleaner {
  readonly #log: Logger;
  readonly #running = new Set<Promise<void>>();
  readonly #onProgress: () => void;

  constructor(log: Logger, onProgress: () => void) {
    this.#log = log;
    this.#onProgress = onProgress;
  }

  /** Checkpoints that are being deleted. */
  get count(): number {
    return this.#running.size;
  }

  /** `forget`: when nothing of it is left. */
  discard(checkpoint: CompletedCheckpoint, forget: () => Promise<void>): void {
    this.#run(`checkpoint ${checkpoint.metadata.checkpointId}`, async () => {
      await discardSnapshot(checkpoint);
      await forget();
    });
  }

  /** What was written for a checkpoint that never came to be. */
  removeDirectory(directory: string): void {
    this.#run(directory, () => removeFile(directory));
  }

  removeFiles(files: readonly string[]): void {
    if (files.length > 0) this.#run(files.join(', '), async () => void (await Promise.all(files.map(removeFile))));
  }

  async whenIdle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #run(what: string, remove: () => Promise<void>): void {
    const running = remove()
      .catch((error: unknown) => this.#log.warn(`Could not delete ${what}.`, error))
      .then(() => {
        this.#running.delete(running);
        this.#onProgress();
      });
    this.#running.add(running);
  }
}
