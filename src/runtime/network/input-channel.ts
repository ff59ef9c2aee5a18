/** The consuming end of one channel. */
import type { BatchDecoder } from '../../types/codec.ts';
import type { PolledElement } from './channel.ts';
import { decodeEvent, frameKind } from './frames.ts';
import type { Ring } from './ring.ts';
import type { LocalQueue } from './subpartition.ts';

export interface InputChannel {
  readonly hasFrame: boolean;
  /** Of records, as they were encoded: a channel that hands objects over counts none. */
  readonly bytesIn: number;
  /** Fills `into` with the next frame; false when there is none (or only a part of one). */
  poll(into: PolledElement): boolean;
  /** Withholds or grants credit. */
  setBlocked(blocked: boolean): void;
  close(): void;
}

/** Frames above half a ring travel in pieces; this bit marks all but the last. */
export const continuesBit = 0x80;

/** Returns how many bytes of records the frame had; events count none. */
export function fillFromFrame(frame: Buffer, decoder: BatchDecoder, into: PolledElement): number {
  if (frame[0] === frameKind.batch) {
    into.batch = decoder.decode(frame.subarray(1));
    into.event = undefined;
    return frame.length - 1;
  }
  into.batch = undefined;
  into.event = decodeEvent(frame);
  return 0;
}

/** Joins the pieces of long frames. */
export class FrameAssembler {
  readonly #pieces: Buffer[] = [];

  /** The whole frame, or undefined while pieces are missing. */
  add(piece: Buffer): Buffer | undefined {
    const kind = piece[0] as number;
    if ((kind & continuesBit) !== 0) {
      this.#pieces.push(Buffer.from(piece.subarray(1)));
      return undefined;
    }
    if (this.#pieces.length === 0) return piece;
    const whole = Buffer.concat([piece.subarray(0, 1), ...this.#pieces, piece.subarray(1)]);
    this.#pieces.length = 0;
    return whole;
  }
}

export class RingInputChannel implements InputChannel {
  readonly #ring: Ring;
  readonly #decoder: BatchDecoder;
  readonly #ringProducer: () => void;
  readonly #assembler = new FrameAssembler();
  bytesIn = 0;

  constructor(ring: Ring, decoder: BatchDecoder, ringProducer: () => void) {
    this.#ring = ring;
    this.#decoder = decoder;
    this.#ringProducer = ringProducer;
  }

  get hasFrame(): boolean {
    return this.#ring.hasFrame;
  }

  poll(into: PolledElement): boolean {
    while (this.#ring.hasFrame) {
      const complete = this.#ring.read((piece) => {
        const frame = this.#assembler.add(piece);
        if (frame) this.bytesIn += fillFromFrame(frame, this.#decoder, into);
        return frame !== undefined;
      });
      if (this.#ring.isProducerWaiting) this.#ringProducer();
      if (complete) return true;
    }
    return false;
  }

  setBlocked(): void {}

  close(): void {}
}

export class LocalInputChannel implements InputChannel {
  readonly #queue: LocalQueue;
  bytesIn = 0;

  constructor(queue: LocalQueue) {
    this.#queue = queue;
  }

  get hasFrame(): boolean {
    return this.#queue.frames.length > 0;
  }

  poll(into: PolledElement): boolean {
    const frame = this.#queue.shift();
    if (!frame) return false;
    into.batch = frame.batch;
    into.event = frame.event;
    return true;
  }

  setBlocked(): void {}

  close(): void {
    this.#queue.frames.length = 0;
    this.#queue.onRoom?.();
  }
}
