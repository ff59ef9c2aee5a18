/** Where the values of one column are gathered until their batch is written. */
import { ByteWriter } from '../byte-writer.ts';
import type { ColumnWriter } from './column-writer.ts';
import { columnKind, nullable } from './layout.ts';
import { StringColumnWriter } from './string-column.ts';

/** Of each memory there is as much as the column's kind needs. */
export interface ColumnBuffer {
  /** The values; lengths of lists and bytes; where self-describing values end. */
  numbers: Float64Array;
  bigints: BigInt64Array;
  strings: string[];
  bits: Uint8Array;
  /** Null or undefined, by row. */
  missing: Uint8Array;
  /** Self-describing values, or bytes. */
  readonly any: ByteWriter | undefined;
  readonly stringWriter: StringColumnWriter | undefined;
}

const kindsOfNumbers: readonly number[] = [columnKind.number, columnKind.date, columnKind.bytes, columnKind.list, columnKind.any];

export function createBuffer(base: number, kind: number, capacity: number, channels: number): ColumnBuffer {
  const size = (wanted: boolean): number => (wanted ? capacity : 0);
  return {
    numbers: new Float64Array(size(kindsOfNumbers.includes(base))),
    bigints: new BigInt64Array(size(base === columnKind.bigint)),
    strings: new Array<string>(size(base === columnKind.string)).fill(''),
    bits: new Uint8Array(size(base === columnKind.boolean)),
    missing: new Uint8Array(size(kind >= nullable || kind === columnKind.missing)),
    any: base === columnKind.any || base === columnKind.bytes ? new ByteWriter(256) : undefined,
    stringWriter: base === columnKind.string ? new StringColumnWriter(channels) : undefined,
  };
}

export function growBuffer(column: ColumnBuffer, capacity: number): void {
  const grown = <A extends Float64Array | Uint8Array | BigInt64Array>(array: A): A => {
    if (array.length === 0) return array;
    const larger = new (array.constructor as new (length: number) => A)(capacity);
    larger.set(array as never);
    return larger;
  };
  column.numbers = grown(column.numbers);
  column.bigints = grown(column.bigints);
  column.bits = grown(column.bits);
  column.missing = grown(column.missing);
  if (column.strings.length > 0) column.strings = [...column.strings, ...new Array<string>(capacity - column.strings.length).fill('')];
}

/** One byte says whether any is missing; then one a row. */
export function writeMissing(writer: ColumnWriter, missing: Uint8Array, rows: number): void {
  let any = 0;
  for (let row = 0; row < rows; row++) any |= missing[row] as number;
  writer.uint8(any === 0 ? 0 : 1);
  if (any !== 0) writer.bytes(missing.subarray(0, rows));
}

export function writeBits(writer: ColumnWriter, bits: Uint8Array, rows: number): void {
  writer.reserve((rows + 7) >> 3);
  const { buffer } = writer;
  let { position } = writer;
  let row = 0;
  for (; row + 8 <= rows; row += 8) {
    buffer[position++] =
      (bits[row] as number) |
      ((bits[row + 1] as number) << 1) |
      ((bits[row + 2] as number) << 2) |
      ((bits[row + 3] as number) << 3) |
      ((bits[row + 4] as number) << 4) |
      ((bits[row + 5] as number) << 5) |
      ((bits[row + 6] as number) << 6) |
      ((bits[row + 7] as number) << 7);
  }
  if (row < rows) {
    let rest = 0;
    for (let shift = 0; row < rows; row++, shift++) rest |= (bits[row] as number) << shift;
    buffer[position++] = rest;
  }
  writer.position = position;
}
