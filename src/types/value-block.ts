/** Values one behind the other in their self-describing form, with the field names of records written once per block. */
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { BlockShapes, ReadShapes, RecordShapes } from './record-shapes.ts';
import { readValue, writeValue } from './value-codec.ts';

export class ValueBlockWriter {
  readonly #writer = new ByteWriter();
  readonly #shapes = new BlockShapes(new RecordShapes());
  #count = 0;

  constructor() {
    this.#writer.shapes = this.#shapes;
  }

  get count(): number {
    return this.#count;
  }

  get sizeBytes(): number {
    return this.#writer.position;
  }

  /** Copies the value. Throws UserError('UNSUPPORTED_VALUE') for what no codec can carry. */
  add(value: unknown): void {
    writeValue(this.#writer, value);
    this.#count++;
  }

  /** The block, in memory of its own; the next one is empty. */
  take(): Uint8Array {
    const block = new Uint8Array(this.#writer.written());
    this.#writer.clear();
    this.#shapes.clear();
    this.#count = 0;
    return block;
  }
}

/** Throws ExternalError('CORRUPT_BATCH') for damaged bytes. */
export function readValueBlock(block: Uint8Array): unknown[] {
  const reader = new ByteReader(block);
  reader.shapes = new ReadShapes();
  const values: unknown[] = [];
  while (reader.position < reader.limit) values.push(readValue(reader));
  return values;
}
