/**
 * The memory of one TaskManager's data plane, handed out by its main thread: a doorbell for each slot, and one pool of
 * segments for everything that is under way, so that `taskmanager.memory.network.*` bounds it whatever the number of channels.
 *
 * A result partition gets segments for its channels that leave the slot, and a gate leave to buffer for those that come from
 * other TaskManagers; a task gets all that it needs or nothing. The table of owners takes segments back when no attempt is
 * alive that could touch them, so that a segment that is given to others is never written or read by a thread that was late.
 */
import { UserError } from '../../../shared/errors.ts';
import type { ExecutionAttemptId } from '../../../shared/ids.ts';
import type { SharedChannels } from '../../task/task-host.ts';
import { Doorbell } from '../doorbell.ts';
import { allocateRing } from '../ring.ts';
import { allocateSlabs, type BufferSettings, type SegmentGrant, type SlotMemory } from './segments.ts';

/** What a task has to do with other threads. Edges within its own slot are not among it. */
export interface TaskNeeds {
  readonly attempt: ExecutionAttemptId;
  /** Channels between two slots of this TaskManager, whichever end the task is. */
  readonly rings: readonly { readonly key: string; readonly producer: ExecutionAttemptId; readonly consumer: ExecutionAttemptId }[];
  /** By edge: the channels to other slots, and those of their consumers that are in this TaskManager. */
  readonly partitions: readonly {
    readonly edgeId: string;
    readonly channels: number;
    readonly neighbours: readonly ExecutionAttemptId[];
  }[];
  /** By edge: the channels from other TaskManagers. */
  readonly gates: readonly { readonly edgeId: string; readonly channels: number }[];
}

interface Owned {
  readonly owners: Set<ExecutionAttemptId>;
  readonly segments: readonly number[];
  /** Where the two ends of a channel meet. */
  readonly ring?: SharedArrayBuffer;
}

/** Floating segments are given while more than this part of the pool is left… */
const keptForExclusive = 1 / 4;
/** …and this part of what is above it at most. */
const floatingShare = 1 / 8;

export class TaskManagerNetworkMemory {
  readonly #settings: BufferSettings;
  readonly #doorbells: readonly SharedArrayBuffer[];
  readonly #slabs: readonly SharedArrayBuffer[];
  readonly #total: number;
  /** The lowest numbers come last and are taken first: memory that was used before is used again. */
  readonly #free: number[];
  readonly #owned = new Map<string, Owned>();
  readonly #alive = new Set<ExecutionAttemptId>();

  constructor(networkBytes: number, slots: number, settings: BufferSettings) {
    this.#settings = settings;
    this.#total = Math.floor(networkBytes / settings.segmentBytes);
    this.#free = Array.from({ length: this.#total }, (_, index) => this.#total - 1 - index);
    this.#slabs = allocateSlabs(this.#total, settings.segmentBytes);
    this.#doorbells = Array.from({ length: slots }, () => Doorbell.allocate());
  }

  get totalSegments(): number {
    return this.#total;
  }

  get freeSegments(): number {
    return this.#free.length;
  }

