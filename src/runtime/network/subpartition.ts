/**
 * The producing end of one channel: gathers records, seals them into frames, and keeps frames that found no room. A
 * subpartition is available while nothing waits for room; what one call emits beyond that is metered by its partition.
 */
import { MIN_TIMESTAMP } from '../../shared/time.ts';
import type { BatchEncoder, DecodedBatch } from '../../types/codec.ts';
import type { ChannelEvent, RecordWriter } from './channel.ts';
import { encodeEvent, frameKind } from './frames.ts';

/** Records of one frame; beyond it a frame is sealed. */
export const maxBatchRecords = 512;
export const maxBatchBytes = 32 * 1024;

export interface Subpartition extends RecordWriter {
  owner: SubpartitionOwner;
  readonly isAvailable: boolean;
  /** Bytes (or a rough count of them) that wait for room. */
  readonly waitingBytes: number;
  /** Of records, as they are encoded: a channel that hands objects over counts none. */
  readonly bytesOut: number;
  /** Records in sealed frames. */
  readonly recordsOut: number;
  /** Records gathered and not sealed. */
  readonly gathered: number;
  send(event: ChannelEvent): void;
  flush(): void;
  /** Room may have appeared: sends what waits. */
  drain(): void;
  close(): void;
}

/** Hears of what happens once a frame, so that nothing has to be asked once a record. */
export interface SubpartitionOwner {
  /** The first record of a frame was added. */
  gathering(part: Subpartition): void;
  /** A record filled its frame. */
  sealed(part: Subpartition): void;
}

const noOwner: SubpartitionOwner = { gathering: () => {}, sealed: () => {} };

/** Moves frames to the other end; `tryWrite` copies. */
export interface FrameTransport {
  tryWrite(kind: number, bytes: Uint8Array): boolean;
  /** Called when frames wait, so that the other end says when there is room. */
  awaitRoom(): void;
  close(): void;
}

/** Over a ring or a connection. */
export class EncodedSubpartition implements Subpartition {
  readonly #encoder: BatchEncoder;
  readonly #transport: FrameTransport;
  readonly #waiting: { kind: number; bytes: Uint8Array }[] = [];
  owner = noOwner;
  isAvailable = true;
  waitingBytes = 0;
  bytesOut = 0;
  recordsOut = 0;
  #closed = false;

  constructor(encoder: BatchEncoder, transport: FrameTransport) {
    this.#encoder = encoder;
    this.#transport = transport;
  }

  get gathered(): number {
    return this.#encoder.count;
  }

  add(value: unknown, timestamp: number): void {
    const encoder = this.#encoder;
    encoder.add(value, timestamp);
    if (encoder.count === 1) this.owner.gathering(this);
    if (encoder.count >= maxBatchRecords || encoder.sizeBytes >= maxBatchBytes) {
      this.flush();
      this.owner.sealed(this);
    }
  }

  /** Encoding copies anyway. */
  addOwned(value: unknown, timestamp: number): void {
    this.add(value, timestamp);
  }

  flush(): void {
    const { count } = this.#encoder;
    if (count === 0) return;
    this.recordsOut += count;
    this.#write(frameKind.batch, this.#encoder.take());
  }

  send(event: ChannelEvent): void {
    this.flush();
    this.#write(frameKind.event, encodeEvent(event).subarray(1));
  }

  drain(): void {
    if (this.#waiting.length === 0) return;
    let sent = 0;
    for (const frame of this.#waiting) {
      if (!this.#transport.tryWrite(frame.kind, frame.bytes)) break;
      this.waitingBytes -= frame.bytes.length;
      sent++;
    }
    this.#waiting.splice(0, sent);
    if (this.#waiting.length === 0) this.isAvailable = true;
    else this.#transport.awaitRoom();
  }

  close(): void {
    this.#closed = true;
    this.#waiting.length = 0;
    this.#transport.close();
  }

  #write(kind: number, bytes: Uint8Array): void {
    if (this.#closed) return;
    if (kind === frameKind.batch) this.bytesOut += bytes.length;
    if (this.#waiting.length === 0 && this.#transport.tryWrite(kind, bytes)) return;
    // The bytes belong to the encoder and change with its next record.
    this.#waiting.push({ kind, bytes: bytes.slice() });
    this.waitingBytes += bytes.length;
    this.isAvailable = false;
    this.#transport.awaitRoom();
  }
}

/** Frames of a same-thread channel: values that were copied when they were emitted. */
export interface LocalFrame {
  readonly batch: DecodedBatch | undefined;
  readonly event: ChannelEvent | undefined;
}

/** Both ends of a same-thread channel meet here; whichever task is deployed first makes it. */
export class LocalQueue {
  static readonly capacity = 8;
  readonly frames: LocalFrame[] = [];
  onFrame: (() => void) | undefined;
  onRoom: (() => void) | undefined;
  failure: Error | undefined;

  push(frame: LocalFrame): void {
    this.frames.push(frame);
    this.onFrame?.();
  }

  shift(): LocalFrame | undefined {
    const frame = this.frames.shift();
    if (this.frames.length === LocalQueue.capacity - 1) this.onRoom?.();
    return frame;
  }
}

export class LocalSubpartition implements Subpartition {
  readonly #queue: LocalQueue;
  readonly #clone: (value: unknown) => unknown;
  owner = noOwner;
  #values: unknown[] = new Array<unknown>(maxBatchRecords);
  #timestamps: Float64Array | undefined;
  gathered = 0;
  recordsOut = 0;
  bytesOut = 0;

  constructor(queue: LocalQueue, clone: (value: unknown) => unknown) {
    this.#queue = queue;
    this.#clone = clone;
  }

  get isAvailable(): boolean {
    return this.#queue.frames.length < LocalQueue.capacity;
  }

  get waitingBytes(): number {
    // A frame holds at most maxBatchRecords; its weight is guessed as that of a full encoded one.
    return Math.max(0, this.#queue.frames.length - LocalQueue.capacity) * maxBatchBytes;
  }

  add(value: unknown, timestamp: number): void {
    this.addOwned(this.#clone(value), timestamp);
  }

  addOwned(value: unknown, timestamp: number): void {
    const index = this.gathered;
    this.#values[index] = value;
    if (timestamp !== MIN_TIMESTAMP) this.#setTimestamp(index, timestamp);
    this.gathered = index + 1;
    if (index === 0) this.owner.gathering(this);
    else if (index === maxBatchRecords - 1) {
      this.flush();
      this.owner.sealed(this);
    }
  }

  flush(): void {
    const { gathered } = this;
    if (gathered === 0) return;
    const values = this.#values;
    if (gathered < maxBatchRecords) values.length = gathered;
    this.#queue.push({ batch: { values, timestamps: this.#timestamps }, event: undefined });
    this.recordsOut += gathered;
    this.#begin();
  }

  send(event: ChannelEvent): void {
    this.flush();
    this.#queue.push({ batch: undefined, event });
  }

  drain(): void {}

  close(): void {
    this.#begin();
  }

  #begin(): void {
    this.#values = new Array<unknown>(maxBatchRecords);
    this.#timestamps = undefined;
    this.gathered = 0;
  }

  #setTimestamp(index: number, timestamp: number): void {
    this.#timestamps ??= new Float64Array(maxBatchRecords).fill(MIN_TIMESTAMP);
    this.#timestamps[index] = timestamp;
  }
}
