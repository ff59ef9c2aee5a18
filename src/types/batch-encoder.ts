/**
 * Gathers records by column (docs/formats/record-batch.md). Records that look alike share a layout, which is sent once; one
 * that does not fit its layout makes a wider one. The decoder of the channel learns layouts and dictionaries from the batches,
 * so it must get all of them, in order.
 */
import type { BatchEncoder } from './codec.ts';
import { ColumnWriter } from './columns/column-writer.ts';
import { columnKind, columnOf, fieldValues, form, type Layout, longestTuple, mostFields, widen } from './columns/layout.ts';
import { LayoutEncoder } from './columns/layout-encoder.ts';
import { writeNumbers } from './columns/number-column.ts';
import { type RecordColumns, recordAt } from './columns/record-columns.ts';
import { refuseSymbolKeys } from './value-codec.ts';

export const batchVersion = 3;
/** Different shapes of records on one channel; those beyond travel as self-describing values. */
export const maxShapes = 64;
/** Layouts of one channel, widened ones included. */
export const maxLayouts = 1024;
/** Layouts of one batch, which a byte tells apart. */
const maxBatchLayouts = 200;
/** A full batch. */
const usualRecords = 512;

export interface BatchEncoderSettings {
  readonly noTimestamp: number;
  /** Says of an error whose record it was. */
  locate(error: unknown): unknown;
  /** So many encoders share the memory for dictionaries. */
  readonly channels: number;
  /** Called once, when there are more shapes than are worth it, with a field that makes them many. */
  onManyShapes(field: string): void;
}

export class ColumnBatchEncoder implements BatchEncoder {
  count = 0;
  sizeBytes = 0;
  /** The newest, widest layout of each shape. */
  readonly #shapes = new Map<string, LayoutEncoder>();
  readonly #plain: LayoutEncoder;
  readonly #inBatch: LayoutEncoder[] = [];
  readonly #writer = new ColumnWriter();
  readonly #noTimestamp: number;
  readonly #locate: (error: unknown) => unknown;
  readonly #channels: number;
  #onManyShapes: ((field: string) => void) | undefined;
  #layouts = 0;
  #last: LayoutEncoder;
  /** Of the last rows that came as columns: small frames must not look it up each time. */
  #columnFields: readonly string[] | undefined;
  #columnLayout: LayoutEncoder;
  /** By record, once the batch has more than one layout. */
  #rowLayouts = new Uint8Array(0);
  #timestamps = new Float64Array(0);
  #timestamped = false;

  constructor({ noTimestamp, locate, channels, onManyShapes }: BatchEncoderSettings) {
    this.#noTimestamp = noTimestamp;
    this.#locate = locate;
    this.#channels = channels;
    this.#onManyShapes = onManyShapes;
    this.#plain = this.#create({ form: form.value, fields: [''], columns: [{ kind: columnKind.any }] });
    this.#last = this.#plain;
    this.#columnLayout = this.#plain;
  }

