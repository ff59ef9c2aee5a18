/** What a split enumerator stores, as bytes: a format byte, then the value in its self-describing form (docs/formats). */
import { ExternalError } from '../../shared/errors.ts';
import { ByteReader } from '../../types/byte-reader.ts';
import { ByteWriter } from '../../types/byte-writer.ts';
import { readValue, writeValue } from '../../types/value-codec.ts';

const format = 1;

/** Throws UserError('UNSUPPORTED_VALUE') naming the path of what cannot be stored. */
export function encodeEnumeratorState(state: unknown): Uint8Array {
  const writer = new ByteWriter();
  writer.uint8(format);
  writeValue(writer, state);
  return Uint8Array.prototype.slice.call(writer.written());
}

export function decodeEnumeratorState(bytes: Uint8Array): unknown {
  const reader = new ByteReader(bytes);
  const found = reader.uint8();
  if (found === format) return readValue(reader);
  throw new ExternalError('STATE_DAMAGED', {
    problem: `The stored state of a split enumerator has format ${found}; this version of Weir reads ${format}.`,
    tryNext: ['Run the job on a cluster with the version of Weir that wrote it, or a newer one.'],
    retriable: false,
  });
}
