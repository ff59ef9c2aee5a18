/** Growing little-endian buffer; hot paths reserve once and then write without checks. */
import type { BlockShapes } from './record-shapes.ts';

export class ByteWriter {
  buffer: Buffer;
  position = 0;
  /** When set, plain records are written by shape. */
  shapes: BlockShapes | undefined = undefined;

  constructor(initialBytes = 1024) {
    this.buffer = this.allocate(initialBytes);
  }

  reserve(bytes: number): void {
    if (this.position + bytes <= this.buffer.length) return;
    const grown = this.allocate(Math.max(this.buffer.length * 2, this.position + bytes));
    this.buffer.copy(grown, 0, 0, this.position);
    this.buffer = grown;
  }

  uint8(value: number): void {
    this.reserve(1);
    this.buffer[this.position++] = value;
  }

  /** LEB128 of a non-negative number below 2^53. */
  varint(value: number): void {
    this.reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.buffer[this.position++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.buffer[this.position++] = rest;
  }

  int32(value: number): void {
    this.reserve(4);
    this.position = this.buffer.writeInt32LE(value, this.position);
  }

  float64(value: number): void {
    this.reserve(8);
    this.position = this.buffer.writeDoubleLE(value, this.position);
  }

  bytes(value: Uint8Array): void {
    this.reserve(value.length);
    this.buffer.set(value, this.position);
    this.position += value.length;
  }

  /** Latin-1 when it fits, else UTF-16 code units: every JavaScript string survives, lone surrogates included. */
  string(value: string): void {
    if (isLatin1(value)) {
      this.varint(value.length * 2);
      this.reserve(value.length);
      this.position += this.buffer.write(value, this.position, value.length, 'latin1');
    } else {
      this.varint(value.length * 2 + 1);
      this.reserve(value.length * 2);
      this.position += this.buffer.write(value, this.position, value.length * 2, 'utf16le');
    }
  }

  /** A view, valid until the next write. */
  written(): Uint8Array {
    return this.buffer.subarray(0, this.position);
  }

  clear(): void {
    this.position = 0;
  }

  protected allocate(bytes: number): Buffer {
    return Buffer.allocUnsafeSlow(bytes);
  }
}

export function isLatin1(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return false;
  return true;
}
