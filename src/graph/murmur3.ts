/** MurmurHash3 x64 128 (Austin Appleby, public domain): operator ids are made with it, so that they equal Flink's. */

const mask = (1n << 64n) - 1n;
const c1 = 0x87c37b91114253d5n;
const c2 = 0x4cf5ad432745937fn;

/** 16 bytes, each half little-endian. */
export function murmur3x128(bytes: Uint8Array): Buffer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocks = Math.floor(bytes.length / 16);
  let h1 = 0n;
  let h2 = 0n;
  for (let i = 0; i < blocks; i++) {
    h1 ^= mixK1(view.getBigUint64(i * 16, true));
    h1 = ((rotate(h1, 27n) + h2) * 5n + 0x52dce729n) & mask;
    h2 ^= mixK2(view.getBigUint64(i * 16 + 8, true));
    h2 = ((rotate(h2, 31n) + h1) * 5n + 0x38495ab5n) & mask;
  }
  const tail = bytes.subarray(blocks * 16);
  h1 ^= mixK1(littleEndian(tail.subarray(0, 8)));
  h2 ^= mixK2(littleEndian(tail.subarray(8)));
  h1 ^= BigInt(bytes.length);
  h2 ^= BigInt(bytes.length);
  h1 = (h1 + h2) & mask;
  h2 = (h2 + h1) & mask;
  h1 = finalMix(h1);
  h2 = finalMix(h2);
  h1 = (h1 + h2) & mask;
  h2 = (h2 + h1) & mask;
  const result = Buffer.alloc(16);
  result.writeBigUInt64LE(h1, 0);
  result.writeBigUInt64LE(h2, 8);
  return result;
}

function rotate(value: bigint, by: bigint): bigint {
  return ((value << by) | (value >> (64n - by))) & mask;
}

function mixK1(k: bigint): bigint {
  return (rotate((k * c1) & mask, 31n) * c2) & mask;
}

function mixK2(k: bigint): bigint {
  return (rotate((k * c2) & mask, 33n) * c1) & mask;
}

function finalMix(value: bigint): bigint {
  let k = value;
  k = ((k ^ (k >> 33n)) * 0xff51afd7ed558ccdn) & mask;
  k = ((k ^ (k >> 33n)) * 0xc4ceb9fe1a85ec53n) & mask;
  return k ^ (k >> 33n);
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number);
  return value;
}
