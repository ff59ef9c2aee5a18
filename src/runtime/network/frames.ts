/**
 * What travels in a channel: frames. A frame is a record batch or an event; its first byte says which
 * (docs/formats/network-frame.md). All transports carry the same frames.
 */
import { ByteReader } from '../../types/byte-reader.ts';
import { ByteWriter } from '../../types/byte-writer.ts';
import { readValue, writeValue } from '../../types/value-codec.ts';
import type { ChannelEvent } from './channel.ts';

export const frameKind = { batch: 0, event: 1, endOfPartition: 2 } as const;

/** Long frames travel in pieces; this bit in the kind marks all but the last. */
export const continuesBit = 0x80;

export function encodeEvent(event: ChannelEvent): Uint8Array {
  const writer = new ByteWriter(64);
  writeValue(writer, event);
  return writer.written();
}

/** `frame` begins with its kind. */
export function decodeEvent(frame: Uint8Array): ChannelEvent {
  const reader = new ByteReader(frame);
  reader.uint8();
  return readValue(reader) as ChannelEvent;
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
