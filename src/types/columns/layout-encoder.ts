/**
 * Gathers records of one layout by column and writes them. Adding is code made for the layout: it checks that a record fits
 * (form, field names and their order, kinds) and stores its fields.
 */
import { ByteWriter } from '../byte-writer.ts';
import { compileFunction } from '../generated-code.ts';
import { writeValue } from '../value-codec.ts';
import type { ColumnWriter } from './column-writer.ts';
import { accepts, baseKind, columnKind, fieldText, fieldValues, form, type Layout, nullable } from './layout.ts';
import { writeNumbers } from './number-column.ts';
import { StringColumnWriter } from './string-column.ts';

/** Gives the rough bytes that the record takes, or 0 when it does not fit. */
type Add = (value: unknown) => number;

const missingMark = { present: 0, null: 1, undefined: 2 } as const;
const perRecordBytes = 2;
/** Code is made for layouts that are more than an exception. */
const rowsBeforeCode = 32;
const firstCapacity = 32;
/** A full batch. */
const usualCapacity = 512;

interface ColumnBuffer {
  readonly name: string;
  readonly kind: number;
  numbers: Float64Array;
  strings: string[];
  bits: Uint8Array;
  /** Null or undefined, by row. */
  missing: Uint8Array;
  readonly any: ByteWriter | undefined;
  readonly stringWriter: StringColumnWriter | undefined;
}

export class LayoutEncoder {
  readonly layout: Layout;
  /** What the other end knows it by. */
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
  readonly #columns: readonly ColumnBuffer[];

