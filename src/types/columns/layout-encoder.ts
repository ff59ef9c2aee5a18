/**
 * Gathers records of one layout by column and writes them. Adding is code made for the layout: it checks that a record fits
 * (form, field names and their order, kinds) and stores its fields. Records and lists within records have an encoder of
 * their own, which gathers the rows that are there.
 */
import type { ByteWriter } from '../byte-writer.ts';
import { compileFunction } from '../generated-code.ts';
import { writeValue } from '../value-codec.ts';
import { addText } from './add-text.ts';
import { type ColumnBuffer, createBuffer, growBuffer, writeBits, writeMissing } from './column-buffer.ts';
import type { ColumnWriter } from './column-writer.ts';
import { accepts, baseKind, type ColumnLayout, columnKind, fieldValues, form, type Layout } from './layout.ts';
import { writeNumbers } from './number-column.ts';
import type { Column as ValueColumn } from './record-columns.ts';

/** Gives the rough bytes that the record takes, or 0 when it does not fit. */
export type Add = (value: unknown) => number;

const missingMark = { present: 0, null: 1, undefined: 2 } as const;
export const perRecordBytes = 2;
/** Code is made for layouts that are more than an exception. */
const rowsBeforeCode = 32;
const firstCapacity = 32;
/** A full batch. */
const usualCapacity = 512;

interface Column extends ColumnBuffer {
  readonly layout: ColumnLayout;
  readonly path: string;
  readonly child: LayoutEncoder | undefined;
}

export interface EncoderSettings {
  /** What the other end knows the layout by. */
  readonly id: number;
  /** Where its values are within the record. */
  readonly path?: string;
  /** So many channels share the memory for dictionaries. */
  readonly channels?: number;
}

export class LayoutEncoder {
  readonly layout: Layout;
  readonly id: number;
  /** The other end has its definition. */
  isDefined = false;
  /** Position among the layouts of the batch being gathered; -1 when it has none of it. */
  batchIndex = -1;
  rows = 0;
  /** For anything. */
  add: Add;
  /** For plain objects with exactly the fields of the layout. */
  addProven: Add;
  /** A caller's own list of the layout's fields: it says by this list that it knows a record to have just them. */
  provenFields: readonly string[] | undefined;
  #capacity = firstCapacity;
  #addedByLoop = 0;
  readonly #columns: readonly Column[];

