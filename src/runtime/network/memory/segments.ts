/**
 * Network memory as the threads of a TaskManager share it: slabs of shared memory, allocated once, cut into segments of equal
 * size that are known by number. Who may use which segment is decided elsewhere (network-memory.ts).
 */
import type { Configuration } from '../../../config/configuration.ts';

/** All counts are of segments. */
export interface BufferSettings {
  /** A power of two. */
  readonly segmentBytes: number;
  /** Of each channel alone; at least 2, so that one can be filled while the other is read. */
  readonly exclusive: number;
  /** Of all channels of a partition or gate together. */
  readonly floating: number;
  /** Of one channel at most. */
  readonly most: number;
}

export function bufferSettings(config: Configuration): BufferSettings {
  const segmentBytes = config.get('taskmanager.memory.segment-size');
  const exclusive = Math.max(1, config.get('taskmanager.network.memory.buffers-per-channel'));
  const floating = Math.max(0, config.get('taskmanager.network.memory.floating-buffers-per-gate'));
  const most = Math.max(exclusive, config.get('taskmanager.network.memory.max-buffers-per-channel'));
  // One buffer for itself is two of half the size.
  return exclusive === 1
    ? { segmentBytes: segmentBytes / 2, exclusive: 2, floating: floating * 2, most: most * 2 }
    : { segmentBytes, exclusive, floating, most };
}

/** What one slot's thread gets; survives structured clone. */
export interface SlotMemory {
  readonly doorbells: readonly SharedArrayBuffer[];
  readonly slabs: readonly SharedArrayBuffer[];
  readonly buffers: BufferSettings;
}

/** The segments of a result partition: `exclusive` for each of its channels, the rest for whichever needs more. */
export interface SegmentGrant {
  readonly segments: Int32Array;
  readonly floating: number;
}

const slabBytes = 16 * 2 ** 20;

/** Memory is taken from the system when it is first written to. */
export function allocateSlabs(segments: number, segmentBytes: number): SharedArrayBuffer[] {
  const total = segments * segmentBytes;
  return Array.from(
    { length: Math.ceil(total / slabBytes) },
    (_, index) => new SharedArrayBuffer(Math.min(slabBytes, total - index * slabBytes)),
  );
}

/** The slabs as one thread sees them. */
export class Segments {
  readonly bytes: number;
  readonly #slabs: readonly Buffer[];
  readonly #shift: number;
  readonly #perSlab: number;

  constructor(slabs: readonly SharedArrayBuffer[], segmentBytes: number) {
    this.bytes = segmentBytes;
    this.#slabs = slabs.map((slab) => Buffer.from(slab));
    this.#perSlab = slabBytes / segmentBytes;
    this.#shift = Math.log2(this.#perSlab);
  }

  slabOf(segment: number): Buffer {
    return this.#slabs[segment >>> this.#shift] as Buffer;
  }

  offsetOf(segment: number): number {
    return (segment & (this.#perSlab - 1)) * this.bytes;
  }

  /** Whether the second lies right behind the first. */
  areAdjacent(first: number, second: number): boolean {
    return second === first + 1 && (second & (this.#perSlab - 1)) !== 0;
  }
}
