/**
 * The hash of a key, frozen in docs/formats/key-hash.md: state and routing depend on it for ever. Type-tagged (1, 1n and
 * '1' differ), -0 is 0, a number hashes alike however it travelled, NaN and undefined are refused.
 */
import { UserError } from '../shared/errors.ts';
import { isLatin1 } from './byte-writer.ts';
import { encodeValue, tag } from './value-codec.ts';

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
      return hashCompound(key);
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

/**
 * Goes over the bytes of a part's canonical form (its self-describing form, fields sorted by name, -0 as 0) without making
 * them, where that is easy.
 */
function hashPart(before: number, part: unknown, whole: object): number {
  switch (typeof part) {
    case 'string':
      return hashText(hashByte(before, tag.string), part);
    case 'number':
      return hashNumberBytes(before, part, whole);
    case 'boolean':
      return hashByte(before, part ? tag.true : tag.false);
    case 'bigint':
      return hashText(hashByte(before, tag.bigint), part.toString());
    case 'object':
      break;
    default:
      throw invalidKey(whole);
  }
  if (part === null) return hashByte(before, tag.null);
  if (Array.isArray(part)) {
    let hash = hashVarint(hashByte(before, tag.array), part.length);
    for (let i = 0; i < part.length; i++) hash = hashPart(hash, part[i], whole);
    return hash;
  }
  if (part instanceof Date || ArrayBuffer.isView(part)) return hashBytes(before, encodeValue(asBytes(part)));
  if (part instanceof Map || part instanceof Set || part instanceof Promise) throw invalidKey(whole);
  const record = part as Record<string, unknown>;
  const names = sortedNames(record);
  let hash = hashVarint(hashByte(before, tag.record), names.length);
  for (const name of names) hash = hashPart(hashText(hash, name), record[name], whole);
  return hash;
}

function hashByte(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + byte) | 0;
}

function hashBytes(before: number, bytes: Uint8Array): number {
  let hash = before;
  for (let i = 0; i < bytes.length; i++) hash = hashByte(hash, bytes[i] as number);
  return hash;
}

function hashVarint(before: number, value: number): number {
  let hash = before;
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) hash = hashByte(hash, (rest % 0x80) | 0x80);
  return hashByte(hash, rest);
}

function hashText(before: number, text: string): number {
  const { length } = text;
  if (isLatin1(text)) {
    let hash = hashVarint(before, length * 2);
    for (let i = 0; i < length; i++) hash = hashByte(hash, text.charCodeAt(i));
    return hash;
  }
  let hash = hashVarint(before, length * 2 + 1);
  for (let i = 0; i < length; i++) hash = hashByte(hashByte(hash, text.charCodeAt(i) & 0xff), text.charCodeAt(i) >> 8);
  return hash;
}

function hashNumberBytes(before: number, value: number, whole: object): number {
  if (Number.isNaN(value)) throw invalidKey(whole);
  if ((value | 0) === value) return hashWord(hashByte(before, tag.int32), value | 0);
  float[0] = value;
  return hashWord(hashWord(hashByte(before, tag.float64), floatWords[0] as number), floatWords[1] as number);
}

function hashWord(before: number, word: number): number {
  const low = hashByte(hashByte(before, word & 0xff), (word >> 8) & 0xff);
  return hashByte(hashByte(low, (word >> 16) & 0xff), word >>> 24);
}

/** Array indices first, by value, as JavaScript orders fields; then the others by their text. */
function sortedNames(record: object): string[] {
  const names = Object.keys(record);
  let isSorted = true;
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    if (isDigit(name.charCodeAt(0))) return Object.keys(Object.fromEntries(names.sort().map((field) => [field, 0])));
    if (i > 0 && (names[i - 1] as string) > name) isSorted = false;
  }
  return isSorted ? names : names.sort();
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
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

/**
 * Strings that start with NUL are marked, so that no string key can be taken for a compound one. This text lives in memory only,
 * unlike the hash: it is made to be made fast.
 */
function compoundIdentity(key: object): string {
  try {
    return `\0c${identityText(key, key)}`;
  } catch (error) {
    throw endless(error, key);
  }
}

function identityText(part: unknown, whole: unknown): string {
  switch (typeof part) {
    case 'string':
      return `"${part.length}:${part}`;
    case 'number':
      if (Number.isNaN(part)) throw invalidKey(whole);
      return `#${part};`;
    case 'boolean':
      return part ? 'T' : 'F';
    case 'bigint':
      return `n${part};`;
    case 'object':
      break;
    default:
      throw invalidKey(whole);
  }
  if (part === null) return '_';
  if (Array.isArray(part)) {
    let text = '[';
    for (let i = 0; i < part.length; i++) text += identityText(part[i], whole);
    return `${text}]`;
  }
  if (part instanceof Date || ArrayBuffer.isView(part)) return `b${Buffer.from(encodeValue(asBytes(part))).toString('latin1')}`;
  if (part instanceof Map || part instanceof Set || part instanceof Promise) throw invalidKey(whole);
  let text = '{';
  for (const name of Object.keys(part).sort())
    text += `${name.length}:${name}${identityText((part as Record<string, unknown>)[name], whole)}`;
  return `${text}}`;
}

function invalidKey(key: unknown): UserError {
  const shown = typeof key === 'object' ? shownObject(key) : String(key);
  return new UserError('INVALID_KEY', {
    problem: `A record's key is ${shown}, which cannot be a key.`,
    found: 'Keys are strings, numbers other than NaN, bigints, booleans, null, dates, and arrays or plain objects of these.',
    tryNext: ['Filter such records out before keyBy, or give them a key of their own.'],
  });
}

/** As a key a Buffer is the bytes that it holds. */
function asBytes(part: Date | ArrayBufferView): unknown {
  return Buffer.isBuffer(part) ? new Uint8Array(part.buffer, part.byteOffset, part.byteLength) : part;
}

function hashCompound(key: object): number {
  try {
    return hashPart(seeds.compound, key, key);
  } catch (error) {
    throw endless(error, key);
  }
}

/** A key that holds itself has no end: where the stack ends, it is refused. */
function endless(error: unknown, key: object): unknown {
  return error instanceof RangeError ? invalidKey(key) : error;
}

function shownObject(key: object | null): string {
  try {
    return JSON.stringify(key, (_, value: unknown) => (value === undefined || Number.isNaN(value) ? String(value) : value));
  } catch {
    return 'an object that holds itself, or that is nested too deeply';
  }
}
