/**
 * The one thing an idle slot thread waits on: an Int32 in shared memory. A producer rings when the sleep flag is set;
 * ringing twice is harmless. At most one wait is outstanding, as more than one would never be resolved in order.
 */
export class Doorbell {
  /** [0] rings so far (wraps), [1] 1 while its owner sleeps. */
  readonly #words: Int32Array;
  #seen = 0;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
  }

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(8);
  }

  /** Called by the other side, after it published its work. */
  ring(): void {
    Atomics.add(this.#words, 0, 1);
    if (Atomics.load(this.#words, 1) === 1) Atomics.notify(this.#words, 0);
  }

  /** True once per ring or burst of rings. */
  take(): boolean {
    const rings = Atomics.load(this.#words, 0);
    if (rings === this.#seen) return false;
    this.#seen = rings;
    return true;
  }

  /** Resolves at the next ring; at once when one was not yet taken. */
  async wait(): Promise<void> {
    Atomics.store(this.#words, 1, 1);
    try {
      const outcome = Atomics.waitAsync(this.#words, 0, this.#seen);
      if (outcome.async) await outcome.value;
    } finally {
      Atomics.store(this.#words, 1, 0);
    }
  }
}
