/**
 * Copies into and out of shared memory. V8's own `set` copies shared memory word by word with relaxed atomics (measured: 3 µs for
 * 16 KB), where `Buffer.fill` with a source of the same length is one memcpy (0.3 µs). That is allowed here: whoever shares
 * memory publishes it by a store of its own, and nobody writes what another thread may read.
 */
const shortestFill = 256;

/** `source` lies in `target` from `at` on afterwards; it must fit. */
export function copyBytes(source: Uint8Array, target: Buffer, at: number): void {
  if (source.length < shortestFill) target.set(source, at);
  else target.fill(source, at, at + source.length);
}
