/** Deep copies of record values, equal to what encoding and decoding would give. */
import { classCodecOf } from './class-codecs.ts';
import { setField, unsupported } from './value-codec.ts';

const maxDepth = 200;

export function cloneValue(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'function' || typeof value === 'symbol') throw unsupported(value, '');
    return value;
  }
  if (depth > maxDepth) throw unsupported(value, '', `nested more than ${maxDepth} deep, or cyclic`);
  if (Array.isArray(value)) return cloneArray(value, depth);
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === Object.prototype || prototype === null) return cloneRecord(value as Record<string, unknown>, depth);
  return cloneOther(value, depth);
}

function cloneArray(value: readonly unknown[], depth: number): unknown[] {
  const copy: unknown[] = new Array(value.length);
  for (let i = 0; i < value.length; i++) if (i in value) copy[i] = cloneValue(value[i], depth + 1);
  return copy;
}

function cloneRecord(value: Record<string, unknown>, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const key in value) {
    const field = value[key];
    const copied =
      typeof field === 'object' || typeof field === 'function' || typeof field === 'symbol' ? cloneField(field, key, depth) : field;
    if (key === '__proto__') setField(copy, key, copied);
    else copy[key] = copied;
  }
  return copy;
}

function cloneField(field: unknown, key: string, depth: number): unknown {
  if (typeof field === 'function' || typeof field === 'symbol') throw unsupported(field, `.${key}`);
  return cloneValue(field, depth + 1);
}

function cloneOther(value: object, depth: number): unknown {
  if (value instanceof Date) return new Date(value.getTime());
  if (value instanceof Map)
    return new Map(Array.from(value, ([key, element]) => [cloneValue(key, depth + 1), cloneValue(element, depth + 1)]));
  if (value instanceof Set) return new Set(Array.from(value, (element) => cloneValue(element, depth + 1)));
  if (value instanceof RegExp) return new RegExp(value.source, value.flags);
  // A Buffer among them: its own slice() copies nothing.
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (ArrayBuffer.isView(value) && 'slice' in value) return (value as Uint8Array).slice();
  const codec = classCodecOf(value);
  if (!codec) throw unsupported(value, '');
  return codec.fromPlain(cloneValue(codec.toPlain(value), depth + 1));
}