  get usedBytes(): number {
    return (this.#total - this.#free.length) * this.#settings.segmentBytes;
  }

  forSlots(): SlotMemory {
    return { doorbells: this.#doorbells, slabs: this.#slabs, buffers: this.#settings };
  }

  ringDoorbell(slotIndex: number): void {
    new Doorbell(this.#doorbells[slotIndex] as SharedArrayBuffer).ring();
  }

  /** Throws UserError('INSUFFICIENT_NETWORK_MEMORY'), and then has taken nothing. */
  allocate({ attempt, rings, partitions, gates }: TaskNeeds): SharedChannels {
    const { exclusive } = this.#settings;
    const required = [...partitions, ...gates].reduce((sum, { channels }) => sum + channels * exclusive, 0);
    if (required > this.#free.length) throw this.#insufficient(required);
    this.#alive.add(attempt);
    const exclusives = partitions.map(({ channels }) => this.#take(channels * exclusive));
    const gateSegments = gates.map(({ channels }) => this.#take(channels * exclusive));
    return {
      rings: Object.fromEntries(rings.map(({ key, producer, consumer }) => [key, this.#ring(key, producer, consumer)])),
      partitions: Object.fromEntries(
        partitions.map(({ edgeId, channels, neighbours }, index): [string, SegmentGrant] => {
          const floating = this.#take(this.#floatingFor(channels));
          const segments = [...(exclusives[index] as number[]), ...floating];
          this.#owned.set(`partition ${attempt} ${edgeId}`, { owners: new Set([attempt, ...neighbours]), segments });
          return [edgeId, { segments: Int32Array.from(segments), floating: floating.length }];
        }),
      ),
      gates: Object.fromEntries(
        gates.map(({ edgeId, channels }, index) => {
          const floating = this.#take(this.#floatingFor(channels));
          const segments = [...(gateSegments[index] as number[]), ...floating];
          this.#owned.set(`gate ${attempt} ${edgeId}`, { owners: new Set([attempt]), segments });
          return [edgeId, floating.length];
        }),
      ),
    };
  }

  /** The attempt has finished: what it sent may still be read, also by consumers that are not here yet. */
  release(attempt: ExecutionAttemptId): void {
    this.#alive.delete(attempt);
    for (const [key, owned] of this.#owned) if (owned.owners.delete(attempt)) this.#freeUnowned(key, owned);
  }

  /** The attempt did not finish, and its thread is done with it: what only attempts wait for that never came is free too. */
  drop(attempt: ExecutionAttemptId): void {
    this.#alive.delete(attempt);
    for (const [key, owned] of this.#owned) {
      if (!owned.owners.delete(attempt)) continue;
      for (const owner of owned.owners) if (!this.#alive.has(owner)) owned.owners.delete(owner);
      this.#freeUnowned(key, owned);
    }
  }

  /** The job is over: whoever of them is not here will not come. Those that are here are dropped when they end. */
  forget(attempts: Iterable<ExecutionAttemptId>): void {
    for (const attempt of attempts) if (!this.#alive.has(attempt)) this.drop(attempt);
  }

  #ring(key: string, producer: ExecutionAttemptId, consumer: ExecutionAttemptId): SharedArrayBuffer {
    const present = this.#owned.get(key)?.ring;
    if (present) return present;
    const ring = allocateRing(this.#settings.most);
    this.#owned.set(key, { owners: new Set([producer, consumer]), segments: [], ring });
    return ring;
  }

  #floatingFor(channels: number): number {
    const { exclusive, floating, most } = this.#settings;
    const left = this.#free.length - this.#total * keptForExclusive;
    return Math.max(0, Math.min(floating, channels * (most - exclusive), Math.floor(left * floatingShare)));
  }

  #take(count: number): number[] {
    return count === 0 ? [] : this.#free.splice(-count).reverse();
  }

  #freeUnowned(key: string, { owners, segments }: Owned): void {
    if (owners.size > 0) return;
    this.#owned.delete(key);
    if (segments.length === 0) return;
    this.#free.push(...segments);
    this.#free.sort((a, b) => b - a);
  }

  #insufficient(required: number): UserError {
    return new UserError('INSUFFICIENT_NETWORK_MEMORY', {
      problem: `Insufficient number of network buffers: required ${required}, but only ${this.#free.length} available. The total number of network buffers is currently set to ${this.#total} of ${this.#settings.segmentBytes} bytes each.`,
      found: `${this.#settings.exclusive} buffers are required for each channel to or from another slot.`,
      tryNext: [
        'Raise taskmanager.memory.network.fraction, taskmanager.memory.network.min and taskmanager.memory.network.max.',
        'Lower the parallelism, or taskmanager.network.memory.buffers-per-channel, or taskmanager.memory.segment-size.',
      ],
    });
  }
}
