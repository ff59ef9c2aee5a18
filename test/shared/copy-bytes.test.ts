import fc from 'fast-check';
import { expect, test } from 'vitest';
import { copyBytes } from '../../src/shared/copy-bytes.ts';

test('bytes of any length are copied between private and shared memory, and nothing beside them', () => {
  const memory = fc.constantFrom(ArrayBuffer, SharedArrayBuffer);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000, size: 'max' }), memory, memory, fc.nat({ max: 50 }), (bytes, From, To, at) => {
      const source = new Uint8Array(new From(bytes.length + 7), 7);
      source.set(bytes);
      const target = Buffer.from(new To(bytes.length + 100)).fill(0xaa);
      copyBytes(source, target, at);
      expect(Buffer.from(target.subarray(at, at + bytes.length)).equals(bytes)).toBe(true);
      expect(target.subarray(0, at).every((byte) => byte === 0xaa)).toBe(true);
      expect(target.subarray(at + bytes.length).every((byte) => byte === 0xaa)).toBe(true);
    }),
  );
});