  constructor(layout: Layout, id: number) {
    this.layout = layout;
    this.id = id;
    this.#columns = layout.kinds.map((kind, index) => createBuffer(layout.fields[index] as string, kind, firstCapacity));
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
    const { rows } = this;
    writer.varint(this.id);
    writer.uint8(this.isDefined ? 0 : 1);
    if (!this.isDefined) this.#writeDefinition(writer);
    this.isDefined = true;
    writer.varint(rows);
    for (const column of this.#columns) writeColumn(writer, column, rows);
  }

  clear(): void {
    for (const column of this.#columns) {
      column.any?.clear();
      // Otherwise a buffer keeps the texts of a whole batch alive.
      if (column.strings.length > 0) column.strings.fill('', 0, this.rows);
    }
    this.rows = 0;
    this.batchIndex = -1;
  }

  /** By plain steps: for the first records, and where code cannot be made. Does not look at the field names. */
  addByLoop(value: unknown): number {
    const values = fieldValues(this.layout, value);
    if (this.isFull || !values.every((field, index) => accepts(this.layout.kinds[index] as number, field))) return 0;
    this.#writeAny(values);
    let bytes = perRecordBytes;
    for (const [index, column] of this.#columns.entries()) bytes += store(column, values[index], this.rows);
    this.rows++;
    if (++this.#addedByLoop === rowsBeforeCode) this.#makeCode();
    return bytes;
  }

  /** All or none, as a value that cannot travel is found while it is written. */
  #writeAny(values: readonly unknown[]): void {
    const marks = this.#columns.map((column) => column.any?.position ?? 0);
    try {
      for (const [index, { any, name }] of this.#columns.entries()) if (any) writeValue(any, values[index], name === '' ? '' : `.${name}`);
    } catch (error) {
      for (const [index, { any }] of this.#columns.entries()) if (any) any.position = marks[index] as number;
      throw error;
    }
  }

  #writeDefinition(writer: ColumnWriter): void {
    const { form: layoutForm, fields, kinds } = this.layout;
    writer.uint8(layoutForm);
    writer.varint(fields.length);
    for (const field of fields) writer.string(field);
    for (const kind of kinds) writer.uint8(kind);
  }

  #makeCode(): void {
    const code = this.#code();
    const parameters = ['encoder', 'buffers', 'fields', 'plain', 'array', 'writeValue'];
    const made = code && compileFunction<(...bindings: unknown[]) => { add: Add; addProven: Add }>(parameters, code);
    if (!made) return;
    const { add, addProven } = made(this, this.#columns, this.layout.fields, Object.prototype, Array.prototype, writeValue);
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

  /** Undefined for layouts that are handled by plain steps. */
  #code(): string | undefined {
    const { layout } = this;
    const { kinds } = layout;
    if (layout.fields.includes('__proto__')) return undefined;
    const lines: string[] = [];
    const declarations: string[] = [];
    const stores: string[] = [];
    let bytes = String(perRecordBytes);
    for (const [index, kind] of kinds.entries()) {
      const x = `x${index}`;
      lines.push(`const ${x} = ${fieldText(layout, index, 'v')};`);
      declarations.push(`const b${index} = buffers[${index}];`);
      const check = checkKind(kind, x);
      if (check !== '') lines.push(`if (${check}) return 0;`);
      // A hole looks like undefined.
      if (layout.form === form.tuple) lines.push(`if (${x} === undefined) return 0;`);
      const stored = storeText(kind, index);
      stores.push(stored.text);
      bytes += ` + ${stored.bytes}`;
      declarations.push(stored.declaration);
    }
    lines.push('const n = encoder.rows;', `if (n === ${this.#capacity}) return 0;`, ...writeAnyText(layout));
    lines.push(...stores, 'encoder.rows = n + 1;', `return ${bytes};`);
    const body = lines.join('\n');
    return `${declarations.join('\n')}
return {
add(v) {\n${checkShape(layout).join('\n')}\n${body}\n},
addProven(v) {\n${body}\n},
};`;
  }
}

function checkShape(layout: Layout): string[] {
  const count = layout.fields.length;
  switch (layout.form) {
    case form.value:
      return [];
    case form.tuple:
      return [`if (typeof v !== "object" || v === null || v.__proto__ !== array || v.length !== ${count}) return 0;`];
    default:
      // `__proto__` is read as an ordinary property: an inline cache answers it, where getPrototypeOf would be called.
      return [
        'if (typeof v !== "object" || v === null || v.__proto__ !== plain) return 0;',
        'let i = 0;',
        'for (const field in v) if (field !== fields[i++]) return 0;',
        `if (i !== ${count}) return 0;`,
      ];
  }
}

const typeNames: Readonly<Record<number, string>> = {
  [columnKind.number]: 'number',
  [columnKind.string]: 'string',
  [columnKind.boolean]: 'boolean',
};

/** True when the value does not fit. */
function checkKind(kind: number, x: string): string {
  if (kind === columnKind.any) return '';
  if (kind === columnKind.missing) return `${x} !== null && ${x} !== undefined`;
  const wrong = `typeof ${x} !== "${typeNames[baseKind(kind)]}"`;
  return kind >= nullable ? `${wrong} && ${x} !== null && ${x} !== undefined` : wrong;
}

function storeText(kind: number, index: number): { declaration: string; text: string; bytes: string } {
  const x = `x${index}`;
  const mayMiss = kind >= nullable || kind === columnKind.missing;
  const missing = mayMiss ? `const m${index} = b${index}.missing;` : '';
  const mark = mayMiss ? `m${index}[n] = ${x} === null ? 1 : ${x} === undefined ? 2 : 0;\n` : '';
  const or = (instead: string): string => (mayMiss ? `(${x} ?? ${instead})` : x);
  switch (baseKind(kind)) {
    case columnKind.number:
      return { declaration: `${missing}const c${index} = b${index}.numbers;`, text: `${mark}c${index}[n] = ${or('0')};`, bytes: '4' };
    case columnKind.string:
      return {
        declaration: `${missing}const c${index} = b${index}.strings;`,
        text: `${mark}c${index}[n] = ${or('""')};`,
        bytes: `1 + ${or('""')}.length`,
      };
    case columnKind.boolean:
      return {
        declaration: `${missing}const c${index} = b${index}.bits;`,
        text: `${mark}c${index}[n] = ${x} === true ? 1 : 0;`,
        bytes: '1',
      };
    case columnKind.any:
      return { declaration: `const w${index} = b${index}.any;`, text: '', bytes: `w${index}.position - p${index}` };
    default:
      return { declaration: missing, text: mark, bytes: '1' };
  }
}

/** All or none, as a value that cannot travel is found while it is written. */
function writeAnyText({ fields, kinds }: Layout): string[] {
  const any = kinds.flatMap((kind, index) => (kind === columnKind.any ? [index] : []));
  if (any.length === 0) return [];
  const path = (index: number): string => JSON.stringify(fields[index] === '' ? '' : `.${fields[index]}`);
  return [
    ...any.map((index) => `const p${index} = w${index}.position;`),
    'try {',
    ...any.map((index) => `writeValue(w${index}, x${index}, ${path(index)});`),
    '} catch (error) {',
    ...any.map((index) => `w${index}.position = p${index};`),
    'throw error;',
    '}',
  ];
}

function createBuffer(name: string, kind: number, capacity: number): ColumnBuffer {
  const base = baseKind(kind);
  const size = (wanted: boolean): number => (wanted ? capacity : 0);
  return {
    name,
    kind,
    numbers: new Float64Array(size(base === columnKind.number)),
    strings: new Array<string>(size(base === columnKind.string)).fill(''),
    bits: new Uint8Array(size(base === columnKind.boolean)),
    missing: new Uint8Array(size(kind >= nullable || kind === columnKind.missing)),
    any: kind === columnKind.any ? new ByteWriter(256) : undefined,
    stringWriter: base === columnKind.string ? new StringColumnWriter() : undefined,
  };
}

function growBuffer(column: ColumnBuffer, capacity: number): void {
  const grown = <A extends Float64Array | Uint8Array>(array: A): A => {
    if (array.length === 0) return array;
    const larger = new (array.constructor as new (length: number) => A)(capacity);
    larger.set(array);
    return larger;
  };
  column.numbers = grown(column.numbers);
  column.bits = grown(column.bits);
  column.missing = grown(column.missing);
  if (column.strings.length > 0) column.strings = [...column.strings, ...new Array<string>(capacity - column.strings.length).fill('')];
}

/** Everything but `any`, which was written before. */
function store(column: ColumnBuffer, value: unknown, row: number): number {
  if (column.missing.length > 0) {
    column.missing[row] = value === null ? missingMark.null : value === undefined ? missingMark.undefined : missingMark.present;
  }
  switch (baseKind(column.kind)) {
    case columnKind.number:
      column.numbers[row] = (value as number | null | undefined) ?? 0;
      return 4;
    case columnKind.string:
      column.strings[row] = (value as string | null | undefined) ?? '';
      return 1 + (column.strings[row] as string).length;
    case columnKind.boolean:
      column.bits[row] = value === true ? 1 : 0;
      return 1;
    case columnKind.any:
      return 16;
    default:
      return 1;
  }
}

function writeColumn(writer: ColumnWriter, column: ColumnBuffer, rows: number): void {
  if (column.missing.length > 0) writeMissing(writer, column.missing, rows);
  switch (baseKind(column.kind)) {
    case columnKind.number:
      writeNumbers(writer, column.numbers, rows);
      return;
    case columnKind.string:
      column.stringWriter?.write(writer, column.strings, rows);
      return;
    case columnKind.boolean:
      writeBits(writer, column.bits, rows);
      return;
    case columnKind.any: {
      const bytes = (column.any as ByteWriter).written();
      writer.varint(bytes.length);
      writer.bytes(bytes);
    }
  }
}

/** One byte says whether any is missing; then one a row. */
function writeMissing(writer: ColumnWriter, missing: Uint8Array, rows: number): void {
  let any = 0;
  for (let row = 0; row < rows; row++) any |= missing[row] as number;
  writer.uint8(any === 0 ? 0 : 1);
  if (any !== 0) writer.bytes(missing.subarray(0, rows));
}

function writeBits(writer: ColumnWriter, bits: Uint8Array, rows: number): void {
  writer.reserve((rows + 7) >> 3);
  const { buffer } = writer;
  let { position } = writer;
  let row = 0;
  for (; row + 8 <= rows; row += 8) {
    buffer[position++] =
      (bits[row] as number) |
      ((bits[row + 1] as number) << 1) |
      ((bits[row + 2] as number) << 2) |
      ((bits[row + 3] as number) << 3) |
      ((bits[row + 4] as number) << 4) |
      ((bits[row + 5] as number) << 5) |
      ((bits[row + 6] as number) << 6) |
      ((bits[row + 7] as number) << 7);
  }
  if (row < rows) {
    let rest = 0;
    for (let shift = 0; row < rows; row++, shift++) rest |= (bits[row] as number) << shift;
    buffer[position++] = rest;
  }
  writer.position = position;
}
