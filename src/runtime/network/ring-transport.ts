/** Frames over a shared-memory ring: both ends. */
import type { BatchDecoder } from '../../types/codec.ts';
import type { PolledElement } from './channel.ts';
import type { Doorbell } from './doorbell.ts';
import { FrameTransport } from './frame-transport.ts';
import { FrameAssembler } from './frames.ts';
import { fillFromFrame, type InputChannel } from './input-channel.ts';
import type { RingReader, RingWriter } from './ring.ts';

export class RingTransport extends FrameTransport {
  readonly #ring: RingWriter;
  readonly #consumerBell: Doorbell;
  protected readonly longestPiece: number;

  constructor(ring: RingWriter, consumerBell: Doorbell) {
    super();
    this.#ring = ring;
    this.#consumerBell = consumerBell;
    this.longestPiece = ring.longestPiece;
  }

  awaitRoom(wanted: boolean): void {
    this.#ring.setWaiting(wanted);
  }

  close(): void {}

  protected tryWritePiece(kind: number, bytes: Uint8Array): boolean {
    return this.#ring.tryWrite(kind, bytes);
  }

  protected announce(): void {
    this.#consumerBell.ring();
  }
}

export class RingInputChannel implements InputChannel {
  readonly #ring: RingReader;
  readonly #decoder: BatchDecoder;
  readonly #producerBell: Doorbell;
  readonly #assembler = new FrameAssembler();
  readonly bufferedBytes = 0;
  bytesIn = 0;

  constructor(ring: RingReader, decoder: BatchDecoder, producerBell: Doorbell) {
    this.#ring = ring;
    this.#decoder = decoder;
    this.#producerBell = producerBell;
  }

  get hasFrame(): boolean {
    return this.#ring.hasPiece;
  }

  poll(into: PolledElement): boolean {
    while (this.#ring.hasPiece) {
      const complete = this.#ring.read((piece) => {
        const frame = this.#assembler.add(piece);
        if (frame) this.bytesIn += fillFromFrame(frame, this.#decoder, into);
        return frame !== undefined;
      });
      if (this.#ring.isProducerWaiting) this.#producerBell.ring();
      if (complete) return true;
    }
    return false;
  }

  setBlocked(): void {}

  close(): void {}
}
