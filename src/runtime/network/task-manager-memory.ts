/**
 * Shared memory of one TaskManager's data plane, made by its main thread: a doorbell for each slot, and a ring for each
 * channel between two of its slots. The table of owners lets a ring go when both its attempts are over.
 */
import { UserError } from '../../shared/errors.ts';
import type { ExecutionAttemptId } from '../../shared/ids.ts';
import { Doorbell } from './doorbell.ts';
import { Ring } from './ring.ts';

/** What one slot's thread gets; survives structured clone. */
export interface SlotMemory {
  readonly doorbells: readonly SharedArrayBuffer[];
}

interface OwnedRing {
  readonly buffer: SharedArrayBuffer;
  readonly owners: Set<ExecutionAttemptId>;
  readonly bytes: number;
}

const largestRing = 1024 * 1024;
const smallestRing = 64 * 1024;

export class TaskManagerNetworkMemory {
  readonly #networkBytes: number;
  readonly #doorbells: readonly SharedArrayBuffer[];
  readonly #rings = new Map<string, OwnedRing>();
  #usedBytes = 0;

  constructor(networkBytes: number, slots: number) {
    this.#networkBytes = networkBytes;
    this.#doorbells = Array.from({ length: slots }, () => Doorbell.allocate());
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  forSlots(): SlotMemory {
    return { doorbells: this.#doorbells };
  }

  ringDoorbell(slotIndex: number): void {
    new Doorbell(this.#doorbells[slotIndex] as SharedArrayBuffer).ring();
  }

  /** The ring of a channel; made at the first call, the same at the second. Throws UserError('INSUFFICIENT_NETWORK_MEMORY'). */
  ring(key: string, producer: ExecutionAttemptId, consumer: ExecutionAttemptId): SharedArrayBuffer {
    const present = this.#rings.get(key);
    if (present) return present.buffer;
    const bytes = this.#ringSize();
    const ring = { buffer: Ring.allocate(bytes), owners: new Set([producer, consumer]), bytes };
    this.#rings.set(key, ring);
    this.#usedBytes += bytes;
    return ring.buffer;
  }

  /** The attempt is terminal. */
  release(attempt: ExecutionAttemptId): void {
    for (const [key, ring] of this.#rings) {
      ring.owners.delete(attempt);
      if (ring.owners.size === 0) this.#remove(key, ring);
    }
  }

  /** The attempt did not finish: nobody will read or write its channels any more. */
  drop(attempt: ExecutionAttemptId): void {
    for (const [key, ring] of this.#rings) if (key.includes(attempt)) this.#remove(key, ring);
  }

  #remove(key: string, ring: OwnedRing): void {
    this.#rings.delete(key);
    this.#usedBytes -= ring.bytes;
  }

  /** Halves as memory gets scarce, so that many channels fit where few get more. */
  #ringSize(): number {
    const left = this.#networkBytes - this.#usedBytes;
    let size = largestRing;
    while (size > smallestRing && size > left / 16) size /= 2;
    if (size <= left) return size;
    throw new UserError('INSUFFICIENT_NETWORK_MEMORY', {
      problem: `Insufficient number of network buffers: required ${smallestRing} bytes for one more channel, but only ${left} of ${this.#networkBytes} are left.`,
      tryNext: [
        'Raise taskmanager.memory.network.min, taskmanager.memory.network.max or taskmanager.memory.network.fraction.',
        'Lower the parallelism.',
      ],
    });
  }
}
