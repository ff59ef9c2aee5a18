/** A channel between two tasks of one thread: both ends, and the queue where they meet. */
import { MIN_TIMESTAMP } from '../../shared/time.ts';
import type { DecodedBatch } from '../../types/codec.ts';
import { type ColumnShape, type RecordColumns, recordAt } from '../../types/columns/record-columns.ts';
import { ColumnsBatch, ValuesBatch } from '../../types/decoded-batch.ts';
import { roughBytes } from '../../types/rough-size.ts';
import type { ChannelEvent, PolledElement } from './channel.ts';
import { columnsLike, GatheredColumns, type WritableColumns } from './gathered-columns.ts';
import type { InputChannel } from './input-channel.ts';
import { maxBatchRecords, noOwner, type Subpartition } from './subpartition.ts';

/** Records of which one is weighed. */
const recordsPerWeighing = 16;
const maxFrameBytes = 128 * 1024;
const eventBytes = 64;

/** Values were copied when they were emitted. */
interface LocalFrame {
  readonly batch: DecodedBatch | undefined;
  readonly event: ChannelEvent | undefined;
  /** Roughly. */
  readonly bytes: number;
}

/** Whichever task is deployed first makes it. */
export class LocalQueue {
  /** Small, so that what waits here is still in the processor's cache when the consumer gets it. */
  static readonly capacity = 2;
  readonly #frames: LocalFrame[] = [];
  bytes = 0;
  /** Columns that were read, to be filled again: no more than there are frames. */
  readonly #read: RecordColumns[] = [];
  onFrame: (() => void) | undefined;
  onRoom: (() => void) | undefined;

  get length(): number {
    return this.#frames.length;
  }

  push(frame: LocalFrame): void {
    this.#frames.push(frame);
    this.bytes += frame.bytes;
    this.onFrame?.();
  }

  shift(): LocalFrame | undefined {
    const frame = this.#frames.shift();
    if (!frame) return undefined;
    this.bytes -= frame.bytes;
    if (this.#frames.length === LocalQueue.capacity - 1) this.onRoom?.();
    return frame;
  }

  /** Columns of this shape that nobody reads any more. */
  takeColumns(shape: ColumnShape): WritableColumns | undefined {
    const read = this.#read.pop();
    return read?.shape === shape ? (read.columns as WritableColumns) : undefined;
  }

  giveBack(columns: RecordColumns): void {
    if (this.#read.length <= LocalQueue.capacity) this.#read.push(columns);
  }

  clear(): void {
    this.#frames.length = 0;
    this.#read.length = 0;
    this.bytes = 0;
    this.onRoom?.();
  }
}

export class LocalSubpartition implements Subpartition {
  readonly #queue: LocalQueue;
  readonly #clone: (value: unknown) => unknown;
  owner = noOwner;
  /** Or the values below: a frame holds either. */
  readonly columns = new GatheredColumns({
    began: () => this.owner.gathering(this),
    filled: () => this.#fill(),
  });
  #values: unknown[] = new Array<unknown>(maxBatchRecords);
  #timestamps: Float64Array | undefined;
  #weighed = 0;
  /** Records of the present frame: fewer when they are large. */
  #frameRecords = maxBatchRecords;
  #count = 0;
  recordsOut = 0;
  readonly bytesOut = 0;

  constructor(queue: LocalQueue, clone: (value: unknown) => unknown) {
    this.#queue = queue;
    this.#clone = clone;
  }

  get gathered(): number {
    return this.#count + this.columns.count;
  }

  get isAvailable(): boolean {
    return this.#queue.length < LocalQueue.capacity;
  }

  get waitingBytes(): number {
    return Math.max(0, this.#queue.bytes - LocalQueue.capacity * maxFrameBytes);
  }

  add(value: unknown, timestamp: number): void {
    this.addOwned(this.#clone(value), timestamp);
  }

  addOwned(value: unknown, timestamp: number): void {
    if (!this.columns.isClosed) this.columns.spill((spilled, at) => this.addOwned(spilled, at));
    const index = this.#count;
    this.#values[index] = value;
    if (index % recordsPerWeighing === 0) this.#weigh(value, index);
    if (timestamp !== MIN_TIMESTAMP) this.#setTimestamp(index, timestamp);
    this.#count = index + 1;
    if (index === 0) this.owner.gathering(this);
    if (this.#count >= this.#frameRecords) this.#fill();
  }

  flush(): void {
    if (this.columns.count > 0) this.#flushColumns();
    else if (this.#count > 0) this.#flushValues();
  }

  #fill(): void {
    this.flush();
    this.owner.sealed(this);
  }

  #flushColumns(): void {
    const { count, shape, columns, timestamps, roughBytes: bytes } = this.columns;
    this.columns.beginFrame(this.#queue.takeColumns(shape) ?? columnsLike(columns));
    this.#queue.push({ batch: new ColumnsBatch({ shape, columns }, count, timestamps, recordsOf), event: undefined, bytes });
    this.recordsOut += count;
  }

  #flushValues(): void {
    const count = this.#count;
    const values = this.#values;
    if (count < maxBatchRecords) values.length = count;
    const bytes = Math.round((this.#weighed * count) / Math.ceil(count / recordsPerWeighing));
    const batch = new ValuesBatch(values, this.#timestamps);
    this.#begin();
    this.#queue.push({ batch, event: undefined, bytes });
    this.recordsOut += count;
  }

  send(event: ChannelEvent): void {
    this.flush();
    this.#queue.push({ batch: undefined, event, bytes: eventBytes });
  }

  drain(): void {}

  close(): void {
    this.#begin();
  }

  #begin(): void {
    this.#values = new Array<unknown>(maxBatchRecords);
    this.#timestamps = undefined;
    this.#weighed = 0;
    this.#frameRecords = maxBatchRecords;
    this.#count = 0;
    this.columns.beginFrame(this.columns.columns);
  }

  #weigh(value: unknown, index: number): void {
    this.#weighed += roughBytes(value);
    const average = this.#weighed / (index / recordsPerWeighing + 1);
    this.#frameRecords = Math.max(1, Math.min(maxBatchRecords, Math.floor(maxFrameBytes / average)));
  }

  #setTimestamp(index: number, timestamp: number): void {
    this.#timestamps ??= new Float64Array(maxBatchRecords).fill(MIN_TIMESTAMP);
    this.#timestamps[index] = timestamp;
  }
}

export class LocalInputChannel implements InputChannel {
  readonly #queue: LocalQueue;
  readonly bytesIn = 0;
  readonly bufferedBytes = 0;
  #reading: RecordColumns | undefined;

  constructor(queue: LocalQueue) {
    this.#queue = queue;
  }

  get hasFrame(): boolean {
    return this.#queue.length > 0;
  }

  poll(into: PolledElement): boolean {
    const frame = this.#queue.shift();
    if (!frame) return false;
    if (this.#reading) this.#queue.giveBack(this.#reading);
    this.#reading = frame.batch?.columns;
    into.batch = frame.batch;
    into.event = frame.event;
    return true;
  }

  setBlocked(): void {}

  close(): void {
    this.#queue.clear();
  }
}

function recordsOf(columns: RecordColumns, count: number): unknown[] {
  return Array.from({ length: count }, (_, row) => recordAt(columns, row));
}
