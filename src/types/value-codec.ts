/**
 * The self-describing form of any value a record may hold: one tag byte, then the value. Used for state, for coordinator
 * messages, and for columns whose values have no common type.
 */
import { UserError } from '../shared/errors.ts';
import { ByteReader, corrupt } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { classCodecByName, classCodecOf } from './class-codecs.ts';
import type { BlockShapes, RecordShape } from './record-shapes.ts';

export const tag = {
  undefined: 0,
  null: 1,
  false: 2,
  true: 3,
  int32: 4,
  float64: 5,
  string: 6,
  bigint: 7,
  date: 8,
  bytes: 9,
  array: 10,
  hole: 11,
  record: 12,
  map: 13,
  set: 14,
  typedArray: 15,
  class: 16,
  regexp: 17,
  shaped: 18,
  sparse: 19,
} as const;

/** Views of memory; the index is the type's number in the encoding, so the order stays. */
const viewTypes: readonly { readonly prototype: object }[] = [
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  Buffer,
  DataView,
  // Not every Node.js that Weir runs on has it.
  (globalThis as unknown as { Float16Array?: typeof Float32Array }).Float16Array ?? class Float16Array {},
];
const viewKinds = new Map(viewTypes.map(({ prototype }, kind) => [prototype, kind]));
const memoryKind = viewTypes.length;
/** Arrays with more holes in a row than this, and more holes than values, are written by index. */
const holesInFull = 64;
const maxDepth = 200;
/** Damaged bytes may announce more, at every level of nesting: what is longer gets its room as its elements come. */
const trustedLength = 1024;

/** Throws UserError('UNSUPPORTED_VALUE') that names the path (`.customer.socket`) of what cannot travel. */
export function writeValue(writer: ByteWriter, value: unknown, path = '', depth = 0): void {
  switch (typeof value) {
    case 'undefined':
      writer.uint8(tag.undefined);
      return;
    case 'boolean':
      writer.uint8(value ? tag.true : tag.false);
      return;
    case 'number':
      writeNumber(writer, value);
      return;
    case 'string':
      writer.uint8(tag.string);
      writer.string(value);
      return;
    case 'bigint':
      writer.uint8(tag.bigint);
      writer.string(value.toString());
      return;
    case 'object':
      if (value === null) {
        writer.uint8(tag.null);
        return;
      }
      writeObject(writer, value, path, depth + 1);
      return;
    default:
      throw unsupported(value, path);
  }
}

export function readValue(reader: ByteReader, depth = 0): unknown {
  if (depth > maxDepth + 8) throw corrupt('nested too deeply');
  const kind = reader.uint8();
  switch (kind) {
    case tag.undefined:
      return undefined;
    case tag.null:
      return null;
    case tag.false:
      return false;
    case tag.true:
      return true;
    case tag.int32:
      return reader.int32();
    case tag.float64:
      return reader.float64();
    case tag.string:
      return reader.string();
    case tag.bigint:
      return readBigInt(reader);
    case tag.date:
      return new Date(reader.float64());
    case tag.bytes:
      return reader.bytes(reader.varint());
    case tag.array:
      return readArray(reader, depth);
    case tag.sparse:
      return readSparse(reader, depth);
    case tag.record:
      return readRecord(reader, depth);
    case tag.map:
      return new Map(readPairs(reader, depth));
    case tag.set:
      return new Set(readList(reader, depth));
    case tag.typedArray:
      return readMemory(reader);
    case tag.class:
      return readClass(reader, depth);
    case tag.regexp:
      return readRegExp(reader);
    case tag.shaped:
      return readShaped(reader, depth);
    default:
      throw corrupt(`unknown tag ${kind}`);
  }
}

export function encodeValue(value: unknown): Uint8Array {
  const writer = new ByteWriter(64);
  writeValue(writer, value);
  return writer.written();
}

export function decodeValue(bytes: Uint8Array): unknown {
  return readValue(new ByteReader(bytes));
}

function writeNumber(writer: ByteWriter, value: number): void {
  if ((value | 0) === value && !Object.is(value, -0)) {
    writer.uint8(tag.int32);
    writer.int32(value);
  } else {
    writer.uint8(tag.float64);
    writer.float64(value);
  }
}

