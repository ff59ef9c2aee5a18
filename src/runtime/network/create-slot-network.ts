/** Makes the data plane of one slot thread and chooses the transport of each channel by where its ends run. */
import type { Configuration } from '../../config/configuration.ts';
import { BugError } from '../../shared/assert.ts';
import type { SerializedError } from '../../shared/errors.ts';
import { deserializeError } from '../../shared/errors.ts';
import type { ExecutionAttemptId } from '../../shared/ids.ts';
import { type Clock, systemClock } from '../../shared/time.ts';
import type { CodecFactory } from '../../types/codec.ts';
import { type InternalTls, internalTls } from '../internal-sockets.ts';
import type { TaskLocation } from '../rpc/gateways.ts';
import { channelKey } from '../task/task-host.ts';
import { Doorbell } from './doorbell.ts';
import type { InputChannel } from './input-channel.ts';
import { LocalInputChannel, LocalQueue, LocalSubpartition } from './local-channel.ts';
import { GateCredits } from './memory/gate-credits.ts';
import { PartitionBuffers } from './memory/partition-buffers.ts';
import { Segments, type SlotMemory } from './memory/segments.ts';
import { ResultPartition } from './result-partition.ts';
import { RingReader, RingWriter } from './ring.ts';
import { RingInputChannel, RingTransport } from './ring-transport.ts';
import type { InputGateOptions, NetworkUsage, ResultPartitionOptions, SlotNetwork } from './slot-network.ts';
import { EncodedSubpartition, type Subpartition } from './subpartition.ts';
import { TaskInputGate } from './task-input-gate.ts';
import { DataServer } from './tcp/data-server.ts';
import { TcpInputChannel } from './tcp/tcp-input-channel.ts';
import { TcpTransport } from './tcp/tcp-transport.ts';

export interface SlotNetworkOptions {
  readonly config: Configuration;
  /** Without the data port, which the listener decides. */
  readonly location: Omit<TaskLocation, 'dataPort'>;
  readonly codecs: CodecFactory;
  readonly clock?: Clock | undefined;
  /** Absent on a thread that hosts all slots: then nothing is shared between threads. */
  readonly memory?: SlotMemory | undefined;
  /** Address to listen on; undefined: no other process is part of the cluster. */
  readonly bindHost?: string | undefined;
  readonly port?: number | undefined;
  /** All slots of the TaskManager run on this thread. */
  readonly ownsAllSlots?: boolean | undefined;
}

export async function createSlotNetwork(options: SlotNetworkOptions): Promise<SlotNetwork> {
  const { bindHost, config, port = 0 } = options;
  if (bindHost === undefined) return new ThreadNetwork(options, undefined, undefined);
  const tls = internalTls(config, 'taskmanager.data.ssl.enabled');
  const server = await DataServer.listen(bindHost, port, tls);
  return new ThreadNetwork(options, server, tls);
}

interface OpenGate {
  readonly peers: ReadonlySet<ExecutionAttemptId>;
  readonly gate: TaskInputGate;
  readonly rings: boolean;
  readonly onData: () => void;
  readonly onError: (error: Error) => void;
}

interface OpenPartition {
  readonly peers: ReadonlySet<ExecutionAttemptId>;
  readonly partition: ResultPartition;
  readonly onError: (error: Error) => void;
}

class ThreadNetwork implements SlotNetwork {
  readonly location: TaskLocation;
  readonly #options: SlotNetworkOptions;
  readonly #clock: Clock;
  readonly #server: DataServer | undefined;
  readonly #tls: InternalTls | undefined;
  readonly #bells: readonly Doorbell[];
  readonly #ownBell: Doorbell;
  readonly #segments: Segments | undefined;
  /** Queues of which one end is open; that end also takes it away when the other one never came. */
  readonly #localQueues = new Map<string, LocalQueue>();
  readonly #gates = new Set<OpenGate>();
  readonly #partitions = new Set<OpenPartition>();

