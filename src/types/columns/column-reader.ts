/** The bytes of a received batch, copied to memory of its own with views of every element type: see {@link ColumnWriter}. */
import { copyBytes } from '../../shared/copy-bytes.ts';
import { ByteReader } from '../byte-reader.ts';
import { alignment } from './column-writer.ts';

export class ColumnReader extends ByteReader {
  uint16s: Uint16Array = new Uint16Array(0);
  int32s: Int32Array = new Int32Array(0);
  float64s: Float64Array = new Float64Array(0);
  bigint64s: BigInt64Array = new BigInt64Array(0);

  constructor() {
    super(new Uint8Array(0));
  }

  /** Starts over with other bytes, which may change as soon as this returns. */
  load(bytes: Uint8Array): void {
    if (bytes.length > this.buffer.length) this.#grow(bytes.length);
    copyBytes(bytes, this.buffer, 0);
    this.position = 0;
    this.limit = bytes.length;
  }

  /** Moves to the next aligned position. */
  align(): void {
    this.position = (this.position + alignment - 1) & -alignment;
  }

  #grow(bytes: number): void {
    this.buffer = Buffer.from(new ArrayBuffer(Math.max(4096, 2 ** Math.ceil(Math.log2(bytes)))));
    const { buffer } = this.buffer;
    this.uint16s = new Uint16Array(buffer);
    this.int32s = new Int32Array(buffer);
    this.float64s = new Float64Array(buffer);
    this.bigint64s = new BigInt64Array(buffer);
  }
}
