/** Reads column batches: whole columns first, then one fresh object per record, built by a constructor made per shape. */

import { batchVersion } from './batch-encoder.ts';
import { ByteReader, corrupt } from './byte-reader.ts';
import type { BatchDecoder, DecodedBatch } from './codec.ts';
import { columnKind } from './record-columns.ts';
import { readValue, setField } from './value-codec.ts';

type Values = readonly unknown[] | Float64Array | Int32Array;
const noTimestamps: Float64Array | undefined = undefined;

export class ColumnBatchDecoder implements BatchDecoder {
  decode(bytes: Uint8Array): DecodedBatch {
    const reader = new ByteReader(bytes);
    if (reader.uint8() !== batchVersion) throw corrupt('unknown batch version');
    const count = reader.varint();
    const timestamps = reader.uint8() === 1 ? readFloats(reader, count) : noTimestamps;
    const shapes = reader.uint8();
    if (shapes === 0 && count > 0) throw corrupt('records without a shape');
    if (shapes === 1) {
      const values = readShape(reader);
      if (values.length !== count) throw corrupt('record count');
      return { values, timestamps };
    }
    return { values: interleave(reader, count, shapes), timestamps };
  }
}

function interleave(reader: ByteReader, count: number, shapes: number): unknown[] {
  const perShape = Array.from({ length: shapes }, () => readShape(reader));
  reader.need(count);
  const next = new Array<number>(shapes).fill(0);
  return Array.from({ length: count }, () => {
    const shape = reader.uint8();
    const values = perShape[shape];
    const index = next[shape] as number;
    if (!values || index >= values.length) throw corrupt('shape of a record');
    next[shape] = index + 1;
    return values[index];
  });
}

function readShape(reader: ByteReader): readonly unknown[] {
  const rows = reader.varint();
  const fields = reader.varint();
  reader.need(Math.max(fields - 1, 0));
  if (fields === 0) return Array.from(readColumn(reader, rows) as readonly unknown[]);
  const keys = Array.from({ length: fields - 1 }, () => reader.string());
  const columns = keys.map(() => readColumn(reader, rows));
  return buildRecords(keys, columns, rows);
}

function buildRecords(keys: readonly string[], columns: readonly Values[], rows: number): unknown[] {
  const records: unknown[] = new Array(rows);
  const dangerous = keys.includes('__proto__');
  for (let row = 0; row < rows; row++) {
    const record: Record<string, unknown> = {};
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string;
      if (dangerous) setField(record, key, (columns[i] as Values)[row]);
      else record[key] = (columns[i] as Values)[row];
    }
    records[row] = record;
  }
  return records;
}

function readColumn(reader: ByteReader, rows: number): Values {
  const kind = reader.uint8();
  switch (kind) {
    case columnKind.int32:
      return readInts(reader, rows);
    case columnKind.float64:
      return readFloats(reader, rows);
    case columnKind.latin1:
      return readStrings(reader, rows, 'latin1', 1);
    case columnKind.utf16:
      return readStrings(reader, rows, 'utf16le', 2);
    case columnKind.boolean:
      return readBooleans(reader, rows);
    case columnKind.any:
      return readAny(reader, rows);
    default:
      throw corrupt(`unknown column ${kind}`);
  }
}

function readInts(reader: ByteReader, rows: number): Int32Array {
  return new Int32Array(reader.bytes(rows * 4).buffer as ArrayBuffer);
}

function readFloats(reader: ByteReader, rows: number): Float64Array {
  return new Float64Array(reader.bytes(rows * 8).buffer as ArrayBuffer);
}

function readStrings(reader: ByteReader, rows: number, encoding: 'latin1' | 'utf16le', bytesPerUnit: number): string[] {
  reader.need(rows);
  const lengths = Array.from({ length: rows }, () => reader.varint());
  const bytes = reader.varint();
  reader.need(bytes);
  const blob = reader.buffer.toString(encoding, reader.position, reader.position + bytes);
  reader.position += bytes;
  let start = 0;
  const strings = lengths.map((length) => {
    const end = start + length;
    const text = blob.slice(start, end);
    start = end;
    return text;
  });
  if (start * bytesPerUnit !== bytes) throw corrupt('string lengths');
  return strings;
}

function readBooleans(reader: ByteReader, rows: number): boolean[] {
  reader.need((rows + 7) >> 3);
  const values: boolean[] = new Array(rows);
  for (let row = 0; row < rows; row += 8) {
    const bits = reader.uint8();
    for (let i = 0; i < 8 && row + i < rows; i++) values[row + i] = ((bits >> i) & 1) === 1;
  }
  return values;
}

function readAny(reader: ByteReader, rows: number): unknown[] {
  const end = reader.varint() + reader.position;
  reader.need(end - reader.position);
  if (rows > end - reader.position) throw corrupt('value count');
  const values = Array.from({ length: rows }, () => readValue(reader));
  if (reader.position !== end) throw corrupt('value bytes');
  return values;
}