  constructor(options: SlotNetworkOptions, server: DataServer | undefined, tls: InternalTls | undefined) {
    this.#options = options;
    this.#tls = tls;
    this.#clock = options.clock ?? systemClock;
    this.#server = server;
    this.location = { ...options.location, dataPort: server?.port ?? 0 };
    this.#bells = (options.memory?.doorbells ?? []).map((buffer) => new Doorbell(buffer));
    const { memory } = options;
    this.#segments = memory && new Segments(memory.slabs, memory.buffers.segmentBytes);
    this.#ownBell = this.#bells[options.location.slotIndex] ?? new Doorbell(Doorbell.allocate());
  }

  get usage(): NetworkUsage {
    return {
      gates: this.#gates.size,
      partitions: this.#partitions.size,
      halfOpenChannels: this.#localQueues.size,
      connections: this.#server?.connections ?? 0,
    };
  }

  createResultPartition(options: ResultPartitionOptions): ResultPartition {
    let made: ResultPartition | undefined;
    const { edgeId, subpartitions } = options.descriptor;
    const keys = subpartitions.map((sub) => channelKey(options.producerAttemptId, edgeId, sub.consumerAttemptId));
    const buffers = this.#partitionBuffers(options);
    const parts = subpartitions.map((sub, index) =>
      this.#subpartition(keys[index] as string, sub.consumer, options, buffers, () => made?.drain()),
    );
    const partition = new ResultPartition(parts, {
      operatorName: options.operatorName,
      bufferTimeoutMs: options.bufferTimeoutMs,
      overflowLimitBytes: this.#options.config.get('weir.output.overflow-limit'),
      now: () => this.#clock.monotonic(),
      onUnavailable: options.onUnavailable,
      onAvailable: options.onAvailable,
      onClose: () => {
        this.#partitions.delete(open);
        for (const key of keys) this.#localQueues.delete(key);
      },
      createEncoder: () => this.#options.codecs.createEncoder({ operatorName: options.operatorName, type: options.type }),
      buffers,
    });
    made = partition;
    const peers = new Set(subpartitions.map((sub) => sub.consumerAttemptId));
    const open: OpenPartition = { peers, partition, onError: options.onError };
    this.#partitions.add(open);
    return partition;
  }

  createInputGate(options: InputGateOptions): TaskInputGate {
    const ends = options.descriptors.flatMap(({ edgeId, inputIndex, channels }) => {
      const credits = this.#gateCredits(
        edgeId,
        channels.filter(({ producer }) => producer.taskManagerId !== this.location.taskManagerId).length,
        options,
      );
      return channels.map(({ producer, producerAttemptId }) => ({
        key: channelKey(producerAttemptId, edgeId, options.consumerAttemptId),
        inputIndex,
        producer,
        producerAttemptId,
        credits,
      }));
    });
    const channels = ends.map(({ key, producer, credits }) => this.#inputChannel(key, producer, options, credits));
    const allCredits = new Set(ends.flatMap(({ credits }) => credits ?? []));
    const gate = new TaskInputGate(
      channels,
      ends.map(({ inputIndex }) => inputIndex),
      () => {
        this.#gates.delete(open);
        for (const { key } of ends) this.#localQueues.delete(key);
      },
      allCredits,
    );
    const open: OpenGate = {
      peers: new Set(ends.map(({ producerAttemptId }) => producerAttemptId)),
      gate,
      rings: channels.some((channel) => channel instanceof RingInputChannel),
      onData: options.onData,
      onError: options.onError,
    };
    this.#gates.add(open);
    return gate;
  }

