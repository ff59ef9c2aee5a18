/** Frames over a shared-memory ring; long ones travel in pieces. */
import type { Doorbell } from './doorbell.ts';
import { continuesBit } from './input-channel.ts';
import type { Ring } from './ring.ts';
import type { FrameTransport } from './subpartition.ts';

export class RingTransport implements FrameTransport {
  readonly #ring: Ring;
  readonly #consumerBell: Doorbell;
  /** Bytes of a long frame that are already in the ring. */
  #sent = 0;

  constructor(ring: Ring, consumerBell: Doorbell) {
    this.#ring = ring;
    this.#consumerBell = consumerBell;
  }

  tryWrite(kind: number, bytes: Uint8Array): boolean {
    const piece = this.#ring.capacity / 2;
    let written = this.#sent > 0;
    while (bytes.length - this.#sent > piece) {
      if (!this.#ring.tryWrite(kind | continuesBit, bytes.subarray(this.#sent, this.#sent + piece))) return this.#partly(written);
      this.#sent += piece;
      written = true;
    }
    if (!this.#ring.tryWrite(kind, this.#sent === 0 ? bytes : bytes.subarray(this.#sent))) return this.#partly(written);
    this.#sent = 0;
    this.#consumerBell.ring();
    return true;
  }

  awaitRoom(): void {
    this.#ring.setWaiting(true);
  }

  close(): void {}

  #partly(written: boolean): boolean {
    if (written) this.#consumerBell.ring();
    return false;
  }
}