  add(value: unknown, timestamp: number, fields?: readonly string[]): void {
    const last = this.#last;
    try {
      let bytes = 0;
      if (fields !== undefined && fields === last.provenFields) bytes = last.addProven(value);
      // The plain layout takes everything: it is used for what has no other only.
      else if (last !== this.#plain) bytes = last.add(value);
      if (bytes === 0) bytes = this.#addOther(value, fields);
      this.sizeBytes += bytes;
    } catch (error) {
      throw this.#locate(error);
    }
    const { count } = this;
    this.count = count + 1;
    if (this.#last.batchIndex !== 0 || this.#inBatch.length > 1) this.#markLayout(count);
    if (this.#timestamped || timestamp !== this.#noTimestamp) this.#setTimestamp(count, timestamp);
  }

  addColumns(columns: RecordColumns, rows: number, timestamps: Float64Array | undefined): void {
    const { fields } = columns.shape;
    let layout = fields === this.#columnFields ? this.#columnLayout : this.#layoutFor(recordAt(columns, 0));
    for (;;) {
      const misfit = layout === this.#plain ? 0 : layout.load(columns.columns, rows);
      if (misfit < 0) break;
      if (layout === this.#plain) {
        for (let row = 0; row < rows; row++) this.add(recordAt(columns, row), timestamps?.[row] ?? this.#noTimestamp);
        return;
      }
      layout = this.#widened(layout, recordAt(columns, misfit));
    }
    this.#columnFields = fields;
    this.#columnLayout = layout;
    this.#last = layout;
    this.count = rows;
    this.#markLayout(0);
    if (!timestamps) return;
    if (rows > this.#timestamps.length) this.#timestamps = new Float64Array(rows);
    this.#timestamps.set(timestamps.subarray(0, rows));
    this.#timestamped = true;
  }

  take(): Uint8Array {
    const writer = this.#writer;
    const { count } = this;
    writer.clear();
    writer.uint8(batchVersion);
    writer.varint(count);
    writer.uint8(this.#timestamped ? 1 : 0);
    if (this.#timestamped) writeNumbers(writer, this.#timestamps, count);
    writer.uint8(this.#inBatch.length);
    for (const layout of this.#inBatch) layout.write(writer);
    if (this.#inBatch.length > 1) writer.bytes(this.#rowLayouts.subarray(0, count));
    this.#clear();
    return writer.written();
  }

  /** The record after one of another kind, or one that was never seen. */
  #addOther(value: unknown, fields: readonly string[] | undefined): number {
    let layout = this.#layoutFor(value);
    if (layout.isFull) layout.grow();
    let bytes = layout.addByLoop(value);
    if (bytes === 0) {
      layout = this.#widened(layout, value);
      bytes = layout.addByLoop(value);
    }
    if (fields !== undefined && sameFields(fields, layout.layout)) layout.provenFields = fields;
    this.#last = layout;
    return bytes;
  }

  #layoutFor(value: unknown): LayoutEncoder {
    const shape = shapeOf(value);
    if (!shape || this.#inBatch.length >= maxBatchLayouts) return this.#plain;
    const name = `${shape.form} ${JSON.stringify(shape.fields)}`;
    const known = this.#shapes.get(name);
    if (known) return known;
    if (this.#shapes.size >= maxShapes || this.#layouts >= maxLayouts) {
      this.#onManyShapes?.(this.#rarestField(shape.fields));
      this.#onManyShapes = undefined;
      return this.#plain;
    }
    const layout = this.#create({ ...shape, columns: fieldValues(shape, value).map((field) => columnOf(field)) });
    this.#shapes.set(name, layout);
    return layout;
  }

  #widened(layout: LayoutEncoder, value: unknown): LayoutEncoder {
    if (this.#layouts >= maxLayouts) return this.#plain;
    const { form: layoutForm, fields, columns } = layout.layout;
    const values = fieldValues(layout.layout, value);
    const wider = this.#create({ form: layoutForm, fields, columns: columns.map((column, index) => widen(column, values[index])) });
    this.#shapes.set(`${layoutForm} ${JSON.stringify(fields)}`, wider);
    return wider;
  }

  #create(layout: Layout): LayoutEncoder {
    return new LayoutEncoder(layout, { id: this.#layouts++, channels: this.#channels });
  }

  /** The one that fewest of the other shapes have. */
  #rarestField(fields: readonly string[]): string {
    const shapes = [...this.#shapes.values()].map(({ layout }) => new Set(layout.fields));
    const uses = (field: string): number => shapes.filter((shape) => shape.has(field)).length;
    return fields.reduce((rarest, field) => (uses(field) < uses(rarest) ? field : rarest));
  }

  #markLayout(row: number): void {
    const layout = this.#last;
    if (layout.batchIndex < 0) {
      layout.batchIndex = this.#inBatch.length;
      this.#inBatch.push(layout);
      if (layout.batchIndex === 1) this.#rowLayouts.fill(0, 0, row);
    }
    if (this.#inBatch.length === 1) return;
    if (row >= this.#rowLayouts.length) this.#rowLayouts = grown(this.#rowLayouts, new Uint8Array(Math.max(usualRecords, row * 2)));
    this.#rowLayouts[row] = layout.batchIndex;
  }

  #setTimestamp(row: number, timestamp: number): void {
    if (row >= this.#timestamps.length) this.#timestamps = grown(this.#timestamps, new Float64Array(Math.max(usualRecords, row * 2)));
    if (!this.#timestamped) this.#timestamps.fill(this.#noTimestamp, 0, row);
    this.#timestamped = true;
    this.#timestamps[row] = timestamp;
  }

  #clear(): void {
    for (const layout of this.#inBatch) layout.clear();
    this.#inBatch.length = 0;
    this.count = 0;
    this.sizeBytes = 0;
    this.#timestamped = false;
  }
}

/** Undefined for what has no fields to speak of: it travels as a self-describing value. */
function shapeOf(value: unknown): Pick<Layout, 'form' | 'fields'> | undefined {
  const prototype = typeof value === 'object' && value !== null ? (Object.getPrototypeOf(value) as object | null) : undefined;
  if (prototype === Array.prototype) {
    const list = value as readonly unknown[];
    if (list.length > 0 && list.length <= longestTuple && !list.includes(undefined))
      return { form: form.tuple, fields: Array.from(list, (_, index) => String(index)) };
  }
  if (prototype !== Object.prototype && prototype !== null)
    return columnOf(value).kind === columnKind.any ? undefined : { form: form.value, fields: [''] };
  refuseSymbolKeys(value as object, '');
  const fields = Object.keys(value as object);
  return fields.length === 0 || fields.length > mostFields ? undefined : { form: form.record, fields };
}

function sameFields(fields: readonly string[], { form: layoutForm, fields: own }: Layout): boolean {
  return layoutForm === form.record && fields.length === own.length && fields.every((field, index) => field === own[index]);
}

function grown<A extends Uint8Array | Float64Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
