/**
 * A single-producer single-consumer ring of frames in shared memory. Its bytes lie in segments of the producer's pool: the ring
 * carries their numbers, in the order in which they are filled. The producer publishes frames by one store of the position up
 * to which it has written; the consumer frees them by one store of the position up to which it has read, and the producer takes
 * back the segments that lie wholly behind it. Positions count bytes, wrap at 2^32 and are compared by difference. No locks: a
 * thread that is killed at any moment leaves the ring readable.
 *
 * Words: [0] written, [1] read, [2] 1 while the producer waits for room; from 16 on the segments by position.
 */
import { copyBytes } from '../../shared/copy-bytes.ts';
import type { ChannelBuffers } from './memory/partition-buffers.ts';
import type { Segments } from './memory/segments.ts';

const writtenWord = 0;
const readWord = 1;
const waitingWord = 2;
/** A cache line away from the positions, which change all the time. */
const tableWord = 16;
/** Length, then kind. */
const lengthBytes = 4;
export const pieceHeaderBytes = lengthBytes + 1;

/** `start` lets tests begin just before the positions wrap; it is a multiple of the size of a segment. */
export function allocateRing(mostSegments: number, start = 0): SharedArrayBuffer {
  const table = 2 ** Math.ceil(Math.log2(mostSegments + 1));
  const buffer = new SharedArrayBuffer((tableWord + table) * 4);
  new Int32Array(buffer).fill(start, writtenWord, readWord + 1);
  return buffer;
}

/** Where in the table of segments a position is. */
class SegmentTable {
  readonly #words: Int32Array;
  readonly #shift: number;
  readonly #mask: number;

  constructor(words: Int32Array, segmentBytes: number) {
    this.#words = words;
    this.#shift = Math.log2(segmentBytes);
    this.#mask = words.length - tableWord - 1;
  }

  at(position: number): number {
    return this.#words[tableWord + ((position >>> this.#shift) & this.#mask)] as number;
  }

  set(position: number, segment: number): void {
    this.#words[tableWord + ((position >>> this.#shift) & this.#mask)] = segment;
  }
}

export class RingWriter {
  readonly #words: Int32Array;
  readonly #table: SegmentTable;
  readonly #segments: Segments;
  readonly #buffers: ChannelBuffers;
  readonly #header = Buffer.alloc(pieceHeaderBytes);
  #written: number;
  /** Where the segments that the ring has end. */
  #end: number;
  /** Where the first of them begins. */
  #begin: number;

  /** `buffersOf` gives the channel's share; it is asked to take back what was read when others need it. */
  constructor(ring: SharedArrayBuffer, segments: Segments, buffersOf: (reclaim: () => void) => ChannelBuffers) {
    this.#words = new Int32Array(ring);
    this.#segments = segments;
    this.#table = new SegmentTable(this.#words, segments.bytes);
    this.#buffers = buffersOf(() => this.#reclaim());
    this.#written = Atomics.load(this.#words, writtenWord);
    this.#begin = this.#written;
    this.#end = this.#written;
  }

