/** Cuts a byte stream into pieces, each of which begins with its length and checksum: see wire.ts. */
import { crc32 } from 'node:zlib';
import { checkedLengthBytes, corruptStream, lengthBytes } from './wire.ts';

export class StreamSplitter {
  readonly #maxPieceBytes: number;
  readonly #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** Bytes without which the next piece is not whole. */
  #wanted = checkedLengthBytes;

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
    this.#wanted = checkedLengthBytes;
    while (bytes.length >= checkedLengthBytes) {
      const end = checkedLengthBytes + this.#checked(bytes.readUInt32LE(0));
      if (bytes.length < end) {
        this.#wanted = end;
        break;
      }
      const piece = bytes.subarray(checkedLengthBytes, end);
      if (crc32(piece) !== bytes.readUInt32LE(lengthBytes)) throw corruptStream('A piece does not fit its checksum.');
      use(piece);
      bytes = bytes.subarray(end);
    }
    if (bytes.length > 0) this.#pending.push(bytes);
    this.#pendingBytes = bytes.length;
  }

  #checked(length: number): number {
    if (length > 0 && length <= this.#maxPieceBytes) return length;
    throw corruptStream(`A piece of ${length} bytes was announced, where at most ${this.#maxPieceBytes} can be.`);
  }
}
