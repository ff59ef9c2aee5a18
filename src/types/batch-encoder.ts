/**
 * Gathers records by column (layout: docs/formats/record-batch.md). A record that is no plain object is a shape with one
 * unnamed field. Each batch carries its shapes, so a decoder needs nothing but the bytes.
 */

import { ByteWriter } from './byte-writer.ts';
import type { BatchEncoder } from './codec.ts';
import { Column } from './record-columns.ts';
import { refuseSymbolKeys } from './value-codec.ts';

export const batchVersion = 1;
/** Shapes one channel may show before its records are written as self-describing values. */
const maxShapes = 64;

class Shape {
  readonly keys: readonly string[] | undefined;
  readonly columns: readonly Column[];
  /** Index in the batch being gathered, -1 when absent from it. */
  index = -1;
  rows = 0;

  constructor(keys: readonly string[] | undefined) {
    this.keys = keys;
    this.columns = keys ? keys.map((key) => new Column(key)) : [new Column('')];
  }
}

export class ColumnBatchEncoder implements BatchEncoder {
  count = 0;
  sizeBytes = 0;
  readonly #shapes = new Map<string, Shape>();
  readonly #plain = new Shape(undefined);
  readonly #inBatch: Shape[] = [];
  readonly #writer = new ByteWriter(4096);
  #last: Shape | undefined;
  #rowShapes = new Uint8Array(256);
  #timestamps = new Float64Array(256);
  #timestamped = false;
  readonly #noTimestamp: number;

  constructor(noTimestamp: number) {
    this.#noTimestamp = noTimestamp;
  }

  add(value: unknown, timestamp: number): void {
    const shape = this.#shapeOf(value);
    if (shape.keys) this.#addRecord(shape, value as Record<string, unknown>);
    else this.sizeBytes += (shape.columns[0] as Column).add(value);
    if (shape.index < 0) {
      shape.index = this.#inBatch.length;
      this.#inBatch.push(shape);
    }
    shape.rows++;
    if (this.count === this.#rowShapes.length) this.#growRows();
    this.#rowShapes[this.count] = shape.index;
    this.#timestamps[this.count] = timestamp;
    if (timestamp !== this.#noTimestamp) this.#timestamped = true;
    this.count++;
  }

  take(): Uint8Array {
    const writer = this.#writer;
    writer.clear();
    writer.uint8(batchVersion);
    writer.varint(this.count);
    writer.uint8(this.#timestamped ? 1 : 0);
    if (this.#timestamped) writer.bytes(new Uint8Array(this.#timestamps.buffer, 0, this.count * 8));
    writer.uint8(this.#inBatch.length);
    for (const shape of this.#inBatch) this.#writeShape(writer, shape);
    if (this.#inBatch.length > 1) writer.bytes(this.#rowShapes.subarray(0, this.count));
    this.#clear();
    return writer.written();
  }

  #addRecord(shape: Shape, record: Record<string, unknown>): void {
    const keys = shape.keys as readonly string[];
    const { columns } = shape;
    let added = 0;
    try {
      for (; added < columns.length; added++) this.sizeBytes += (columns[added] as Column).add(record[keys[added] as string]);
    } catch (error) {
      for (let i = 0; i < added; i++) (columns[i] as Column).removeLast();
      throw error;
    }
  }

  #shapeOf(value: unknown): Shape {
    if (typeof value !== 'object' || value === null) return this.#plain;
    const last = this.#last;
    if (last && hasKeys(value as Record<string, unknown>, last.keys as readonly string[])) return last;
    const prototype = Object.getPrototypeOf(value) as object | null;
    if (prototype !== Object.prototype && prototype !== null) return this.#plain;
    return this.#findShape(value);
  }

  #findShape(value: object): Shape {
    refuseSymbolKeys(value, '');
    const keys = Object.keys(value);
    const name = JSON.stringify(keys);
    let shape = this.#shapes.get(name);
    if (!shape) {
      if (this.#shapes.size >= maxShapes || keys.length === 0) return this.#plain;
      shape = new Shape(keys);
      this.#shapes.set(name, shape);
    }
    this.#last = shape;
    return shape;
  }

  #writeShape(writer: ByteWriter, shape: Shape): void {
    writer.varint(shape.rows);
    writer.varint(shape.keys ? shape.keys.length + 1 : 0);
    for (const key of shape.keys ?? []) writer.string(key);
    for (const column of shape.columns) column.write(writer);
  }

  #growRows(): void {
    const rows = new Uint8Array(this.#rowShapes.length * 2);
    rows.set(this.#rowShapes);
    this.#rowShapes = rows;
    const timestamps = new Float64Array(this.#timestamps.length * 2);
    timestamps.set(this.#timestamps);
    this.#timestamps = timestamps;
  }

  #clear(): void {
    for (const shape of this.#inBatch) {
      shape.index = -1;
      shape.rows = 0;
      for (const column of shape.columns) column.clear();
    }
    this.#inBatch.length = 0;
    this.count = 0;
    this.sizeBytes = 0;
    this.#timestamped = false;
  }
}

/** True when the record's own fields are exactly these, in this order. Plain objects only: a class instance is told by its prototype. */
function hasKeys(record: Record<string, unknown>, keys: readonly string[]): boolean {
  const prototype = Object.getPrototypeOf(record) as object | null;
  if (prototype !== Object.prototype) return false;
  let index = 0;
  for (const key in record) if (keys[index++] !== key) return false;
  return index === keys.length;
}
