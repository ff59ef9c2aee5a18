/**
 * The bytes of a batch while it is written: like {@link ByteWriter}, with views of every element type over the same memory.
 * Multi-byte columns start at a multiple of eight, so that both ends can use those views.
 */
import { ByteWriter } from '../byte-writer.ts';

export const alignment = 8;

export class ColumnWriter extends ByteWriter {
  uint16s: Uint16Array = new Uint16Array(0);
  int32s: Int32Array = new Int32Array(0);
  float64s: Float64Array = new Float64Array(0);
  bigint64s: BigInt64Array = new BigInt64Array(0);

  constructor(initialBytes = 4096) {
    super(initialBytes);
    this.#view();
  }

  override reserve(bytes: number): void {
    const { buffer } = this;
    super.reserve(bytes);
    if (this.buffer !== buffer) this.#view();
  }

  /** Moves to the next aligned position and makes room behind it. */
  align(bytes: number): void {
    this.reserve(bytes + 2 * alignment);
    const end = (this.position + alignment - 1) & -alignment;
    // What is skipped is written too: equal batches have equal bytes.
    while (this.position < end) this.buffer[this.position++] = 0;
  }

  protected override allocate(bytes: number): Buffer {
    return Buffer.from(new ArrayBuffer((bytes + alignment - 1) & -alignment));
  }

  #view(): void {
    const { buffer } = this.buffer;
    this.uint16s = new Uint16Array(buffer);
    this.int32s = new Int32Array(buffer);
    this.float64s = new Float64Array(buffer);
    this.bigint64s = new BigInt64Array(buffer);
  }
}