  constructor(layout: Layout, { id, path = '', channels = 1 }: EncoderSettings) {
    this.layout = layout;
    this.id = id;
    this.#columns = layout.columns.map((column, index) => {
      const ownPath = layout.form === form.value ? path : `${path}.${layout.fields[index]}`;
      const childPath = baseKind(column.kind) === columnKind.list ? `${ownPath}[]` : ownPath;
      return {
        ...createBuffer(baseKind(column.kind), column.kind, firstCapacity, channels),
        layout: column,
        path: ownPath,
        child: column.child && new LayoutEncoder(column.child, { id: -1, path: childPath, channels }),
      };
    });
    this.add = (value) => (this.#matches(value) ? this.addByLoop(value) : 0);
    this.addProven = (value) => this.addByLoop(value);
  }

  get isFull(): boolean {
    return this.rows === this.#capacity;
  }

  grow(): void {
    this.#capacity = Math.max(usualCapacity, this.#capacity * 2);
    for (const column of this.#columns) growBuffer(column, this.#capacity);
    this.#makeCode();
  }

  write(writer: ColumnWriter): void {
    writer.varint(this.id);
    writer.uint8(this.isDefined ? 0 : 1);
    if (!this.isDefined) writeDefinition(writer, this.layout);
    this.isDefined = true;
    this.#writeRows(writer);
  }

  clear(): void {
    for (const { any, strings, child } of this.#columns) {
      any?.clear();
      child?.clear();
      // Otherwise a buffer keeps the texts of a whole batch alive.
      if (strings.length > 0) strings.fill('', 0, this.rows);
    }
    this.rows = 0;
    this.batchIndex = -1;
  }

  /**
   * Takes rows of primitive values from columns, in place of records; the layout must be empty. Returns -1, or the row that does not
   * fit: then nothing was taken.
   */
  load(values: readonly ValueColumn[], rows: number): number {
    while (this.#capacity < rows) this.grow();
    // What is appended comes last, when all else fits.
    const isAppended = ({ any }: Column): boolean => any !== undefined;
    for (const [index, column] of this.#columns.entries()) {
      const misfit = isAppended(column) ? -1 : loadColumn(column, values[index] as ValueColumn, rows);
      if (misfit >= 0) return misfit;
    }
    for (const [index, column] of this.#columns.entries()) {
      const misfit = isAppended(column) ? loadColumn(column, values[index] as ValueColumn, rows) : -1;
      if (misfit < 0) continue;
      this.truncate(0);
      return misfit;
    }
    this.rows = rows;
    return -1;
  }

  /** By plain steps: for the first records, and where code cannot be made. Does not look at the field names. */
  addByLoop(value: unknown): number {
    const values = fieldValues(this.layout, value);
    const { rows } = this;
    if (this.isFull || !values.every((field, index) => accepts(this.layout.columns[index] as ColumnLayout, field))) return 0;
    let bytes = perRecordBytes;
    try {
      for (const [index, column] of this.#columns.entries()) bytes += store(column, values[index], rows);
    } catch (error) {
      // A value that cannot travel is found while it is written: all of the record or nothing.
      this.truncate(rows);
      throw error;
    }
    this.rows++;
    if (++this.#addedByLoop === rowsBeforeCode) this.#makeCode();
    return bytes;
  }

  /** Forgets all rows behind the first `rows`, and what a part of a row has left in the columns. */
  truncate(rows: number): void {
    this.rows = rows;
    for (const { layout, numbers, missing, any, child } of this.#columns) {
      switch (baseKind(layout.kind)) {
        case columnKind.any:
          (any as ByteWriter).position = rows === 0 ? 0 : (numbers[rows - 1] as number);
          break;
        case columnKind.bytes:
          (any as ByteWriter).position = sum(numbers, rows);
          break;
        case columnKind.list:
          child?.truncate(sum(numbers, rows));
          break;
        case columnKind.nested:
          child?.truncate(missing.length === 0 ? rows : missing.subarray(0, rows).reduce((count, mark) => count + (mark === 0 ? 1 : 0), 0));
          break;
      }
    }
  }

  #writeRows(writer: ColumnWriter): void {
    writer.varint(this.rows);
    for (const column of this.#columns) writeColumn(writer, column, this.rows, (child) => child.#writeRows(writer));
  }

  #makeCode(): void {
    const code = addText(this.layout, this.#columns, this.#capacity);
    const made = code && compileFunction<(...bindings: unknown[]) => { add: Add; addProven: Add }>(code.parameters, code.text);
    if (!made) return;
    const { add, addProven } = made(
      this,
      this.#columns,
      this.layout.fields,
      Object.prototype,
      Array.prototype,
      Date.prototype,
      Uint8Array.prototype,
      writeValue,
      addList,
    );
    this.add = add;
    this.addProven = addProven;
  }

  #matches(value: unknown): boolean {
    const { form: layoutForm, fields } = this.layout;
    if (layoutForm === form.value) return true;
    if (typeof value !== 'object' || value === null) return false;
    if (layoutForm === form.tuple) return Array.isArray(value) && value.length === fields.length && !value.includes(undefined);
    if (Object.getPrototypeOf(value) !== Object.prototype) return false;
    const keys = Object.keys(value);
    return keys.length === fields.length && keys.every((key, index) => key === fields[index]);
  }
}

/** The elements of one list; 0 when one of them does not fit. Holes look like undefined. */
function addList(child: LayoutEncoder, list: readonly unknown[]): number {
  let bytes = 1;
  for (let index = 0; index < list.length; index++) {
    const element = list[index];
    const own = element === undefined ? 0 : child.add(element);
    if (own === 0) return 0;
    bytes += own;
  }
  return bytes;
}

function sum(numbers: Float64Array, rows: number): number {
  let total = 0;
  for (let row = 0; row < rows; row++) total += numbers[row] as number;
  return total;
}

function writeDefinition(writer: ColumnWriter, { form: layoutForm, fields, columns }: Layout): void {
  writer.uint8(layoutForm);
  writer.varint(fields.length);
  for (const field of fields) writer.string(field);
  for (const { kind, child } of columns) {
    writer.uint8(kind);
    if (child) writeDefinition(writer, child);
  }
}

/** A value that was accepted. Gives rough bytes. */
function store(column: Column, value: unknown, row: number): number {
  const isMissing = value === null || value === undefined;
  if (column.missing.length > 0) {
    column.missing[row] = value === null ? missingMark.null : value === undefined ? missingMark.undefined : missingMark.present;
  }
  switch (baseKind(column.layout.kind)) {
    case columnKind.number:
      column.numbers[row] = (value as number | null | undefined) ?? 0;
      return 4;
    case columnKind.string:
      column.strings[row] = (value as string | null | undefined) ?? '';
      return 1 + (column.strings[row] as string).length;
    case columnKind.boolean:
      column.bits[row] = value === true ? 1 : 0;
      return 1;
    case columnKind.date:
      column.numbers[row] = isMissing ? 0 : (value as Date).getTime();
      return 8;
    case columnKind.bigint:
      column.bigints[row] = (value as bigint | null | undefined) ?? 0n;
      return 8;
    case columnKind.bytes:
      column.numbers[row] = isMissing ? 0 : (value as Uint8Array).length;
      if (!isMissing) column.any?.bytes(value as Uint8Array);
      return 1 + (column.numbers[row] as number);
    case columnKind.any: {
      const any = column.any as ByteWriter;
      const before = any.position;
      writeValue(any, value, column.path);
      column.numbers[row] = any.position;
      return any.position - before;
    }
    case columnKind.nested:
      return isMissing ? 1 : addOne(column.child as LayoutEncoder, value);
    case columnKind.list: {
      const list = (value as readonly unknown[] | null | undefined) ?? [];
      let bytes = 1;
      for (const element of list) bytes += addOne(column.child as LayoutEncoder, element);
      column.numbers[row] = list.length;
      return bytes;
    }
    default:
      return 1;
  }
}

function addOne(child: LayoutEncoder, value: unknown): number {
  if (child.isFull) child.grow();
  return child.addByLoop(value);
}

/** The row that does not fit, or -1. */
function loadColumn(column: Column, values: ValueColumn, rows: number): number {
  switch (column.layout.kind) {
    case columnKind.number:
      return loadNumbers(column.numbers, values, rows);
    case columnKind.string:
      return loadStrings(column.strings, values, rows);
    default:
      for (let row = 0; row < rows; row++) {
        const value = values[row];
        if (!accepts(column.layout, value)) return row;
        store(column, value, row);
      }
      return -1;
  }
}

function loadNumbers(numbers: Float64Array, values: ValueColumn, rows: number): number {
  for (let row = 0; row < rows; row++) {
    const value = values[row];
    if (typeof value !== 'number') return row;
    numbers[row] = value;
  }
  return -1;
}

function loadStrings(strings: string[], values: ValueColumn, rows: number): number {
  for (let row = 0; row < rows; row++) {
    const value = values[row];
    if (typeof value !== 'string') return row;
    strings[row] = value;
  }
  return -1;
}

function writeColumn(writer: ColumnWriter, column: Column, rows: number, writeChild: (child: LayoutEncoder) => void): void {
  if (column.missing.length > 0) writeMissing(writer, column.missing, rows);
  switch (baseKind(column.layout.kind)) {
    case columnKind.number:
    case columnKind.date:
      writeNumbers(writer, column.numbers, rows);
      return;
    case columnKind.string:
      column.stringWriter?.write(writer, column.strings, rows);
      return;
    case columnKind.boolean:
      writeBits(writer, column.bits, rows);
      return;
    case columnKind.bigint:
      writer.align(rows * 8);
      writer.bigint64s.set(column.bigints.subarray(0, rows), writer.position >> 3);
      writer.position += rows * 8;
      return;
    case columnKind.bytes:
      writeNumbers(writer, column.numbers, rows);
      writer.bytes((column.any as ByteWriter).written());
      return;
    case columnKind.any: {
      const bytes = (column.any as ByteWriter).written();
      writer.varint(bytes.length);
      writer.bytes(bytes);
      return;
    }
    case columnKind.list:
      writeNumbers(writer, column.numbers, rows);
      writeChild(column.child as LayoutEncoder);
      return;
    case columnKind.nested:
      writeChild(column.child as LayoutEncoder);
  }
}
