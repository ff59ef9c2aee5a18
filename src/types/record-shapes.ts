/**
 * The field names of plain records, written once per block of values instead of once per record. A shape is the list of a
 * record's own fields in their order; a block numbers the shapes it uses in the order they first appear in it.
 */
import type { ByteReader } from './byte-reader.ts';
import { corrupt } from './byte-reader.ts';

export interface RecordShape {
  /** Number among all shapes found so far. */
  readonly index: number;
  readonly keys: readonly string[];
}

/** More shapes, or more fields, are maps by nature: their records carry their own field names. */
const maxShapes = 256;
const maxFields = 64;
/** Shapes tried before the table is asked; nested records alternate between a few. */
const recentShapes = 4;

/** Finds the shape of a record; shared by all blocks of one writer. */
export class RecordShapes {
  readonly #byKeys = new Map<string, RecordShape>();
  readonly #recent: RecordShape[] = [];
  #oldest = 0;

  /** Undefined when the record has to carry its own field names. */
  shapeOf(record: Record<string, unknown>): RecordShape | undefined {
    const recent = this.#recent;
    for (let i = 0; i < recent.length; i++) if (hasKeys(record, (recent[i] as RecordShape).keys)) return recent[i];
    const keys = Object.keys(record);
    if (keys.length > maxFields) return undefined;
    const name = JSON.stringify(keys);
    let shape = this.#byKeys.get(name);
    if (!shape) {
      if (this.#byKeys.size >= maxShapes) return undefined;
      shape = { index: this.#byKeys.size, keys };
      this.#byKeys.set(name, shape);
    }
    recent[this.#oldest] = shape;
    this.#oldest = (this.#oldest + 1) % recentShapes;
    return shape;
  }
}

/** The shapes of one block as it is written. */
export class BlockShapes {
  readonly finder: RecordShapes;
  /** By shape index: the number in this block plus one. */
  readonly #numbers: number[] = [];
  #count = 0;

  constructor(finder: RecordShapes) {
    this.finder = finder;
  }

  /** Number of a shape in this block; -1 when it is new here, then it has the next number from now on. */
  numberOf(shape: RecordShape): number {
    const known = this.#numbers[shape.index];
    if (known !== undefined && known > 0) return known - 1;
    for (let i = this.#numbers.length; i <= shape.index; i++) this.#numbers.push(0);
    this.#numbers[shape.index] = ++this.#count;
    return -1;
  }

  get count(): number {
    return this.#count;
  }

  clear(): void {
    this.#numbers.length = 0;
    this.#count = 0;
  }
}

/** The shapes of one block as it is read. */
export class ReadShapes {
  readonly #shapes: (readonly string[])[] = [];

  /** The field names of a record: known by number, or defined here. */
  read(reader: ByteReader): readonly string[] {
    const number = reader.varint();
    if (number < this.#shapes.length) return this.#shapes[number] as readonly string[];
    if (number > this.#shapes.length) throw corrupt(`record shape ${number} of ${this.#shapes.length}`);
    const length = reader.varint();
    reader.need(length);
    const keys = Array.from({ length }, () => reader.string());
    this.#shapes.push(keys);
    return keys;
  }
}

/** True when the record's own fields are exactly these, in this order. */
function hasKeys(record: Record<string, unknown>, keys: readonly string[]): boolean {
  let index = 0;
  for (const key in record) if (keys[index++] !== key) return false;
  return index === keys.length;
}
