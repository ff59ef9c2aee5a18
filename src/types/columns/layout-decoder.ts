/** Reads the columns of one layout and builds a fresh value per row, by code made for the layout. */
import { corrupt } from '../byte-reader.ts';
import { compileFunction } from '../generated-code.ts';
import { readValue, setField } from '../value-codec.ts';
import type { ColumnReader } from './column-reader.ts';
import { baseKind, columnKind, form, type Layout, longestTuple, mostFields, nullable } from './layout.ts';
import { NumberColumnReader } from './number-column.ts';
import { StringColumnReader } from './string-column.ts';

type Column = ArrayLike<unknown>;
type Build = (rows: number, columns: readonly Column[]) => unknown[];

/** Code is made for layouts that are more than an exception. */
const rowsBeforeCode = 32;
/** Bodies for one layout beyond which rows are built by plain steps. */
const mostBuilders = 16;

export class LayoutDecoder {
  readonly layout: Layout;
  readonly #numbers: readonly (NumberColumnReader | undefined)[];
  readonly #strings: readonly (StringColumnReader | undefined)[];
  readonly #builders = new Map<string, Build>();
  #rowsSeen = 0;

  constructor(layout: Layout) {
    this.layout = layout;
    this.#numbers = layout.kinds.map((kind) => (baseKind(kind) === columnKind.number ? new NumberColumnReader() : undefined));
    this.#strings = layout.kinds.map((kind) => (baseKind(kind) === columnKind.string ? new StringColumnReader() : undefined));
  }

  /** The definition that stands in front of the first rows. */
  static define(reader: ColumnReader): LayoutDecoder {
    const layoutForm = reader.uint8();
    const count = reader.varint();
    const most = layoutForm === form.value ? 1 : layoutForm === form.tuple ? longestTuple : mostFields;
    if (count === 0 || count > most || layoutForm > form.tuple) throw corrupt('layout');
    const fields = Array.from({ length: count }, () => reader.string());
    const kinds = Array.from({ length: count }, () => reader.uint8());
    for (const kind of kinds) if (baseKind(kind) > columnKind.any || kind >= 2 * nullable) throw corrupt(`unknown kind of column: ${kind}`);
    if (new Set(fields).size !== count) throw corrupt('field names');
    return new LayoutDecoder({ form: layoutForm as Layout['form'], fields, kinds });
  }

  read(reader: ColumnReader, rows: number): unknown[] {
    const columns = this.layout.kinds.map((kind, index) => this.#readColumn(reader, kind, index, rows));
    this.#rowsSeen += rows;
    if (this.#rowsSeen < rowsBeforeCode) return this.#buildByLoop(rows, columns);
    const signature = columns.map((column) => letterOf(column)).join('');
    let build = this.#builders.get(signature);
    if (!build) {
      build = this.#makeBuilder(signature);
      this.#builders.set(signature, build);
    }
    return build(rows, columns);
  }

  #readColumn(reader: ColumnReader, kind: number, index: number, rows: number): Column {
    const missing = kind >= nullable || kind === columnKind.missing ? readMissing(reader, rows) : undefined;
    const present = this.#readPresent(reader, kind, index, rows);
    if (!missing) return present ?? refuseAbsent();
    return Array.from({ length: rows }, (_, row) => {
      const mark = missing[row];
      if (mark === 1) return null;
      if (mark === 2) return undefined;
      if (!present) throw corrupt('a value that is neither there nor missing');
      return baseKind(kind) === columnKind.boolean ? present[row] === 1 : present[row];
    });
  }

  #readPresent(reader: ColumnReader, kind: number, index: number, rows: number): Column | undefined {
    switch (baseKind(kind)) {
      case columnKind.number:
        return (this.#numbers[index] as NumberColumnReader).read(reader, rows);
      case columnKind.string:
        return (this.#strings[index] as StringColumnReader).read(reader, rows);
      case columnKind.boolean:
        return this.#readBits(reader, rows);
      case columnKind.any:
        return readAny(reader, rows);
      default:
        return undefined;
    }
  }

  #readBits(reader: ColumnReader, rows: number): Uint8Array {
    reader.need((rows + 7) >> 3);
    const bits = new Uint8Array(rows);
    const { buffer, position } = reader;
    for (let row = 0; row < rows; row++) bits[row] = ((buffer[position + (row >> 3)] as number) >> (row & 7)) & 1;
    reader.position += (rows + 7) >> 3;
    return bits;
  }

  #makeBuilder(signature: string): Build {
    const made = this.#builders.size < mostBuilders ? compileFunction<Build>(['rows', 'columns'], this.#code(signature)) : undefined;
    return made ?? ((rows, columns) => this.#buildByLoop(rows, columns));
  }

  /** Columns of one signature always have the same element types, so that the reads in the loop have one form each. */
  #code(signature: string): string {
    const { layout } = this;
    const names = layout.kinds.map((_, index) => `c${index}`);
    const read = (index: number): string => (signature[index] === 'b' ? `c${index}[i] === 1` : `c${index}[i]`);
    return `const [${names.join(', ')}] = columns;
const values = new Array(rows);
for (let i = 0; i < rows; i++) values[i] = ${valueText(layout, read)};
return values;`;
  }

  #buildByLoop(rows: number, columns: readonly Column[]): unknown[] {
    const { layout } = this;
    const cell = (index: number, row: number): unknown => {
      const column = columns[index] as Column;
      return column instanceof Uint8Array ? column[row] === 1 : column[row];
    };
    return Array.from({ length: rows }, (_, row) => {
      if (layout.form === form.value) return cell(0, row);
      if (layout.form === form.tuple) return layout.kinds.map((_kind, index) => cell(index, row));
      const record: Record<string, unknown> = {};
      for (const [index, field] of layout.fields.entries()) setField(record, field, cell(index, row));
      return record;
    });
  }
}

function valueText(layout: Layout, read: (index: number) => string): string {
  const cells = layout.kinds.map((_, index) => read(index));
  if (layout.form === form.value) return cells[0] as string;
  if (layout.form === form.tuple) return `[${cells.join(', ')}]`;
  // As a computed name `__proto__` is a field like any other.
  const name = (field: string): string => (field === '__proto__' ? '["__proto__"]' : JSON.stringify(field));
  return `{ ${layout.fields.map((field, index) => `${name(field)}: ${cells[index]}`).join(', ')} }`;
}

/** One letter per element type. */
function letterOf(column: Column): string {
  if (column instanceof Int32Array) return 'i';
  if (column instanceof Float64Array) return 'f';
  return column instanceof Uint8Array ? 'b' : 'a';
}

function readMissing(reader: ColumnReader, rows: number): Uint8Array | undefined {
  if (reader.uint8() === 0) return undefined;
  return reader.bytes(rows);
}

function readAny(reader: ColumnReader, rows: number): unknown[] {
  const end = reader.varint() + reader.position;
  reader.need(end - reader.position);
  if (rows > end - reader.position) throw corrupt('value count');
  const values = Array.from({ length: rows }, () => readValue(reader));
  if (reader.position !== end) throw corrupt('value bytes');
  return values;
}

function refuseAbsent(): never {
  throw corrupt('a column without values');
}
