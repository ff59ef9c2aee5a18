/** Checkpoint ids grow over the whole life of a job, across failover and restore. */
export interface CheckpointIdCounter {
  next(): Promise<number>;
  /** The next one is `id` or greater. */
  startAt(id: number): Promise<void>;
  /** The job is over for good. */
  clear(): Promise<void>;
}

export class InMemoryCheckpointIdCounter implements CheckpointIdCounter {
  #next = 1;

  async next(): Promise<number> {
    return this.#next++;
  }

  async startAt(id: number): Promise<void> {
    this.#next = Math.max(this.#next, id);
  }

  async clear(): Promise<void> {}
}