  poll(): void {
    if (!this.#ownBell.take()) return;
    for (const open of this.#gates) if (open.rings && open.gate.hasData) open.onData();
    for (const open of this.#partitions) if (!open.partition.isAvailable) open.partition.drain();
  }

  flushDue(nowMs: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { partition } of this.#partitions) {
      if (partition.flushAtMs <= nowMs) partition.flush();
      else if (partition.flushAtMs < next) next = partition.flushAtMs;
    }
    return next - nowMs;
  }

  sleep(): Promise<void> {
    return this.#ownBell.wait();
  }

  peerLost(attemptIds: readonly ExecutionAttemptId[], cause: SerializedError): void {
    const error = deserializeError(cause);
    for (const { peers, onError } of [...this.#gates, ...this.#partitions]) if (attemptIds.some((id) => peers.has(id))) onError(error);
  }

  async close(): Promise<void> {
    for (const { partition } of [...this.#partitions]) partition.close();
    for (const { gate } of [...this.#gates]) gate.close();
    // A wait on shared memory outlives its thread's interest in it.
    this.#ownBell.ring();
    await this.#server?.close();
  }

  #sameThread(other: TaskLocation): boolean {
    return (
      other.taskManagerId === this.location.taskManagerId &&
      (this.#options.ownsAllSlots === true || other.slotIndex === this.location.slotIndex)
    );
  }

  /** Undefined when all consumers are on this thread. */
  #partitionBuffers({ descriptor, channels }: ResultPartitionOptions): PartitionBuffers | undefined {
    const grant = channels.partitions[descriptor.edgeId];
    return grant && new PartitionBuffers(grant, this.#memory.buffers);
  }

  /** Undefined when all producers are in this TaskManager. */
  #gateCredits(edgeId: string, remoteChannels: number, { channels }: InputGateOptions): GateCredits | undefined {
    const floating = channels.gates[edgeId];
    if (floating === undefined) return undefined;
    const { segmentBytes, exclusive } = this.#memory.buffers;
    return new GateCredits(remoteChannels * exclusive * segmentBytes, floating * segmentBytes, segmentBytes);
  }

  get #memory(): SlotMemory {
    return known(this.#options.memory, 'this slot');
  }

  #subpartition(
    key: string,
    consumer: TaskLocation,
    options: ResultPartitionOptions,
    partitionBuffers: PartitionBuffers | undefined,
    onRoom: () => void,
  ): Subpartition {
    const { codecs } = this.#options;
    const { operatorName, type, onError } = options;
    if (this.#sameThread(consumer)) {
      const queue = this.#localQueue(key);
      queue.onRoom = onRoom;
      return new LocalSubpartition(queue, options.objectReuse ? (value) => value : codecs.createCloner({ operatorName, type }));
    }
    const encoder = codecs.createEncoder({ operatorName, type, channels: options.descriptor.subpartitions.length });
    const buffers = known(partitionBuffers, key);
    if (consumer.taskManagerId === this.location.taskManagerId) {
      const words = known(options.channels.rings[key], key);
      const ring = new RingWriter(words, known(this.#segments, key), (reclaim) => buffers.channel(reclaim));
      return new EncodedSubpartition(encoder, new RingTransport(ring, this.#bells[consumer.slotIndex] as Doorbell));
    }
    const transport = new TcpTransport({ buffers: buffers.channel(), onRoom, onError, onClose: () => this.#server?.unregister(key) });
    this.#server?.register(key, transport);
    return new EncodedSubpartition(encoder, transport);
  }

  #inputChannel(key: string, producer: TaskLocation, options: InputGateOptions, credits: GateCredits | undefined): InputChannel {
    const { operatorName, onData, onError, channels } = options;
    if (this.#sameThread(producer)) {
      const queue = this.#localQueue(key);
      queue.onFrame = onData;
      if (queue.length > 0) onData();
      return new LocalInputChannel(queue);
    }
    const decoder = this.#options.codecs.createDecoder({ operatorName });
    if (producer.taskManagerId === this.location.taskManagerId) {
      // Frames may lie there already.
      this.#ownBell.ring();
      const ring = new RingReader(known(channels.rings[key], key), known(this.#segments, key));
      return new RingInputChannel(ring, decoder, this.#bells[producer.slotIndex] as Doorbell);
    }
    const { host, dataPort: port } = producer;
    const { exclusive, most, segmentBytes } = this.#memory.buffers;
    return new TcpInputChannel({
      tls: this.#tls,
      host,
      port,
      key,
      exclusiveBytes: exclusive * segmentBytes,
      mostBorrowedBytes: (most - exclusive) * segmentBytes,
      credits: known(credits, key),
      decoder,
      onFrame: onData,
      onError,
    });
  }

  /** Whichever end comes first leaves the queue for the other one. */
  #localQueue(key: string): LocalQueue {
    const left = this.#localQueues.get(key);
    if (left) {
      this.#localQueues.delete(key);
      return left;
    }
    const queue = new LocalQueue();
    this.#localQueues.set(key, queue);
    return queue;
  }
}

function known<T>(value: T | undefined, channel: string): T {
  if (value === undefined) throw new BugError(`no memory for channel ${channel}`);
  return value;
}
