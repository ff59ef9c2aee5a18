/**
 * Values that outlive their batch keep nothing of it alive: a substring of 13 or more characters holds the whole text that it
 * was cut from. What enters state or timers goes through here.
 */
import { cloneValue } from './clone.ts';

const shortestSlice = 13;
const scratch = Buffer.alloc(4096);

/** An equal string of its own. */
export function flattenString(text: string): string {
  const { length } = text;
  if (length < shortestSlice) return text;
  const isAscii = Buffer.byteLength(text) === length;
  const bytes = isAscii ? length : length * 2;
  const encoding = isAscii ? 'latin1' : 'utf16le';
  const buffer = bytes <= scratch.length ? scratch : Buffer.alloc(bytes);
  buffer.write(text, 0, bytes, encoding);
  return buffer.toString(encoding, 0, bytes);
}

/** Plain objects and arrays within each other whose strings are looked at. */
const deepest = 6;
/** Longer lists grow from update to update, and would be walked in full each time. */
const longestList = 64;

/** Strings of a value that will outlive its batch, made independent of it; other values come back as they are. */
export function detachStrings(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return flattenString(value);
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value) && value.length > longestList) return value;
  const fields = value as Record<string, unknown>;
  for (const key in fields) {
    const field = fields[key];
    if (typeof field === 'string') {
      if (field.length < shortestSlice) continue;
      if (Object.isFrozen(value)) return value;
      fields[key] = flattenString(field);
    } else if (typeof field === 'object' && field !== null && depth < deepest) detachStrings(field, depth + 1);
  }
  return value;
}

/** A key or namespace as state keeps it: out of reach of later changes of the program's object, and of its batch's text. */
export function detachKey(key: unknown): unknown {
  if (typeof key === 'string') return flattenString(key);
  return typeof key === 'object' && key !== null ? cloneValue(key) : key;
}
