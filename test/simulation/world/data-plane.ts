/**
 * Channels between simulated tasks: frames arrive in order on each, late, and independently of those on others. A channel holds
 * a few frames; beyond that its producer is out of room.
 */
import type { ChannelEvent, PolledElement } from '../../../src/runtime/network/channel.ts';
import { GatheredColumns } from '../../../src/runtime/network/gathered-columns.ts';
import type { InputChannel } from '../../../src/runtime/network/input-channel.ts';
import { ResultPartition } from '../../../src/runtime/network/result-partition.ts';
import type { InputGateOptions, ResultPartitionOptions, SlotNetwork } from '../../../src/runtime/network/slot-network.ts';
import { noOwner, type Subpartition } from '../../../src/runtime/network/subpartition.ts';
import { TaskInputGate } from '../../../src/runtime/network/task-input-gate.ts';
import { channelKey } from '../../../src/runtime/task/task-host.ts';
import { MIN_TIMESTAMP } from '../../../src/shared/time.ts';
import type { DecodedBatch } from '../../../src/types/codec.ts';
import { codecs } from '../../../src/types/codecs.ts';
import { ValuesBatch } from '../../../src/types/decoded-batch.ts';
import type { Host } from './host.ts';
import type { Chance } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';

interface Frame {
  readonly batch: DecodedBatch | undefined;
  readonly event: ChannelEvent | undefined;
}

interface End {
  readonly host: Host;
  readonly onError: (error: Error) => void;
}

class Channel {
  readonly capacity: number;
  readonly arrived: Frame[] = [];
  /** Sent, and not taken. */
  outstanding = 0;
  lastArrival = 0;
  producer: (End & { readonly onRoom: () => void }) | undefined;
  consumer: (End & { readonly onData: () => void }) | undefined;
  isLost = false;

  constructor(capacity: number) {
    this.capacity = capacity;
  }
}

export class DataPlane {
  readonly #time: VirtualTime;
  readonly #chance: Chance;
  readonly #channels = new Map<string, Channel>();

  constructor(time: VirtualTime, chance: Chance) {
    this.#time = time;
    this.#chance = chance;
  }

  networkOf(host: Host): Pick<SlotNetwork, 'createResultPartition' | 'createInputGate'> {
    return {
      createResultPartition: (options) => this.#partition(host, options),
      createInputGate: (options) => this.#gate(host, options),
    };
  }

  /** The other ends of its channels hear of it, sooner or later. */
  hostDied(host: Host): void {
    for (const channel of this.#channels.values()) {
      const { producer, consumer } = channel;
      if (channel.isLost || (producer?.host !== host && consumer?.host !== host)) continue;
      channel.isLost = true;
      const survivor = producer?.host === host ? consumer : producer;
      if (survivor)
        survivor.host.after(this.#chance.duration(0, 30), () => survivor.onError(new Error(`a channel to ${host.name} was lost`)));
    }
  }

  #partition(host: Host, { descriptor, producerAttemptId, onUnavailable, onAvailable, onError, operatorName }: ResultPartitionOptions) {
    let partition: ResultPartition | undefined;
    const parts = descriptor.subpartitions.map(({ consumerAttemptId }) => {
      const channel = this.#channel(channelKey(producerAttemptId, descriptor.edgeId, consumerAttemptId));
      channel.producer = { host, onError, onRoom: () => partition?.drain() };
      return new SimulatedSubpartition(channel, this.#chance.between(1, 5), (frame) => this.#send(channel, frame));
    });
    partition = new ResultPartition(parts, {
      operatorName,
      bufferTimeoutMs: -1,
      overflowLimitBytes: 2 ** 30,
      now: () => host.clock.monotonic(),
      onUnavailable,
      onAvailable,
      onClose: () => {},
      createEncoder: () => codecs.createEncoder({ operatorName }),
    });
    return partition;
  }

  #gate(host: Host, { descriptors, consumerAttemptId, onData, onError }: InputGateOptions): TaskInputGate {
    const ends = descriptors.flatMap(({ edgeId, inputIndex, channels }) =>
      channels.map(({ producerAttemptId }) => ({ key: channelKey(producerAttemptId, edgeId, consumerAttemptId), inputIndex })),
    );
    const channels = ends.map(({ key }) => {
      const channel = this.#channel(key);
      channel.consumer = { host, onData, onError };
      return new SimulatedInputChannel(channel, () => this.#taken(channel));
    });
    return new TaskInputGate(
      channels,
      ends.map(({ inputIndex }) => inputIndex),
      () => {},
    );
  }

  #send(channel: Channel, frame: Frame): void {
    channel.outstanding++;
    channel.lastArrival = Math.max(channel.lastArrival, this.#time.now + this.#chance.duration(0.02, this.#chance.happens(0.05) ? 25 : 2));
    this.#time.schedule(channel.lastArrival - this.#time.now, () => {
      channel.arrived.push(frame);
      const { consumer } = channel;
      consumer?.host.after(0, consumer.onData);
    });
  }

  #taken(channel: Channel): void {
    channel.outstanding--;
    const { producer } = channel;
    if (channel.outstanding === channel.capacity - 1) producer?.host.after(this.#chance.duration(0.02, 1), producer.onRoom);
  }

  #channel(key: string): Channel {
    let channel = this.#channels.get(key);
    if (!channel) {
      channel = new Channel(this.#chance.between(1, 4));
      this.#channels.set(key, channel);
    }
    return channel;
  }
}

