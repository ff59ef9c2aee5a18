/**
 * What travels in a channel: frames. A frame is a record batch or an event; its first byte says which
 * (docs/formats/network-frame.md). All transports carry the same frames.
 */
import { ByteReader, corrupt } from '../../types/byte-reader.ts';
import { ByteWriter } from '../../types/byte-writer.ts';
import { readValue, writeValue } from '../../types/value-codec.ts';
import type { ChannelEvent } from './channel.ts';

export const frameKind = { batch: 0, event: 1, endOfPartition: 2 } as const;

/** Long frames travel in pieces; this bit in the kind marks all but the last. */
export const continuesBit = 0x80;
/** No record is larger. */
const maxFrameBytes = 2 ** 30;

export function encodeEvent(event: ChannelEvent): Uint8Array {
  const writer = new ByteWriter(64);
  writeValue(writer, event);
  return writer.written();
}

/** `frame` begins with its kind. Throws ExternalError('CORRUPT_BATCH') for what is no event. */
export function decodeEvent(frame: Uint8Array): ChannelEvent {
  const reader = new ByteReader(frame);
  const kind = reader.uint8();
  const value = readValue(reader);
  if (!isEvent(value) || reader.position !== reader.limit) throw corrupt('no event of a channel');
  if ((value.kind === 'end-of-partition') !== (kind === frameKind.endOfPartition)) throw corrupt('an event under a wrong kind of frame');
  return value;
}

function isEvent(value: unknown): value is ChannelEvent {
  const event = value as Partial<Record<string, unknown>> | null | undefined;
  if (typeof event !== 'object' || event === null) return false;
  const isNumber = (field: string): boolean => typeof event[field] === 'number';
  switch (event['kind']) {
    case 'watermark':
      return isNumber('timestamp');
    case 'watermark-status':
      return typeof event['idle'] === 'boolean';
    case 'barrier':
      return isNumber('checkpointId') && isNumber('timestamp') && areOptions(event['options']);
    case 'cancel-barrier':
      return isNumber('checkpointId');
    case 'end-of-data':
      return typeof event['drain'] === 'boolean';
    default:
      return event['kind'] === 'end-of-partition';
  }
}

function areOptions(value: unknown): boolean {
  const options = value as Partial<Record<string, unknown>> | null | undefined;
  return (
    (options?.['kind'] === 'checkpoint' || options?.['kind'] === 'savepoint') &&
    typeof options['alignment'] === 'string' &&
    typeof options['location'] === 'object' &&
    options['location'] !== null
  );
}

/** Joins the pieces of long frames. */
export class FrameAssembler {
  readonly #pieces: Buffer[] = [];
  #bytes = 0;

  /** The whole frame, or undefined while pieces are missing. Throws ExternalError('CORRUPT_BATCH'). */
  add(piece: Buffer): Buffer | undefined {
    const kind = (piece[0] as number) & ~continuesBit;
    if (kind > frameKind.endOfPartition) throw corrupt(`unknown kind of frame: ${kind}`);
    const first = this.#pieces[0];
    if (first !== undefined && first[0] !== kind) throw corrupt('a frame of two kinds');
    if (((piece[0] as number) & continuesBit) === 0) {
      if (first === undefined) return piece;
      const whole = Buffer.concat([...this.#pieces, piece.subarray(1)]);
      this.#pieces.length = 0;
      this.#bytes = 0;
      return whole;
    }
    this.#bytes += piece.length;
    if (this.#bytes > maxFrameBytes) throw corrupt(`a frame of more than ${maxFrameBytes} bytes`);
    // A copy: the piece may lie in a ring. The first one keeps the place of the kind.
    const copy = Buffer.from(first === undefined ? piece : piece.subarray(1));
    if (first === undefined) copy[0] = kind;
    this.#pieces.push(copy);
    return undefined;
  }
}
