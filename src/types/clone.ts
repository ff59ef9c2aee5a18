/** Deep copies of record values, equal to what encoding and decoding would give. */
import { classCodecOf } from './class-codecs.ts';
import { isView, setField, unsupported } from './value-codec.ts';

const maxDepth = 200;
/** A hole at this place is one of very many. */
const hugeHole = 4096;

export function cloneValue(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'function' || typeof value === 'symbol') throw unsupported(value, '');
    return value;
  }
  if (depth > maxDepth) throw unsupported(value, '', `nested more than ${maxDepth} deep, or cyclic`);
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === Array.prototype) return cloneArray(value as unknown[], depth);
  if (prototype === Object.prototype || prototype === null) return cloneRecord(value as Record<string, unknown>, depth);
  return cloneOther(value, depth);
}

function cloneArray(value: readonly unknown[], depth: number): unknown[] {
  const copy: unknown[] = new Array(value.length);
  for (let i = 0; i < value.length; i++) {
    if (i in value) copy[i] = cloneValue(value[i], depth + 1);
    else if (i === hugeHole) {
      // So many holes are skipped: what follows is found by its index.
      for (const key of Object.keys(value)) if (Number(key) > i) copy[Number(key)] = cloneValue(value[Number(key)], depth + 1);
      break;
    }
  }
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

/** By the prototype itself: an instance of a subclass is no such value. */
function cloneOther(value: object, depth: number): unknown {
  switch (Object.getPrototypeOf(value)) {
    case Date.prototype:
      return new Date((value as Date).getTime());
    case Map.prototype:
      return new Map(
        Array.from(value as Map<unknown, unknown>, ([key, element]) => [cloneValue(key, depth + 1), cloneValue(element, depth + 1)]),
      );
    case Set.prototype:
      return new Set(Array.from(value as Set<unknown>, (element) => cloneValue(element, depth + 1)));
    case RegExp.prototype:
      return new RegExp((value as RegExp).source, (value as RegExp).flags);
    case ArrayBuffer.prototype:
      return (value as ArrayBuffer).slice(0);
  }
  if (isView(value)) return cloneView(value);
  const codec = classCodecOf(value);
  if (!codec) throw unsupported(value, '');
  return codec.fromPlain(cloneValue(codec.toPlain(value), depth + 1));
}

/** With memory of its own. */
function cloneView(value: ArrayBufferView): unknown {
  const { buffer, byteOffset, byteLength } = value;
  const memory = new Uint8Array(byteLength);
  memory.set(new Uint8Array(buffer, byteOffset, byteLength));
  if (Buffer.isBuffer(value)) return Buffer.from(memory.buffer);
  return new (value.constructor as new (buffer: ArrayBuffer) => unknown)(memory.buffer);
}