function writeObject(writer: ByteWriter, value: object, path: string, depth: number): void {
  if (depth > maxDepth) throw unsupported(value, path, `nested more than ${maxDepth} deep, or cyclic`);
  // By the prototype itself: an instance of a subclass would come back as something else.
  switch (Object.getPrototypeOf(value)) {
    case Array.prototype:
      writeArray(writer, value as unknown[], path, depth);
      return;
    case Object.prototype:
    case null:
      writeRecord(writer, value as Record<string, unknown>, path, depth);
      return;
    case Date.prototype:
      writer.uint8(tag.date);
      writer.float64((value as Date).getTime());
      return;
    case Uint8Array.prototype:
      writer.uint8(tag.bytes);
      writer.varint((value as Uint8Array).length);
      writer.bytes(value as Uint8Array);
      return;
    case Map.prototype:
      writePairs(writer, value as Map<unknown, unknown>, path, depth);
      return;
    case Set.prototype: {
      const set = value as Set<unknown>;
      writer.uint8(tag.set);
      writer.varint(set.size);
      for (const element of set) writeValue(writer, element, `${path}{}`, depth);
      return;
    }
    case RegExp.prototype:
      writer.uint8(tag.regexp);
      writer.string((value as RegExp).source);
      writer.string((value as RegExp).flags);
      return;
    case ArrayBuffer.prototype:
      writeMemory(writer, memoryKind, new Uint8Array(value as ArrayBuffer));
      return;
  }
  const kind = viewKinds.get(Object.getPrototypeOf(value) as object);
  if (kind === undefined) writeClass(writer, value, path, depth);
  else {
    const { buffer, byteOffset, byteLength } = value as ArrayBufferView;
    writeMemory(writer, kind, new Uint8Array(buffer, byteOffset, byteLength));
  }
}

function writeArray(writer: ByteWriter, value: readonly unknown[], path: string, depth: number): void {
  const begin = writer.position;
  writer.uint8(tag.array);
  writer.varint(value.length);
  let holes = 0;
  for (let i = 0; i < value.length; i++) {
    if (i in value) {
      writeValue(writer, value[i], `${path}[${i}]`, depth);
      holes = 0;
      continue;
    }
    writer.uint8(tag.hole);
    if (++holes !== holesInFull) continue;
    const indexes = Object.keys(value).filter(isIndex);
    if (indexes.length * 2 > value.length) continue;
    writer.position = begin;
    writeSparse(writer, value, indexes, path, depth);
    return;
  }
}

function writeSparse(writer: ByteWriter, value: readonly unknown[], indexes: readonly string[], path: string, depth: number): void {
  writer.uint8(tag.sparse);
  writer.varint(value.length);
  writer.varint(indexes.length);
  for (const index of indexes) {
    writer.varint(Number(index));
    writeValue(writer, value[Number(index)], `${path}[${index}]`, depth);
  }
}

function isIndex(key: string): boolean {
  return String(Number(key) >>> 0) === key && Number(key) < 2 ** 32 - 1;
}

function readSparse(reader: ByteReader, depth: number): unknown[] {
  const length = reader.varint();
  const count = reader.varint();
  reader.need(count);
  if (length >= 2 ** 32) throw corrupt('length of an array');
  const array: unknown[] = [];
  array.length = length;
  for (let i = 0; i < count; i++) {
    const index = reader.varint();
    if (index >= length) throw corrupt('index of an array');
    array[index] = readValue(reader, depth + 1);
  }
  return array;
}

function readArray(reader: ByteReader, depth: number): unknown[] {
  const length = reader.varint();
  reader.need(length);
  const array: unknown[] = new Array(Math.min(length, trustedLength));
  for (let i = 0; i < length; i++) {
    if (reader.buffer[reader.position] === tag.hole) reader.position++;
    else array[i] = readValue(reader, depth + 1);
  }
  array.length = length;
  return array;
}

function readList(reader: ByteReader, depth: number): unknown[] {
  const length = reader.varint();
  reader.need(length);
  const list: unknown[] = [];
  for (let i = 0; i < length; i++) list.push(readValue(reader, depth + 1));
  return list;
}

function writeRecord(writer: ByteWriter, value: Record<string, unknown>, path: string, depth: number): void {
  refuseSymbolKeys(value, path);
  const shape = writer.shapes?.finder.shapeOf(value);
  if (shape !== undefined) {
    writeShaped(writer, shape, value, path, depth);
    return;
  }
  const keys = Object.keys(value);
  writer.uint8(tag.record);
  writer.varint(keys.length);
  for (const key of keys) {
    writer.string(key);
    writeValue(writer, value[key], `${path}.${key}`, depth);
  }
}

function readRecord(reader: ByteReader, depth: number): Record<string, unknown> {
  const length = reader.varint();
  reader.need(length);
  const record: Record<string, unknown> = {};
  for (let i = 0; i < length; i++) setField(record, reader.string(), readValue(reader, depth + 1));
  return record;
}

function writeShaped(writer: ByteWriter, shape: RecordShape, value: Record<string, unknown>, path: string, depth: number): void {
  const shapes = writer.shapes as BlockShapes;
  const { keys } = shape;
  const number = shapes.numberOf(shape);
  writer.uint8(tag.shaped);
  if (number >= 0) writer.varint(number);
  else {
    writer.varint(shapes.count - 1);
    writer.varint(keys.length);
    for (const key of keys) writer.string(key);
  }
  let index = 0;
  try {
    for (; index < keys.length; index++) writeValue(writer, value[keys[index] as string], '', depth);
  } catch (error) {
    // Only a failure needs the path: the field is written again, with it.
    const key = keys[index] as string;
    writeValue(new ByteWriter(64), value[key], `${path}.${key}`, depth);
    throw error;
  }
}

