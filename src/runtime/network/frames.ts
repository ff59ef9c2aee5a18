/**
 * What travels in a channel: frames. A frame is a record batch or an event; its first byte says which
 * (docs/formats/network-frame.md). All transports carry the same frames.
 */
import { ByteReader } from '../../types/byte-reader.ts';
import { ByteWriter } from '../../types/byte-writer.ts';
import { readValue, writeValue } from '../../types/value-codec.ts';
import type { ChannelEvent } from './channel.ts';

export const frameKind = { batch: 0, event: 1 } as const;

export function encodeEvent(event: ChannelEvent): Uint8Array {
  const writer = new ByteWriter(64);
  writer.uint8(frameKind.event);
  writeValue(writer, event);
  return writer.written();
}

export function decodeEvent(frame: Uint8Array): ChannelEvent {
  const reader = new ByteReader(frame);
  reader.uint8();
  return readValue(reader) as ChannelEvent;
}
