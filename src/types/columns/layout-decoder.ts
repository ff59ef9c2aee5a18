/**
 * Reads the columns of one layout and builds a fresh value per row, by code made for the layout. Records and lists within
 * records are read by decoders of their own, before the rows that hold them.
 */
import { corrupt } from '../byte-reader.ts';
import { compileFunction } from '../generated-code.ts';
import { readValue, setField } from '../value-codec.ts';
import type { ColumnReader } from './column-reader.ts';
import {
  baseKind,
  type ColumnLayout,
  columnKind,
  deepestNesting,
  form,
  type Layout,
  longestTuple,
  mostFields,
  nullable,
} from './layout.ts';
import { NumberColumnReader } from './number-column.ts';
import { type Column, type ColumnShape, cellText, type RecordColumns, recordText } from './record-columns.ts';
import { StringColumnReader } from './string-column.ts';

type Build = (rows: number, columns: readonly Column[]) => unknown[];

/** Code is made for layouts that are more than an exception. */
const rowsBeforeCode = 32;
/** Bodies for one layout beyond which rows are built by plain steps. */
const mostBuilders = 16;

/** What the columns of one field are read with. */
interface FieldReader {
  readonly column: ColumnLayout;
  readonly numbers: NumberColumnReader | undefined;
  readonly strings: StringColumnReader | undefined;
  readonly child: LayoutDecoder | undefined;
}

const kindsWithNumbers: readonly number[] = [columnKind.number, columnKind.date, columnKind.bytes, columnKind.list];

export class LayoutDecoder {
  readonly layout: Layout;
  readonly #fields: readonly FieldReader[];
  /** By their types. */
  readonly #shapes = new Map<string, ColumnShape>();
  readonly #builders = new Map<string, Build>();
  #rowsSeen = 0;

  constructor(layout: Layout) {
    this.layout = layout;
    this.#fields = layout.columns.map((column) => {
      const base = baseKind(column.kind);
      return {
        column,
        numbers: kindsWithNumbers.includes(base) ? new NumberColumnReader() : undefined,
        strings: base === columnKind.string ? new StringColumnReader() : undefined,
        child: column.child && new LayoutDecoder(column.child),
      };
    });
  }

  /** The definition that stands in front of the first rows. */
  static define(reader: ColumnReader): LayoutDecoder {
    return new LayoutDecoder(readDefinition(reader, 0));
  }

  read(reader: ColumnReader, rows: number): unknown[] {
    return this.makeValues(this.readColumns(reader, rows), rows);
  }

  readColumns(reader: ColumnReader, rows: number): RecordColumns {
    const columns = this.#fields.map((field) => readColumn(reader, field, rows));
    let types = '';
    for (const column of columns) types += letterOf(column);
    let shape = this.#shapes.get(types);
    if (!shape) {
      shape = { fields: this.layout.fields, types };
      this.#shapes.set(types, shape);
    }
    return { shape, columns };
  }

  /** The values of all rows. */
  readonly makeValues = ({ shape, columns }: RecordColumns, rows: number): unknown[] => {
    this.#rowsSeen += rows;
    if (this.#rowsSeen < rowsBeforeCode) return this.#buildByLoop(rows, columns);
    let build = this.#builders.get(shape.types);
    if (!build) {
      build = this.#makeBuilder(shape.types);
      this.#builders.set(shape.types, build);
    }
    return build(rows, columns);
  };

  #makeBuilder(signature: string): Build {
    const made = this.#builders.size < mostBuilders ? compileFunction<Build>(['rows', 'columns'], this.#code(signature)) : undefined;
    return made ?? ((rows, columns) => this.#buildByLoop(rows, columns));
  }

  /** Columns of one signature always have the same element types, so that the reads in the loop have one form each. */
  #code(signature: string): string {
    const { layout } = this;
    const names = layout.columns.map((_, index) => `c${index}`);
    const read = (index: number): string => cellText(signature[index], `c${index}`, 'i');
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
      if (layout.form === form.tuple) return layout.columns.map((_column, index) => cell(index, row));
      const record: Record<string, unknown> = {};
      for (const [index, field] of layout.fields.entries()) setField(record, field, cell(index, row));
      return record;
    });
  }
}

function readDefinition(reader: ColumnReader, depth: number): Layout {
  const layoutForm = reader.uint8();
  const count = reader.varint();
  const most = layoutForm === form.value ? 1 : layoutForm === form.tuple ? longestTuple : mostFields;
  if (count === 0 || count > most || layoutForm > form.tuple || depth > deepestNesting) throw corrupt('layout');
  const fields = Array.from({ length: count }, () => reader.string());
  if (new Set(fields).size !== count) throw corrupt('field names');
  const columns = Array.from({ length: count }, () => readColumnLayout(reader, depth));
  return { form: layoutForm as Layout['form'], fields, columns };
}

function readColumnLayout(reader: ColumnReader, depth: number): ColumnLayout {
  const kind = reader.uint8();
  const base = baseKind(kind);
  if (base > columnKind.list || kind >= 2 * nullable) throw corrupt(`unknown kind of column: ${kind}`);
  if (base !== columnKind.nested && base !== columnKind.list) return { kind };
  const child = readDefinition(reader, depth + 1);
  if (child.form !== (base === columnKind.list ? form.value : form.record)) throw corrupt('layout within a layout');
  return { kind, child };
}

