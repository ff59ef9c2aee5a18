/**
 * The segments of one result partition, on its producer's thread: each channel has some for itself, and takes further ones
 * from those that all channels share, up to a limit. A channel whose consumer has read everything can always go on.
 */
import type { BufferSettings, SegmentGrant } from './segments.ts';

export class PartitionBuffers {
  readonly settings: BufferSettings;
  /** The next one is taken from the end, so that few are used while consumers keep up. */
  readonly free: number[];
  floating: number;
  readonly #total: number;
  readonly #channels: ChannelBuffers[] = [];

  constructor(grant: SegmentGrant, settings: BufferSettings) {
    this.settings = settings;
    this.free = [...grant.segments].reverse();
    this.floating = grant.floating;
    this.#total = grant.segments.length;
  }

  /** Of one more channel. `reclaim` takes back what its consumer has read. */
  channel(reclaim: () => void = () => {}): ChannelBuffers {
    const channel = new ChannelBuffers(this, reclaim);
    this.#channels.push(channel);
    return channel;
  }

  reclaim(): void {
    for (const channel of this.#channels) channel.reclaim();
  }

  /** Of the segments, from 0 to 1. */
  get usage(): number {
    this.reclaim();
    return this.#total === 0 ? 0 : this.#channels.reduce((sum, { held }) => sum + held, 0) / this.#total;
  }
}

export class ChannelBuffers {
  held = 0;
  readonly reclaim: () => void;
  readonly #partition: PartitionBuffers;

  constructor(partition: PartitionBuffers, reclaim: () => void) {
    this.#partition = partition;
    this.reclaim = reclaim;
  }

  get settings(): BufferSettings {
    return this.#partition.settings;
  }

  /** All or none. */
  tryReserve(count: number): boolean {
    const partition = this.#partition;
    if (this.#floatingOf(this.held + count) - this.#floatingOf(this.held) > partition.floating) partition.reclaim();
    const wanted = this.#floatingOf(this.held + count) - this.#floatingOf(this.held);
    if (wanted > partition.floating || this.held + count > partition.settings.most) return false;
    partition.floating -= wanted;
    this.held += count;
    return true;
  }

  release(count: number): void {
    this.#partition.floating += this.#floatingOf(this.held) - this.#floatingOf(this.held - count);
    this.held -= count;
  }

  /** One of those that were reserved. */
  take(): number {
    return this.#partition.free.pop() as number;
  }

  giveBack(segment: number): void {
    this.#partition.free.push(segment);
    this.release(1);
  }

  #floatingOf(held: number): number {
    return Math.max(0, held - this.#partition.settings.exclusive);
  }
}
