/** The two forms of a batch that was read: records, and columns that records are made from when they are asked for. */
import type { DecodedBatch } from './codec.ts';
import type { RecordColumns } from './columns/record-columns.ts';

export class ValuesBatch implements DecodedBatch {
  readonly values: readonly unknown[];
  readonly timestamps: Float64Array | undefined;

  constructor(values: readonly unknown[], timestamps: Float64Array | undefined) {
    this.values = values;
    this.timestamps = timestamps;
  }

  get count(): number {
    return this.values.length;
  }

  get columns(): undefined {
    return undefined;
  }
}

export class ColumnsBatch implements DecodedBatch {
  readonly count: number;
  readonly columns: RecordColumns;
  readonly timestamps: Float64Array | undefined;
  readonly #makeValues: (columns: RecordColumns, count: number) => unknown[];
  #values: unknown[] | undefined;

  constructor(
    columns: RecordColumns,
    count: number,
    timestamps: Float64Array | undefined,
    makeValues: (columns: RecordColumns, count: number) => unknown[],
  ) {
    this.columns = columns;
    this.count = count;
    this.timestamps = timestamps;
    this.#makeValues = makeValues;
  }

  /** Made once: whoever got a record keeps it. */
  get values(): readonly unknown[] {
    this.#values ??= this.#makeValues(this.columns, this.count);
    return this.#values;
  }
}
