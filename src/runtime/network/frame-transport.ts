/** The way of a channel's frames to its other end, seen from the producer; long frames are cut into pieces that fit. */
import { continuesBit } from './frames.ts';

export abstract class FrameTransport {
  /** Bytes of a long frame that have left already. */
  #sent = 0;

  /** Longest piece that always fits in the end; 0 while that is not known. */
  protected abstract readonly longestPiece: number;
  /** Copies the piece; false when there is no room now. */
  protected abstract tryWritePiece(kind: number, bytes: Uint8Array): boolean;
  /** Pieces were written that the other end should hear of. */
  protected abstract announce(): void;

  /** False when (the rest of) the frame has to wait: the same frame must come again. Copies. */
  tryWrite(kind: number, bytes: Uint8Array): boolean {
    const longest = this.longestPiece;
    if (longest === 0) return false;
    const before = this.#sent;
    while (bytes.length - this.#sent > longest) {
      if (!this.tryWritePiece(kind | continuesBit, bytes.subarray(this.#sent, this.#sent + longest))) return this.#stopped(before);
      this.#sent += longest;
    }
    if (!this.tryWritePiece(kind, this.#sent === 0 ? bytes : bytes.subarray(this.#sent))) return this.#stopped(before);
    this.#sent = 0;
    this.announce();
    return true;
  }

  /**
   * Whether the other end is to say when it makes room, until told otherwise. Room that it made just before this call is not
   * announced.
   */
  abstract awaitRoom(wanted: boolean): void;

  abstract close(): void;

  #stopped(before: number): false {
    if (this.#sent > before) this.announce();
    return false;
  }
}
