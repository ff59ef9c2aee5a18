/** Columns of numbers: whole numbers in as many bytes as their spread needs, anything else as it is. */
import { corrupt } from '../byte-reader.ts';
import type { ColumnReader } from './column-reader.ts';
import type { ColumnWriter } from './column-writer.ts';

/** Offsets: the least number, then what each is above it. `wide…`: some are beyond 32 bits. */
const encoding = { offset8: 0, offset16: 1, int32: 2, float64: 3, wide8: 4, wide16: 5, wide32: 6 } as const;

export function writeNumbers(writer: ColumnWriter, numbers: Float64Array, rows: number): void {
  let least = numbers[0] as number;
  let greatest = least;
  let row = 0;
  for (; row < rows; row++) {
    const number = numbers[row] as number;
    // -0 is not 0: it has to travel as it is.
    if (Math.floor(number) !== number || (number === 0 && 1 / number < 0)) break;
    if (number < least) least = number;
    else if (number > greatest) greatest = number;
  }
  const spread = greatest - least;
  if (row < rows || !(spread < 2 ** 32) || least < -(2 ** 53) || greatest > 2 ** 53) writeFloats(writer, numbers, rows);
  else if (spread < 0x100) writeOffsets8(writer, numbers, rows, least, greatest);
  else if (spread < 0x10000) writeOffsets16(writer, numbers, rows, least, greatest);
  else writeInts(writer, numbers, rows, least, greatest);
}

function isInt32(least: number, greatest: number): boolean {
  return least >= -(2 ** 31) && greatest < 2 ** 31;
}

function writeFloats(writer: ColumnWriter, numbers: Float64Array, rows: number): void {
  writer.uint8(encoding.float64);
  writer.align(rows * 8);
  writer.float64s.set(numbers.subarray(0, rows), writer.position >> 3);
  writer.position += rows * 8;
}

function writeInts(writer: ColumnWriter, numbers: Float64Array, rows: number, least: number, greatest: number): void {
  const isWide = !isInt32(least, greatest);
  const base = isWide ? least : 0;
  writer.uint8(isWide ? encoding.wide32 : encoding.int32);
  if (isWide) writer.float64(least);
  writer.align(rows * 4);
  const target = writer.int32s;
  const start = writer.position >> 2;
  for (let row = 0; row < rows; row++) target[start + row] = (numbers[row] as number) - base;
  writer.position += rows * 4;
}

function writeOffsets8(writer: ColumnWriter, numbers: Float64Array, rows: number, least: number, greatest: number): void {
  writer.uint8(isInt32(least, greatest) ? encoding.offset8 : encoding.wide8);
  writer.float64(least);
  writer.reserve(rows);
  const { buffer, position } = writer;
  for (let row = 0; row < rows; row++) buffer[position + row] = (numbers[row] as number) - least;
  writer.position += rows;
}

function writeOffsets16(writer: ColumnWriter, numbers: Float64Array, rows: number, least: number, greatest: number): void {
  writer.uint8(isInt32(least, greatest) ? encoding.offset16 : encoding.wide16);
  writer.float64(least);
  writer.align(rows * 2);
  const target = writer.uint16s;
  const start = writer.position >> 1;
  for (let row = 0; row < rows; row++) target[start + row] = (numbers[row] as number) - least;
  writer.position += rows * 2;
}

/** Reads columns of numbers into memory that the next column read overwrites. */
export class NumberColumnReader {
  #ints = new Int32Array(0);
  #floats = new Float64Array(0);

  read(reader: ColumnReader, rows: number): Int32Array | Float64Array {
    const kind = reader.uint8();
    switch (kind) {
      case encoding.float64:
        return this.#readFloats(reader, rows);
      case encoding.int32:
        return this.#readInts(reader, rows);
      case encoding.offset8:
        return addOffsets(readUint8s(reader, reader.float64(), rows), rows, this.#intsFor(rows));
      case encoding.offset16:
        return addOffsets(readUint16s(reader, reader.float64(), rows), rows, this.#intsFor(rows));
      case encoding.wide8:
        return addOffsets(readUint8s(reader, reader.float64(), rows), rows, this.#floatsFor(rows));
      case encoding.wide16:
        return addOffsets(readUint16s(reader, reader.float64(), rows), rows, this.#floatsFor(rows));
      case encoding.wide32:
        return this.#readWide(reader, reader.float64(), rows);
      default:
        throw corrupt(`unknown encoding of numbers: ${kind}`);
    }
  }

  #readFloats(reader: ColumnReader, rows: number): Float64Array {
    reader.align();
    reader.need(rows * 8);
    const floats = this.#floatsFor(rows);
    const start = reader.position >> 3;
    floats.set(reader.float64s.subarray(start, start + rows));
    reader.position += rows * 8;
    return floats;
  }

  #readInts(reader: ColumnReader, rows: number): Int32Array {
    reader.align();
    reader.need(rows * 4);
    const ints = this.#intsFor(rows);
    const start = reader.position >> 2;
    ints.set(reader.int32s.subarray(start, start + rows));
    reader.position += rows * 4;
    return ints;
  }

  #readWide(reader: ColumnReader, least: number, rows: number): Float64Array {
    reader.align();
    reader.need(rows * 4);
    const floats = this.#floatsFor(rows);
    const source = reader.int32s;
    const start = reader.position >> 2;
    for (let row = 0; row < rows; row++) floats[row] = least + ((source[start + row] as number) >>> 0);
    reader.position += rows * 4;
    return floats;
  }

  #intsFor(rows: number): Int32Array {
    if (this.#ints.length < rows) this.#ints = new Int32Array(2 * rows);
    return this.#ints;
  }

  #floatsFor(rows: number): Float64Array {
    if (this.#floats.length < rows) this.#floats = new Float64Array(2 * rows);
    return this.#floats;
  }
}

interface Offsets {
  readonly least: number;
  readonly source: Uint8Array | Uint16Array;
  readonly start: number;
}

function readUint8s(reader: ColumnReader, least: number, rows: number): Offsets {
  reader.need(rows);
  const start = reader.position;
  reader.position += rows;
  return { least, source: reader.buffer, start };
}

function readUint16s(reader: ColumnReader, least: number, rows: number): Offsets {
  reader.align();
  reader.need(rows * 2);
  const start = reader.position >> 1;
  reader.position += rows * 2;
  return { least, source: reader.uint16s, start };
}

function addOffsets<A extends Int32Array | Float64Array>({ least, source, start }: Offsets, rows: number, target: A): A {
  for (let row = 0; row < rows; row++) target[row] = least + (source[start + row] as number);
  return target;
}
