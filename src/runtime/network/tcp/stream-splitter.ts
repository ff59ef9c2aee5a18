/** Cuts a byte stream into pieces, each of which begins with its length: a little-endian u32 that does not count itself. */
import { ExternalError } from '../../../shared/errors.ts';

export const lengthBytes = 4;

export class StreamSplitter {
  readonly #maxPieceBytes: number;
  readonly #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** Bytes without which the next piece is not whole. */
  #wanted = lengthBytes;

  constructor(maxPieceBytes: number) {
    this.#maxPieceBytes = maxPieceBytes;
  }

  /** Hands the pieces, without their lengths, to `use`. They are views of `data`. Throws ExternalError('CORRUPT_STREAM'). */
  push(data: Buffer, use: (piece: Buffer) => void): void {
    this.#pending.push(data);
    this.#pendingBytes += data.length;
    if (this.#pendingBytes < this.#wanted) return;
    let bytes = this.#pending.length === 1 ? data : Buffer.concat(this.#pending);
    this.#pending.length = 0;
    this.#wanted = lengthBytes;
    while (bytes.length >= lengthBytes) {
      const end = lengthBytes + this.#checked(bytes.readUInt32LE(0));
      if (bytes.length < end) {
        this.#wanted = end;
        break;
      }
      use(bytes.subarray(lengthBytes, end));
      bytes = bytes.subarray(end);
    }
    if (bytes.length > 0) this.#pending.push(bytes);
    this.#pendingBytes = bytes.length;
  }

  #checked(length: number): number {
    if (length > 0 && length <= this.#maxPieceBytes) return length;
    throw new ExternalError('CORRUPT_STREAM', {
      problem: 'A data connection carried damaged bytes.',
      found: `A piece of ${length} bytes was announced, where at most ${this.#maxPieceBytes} can be.`,
      retriable: true,
    });
  }
}
