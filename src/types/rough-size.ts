/** About how much memory a value takes, for limits on what waits: cheap, and never far below the truth for large values. */

const objectBytes = 24;
const deepest = 32;

export function roughBytes(value: unknown, depth = 0): number {
  if (typeof value === 'string') return objectBytes + value.length;
  if (typeof value !== 'object' || value === null) return 8;
  if (ArrayBuffer.isView(value)) return objectBytes + value.byteLength;
  if (depth > deepest) return objectBytes;
  let bytes = objectBytes;
  if (Array.isArray(value) || value instanceof Set) {
    for (const element of value) bytes += 8 + roughBytes(element, depth + 1);
  } else if (value instanceof Map) {
    for (const [key, element] of value) bytes += 16 + roughBytes(key, depth + 1) + roughBytes(element, depth + 1);
  } else {
    for (const key in value) bytes += 8 + roughBytes((value as Record<string, unknown>)[key], depth + 1);
  }
  return bytes;
}
