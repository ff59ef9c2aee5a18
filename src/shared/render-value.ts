/** A record as one line of text: strings as they are, arrays as tuples `(a,b)`, other objects as JSON-like text. */
import { inspect } from 'node:util';

export function renderValue(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return `(${value.map((element) => (element === undefined ? '' : renderValue(element))).join(',')})`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof Date) return value.toISOString();
  return inspect(value, { breakLength: Number.POSITIVE_INFINITY, compact: true, depth: 20, maxArrayLength: null, maxStringLength: null });
}
