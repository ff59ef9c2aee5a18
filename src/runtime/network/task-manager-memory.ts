/**
 * The memory of one TaskManager's data plane, handed out by its main thread: a doorbell for each slot, a ring for each
 * channel between two of its slots, and leave to buffer so much for each channel that comes from another TaskManager. All
 * of it together stays below `taskmanager.memory.network.*`, whatever the number of channels. The table of owners lets a
 * channel's memory go when the attempts at its ends are over.
 */
import type { Configuration } from '../../config/configuration.ts';
import { UserError } from '../../shared/errors.ts';
import type { ExecutionAttemptId } from '../../shared/ids.ts';
import { Doorbell } from './doorbell.ts';
import { Ring } from './ring.ts';

/** What one slot's thread gets; survives structured clone. */
export interface SlotMemory {
  readonly doorbells: readonly SharedArrayBuffer[];
}

/** Bytes of one channel, both powers of two. */
export interface ChannelSize {
  readonly smallest: number;
  /** What a channel gets while memory is plentiful. */
  readonly largest: number;
}

export function channelSize(config: Configuration): ChannelSize {
  const segment = config.get('taskmanager.memory.segment-size');
  const exclusive = Math.max(1, config.get('taskmanager.network.memory.buffers-per-channel'));
  const floating = Math.max(0, config.get('taskmanager.network.memory.floating-buffers-per-gate'));
  return { smallest: nextPowerOfTwo(exclusive * segment), largest: nextPowerOfTwo((exclusive + floating) * segment) };
}

interface Owned {
  /** Undefined for a channel whose other end is in another process. */
  readonly ring: SharedArrayBuffer | undefined;
  readonly owners: Set<ExecutionAttemptId>;
  readonly bytes: number;
}

export class TaskManagerNetworkMemory {
  readonly #networkBytes: number;
  readonly #size: ChannelSize;
  readonly #doorbells: readonly SharedArrayBuffer[];
  readonly #channels = new Map<string, Owned>();
  #usedBytes = 0;

  constructor(networkBytes: number, slots: number, size: ChannelSize) {
    this.#networkBytes = networkBytes;
    this.#size = size;
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
    const present = this.#channels.get(key)?.ring;
    if (present) return present;
    const bytes = this.#take();
    const ring = Ring.allocate(bytes);
    this.#channels.set(key, { ring, owners: new Set([producer, consumer]), bytes });
    return ring;
  }

  /** How much the consumer may buffer of a channel from another TaskManager. Throws UserError('INSUFFICIENT_NETWORK_MEMORY'). */
  credit(key: string, consumer: ExecutionAttemptId): number {
    const present = this.#channels.get(key);
    if (present) return present.bytes;
    const bytes = this.#take();
    this.#channels.set(key, { ring: undefined, owners: new Set([consumer]), bytes });
    return bytes;
  }

  /** The attempt is terminal. */
  release(attempt: ExecutionAttemptId): void {
    for (const [key, channel] of this.#channels) {
      channel.owners.delete(attempt);
      if (channel.owners.size === 0) this.#remove(key, channel);
    }
  }

  /** The attempt did not finish: nobody will read or write its channels any more. */
  drop(attempt: ExecutionAttemptId): void {
    for (const [key, channel] of this.#channels) if (key.includes(attempt)) this.#remove(key, channel);
  }

  #remove(key: string, channel: Owned): void {
    this.#channels.delete(key);
    this.#usedBytes -= channel.bytes;
  }

  /** Halves as memory gets scarce, so that many channels fit where few get more. */
  #take(): number {
    const { smallest, largest } = this.#size;
    const left = this.#networkBytes - this.#usedBytes;
    let bytes = largest;
    while (bytes > smallest && bytes > left / 16) bytes /= 2;
    if (bytes > left) throw this.#insufficient(smallest, left);
    this.#usedBytes += bytes;
    return bytes;
  }

  #insufficient(wanted: number, left: number): UserError {
    return new UserError('INSUFFICIENT_NETWORK_MEMORY', {
      problem: `Insufficient number of network buffers: required ${wanted} bytes for one more channel, but only ${left} of ${this.#networkBytes} are left.`,
      tryNext: [
        'Raise taskmanager.memory.network.min, taskmanager.memory.network.max or taskmanager.memory.network.fraction.',
        'Lower the parallelism.',
      ],
    });
  }
}

function nextPowerOfTwo(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(bytes));
}
