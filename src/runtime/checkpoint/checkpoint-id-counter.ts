/** Checkpoint ids grow over the whole life of a job, across failover and restore. */
export interface CheckpointIdCounter {
  next(): Promise<number>;
  /**
   * The next one is `id` or greater. Returns the first id of all that this job was given: `id`, unless an earlier process of
   * it has begun.
   */
  startAt(id: number): Promise<number>;
  /** The job is over for good. */
  clear(): Promise<void>;
}

export class InMemoryCheckpointIdCounter implements CheckpointIdCounter {
  #next = 1;

  async next(): Promise<number> {
    return this.#next++;
  }

  async startAt(id: number): Promise<number> {
    this.#next = Math.max(this.#next, id);
    return this.#next;
  }

  async clear(): Promise<void> {}
}