class SimulatedSubpartition implements Subpartition {
  readonly #channel: Channel;
  readonly #frameRecords: number;
  readonly #send: (frame: Frame) => void;
  #values: unknown[] = [];
  #timestamps: number[] = [];
  #isClosed = false;
  owner = noOwner;
  recordsOut = 0;
  readonly bytesOut = 0;
  readonly waitingBytes = 0;
  readonly columns = new GatheredColumns({ began: () => {}, filled: () => {} });

  constructor(channel: Channel, frameRecords: number, send: (frame: Frame) => void) {
    // All records come as records.
    this.columns.spill(() => {});
    this.#channel = channel;
    this.#frameRecords = frameRecords;
    this.#send = send;
  }

  get isAvailable(): boolean {
    return this.#channel.outstanding < this.#channel.capacity;
  }

  get gathered(): number {
    return this.#values.length;
  }

  add(value: unknown, timestamp: number): void {
    this.addOwned({ ...(value as object) }, timestamp);
  }

  addOwned(value: unknown, timestamp: number): void {
    this.#values.push(value);
    this.#timestamps.push(timestamp);
    if (this.gathered < this.#frameRecords) return;
    this.flush();
    this.owner.sealed(this);
  }

  flush(): void {
    if (this.gathered === 0 || this.#isClosed) return;
    this.recordsOut += this.gathered;
    const isTimed = this.#timestamps.some((timestamp) => timestamp !== MIN_TIMESTAMP);
    this.#send({
      batch: new ValuesBatch(this.#values, isTimed ? Float64Array.from(this.#timestamps) : undefined),
      event: undefined,
    });
    this.#values = [];
    this.#timestamps = [];
  }

  send(event: ChannelEvent): void {
    this.flush();
    if (!this.#isClosed) this.#send({ batch: undefined, event });
  }

  drain(): void {}

  close(): void {
    this.#isClosed = true;
  }
}

class SimulatedInputChannel implements InputChannel {
  readonly #channel: Channel;
  readonly #onTaken: () => void;
  readonly bufferedBytes = 0;
  bytesIn = 0;

  constructor(channel: Channel, onTaken: () => void) {
    this.#channel = channel;
    this.#onTaken = onTaken;
  }

  get hasFrame(): boolean {
    return this.#channel.arrived.length > 0;
  }

  poll(into: PolledElement): boolean {
    const frame = this.#channel.arrived.shift();
    if (!frame) return false;
    into.batch = frame.batch;
    into.event = frame.event;
    this.bytesIn += frame.batch?.values.length ?? 0;
    this.#onTaken();
    return true;
  }

  setBlocked(): void {}

  close(): void {}
}
