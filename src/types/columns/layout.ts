/**
 * The layout of records on an edge: their form, the names of their fields, and what kind of values each field has held so
 * far. A record that does not fit makes a wider layout, under which it and its followers travel.
 */

/** What a column holds. `missing`: nothing but null and undefined so far. */
export const columnKind = { missing: 0, number: 1, string: 2, boolean: 3, any: 4 } as const;
/** Added to a kind: null and undefined occur as well. */
export const nullable = 8;

/** A value by itself, a plain object, or an array of fixed length. */
export const form = { value: 0, record: 1, tuple: 2 } as const;
export type Form = (typeof form)[keyof typeof form];

/** Longer arrays are lists, whose lengths differ. */
export const longestTuple = 8;
/** Wider records travel as self-describing values. */
export const mostFields = 256;

export interface Layout {
  readonly form: Form;
  /** One for a value; '0', '1', … for a tuple. */
  readonly fields: readonly string[];
  readonly kinds: readonly number[];
}

export function kindOf(value: unknown): number {
  switch (typeof value) {
    case 'number':
      return columnKind.number;
    case 'string':
      return columnKind.string;
    case 'boolean':
      return columnKind.boolean;
    default:
      return value === null || value === undefined ? columnKind.missing : columnKind.any;
  }
}

export function baseKind(kind: number): number {
  return kind & ~nullable;
}

export function accepts(kind: number, value: unknown): boolean {
  if (kind === columnKind.any) return true;
  const own = kindOf(value);
  if (own === columnKind.missing) return kind === columnKind.missing || kind >= nullable;
  return own === baseKind(kind) && own !== columnKind.any;
}

/** The narrowest kind that holds this value too. */
export function widen(kind: number, value: unknown): number {
  if (accepts(kind, value)) return kind;
  const own = kindOf(value);
  if (own === columnKind.missing) return kind | nullable;
  if (kind === columnKind.missing && own !== columnKind.any) return own | nullable;
  return columnKind.any;
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
