/**
 * The producing end of one channel: gathers records, seals them into frames, and keeps frames that found no room. A
 * subpartition is available while nothing waits for room; what one call emits beyond that is metered by its partition.
 */
import type { BatchEncoder } from '../../types/codec.ts';
import type { ChannelEvent, RecordWriter } from './channel.ts';
import type { FrameTransport } from './frame-transport.ts';
import { encodeEvent, frameKind } from './frames.ts';
import { GatheredColumns } from './gathered-columns.ts';

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

export const noOwner: SubpartitionOwner = { gathering: () => {}, sealed: () => {} };

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
  /** Or the encoder's records: a frame holds either. */
  readonly columns = new GatheredColumns({
    began: () => this.owner.gathering(this),
    filled: () => this.#fill(),
  });
  #closed = false;

  constructor(encoder: BatchEncoder, transport: FrameTransport) {
    this.#encoder = encoder;
    this.#transport = transport;
  }

  get gathered(): number {
    return this.#encoder.count + this.columns.count;
  }

  add(value: unknown, timestamp: number, fields?: readonly string[]): void {
    this.addOwned(value, timestamp, fields);
  }

  /** Encoding copies anyway. */
  addOwned(value: unknown, timestamp: number, fields?: readonly string[]): void {
    const encoder = this.#encoder;
    if (!this.columns.isClosed) this.columns.spill((spilled, at) => encoder.add(spilled, at));
    encoder.add(value, timestamp, fields);
    if (encoder.count === 1) this.owner.gathering(this);
    if (encoder.count >= maxBatchRecords || encoder.sizeBytes >= maxBatchBytes) this.#fill();
  }

  flush(): void {
    const encoder = this.#encoder;
    const gathered = this.columns;
    const { shape, columns, timestamps } = gathered;
    if (gathered.count > 0) encoder.addColumns({ shape, columns }, gathered.count, timestamps);
    const { count } = encoder;
    if (count === 0) return;
    gathered.beginFrame(columns);
    this.recordsOut += count;
    this.#write(frameKind.batch, encoder.take());
  }

  #fill(): void {
    this.flush();
    this.owner.sealed(this);
  }

  /** A batch that was encoded elsewhere, and whose records are counted there. */
  sendBatch(bytes: Uint8Array): void {
    this.#write(frameKind.batch, bytes);
  }

  send(event: ChannelEvent): void {
    this.flush();
    this.#write(event.kind === 'end-of-partition' ? frameKind.endOfPartition : frameKind.event, encodeEvent(event));
  }

  drain(): void {
    if (!this.isAvailable) this.#sendWaiting();
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
    // The bytes belong to the encoder and change with its next record. (A Buffer's own slice() copies nothing.)
    this.#waiting.push({ kind, bytes: new Uint8Array(bytes) });
    this.waitingBytes += bytes.length;
    if (!this.isAvailable) return;
    this.isAvailable = false;
    this.#transport.awaitRoom(true);
    // The consumer looks for the wish when it makes room: room it made before the wish was there is never told.
    this.#sendWaiting();
  }

  #sendWaiting(): void {
    let sent = 0;
    for (const frame of this.#waiting) {
      if (!this.#transport.tryWrite(frame.kind, frame.bytes)) break;
      this.waitingBytes -= frame.bytes.length;
      sent++;
    }
    if (sent > 0) this.#waiting.splice(0, sent);
    if (this.#waiting.length > 0) return;
    this.isAvailable = true;
    this.#transport.awaitRoom(false);
  }
}
