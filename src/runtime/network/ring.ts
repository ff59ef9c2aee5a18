/**
 * A single-producer single-consumer byte ring in shared memory: frames of any length below the capacity, published by one
 * store of the write position. Positions count bytes, wrap at 2^32 and are compared by difference. No locks: a thread
 * that is killed at any moment leaves the ring readable.
 *
 * Header words: [0] written, [1] read, [2] 1 while the producer waits for room.
 */
const headerBytes = 64;

export class Ring {
  readonly capacity: number;
  readonly #words: Int32Array;
  readonly #data: Buffer;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer, 0, 4);
    this.#data = Buffer.from(buffer, headerBytes);
    this.capacity = this.#data.length;
  }

  /** `capacity` must be a power of two. `start` lets tests begin just before the counters wrap. */
  static allocate(capacity: number, start = 0): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(headerBytes + capacity);
    const words = new Int32Array(buffer, 0, 4);
    words[0] = start;
    words[1] = start;
    return buffer;
  }

  get usedBytes(): number {
    return (Atomics.load(this.#words, 0) - Atomics.load(this.#words, 1)) | 0;
  }

  /** Copies the parts in as one frame; false when there is no room now. */
  tryWrite(kind: number, bytes: Uint8Array): boolean {
    const length = bytes.length + 1;
    const needed = length + 4;
    if (needed > this.capacity - this.usedBytes) return false;
    const written = Atomics.load(this.#words, 0);
    this.#copyIn(written, lengthBytes(length));
    this.#copyIn(written + 4, kindBytes(kind));
    this.#copyIn(written + 5, bytes);
    Atomics.store(this.#words, 0, (written + needed) | 0);
    return true;
  }

  get hasFrame(): boolean {
    return this.usedBytes !== 0;
  }

  /** Hands the next frame to `use`, then frees its room; undefined when the ring is empty. The view is valid inside `use` only. */
  read<T>(use: (frame: Buffer) => T): T | undefined {
    if (this.usedBytes === 0) return undefined;
    const read = Atomics.load(this.#words, 1);
    const length = this.#copyOut(read, 4).readUInt32LE(0);
    try {
      return use(this.#copyOut(read + 4, length));
    } finally {
      Atomics.store(this.#words, 1, (read + 4 + length) | 0);
    }
  }

  /** The producer wants to be rung when room appears. */
  setWaiting(waiting: boolean): void {
    Atomics.store(this.#words, 2, waiting ? 1 : 0);
  }

  get isProducerWaiting(): boolean {
    return Atomics.load(this.#words, 2) === 1;
  }

  #copyIn(position: number, bytes: Uint8Array): void {
    const at = (position >>> 0) & (this.capacity - 1);
    const first = Math.min(bytes.length, this.capacity - at);
    this.#data.set(first === bytes.length ? bytes : bytes.subarray(0, first), at);
    if (first < bytes.length) this.#data.set(bytes.subarray(first), 0);
  }

  /** A view when the bytes lie in one piece, else a copy. */
  #copyOut(position: number, length: number): Buffer {
    const at = (position >>> 0) & (this.capacity - 1);
    if (at + length <= this.capacity) return this.#data.subarray(at, at + length);
    const first = this.capacity - at;
    const whole = Buffer.allocUnsafe(length);
    this.#data.copy(whole, 0, at, this.capacity);
    this.#data.copy(whole, first, 0, length - first);
    return whole;
  }
}

const lengthScratch = Buffer.alloc(4);
const kindScratch = Buffer.alloc(1);

function lengthBytes(length: number): Buffer {
  lengthScratch.writeUInt32LE(length, 0);
  return lengthScratch;
}

function kindBytes(kind: number): Buffer {
  kindScratch[0] = kind;
  return kindScratch;
}
