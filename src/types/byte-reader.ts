/** Reads what {@link ByteWriter} wrote; every read is bounds-checked, so that damaged bytes give an error, never a hang. */
import { ExternalError } from '../shared/errors.ts';
import type { ReadShapes } from './record-shapes.ts';

export class ByteReader {
  buffer: Buffer;
  position = 0;
  /** Where the bytes end. */
  limit: number;
  /** When set, records written by shape can be read. */
  shapes: ReadShapes | undefined = undefined;

  constructor(bytes: Uint8Array) {
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.limit = bytes.byteLength;
  }

  need(bytes: number): void {
    if (bytes < 0 || this.position + bytes > this.limit) throw corrupt(`${bytes} bytes wanted at ${this.position} of ${this.limit}`);
  }

  uint8(): number {
    this.need(1);
    return this.buffer[this.position++] as number;
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.uint8();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
      if (factor > 2 ** 49) throw corrupt('number too long');
    }
    return value;
  }

  int32(): number {
    this.need(4);
    this.position += 4;
    return this.buffer.readInt32LE(this.position - 4);
  }

  float64(): number {
    this.need(8);
    this.position += 8;
    return this.buffer.readDoubleLE(this.position - 8);
  }

  /** A copy. */
  bytes(length: number): Uint8Array {
    this.need(length);
    const copy = new Uint8Array(length);
    copy.set(this.buffer.subarray(this.position, this.position + length));
    this.position += length;
    return copy;
  }

  string(): string {
    const header = this.varint();
    const length = Math.floor(header / 2);
    const bytes = header % 2 === 0 ? length : length * 2;
    this.need(bytes);
    const end = this.position + bytes;
    const text =
      header % 2 === 0 ? this.buffer.toString('latin1', this.position, end) : this.buffer.toString('utf16le', this.position, end);
    this.position = end;
    return text;
  }
}

export function corrupt(found: string): ExternalError {
  return new ExternalError('CORRUPT_BATCH', { problem: 'A record batch is damaged.', found, retriable: true });
}
