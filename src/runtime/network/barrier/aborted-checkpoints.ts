/** Checkpoints that the JobManager gave up, for triggers and barriers that come behind the news. The newest are remembered. */
const remembered = 128;

export class AbortedCheckpoints {
  readonly #ids = new Set<number>();

  add(checkpointId: number): void {
    this.#ids.add(checkpointId);
    if (this.#ids.size > remembered) this.#ids.delete(Math.min(...this.#ids));
  }

  has(checkpointId: number): boolean {
    return this.#ids.has(checkpointId);
  }
}
