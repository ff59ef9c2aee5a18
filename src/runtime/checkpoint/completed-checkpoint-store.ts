/**
 * The completed checkpoints a job can be restored from, oldest first, and which of them are still needed. What outlives this
 * process is kept behind {@link CompletedCheckpointRecords}.
 *
 * Keeps true: a checkpoint counts only once it is recorded; the newest stays.
 */
import type { CompletedCheckpoint } from './completed-checkpoint.ts';
import { subsumed } from './subsumption.ts';

/** A high-availability service remembers checkpoints here; without one they end with the process. */
export interface CompletedCheckpointRecords {
  /**
   * Durable when it resolves. Rejects when the checkpoint is certainly not recorded, or with {@link UncertainRecordError}
   * when nobody can know: then nothing may be deleted.
   */
  put(checkpoint: CompletedCheckpoint): Promise<void>;
  remove(checkpointId: number): Promise<void>;
  /** In any order. Throws when one cannot be read now; and when the newest is damaged, unless only `readable` ones are wanted. */
  list(which?: 'readable'): Promise<CompletedCheckpoint[]>;
}

export class UncertainRecordError extends Error {
  override readonly name = 'UncertainRecordError';
}

export const noRecords: CompletedCheckpointRecords = {
  async put() {},
  async remove() {},
  list: async () => [],
};

export class CompletedCheckpointStore {
  readonly #records: CompletedCheckpointRecords;
  readonly #retained: number;
  #checkpoints: readonly CompletedCheckpoint[] = [];

  constructor(records: CompletedCheckpointRecords, retained: number) {
    this.#records = records;
    this.#retained = retained;
  }

  get all(): readonly CompletedCheckpoint[] {
    return this.#checkpoints;
  }

  get latest(): CompletedCheckpoint | undefined {
    return this.#checkpoints.at(-1);
  }

  /** What was recorded before this process, at its start. Throws as {@link CompletedCheckpointRecords.list}. */
  async recover(which?: 'readable'): Promise<void> {
    const recorded = await this.#records.list(which);
    this.#checkpoints = recorded.sort((one, other) => one.metadata.checkpointId - other.metadata.checkpointId);
  }

  /** Returns those that are no longer needed. They stay recorded until {@link forget}. */
  async add(checkpoint: CompletedCheckpoint): Promise<readonly CompletedCheckpoint[]> {
    await this.#records.put(checkpoint);
    const all = [...this.#checkpoints, checkpoint];
    const removed = subsumed(all, this.#retained);
    this.#checkpoints = all.filter((other) => !removed.includes(other));
    return removed;
  }

  /** Nothing of it is left to delete. Until then its record tells whoever comes after a crash that there is. */
  forget({ metadata }: CompletedCheckpoint): Promise<void> {
    return this.#records.remove(metadata.checkpointId);
  }

  /**
   * The newest is no starting point any more. Undefined, and nothing done, when there is no older one. Its record goes in the
   * background: who finds it again finds it damaged again.
   */
  abandonLatest(): CompletedCheckpoint | undefined {
    const { latest } = this;
    if (!latest || this.#checkpoints.length < 2) return undefined;
    this.#checkpoints = this.#checkpoints.slice(0, -1);
    this.#records.remove(latest.metadata.checkpointId).catch(() => {});
    return latest;
  }

  /** The job is over for good: no record stays. */
  async clear(): Promise<void> {
    for (const checkpoint of this.#checkpoints) await this.forget(checkpoint);
    this.#checkpoints = [];
  }
}
