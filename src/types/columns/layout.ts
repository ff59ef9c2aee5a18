/**
 * The layout of records on an edge: their form, the names of their fields, and what kind of values each field has held so
 * far, records and lists within them included. A record that does not fit makes a wider layout, under which it and its
 * followers travel.
 */

/** What a column holds. `missing`: nothing but null and undefined so far. */
export const columnKind = {
  missing: 0,
  number: 1,
  string: 2,
  boolean: 3,
  any: 4,
  date: 5,
  /** Of 64 bits. */
  bigint: 6,
  bytes: 7,
  /** Plain objects that all have the same fields. */
  nested: 8,
  /** Arrays of any length whose elements are of one kind. */
  list: 9,
} as const;
/** Added to a kind: null and undefined occur as well. */
export const nullable = 32;

/** A value by itself, a plain object, or an array of fixed length. */
export const form = { value: 0, record: 1, tuple: 2 } as const;
export type Form = (typeof form)[keyof typeof form];

/** Longer arrays are lists, whose lengths differ. */
export const longestTuple = 8;
/** Wider records travel as self-describing values. */
export const mostFields = 256;
/** Of records and lists in each other; what is deeper travels as self-describing values. */
export const deepestNesting = 6;

export interface Layout {
  readonly form: Form;
  /** One for a value; '0', '1', … for a tuple. */
  readonly fields: readonly string[];
  readonly columns: readonly ColumnLayout[];
}

export interface ColumnLayout {
  readonly kind: number;
  /** Of a nested record, or of the elements of a list. */
  readonly child?: Layout | undefined;
}

const any: ColumnLayout = { kind: columnKind.any };

export function baseKind(kind: number): number {
  return kind & ~nullable;
}

/** The narrowest column that holds this value. */
export function columnOf(value: unknown, depth = 0): ColumnLayout {
  switch (typeof value) {
    case 'number':
      return { kind: columnKind.number };
    case 'string':
      return { kind: columnKind.string };
    case 'boolean':
      return { kind: columnKind.boolean };
    case 'undefined':
      return { kind: columnKind.missing };
    case 'bigint':
      return isInt64(value) ? { kind: columnKind.bigint } : any;
    case 'object':
      return value === null ? { kind: columnKind.missing } : columnOfObject(value, depth);
    default:
      return any;
  }
}

function columnOfObject(value: object, depth: number): ColumnLayout {
  if (isDate(value)) return { kind: columnKind.date };
  if (isBytes(value)) return { kind: columnKind.bytes };
  if (depth >= deepestNesting) return any;
  if (isList(value)) {
    let element: ColumnLayout = { kind: columnKind.missing };
    for (const [index, one] of value.entries()) element = index === 0 ? columnOf(one, depth + 1) : widen(element, one, depth + 1);
    return listOf(element);
  }
  if (Object.getPrototypeOf(value) !== Object.prototype || Object.getOwnPropertySymbols(value).length > 0) return any;
  const fields = Object.keys(value);
  if (fields.length === 0 || fields.length > mostFields || fields.includes('__proto__')) return any;
  const columns = fields.map((field) => columnOf((value as Record<string, unknown>)[field], depth + 1));
  return { kind: columnKind.nested, child: { form: form.record, fields, columns } };
}

function listOf(element: ColumnLayout): ColumnLayout {
  return element.kind === columnKind.any ? any : { kind: columnKind.list, child: { form: form.value, fields: [''], columns: [element] } };
}

export function accepts({ kind, child }: ColumnLayout, value: unknown): boolean {
  if (kind === columnKind.any) return true;
  if (value === null || value === undefined) return kind === columnKind.missing || kind >= nullable;
  switch (baseKind(kind)) {
    case columnKind.number:
      return typeof value === 'number';
    case columnKind.string:
      return typeof value === 'string';
    case columnKind.boolean:
      return typeof value === 'boolean';
    case columnKind.bigint:
      return typeof value === 'bigint' && isInt64(value);
    case columnKind.date:
      return isDate(value);
    case columnKind.bytes:
      return isBytes(value);
    case columnKind.nested: {
      const { fields, columns } = child as Layout;
      return hasFields(value, fields) && fields.every((field, index) => accepts(columns[index] as ColumnLayout, value[field]));
    }
    case columnKind.list: {
      const element = (child as Layout).columns[0] as ColumnLayout;
      return isList(value) && value.every((one) => accepts(element, one));
    }
    default:
      return false;
  }
}

/** The narrowest column that holds this value too. */
export function widen(column: ColumnLayout, value: unknown, depth = 0): ColumnLayout {
  if (accepts(column, value)) return column;
  if (value === null || value === undefined) return { ...column, kind: column.kind | nullable };
  const { kind, child } = column;
  if (kind === columnKind.missing) {
    const own = columnOf(value, depth);
    return own.kind === columnKind.any ? any : { ...own, kind: own.kind | nullable };
  }
  if (baseKind(kind) === columnKind.nested && hasFields(value, (child as Layout).fields)) {
    const { fields, columns } = child as Layout;
    const wider = columns.map((own, index) => widen(own, value[fields[index] as string], depth + 1));
    return { kind, child: { form: form.record, fields, columns: wider } };
  }
  if (baseKind(kind) === columnKind.list && isList(value)) {
    let element = (child as Layout).columns[0] as ColumnLayout;
    for (const one of value) element = widen(element, one, depth + 1);
    const list = listOf(element);
    return list === any ? any : { ...list, kind };
  }
  return any;
}

function isInt64(value: bigint): boolean {
  return BigInt.asIntN(64, value) === value;
}

function isDate(value: unknown): value is Date {
  return Object.getPrototypeOf(value) === Date.prototype;
}

/** Not a Buffer, which is another class. */
function isBytes(value: unknown): value is Uint8Array {
  return Object.getPrototypeOf(value) === Uint8Array.prototype;
}

/** Holes and undefined look alike: arrays with either travel as self-describing values. */
function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype && !value.includes(undefined);
}

function hasFields(value: unknown, fields: readonly string[]): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return false;
  const own = Object.keys(value);
  return (
    own.length === fields.length && own.every((field, index) => field === fields[index]) && Object.getOwnPropertySymbols(value).length === 0
  );
}

/** The fields' values, in order. */
export function fieldValues({ form: layoutForm, fields }: Pick<Layout, 'form' | 'fields'>, value: unknown): readonly unknown[] {
  if (layoutForm === form.value) return [value];
  return fields.map((field) => (value as Record<string, unknown>)[field]);
}

/** An expression that reads a field of `value`. */
export function fieldText(layout: Pick<Layout, 'form' | 'fields'>, index: number, value: string): string {
  if (layout.form === form.value) return value;
  return layout.form === form.tuple ? `${value}[${index}]` : `${value}[${JSON.stringify(layout.fields[index])}]`;
}