function readColumn(reader: ColumnReader, field: FieldReader, rows: number): Column {
  const { kind } = field.column;
  const missing = kind >= nullable || kind === columnKind.missing ? readMissing(reader, rows) : undefined;
  const present = readPresent(reader, field, rows, missing);
  if (!missing) return present ?? (rows === 0 ? [] : refuseAbsent());
  const isBoolean = baseKind(kind) === columnKind.boolean;
  return Array.from({ length: rows }, (_, row) => {
    const mark = missing[row];
    if (mark === 1) return null;
    if (mark === 2) return undefined;
    if (!present) throw corrupt('a value that is neither there nor missing');
    return isBoolean ? present[row] === 1 : present[row];
  });
}

/** By row; rows that are missing have anything. */
function readPresent(reader: ColumnReader, field: FieldReader, rows: number, missing: Uint8Array | undefined): Column | undefined {
  switch (baseKind(field.column.kind)) {
    case columnKind.number:
      return readNumbers(reader, field, rows);
    case columnKind.string:
      return (field.strings as StringColumnReader).read(reader, rows);
    case columnKind.boolean:
      return readBits(reader, rows);
    case columnKind.any:
      return readAny(reader, rows);
    case columnKind.date: {
      const times = readNumbers(reader, field, rows);
      return Array.from({ length: rows }, (_, row) => new Date(times[row] as number));
    }
    case columnKind.bigint:
      return readBigInts(reader, rows);
    case columnKind.bytes: {
      const lengths = readLengths(reader, field, rows);
      return Array.from({ length: rows }, (_, row) => reader.bytes(lengths[row] as number));
    }
    case columnKind.list:
      return readLists(reader, field, rows);
    case columnKind.nested:
      return readNested(reader, field, rows, missing);
    default:
      return undefined;
  }
}

function readNumbers(reader: ColumnReader, { numbers }: FieldReader, rows: number): Int32Array | Float64Array {
  return (numbers as NumberColumnReader).read(reader, rows);
}

/** Whole and not negative. */
function readLengths(reader: ColumnReader, field: FieldReader, rows: number): Int32Array | Float64Array {
  const lengths = readNumbers(reader, field, rows);
  for (let row = 0; row < rows; row++) {
    const length = lengths[row] as number;
    if (!(length >= 0 && length <= reader.limit * 8) || Math.floor(length) !== length) throw corrupt('length');
  }
  return lengths;
}

function readBits(reader: ColumnReader, rows: number): Uint8Array {
  reader.need((rows + 7) >> 3);
  const bits = new Uint8Array(rows);
  const { buffer, position } = reader;
  for (let row = 0; row < rows; row++) bits[row] = ((buffer[position + (row >> 3)] as number) >> (row & 7)) & 1;
  reader.position += (rows + 7) >> 3;
  return bits;
}

function readBigInts(reader: ColumnReader, rows: number): BigInt64Array {
  reader.align();
  reader.need(rows * 8);
  const start = reader.position >> 3;
  reader.position += rows * 8;
  // The bytes may be gone when the values are asked for.
  return reader.bigint64s.slice(start, start + rows);
}

function readChild(reader: ColumnReader, { child }: FieldReader, expected: number): unknown[] {
  const rows = reader.varint();
  // Whatever a column holds, it has at least a bit for each row.
  reader.need(rows >> 3);
  if (rows !== expected) throw corrupt('rows within a row');
  return (child as LayoutDecoder).read(reader, rows);
}

function readLists(reader: ColumnReader, field: FieldReader, rows: number): unknown[] {
  const lengths = readLengths(reader, field, rows);
  let total = 0;
  for (let row = 0; row < rows; row++) total += lengths[row] as number;
  const elements = readChild(reader, field, total);
  let next = 0;
  return Array.from({ length: rows }, (_, row) => {
    const begin = next;
    next += lengths[row] as number;
    return elements.slice(begin, next);
  });
}

function readNested(reader: ColumnReader, field: FieldReader, rows: number, missing: Uint8Array | undefined): unknown[] {
  if (!missing) return readChild(reader, field, rows);
  const records = readChild(
    reader,
    field,
    missing.reduce((count, mark) => count + (mark === 0 ? 1 : 0), 0),
  );
  let next = 0;
  return Array.from({ length: rows }, (_, row) => (missing[row] === 0 ? records[next++] : undefined));
}

function valueText(layout: Layout, read: (index: number) => string): string {
  const cells = layout.columns.map((_, index) => read(index));
  if (layout.form === form.value) return cells[0] as string;
  if (layout.form === form.tuple) return `[${cells.join(', ')}]`;
  return recordText(layout.fields, cells);
}

/** One letter per element type. */
function letterOf(column: Column): string {
  if (column instanceof Int32Array) return 'i';
  if (column instanceof Float64Array) return 'f';
  if (column instanceof BigInt64Array) return 'g';
  return column instanceof Uint8Array ? 'b' : 'a';
}

function readMissing(reader: ColumnReader, rows: number): Uint8Array | undefined {
  if (reader.uint8() === 0) return undefined;
  const marks = reader.bytes(rows);
  if (marks.some((mark) => mark > 2)) throw corrupt('mark of a missing value');
  return marks;
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
