/**
 * The records of a frame that is being filled, by column. A generated chain that knows a record to be a plain object with just
 * these fields, all primitive, writes the fields here one by one: the record itself need not exist, and is fixed at once.
 *
 * A frame holds either rows of one list of fields or other records: what does not fit turns the rows of its frame into records
 * again. Where that happens often, columns are given up.
 */
import { MIN_TIMESTAMP } from '../../shared/time.ts';
import { type ColumnShape, recordAt } from '../../types/columns/record-columns.ts';

/** Rows of a frame. */
const mostRows = 512;
/** Characters of all strings of a frame. */
const mostChars = 32 * 1024;
/** Frames that were turned into records before columns are given up. */
const mostSpills = 16;

const objectBytes = 24;
const fieldBytes = 24;

export interface GatheringOwner {
  /** The first row of a frame was written. */
  began(): void;
  /** The frame is to leave. */
  filled(): void;
}

export type WritableColumns = readonly unknown[][];

const noShape: ColumnShape = { fields: [], types: '' };
const noColumns: WritableColumns = [];

export class GatheredColumns {
  /** Rows of the present frame: where the next row is to be written. */
  count = 0;
  /** Of the present frame; undefined when no row has one. */
  timestamps: Float64Array | undefined;
  shape = noShape;
  columns = noColumns;
  /** The frame holds records. */
  isClosed = false;
  readonly #owner: GatheringOwner;
  #chars = 0;
  #spills = 0;

  constructor(owner: GatheringOwner) {
    this.#owner = owner;
  }

  /**
   * Where a record with just these fields (always the same list) is to be written, at row `count`; then `added` is to be called.
   * Undefined when it has to be added as a record.
   */
  columnsFor(fields: readonly string[]): WritableColumns | undefined {
    return this.shape.fields === fields ? this.columns : this.#begin(fields);
  }

  /** `chars`: of all strings of the row. */
  added(timestamp: number, chars: number): void {
    const row = this.count;
    this.count = row + 1;
    this.#chars += chars;
    if (timestamp !== MIN_TIMESTAMP) this.#setTimestamp(row, timestamp);
    if (row === 0) this.#owner.began();
    if (this.count >= mostRows || this.#chars >= mostChars) this.#owner.filled();
  }

  /** A new frame begins, with these columns of the same shape: those before belong to whoever took them. */
  beginFrame(columns: WritableColumns): void {
    this.count = 0;
    this.#chars = 0;
    this.timestamps = undefined;
    this.columns = columns;
    this.isClosed = this.#spills >= mostSpills;
  }

  /** The frame is to hold records: until it has left there are no columns. Gives the rows that it holds to `add`, as records. */
  spill(add: (value: unknown, timestamp: number) => void): void {
    const { count, columns, shape, timestamps } = this;
    this.beginFrame(noColumns);
    this.shape = noShape;
    this.isClosed = true;
    if (count > 0) this.#spills++;
    for (let row = 0; row < count; row++)
      add(recordAt({ shape, columns }, row), timestamps === undefined ? MIN_TIMESTAMP : (timestamps[row] as number));
  }

  /** About how much memory the rows take, as records. */
  get roughBytes(): number {
    return this.#chars + this.count * (objectBytes + this.columns.length * fieldBytes);
  }

  #begin(fields: readonly string[]): WritableColumns | undefined {
    if (this.isClosed || this.count > 0) return undefined;
    this.shape = { fields, types: 'a'.repeat(fields.length) };
    this.columns = emptyColumns(fields.length);
    return this.columns;
  }

  #setTimestamp(row: number, timestamp: number): void {
    this.timestamps ??= new Float64Array(mostRows).fill(MIN_TIMESTAMP);
    this.timestamps[row] = timestamp;
  }
}

/** Plain arrays: V8 keeps numbers unboxed in them, for as long as there is nothing else in a column. */
function emptyColumns(count: number): WritableColumns {
  return Array.from({ length: count }, () => new Array<unknown>(mostRows));
}

/** Of the same kinds as these. */
export function columnsLike(columns: WritableColumns): WritableColumns {
  return columns.map((column) => column.slice());
}
