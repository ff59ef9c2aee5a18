/** The consuming end of one channel, whatever the transport. */
import type { BatchDecoder } from '../../types/codec.ts';
import type { PolledElement } from './channel.ts';
import { decodeEvent, frameKind } from './frames.ts';

export interface InputChannel {
  readonly hasFrame: boolean;
  /** Of records, as they were encoded: a channel that hands objects over counts none. */
  readonly bytesIn: number;
  /** Received over a connection and not consumed. */
  readonly bufferedBytes: number;
  /** Fills `into` with the next frame; false when there is none (or only a part of one). */
  poll(into: PolledElement): boolean;
  /** Withholds or grants credit. */
  setBlocked(blocked: boolean): void;
  close(): void;
}

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
