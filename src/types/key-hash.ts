/**
 * The hash of a key, frozen in docs/formats/key-hash.md: state and routing depend on it for ever. Type-tagged (1, 1n and
 * '1' differ), -0 is 0, a number hashes alike however it travelled, NaN and undefined are refused.
 */
import { UserError } from '../shared/errors.ts';
import { ByteWriter } from './byte-writer.ts';
import { writeValue } from './value-codec.ts';

const seeds = {
  null: 0x6e756c6c,
  false: 0x46414c53,
  true: 0x54525545,
  float: 0x666c6f61,
  string: 0x73747269,
  bigint: 0x62696769,
  compound: 0x636f6d70,
};

const float = new Float64Array(1);
const floatWords = new Int32Array(float.buffer);

/** int32. Throws UserError('INVALID_KEY'). */
export function hashKey(key: unknown): number {
  switch (typeof key) {
    case 'number':
      return hashNumber(key);
    case 'string':
      return hashString(key, seeds.string);
    case 'boolean':
      return key ? seeds.true : seeds.false;
    case 'bigint':
      return hashString(key.toString(16), seeds.bigint);
    case 'object':
      if (key === null) return seeds.null;
      return hashBytes(canonicalBytes(key), seeds.compound);
    default:
      throw invalidKey(key);
  }
}

function hashNumber(key: number): number {
  // An int32 (also -0, which `| 0` turns into 0) is its own hash; murmur spreads it later.
  if ((key | 0) === key) return key | 0;
  if (Number.isNaN(key)) throw invalidKey(key);
  float[0] = key;
  return mix(mix(seeds.float, floatWords[0] as number), floatWords[1] as number);
}

function hashString(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash;
}

function hashBytes(bytes: Uint8Array, seed: number): number {
  let hash = seed;
  for (let i = 0; i < bytes.length; i++) hash = (Math.imul(hash, 31) + (bytes[i] as number)) | 0;
  return hash;
}

function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  const h = hash ^ Math.imul(k, 0x1b873593);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

/** What a Map can be keyed by: equal for equal keys, different for different ones. Primitive keys are themselves. */
export function keyIdentity(key: unknown): unknown {
  switch (typeof key) {
    case 'number':
      if (Number.isNaN(key)) throw invalidKey(key);
      return key === 0 ? 0 : key;
    case 'string':
      return key.charCodeAt(0) === 0 ? `\0s${key}` : key;
    case 'boolean':
    case 'bigint':
      return key;
    case 'object':
      return key === null ? null : compoundIdentity(key);
    default:
      throw invalidKey(key);
  }
}

/** Strings that start with NUL are marked, so that no string key can be taken for a compound one. */
function compoundIdentity(key: object): string {
  return `\0c${Buffer.from(canonicalBytes(key)).toString('latin1')}`;
}

const scratch = new ByteWriter(256);

/** Fields sorted by name, so that the order in which a record was written does not make another key. */
function canonicalBytes(key: object): Uint8Array {
  scratch.clear();
  writeValue(scratch, canonical(key, key));
  return scratch.written();
}

function canonical(part: unknown, whole: unknown): unknown {
  if (typeof part === 'number') {
    if (Number.isNaN(part)) throw invalidKey(whole);
    return part === 0 ? 0 : part;
  }
  if (part === undefined || typeof part === 'function' || typeof part === 'symbol') throw invalidKey(whole);
  if (part === null || typeof part !== 'object' || part instanceof Date || ArrayBuffer.isView(part)) return part;
  if (Array.isArray(part)) return Array.from(part, (element) => canonical(element, whole));
  if (part instanceof Map || part instanceof Set || part instanceof Promise) throw invalidKey(whole);
  const record = part as Record<string, unknown>;
  return Object.fromEntries(
    Object.keys(record)
      .sort()
      .map((name) => [name, canonical(record[name], whole)]),
  );
}

function invalidKey(key: unknown): UserError {
  const shown =
    typeof key === 'object'
      ? JSON.stringify(key, (_, value: unknown) => (value === undefined || Number.isNaN(value) ? String(value) : value))
      : String(key);
  return new UserError('INVALID_KEY', {
    problem: `A record's key is ${shown}, which cannot be a key.`,
    found: 'Keys are strings, numbers other than NaN, bigints, booleans, null, dates, and arrays or plain objects of these.',
    tryNext: ['Filter such records out before keyBy, or give them a key of their own.'],
  });
}