  /** Longest bytes of a piece that find room once the consumer has read everything. */
  get longestPiece(): number {
    return (this.#buffers.settings.exclusive - 1) * this.#segments.bytes - pieceHeaderBytes;
  }

  /** Copies the bytes in as one piece; false when there is no room now. */
  tryWrite(kind: number, bytes: Uint8Array): boolean {
    const needed = bytes.length + pieceHeaderBytes;
    if (needed > ((this.#end - this.#written) | 0) && !this.#extend(needed)) return false;
    const header = this.#header;
    header.writeUInt32LE(bytes.length + 1, 0);
    header[lengthBytes] = kind;
    this.#copyIn(this.#written, header);
    this.#copyIn(this.#written + pieceHeaderBytes, bytes);
    this.#written = (this.#written + needed) | 0;
    Atomics.store(this.#words, writtenWord, this.#written);
    return true;
  }

  /** The producer wants to be rung when room appears. */
  setWaiting(waiting: boolean): void {
    Atomics.store(this.#words, waitingWord, waiting ? 1 : 0);
  }

  #extend(needed: number): boolean {
    this.#reclaim();
    const count = Math.ceil((needed - ((this.#end - this.#written) | 0)) / this.#segments.bytes);
    if (!this.#buffers.tryReserve(count)) return false;
    for (let i = 0; i < count; i++) {
      this.#table.set(this.#end, this.#buffers.take());
      this.#end = (this.#end + this.#segments.bytes) | 0;
    }
    return true;
  }

  #reclaim(): void {
    const read = Atomics.load(this.#words, readWord);
    while (((read - this.#begin) | 0) >= this.#segments.bytes) {
      this.#buffers.giveBack(this.#table.at(this.#begin));
      this.#begin = (this.#begin + this.#segments.bytes) | 0;
    }
  }

  #copyIn(position: number, bytes: Uint8Array): void {
    const { bytes: size } = this.#segments;
    let from = 0;
    while (from < bytes.length) {
      const at = position + from;
      const offset = at & (size - 1);
      const end = Math.min(bytes.length, from + size - offset);
      const segment = this.#table.at(at);
      const part = from === 0 && end === bytes.length ? bytes : bytes.subarray(from, end);
      copyBytes(part, this.#segments.slabOf(segment), this.#segments.offsetOf(segment) + offset);
      from = end;
    }
  }
}

/** Pieces that lie in several places are put together here, one at a time. */
let scratch: Buffer = Buffer.alloc(0);

export class RingReader {
  readonly #words: Int32Array;
  readonly #table: SegmentTable;
  readonly #segments: Segments;
  #read: number;

  constructor(ring: SharedArrayBuffer, segments: Segments) {
    this.#words = new Int32Array(ring);
    this.#segments = segments;
    this.#table = new SegmentTable(this.#words, segments.bytes);
    this.#read = Atomics.load(this.#words, readWord);
  }

  get hasPiece(): boolean {
    return Atomics.load(this.#words, writtenWord) !== this.#read;
  }

  /** Hands the next piece to `use`, then frees its room; undefined when the ring is empty. The view is valid inside `use` only. */
  read<T>(use: (piece: Buffer) => T): T | undefined {
    if (!this.hasPiece) return undefined;
    const length = this.#view(this.#read, lengthBytes).readUInt32LE(0);
    try {
      return use(this.#view(this.#read + lengthBytes, length));
    } finally {
      this.#read = (this.#read + lengthBytes + length) | 0;
      Atomics.store(this.#words, readWord, this.#read);
    }
  }

  get isProducerWaiting(): boolean {
    return Atomics.load(this.#words, waitingWord) === 1;
  }

  /** The bytes where they lie when that is one place, else a copy. */
  #view(position: number, length: number): Buffer {
    const { bytes: size } = this.#segments;
    const first = this.#table.at(position);
    const offset = position & (size - 1);
    let last = first;
    for (let end = size - offset; end < length; end += size) {
      const next = this.#table.at(position + end);
      if (!this.#segments.areAdjacent(last, next)) return this.#copyOut(position, length);
      last = next;
    }
    const at = this.#segments.offsetOf(first) + offset;
    return this.#segments.slabOf(first).subarray(at, at + length);
  }

  #copyOut(position: number, length: number): Buffer {
    const { bytes: size } = this.#segments;
    if (scratch.length < length) scratch = Buffer.allocUnsafeSlow(Math.max(length, 2 * size));
    let done = 0;
    while (done < length) {
      const offset = (position + done) & (size - 1);
      const part = Math.min(length - done, size - offset);
      const segment = this.#table.at(position + done);
      const at = this.#segments.offsetOf(segment) + offset;
      copyBytes(this.#segments.slabOf(segment).subarray(at, at + part), scratch, done);
      done += part;
    }
    return scratch.subarray(0, length);
  }
}
