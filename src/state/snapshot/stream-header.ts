/** The first bytes of every state stream: what it is, and in which version of its layout. */
import { ExternalError } from '../../shared/errors.ts';
import type { ByteWriter } from '../../types/byte-writer.ts';

const headers = {
  'keyed state': { magic: 'WEIRKEYS', version: 1 },
  'operator state': { magic: 'WEIROPER', version: 1 },
  'write-ahead records': { magic: 'WEIRWLOG', version: 1 },
} as const;

export type StreamKind = keyof typeof headers;

export const streamHeaderBytes = 9;

export function writeStreamHeader(writer: ByteWriter, kind: StreamKind): void {
  const { magic, version } = headers[kind];
  writer.bytes(Buffer.from(magic, 'latin1'));
  writer.uint8(version);
}

/** Throws ExternalError('STATE_DAMAGED' | 'STATE_TOO_NEW'). */
export function readStreamHeader(bytes: Uint8Array, kind: StreamKind): void {
  const { magic, version } = headers[kind];
  const found = Buffer.from(bytes.subarray(0, magic.length)).toString('latin1');
  if (found !== magic || bytes.length < streamHeaderBytes) {
    throw new ExternalError('STATE_DAMAGED', {
      problem: `A stream that should hold ${kind} holds something else.`,
      found: `It begins with ${JSON.stringify(found)} instead of ${JSON.stringify(magic)}.`,
      tryNext: ['Start from another checkpoint or savepoint: flink run -s <path>.'],
      retriable: false,
    });
  }
  const written = bytes[magic.length] as number;
  if (written === 0 || written > version) {
    throw new ExternalError('STATE_TOO_NEW', {
      problem: `A stream of ${kind} has version ${written} of its layout; this version of Weir reads up to ${version}.`,
      tryNext: ['Restore with the version of Weir that wrote it, or a newer one.'],
      retriable: false,
    });
  }
}
