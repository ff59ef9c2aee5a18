/**
 * What the channels of one gate may buffer beyond what each has for itself, in bytes. A channel that uses up its credit
 * borrows; what it consumes it gives back, at once when another channel waits.
 */
export interface Borrower {
  /** May buffer so much more. */
  lend(bytes: number): void;
}

export class GateCredits {
  readonly #pieceBytes: number;
  readonly #waiting = new Set<Borrower>();
  /** What all channels together may buffer. */
  readonly totalBytes: number;
  #left: number;

  /** `pieceBytes` are lent at a time. */
  constructor(exclusiveBytes: number, floatingBytes: number, pieceBytes: number) {
    this.totalBytes = exclusiveBytes + floatingBytes;
    this.#left = floatingBytes;
    this.#pieceBytes = pieceBytes;
  }

  get isAwaited(): boolean {
    return this.#waiting.size > 0;
  }

  get leftBytes(): number {
    return this.#left;
  }

  /** Lends now, or as soon as there is something: to those first that have waited longest. */
  request(borrower: Borrower): void {
    this.#waiting.add(borrower);
    this.#serve();
  }

  giveBack(bytes: number): void {
    this.#left += bytes;
    this.#serve();
  }

  forget(borrower: Borrower): void {
    this.#waiting.delete(borrower);
  }

  #serve(): void {
    for (const borrower of this.#waiting) {
      if (this.#left < this.#pieceBytes) return;
      this.#waiting.delete(borrower);
      this.#left -= this.#pieceBytes;
      borrower.lend(this.#pieceBytes);
    }
  }
}
