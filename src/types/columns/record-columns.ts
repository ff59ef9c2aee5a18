/**
 * A batch of plain objects with the same fields, as columns: who reads only some fields needs no objects, and who reads a record
 * at once makes one that never leaves the processor's registers.
 */
import { setField } from '../value-codec.ts';

export type Column = ArrayLike<unknown>;

/** One object for all batches that look alike. */
export interface ColumnShape {
  readonly fields: readonly string[];
  /** One letter per column, for what its elements are: i Int32Array, f Float64Array, g BigInt64Array, b booleans as 0 and 1, a anything. */
  readonly types: string;
}

/** Valid until the next batch of the channel is read. */
export interface RecordColumns {
  readonly shape: ColumnShape;
  readonly columns: readonly Column[];
}

/** An expression for the record whose fields are in these cells. */
export function recordText(fields: readonly string[], cells: readonly string[]): string {
  // As a computed name `__proto__` is a field like any other.
  const name = (field: string): string => (field === '__proto__' ? '["__proto__"]' : JSON.stringify(field));
  return `{ ${fields.map((field, index) => `${name(field)}: ${cells[index]}`).join(', ')} }`;
}

/** An expression for one cell of `column`. */
export function cellText(type: string | undefined, column: string, row: string): string {
  return type === 'b' ? `${column}[${row}] === 1` : `${column}[${row}]`;
}

/** By plain steps. */
export function recordAt({ shape, columns }: RecordColumns, row: number): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  for (const [index, field] of shape.fields.entries()) {
    const cell = (columns[index] as Column)[row];
    setField(record, field, shape.types[index] === 'b' ? cell === 1 : cell);
  }
  return record;
}