function readShaped(reader: ByteReader, depth: number): Record<string, unknown> {
  if (!reader.shapes) throw corrupt('a record by shape where none can be');
  const keys = reader.shapes.read(reader);
  const record: Record<string, unknown> = {};
  for (let i = 0; i < keys.length; i++) setField(record, keys[i] as string, readValue(reader, depth + 1));
  return record;
}

/** `__proto__` is a field like any other. */
export function setField(record: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
  else record[key] = value;
}

export function refuseSymbolKeys(value: object, path: string): void {
  if (Object.getOwnPropertySymbols(value).length > 0) throw unsupported(value, path, 'it has a field named by a symbol');
}

function writePairs(writer: ByteWriter, value: ReadonlyMap<unknown, unknown>, path: string, depth: number): void {
  writer.uint8(tag.map);
  writer.varint(value.size);
  for (const [key, element] of value) {
    writeValue(writer, key, `${path}{key}`, depth);
    writeValue(writer, element, `${path}{${String(key)}}`, depth);
  }
}

function readPairs(reader: ByteReader, depth: number): [unknown, unknown][] {
  const length = reader.varint();
  reader.need(length);
  const pairs: [unknown, unknown][] = [];
  for (let i = 0; i < length; i++) pairs.push([readValue(reader, depth + 1), readValue(reader, depth + 1)]);
  return pairs;
}

/** Of the types that travel; no subclass of them. */
export function isView(value: object): value is ArrayBufferView {
  const prototype = Object.getPrototypeOf(value) as object;
  return prototype === Uint8Array.prototype || viewKinds.has(prototype);
}

function writeMemory(writer: ByteWriter, kind: number, bytes: Uint8Array): void {
  writer.uint8(tag.typedArray);
  writer.uint8(kind);
  writer.varint(bytes.length);
  writer.bytes(bytes);
}

function readMemory(reader: ByteReader): unknown {
  const kind = reader.uint8();
  const { buffer } = reader.bytes(reader.varint());
  if (kind === memoryKind) return buffer;
  const type = viewTypes[kind] as (new (buffer: ArrayBufferLike) => unknown) & { readonly BYTES_PER_ELEMENT?: number };
  if (!type || buffer.byteLength % (type.BYTES_PER_ELEMENT ?? 1) !== 0) throw corrupt('typed array');
  return (type as unknown) === Buffer ? Buffer.from(buffer) : new type(buffer);
}

function readBigInt(reader: ByteReader): bigint {
  const text = reader.string();
  if (!/^-?\d+$/.test(text)) throw corrupt('bigint');
  return BigInt(text);
}

function readRegExp(reader: ByteReader): RegExp {
  const source = reader.string();
  const flags = reader.string();
  try {
    return new RegExp(source, flags);
  } catch {
    throw corrupt('regular expression');
  }
}

function writeClass(writer: ByteWriter, value: object, path: string, depth: number): void {
  const codec = classCodecOf(value);
  if (!codec) throw unsupported(value, path);
  writer.uint8(tag.class);
  writer.string(codec.name);
  writeValue(writer, codec.toPlain(value), path, depth);
}

function readClass(reader: ByteReader, depth: number): unknown {
  const name = reader.string();
  const codec = classCodecByName(name);
  if (!codec) {
    throw new UserError('UNKNOWN_CLASS', {
      problem: `A value of the class '${name}' arrived, and no class is registered under that name here.`,
      tryNext: [`Types.register(${name}, …) in the program, before execute().`],
    });
  }
  return codec.fromPlain(readValue(reader, depth + 1));
}

export function unsupported(value: unknown, path: string, why?: string): UserError {
  const what = typeof value === 'function' ? 'a function' : typeof value === 'symbol' ? 'a symbol' : describe(value as object);
  const classLike = typeof value === 'object' && value !== null && why === undefined && !(value instanceof Promise);
  return new UserError('UNSUPPORTED_VALUE', {
    problem: `A record holds ${what}${path ? ` at ${path}` : ''}, which cannot travel between tasks or into state.`,
    found: why,
    tryNext:
      value instanceof Promise
        ? ['Await it before the record is emitted, or use an asynchronous operator.']
        : classLike
          ? [`Emit a plain object, or register the class: Types.register(${value.constructor?.name ?? 'MyClass'}, { toPlain, fromPlain }).`]
          : ['Emit plain data: numbers, strings, booleans, dates, bytes, arrays, maps, sets and plain objects of these.'],
  });
}

function describe(value: object): string {
  const name = value.constructor?.name;
  return name && name !== 'Object' ? `an instance of ${name}` : 'an object';
}
