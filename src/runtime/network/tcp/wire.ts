/**
 * What a data connection carries, byte for byte (docs/formats/network-frame.md): a hello and grants to the producer, pieces of
 * frames to the consumer. Everything that could do harm when it is damaged is checked: a frame may not become another record,
 * nor a grant a wait without end.
 */
import { crc32 } from 'node:zlib';
import { ExternalError } from '../../../shared/errors.ts';

export const wireVersion = 2;
const magic = Buffer.from('WEIR');

/** Bytes of a length, and of a length with its checksum. */
export const lengthBytes = 4;
export const checkedLengthBytes = 8;
/** In front of a piece's bytes: length, checksum, kind. */
export const pieceHeaderBytes = checkedLengthBytes + 1;
export const grantBytes = 8;
export const maxHelloBytes = 4096;

/** `u32 length, u32 crc32, "WEIR", u8 version, channel key`: what the consumer says first. */
export function encodeHello(key: string): Buffer {
  const body = Buffer.concat([magic, Buffer.from([wireVersion]), Buffer.from(key, 'utf8')]);
  const head = Buffer.alloc(checkedLengthBytes);
  head.writeUInt32LE(body.length, 0);
  head.writeUInt32LE(crc32(body), lengthBytes);
  return Buffer.concat([head, body]);
}

/** The channel's key and what follows; undefined while bytes are missing, 'stranger' when this is no hello of this version. */
export function decodeHello(received: Buffer): { key: string; rest: Buffer } | 'stranger' | undefined {
  if (received.length < checkedLengthBytes) return undefined;
  const length = received.readUInt32LE(0);
  if (length <= magic.length || length > maxHelloBytes) return 'stranger';
  const end = checkedLengthBytes + length;
  if (received.length < end) return undefined;
  const body = received.subarray(checkedLengthBytes, end);
  const isKnown =
    crc32(body) === received.readUInt32LE(lengthBytes) &&
    body.subarray(0, magic.length).equals(magic) &&
    body[magic.length] === wireVersion;
  return isKnown ? { key: body.toString('utf8', magic.length + 1), rest: received.subarray(end) } : 'stranger';
}

/** `u32 length, u32 crc32, u8 kind, bytes`: the length and the checksum are those of kind and bytes. */
export function encodePiece(kind: number, bytes: Uint8Array): Buffer {
  const piece = Buffer.allocUnsafe(pieceHeaderBytes + bytes.length);
  piece[checkedLengthBytes] = kind;
  piece.set(bytes, pieceHeaderBytes);
  piece.writeUInt32LE(bytes.length + 1, 0);
  piece.writeUInt32LE(crc32(piece.subarray(checkedLengthBytes)), lengthBytes);
  return piece;
}

/** `u32 bytes, u32 bytes` with all bits of the second turned over. */
export function encodeGrant(bytes: number): Buffer {
  const grant = Buffer.allocUnsafe(grantBytes);
  grant.writeUInt32LE(bytes, 0);
  grant.writeUInt32LE(~bytes >>> 0, lengthBytes);
  return grant;
}

/** Throws ExternalError('CORRUPT_STREAM'). */
export function decodeGrant(bytes: Buffer, at: number): number {
  const granted = bytes.readUInt32LE(at);
  if (granted !== ~bytes.readUInt32LE(at + lengthBytes) >>> 0) throw corruptStream('A grant does not fit its check.');
  return granted;
}

export function corruptStream(found: string): ExternalError {
  return new ExternalError('CORRUPT_STREAM', { problem: 'A data connection carried damaged bytes.', found, retriable: true });
}
