/** Reads column batches in the order in which the channel's encoder made them: a fresh value per record. */
import { batchVersion, maxLayouts } from './batch-encoder.ts';
import { corrupt } from './byte-reader.ts';
import type { BatchDecoder, DecodedBatch } from './codec.ts';
import { ColumnReader } from './columns/column-reader.ts';
import { form } from './columns/layout.ts';
import { LayoutDecoder } from './columns/layout-decoder.ts';
import { NumberColumnReader } from './columns/number-column.ts';
import { ColumnsBatch, ValuesBatch } from './decoded-batch.ts';

export class ColumnBatchDecoder implements BatchDecoder {
  readonly #reader = new ColumnReader();
  readonly #timestamps = new NumberColumnReader();
  /** By the number that the encoder gave it. */
  readonly #layouts: LayoutDecoder[] = [];

  decode(bytes: Uint8Array): DecodedBatch {
    const reader = this.#reader;
    reader.load(bytes);
    if (reader.uint8() !== batchVersion) throw corrupt('unknown batch version');
    const count = reader.varint();
    // Whatever a column holds, it has at least a bit for each row.
    reader.need(count >> 3);
    const isTimestamped = reader.uint8() === 1;
    const timestamps = isTimestamped ? Float64Array.from(this.#timestamps.read(reader, count).subarray(0, count)) : undefined;
    const layouts = reader.uint8();
    if (layouts === 0 && count > 0) throw corrupt('records without a layout');
    const batch = layouts === 1 ? this.#readOne(count, timestamps) : new ValuesBatch(this.#interleave(count, layouts), timestamps);
    if (batch.count !== count) throw corrupt('record count');
    if (reader.position !== reader.limit) throw corrupt('bytes behind the last record');
    return batch;
  }

  #readOne(count: number, timestamps: Float64Array | undefined): DecodedBatch {
    const { layout, rows } = this.#readHeader(count);
    if (layout.layout.form !== form.record) return new ValuesBatch(layout.read(this.#reader, rows), timestamps);
    return new ColumnsBatch(layout.readColumns(this.#reader, rows), rows, timestamps, layout.makeValues);
  }

  #readLayout(count: number): unknown[] {
    const { layout, rows } = this.#readHeader(count);
    return layout.read(this.#reader, rows);
  }

  #readHeader(count: number): { layout: LayoutDecoder; rows: number } {
    const reader = this.#reader;
    const id = reader.varint();
    if (reader.uint8() === 1) {
      if (id >= maxLayouts || this.#layouts[id]) throw corrupt('layout number');
      this.#layouts[id] = LayoutDecoder.define(reader);
    }
    const layout = this.#layouts[id];
    if (!layout) throw corrupt('unknown layout');
    const rows = reader.varint();
    if (rows > count) throw corrupt('row count');
    return { layout, rows };
  }

  #interleave(count: number, layouts: number): unknown[] {
    const perLayout = Array.from({ length: layouts }, () => this.#readLayout(count));
    const reader = this.#reader;
    reader.need(count);
    const next = new Array<number>(layouts).fill(0);
    return Array.from({ length: count }, () => {
      const layout = reader.uint8();
      const values = perLayout[layout];
      const index = next[layout] as number;
      if (!values || index >= values.length) throw corrupt('layout of a record');
      next[layout] = index + 1;
      return values[index];
    });
  }
}
