/** Makes the data plane of one slot thread and chooses the transport of each channel by where its ends run. */
import type { Configuration } from '../../config/configuration.ts';
import type { SerializedError } from '../../shared/errors.ts';
import { deserializeError } from '../../shared/errors.ts';
import type { ExecutionAttemptId } from '../../shared/ids.ts';
import type { CodecFactory } from '../../types/codec.ts';
import type { TaskLocation } from '../rpc/gateways.ts';
import { channelKey, type SharedChannels } from '../task/task-host.ts';
import { Doorbell } from './doorbell.ts';
import { type InputChannel, LocalInputChannel, RingInputChannel } from './input-channel.ts';
import { ResultPartition } from './result-partition.ts';
import { Ring } from './ring.ts';
import { RingTransport } from './ring-transport.ts';
import type { InputGateOptions, ResultPartitionOptions, SlotNetwork } from './slot-network.ts';
import { EncodedSubpartition, LocalQueue, LocalSubpartition, type Subpartition } from './subpartition.ts';
import { TaskInputGate } from './task-input-gate.ts';
import type { SlotMemory } from './task-manager-memory.ts';
import { DataServer, TcpInputChannel, TcpTransport } from './tcp.ts';

export interface SlotNetworkOptions {
  readonly config: Configuration;
  /** Without the data port, which the listener decides. */
  readonly location: Omit<TaskLocation, 'dataPort'>;
  readonly codecs: CodecFactory;
  /** Absent on a thread that hosts all slots: then nothing is shared between threads. */
  readonly memory?: SlotMemory | undefined;
  /** Address to listen on; undefined: no other process is part of the cluster. */
  readonly bindHost?: string | undefined;
  readonly port?: number | undefined;
  /** All slots of the TaskManager run on this thread. */
  readonly ownsAllSlots?: boolean | undefined;
}

export async function createSlotNetwork(options: SlotNetworkOptions): Promise<SlotNetwork> {
  const server = options.bindHost === undefined ? undefined : await DataServer.listen(options.bindHost, options.port ?? 0);
  return new ThreadNetwork(options, server);
}

interface OpenGate {
  readonly attempt: ExecutionAttemptId;
  readonly gate: TaskInputGate;
  readonly rings: boolean;
  readonly onData: () => void;
}

interface OpenPartition {
  readonly attempt: ExecutionAttemptId;
  readonly peers: ReadonlySet<ExecutionAttemptId>;
  readonly partition: ResultPartition;
  readonly onError: (error: Error) => void;
}

class ThreadNetwork implements SlotNetwork {
  readonly location: TaskLocation;
  readonly #options: SlotNetworkOptions;
  readonly #server: DataServer | undefined;
  readonly #bells: readonly Doorbell[];
  readonly #ownBell: Doorbell;
  readonly #localQueues = new Map<string, LocalQueue>();
  readonly #gates = new Set<OpenGate>();
  readonly #gatePeers = new Map<OpenGate, { peers: ReadonlySet<ExecutionAttemptId>; onError: (error: Error) => void }>();
  readonly #partitions = new Set<OpenPartition>();

  constructor(options: SlotNetworkOptions, server: DataServer | undefined) {
    this.#options = options;
    this.#server = server;
    this.location = { ...options.location, dataPort: server?.port ?? 0 };
    this.#bells = (options.memory?.doorbells ?? []).map((buffer) => new Doorbell(buffer));
    this.#ownBell = this.#bells[options.location.slotIndex] ?? new Doorbell(Doorbell.allocate());
  }

  createResultPartition(options: ResultPartitionOptions): ResultPartition {
    const drain = (): void => {
      partition?.drain();
      this.#ownBell.ring();
    };
    const parts = options.descriptor.subpartitions.map((sub) => {
      const key = channelKey(options.producerAttemptId, options.descriptor.edgeId, sub.consumerAttemptId);
      return this.#subpartition(key, sub.consumer, options, drain);
    });
    const partition: ResultPartition | undefined = new ResultPartition(parts, {
      operatorName: options.operatorName,
      bufferTimeoutMs: options.bufferTimeoutMs,
      overflowLimitBytes: this.#options.config.get('weir.output.overflow-limit'),
      onUnavailable: options.onUnavailable,
      onAvailable: options.onAvailable,
    });
    const peers = new Set(options.descriptor.subpartitions.map((sub) => sub.consumerAttemptId));
    const open: OpenPartition = { attempt: options.producerAttemptId, peers, partition, onError: options.onError };
    this.#partitions.add(open);
    const close = partition.close.bind(partition);
    partition.close = () => {
      this.#partitions.delete(open);
      close();
    };
    return partition;
  }

  createInputGate(options: InputGateOptions): TaskInputGate {
    const channels: InputChannel[] = [];
    const inputIndexes: number[] = [];
    let rings = false;
    for (const descriptor of options.descriptors) {
      for (const channel of descriptor.channels) {
        const key = channelKey(channel.producerAttemptId, descriptor.edgeId, options.consumerAttemptId);
        const made = this.#inputChannel(key, channel.producer, options);
        rings ||= made instanceof RingInputChannel;
        channels.push(made);
        inputIndexes.push(descriptor.inputIndex);
      }
    }
    const gate = new TaskInputGate(channels, inputIndexes);
    const open: OpenGate = { attempt: options.consumerAttemptId, gate, rings, onData: options.onData };
    this.#gates.add(open);
    const peers = new Set(options.descriptors.flatMap((descriptor) => descriptor.channels.map((channel) => channel.producerAttemptId)));
    this.#gatePeers.set(open, { peers, onError: options.onError });
    const close = gate.close.bind(gate);
    gate.close = () => {
      this.#gates.delete(open);
      this.#gatePeers.delete(open);
      close();
    };
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
    for (const [, { peers, onError }] of this.#gatePeers) if (attemptIds.some((id) => peers.has(id))) onError(error);
    for (const { peers, onError } of this.#partitions) if (attemptIds.some((id) => peers.has(id))) onError(error);
  }

  async close(): Promise<void> {
    for (const { partition } of this.#partitions) partition.close();
    for (const { gate } of this.#gates) gate.close();
    await this.#server?.close();
  }

  #sameThread(other: TaskLocation): boolean {
    return (
      other.taskManagerId === this.location.taskManagerId &&
      (this.#options.ownsAllSlots === true || other.slotIndex === this.location.slotIndex)
    );
  }

  #subpartition(key: string, consumer: TaskLocation, options: ResultPartitionOptions, drain: () => void): Subpartition {
    const { codecs } = this.#options;
    if (this.#sameThread(consumer)) {
      const queue = this.#localQueue(key);
      queue.onRoom = drain;
      return new LocalSubpartition(queue, this.#copier(options));
    }
    const encoder = codecs.createEncoder({ operatorName: options.operatorName, type: options.type });
    if (consumer.taskManagerId === this.location.taskManagerId) {
      const ring = new Ring(sharedRing(options.channels, key));
      return new EncodedSubpartition(encoder, new RingTransport(ring, this.#bells[consumer.slotIndex] as Doorbell));
    }
    const transport = new TcpTransport(drain, options.onError);
    this.#server?.register(key, transport);
    return new EncodedSubpartition(encoder, transport);
  }

  /** How a value is fixed when it is emitted to a consumer on this thread. */
  #copier(options: ResultPartitionOptions): (value: unknown) => unknown {
    const { codecs, config } = this.#options;
    if (config.get('weir.codec.everywhere')) {
      const encoder = codecs.createEncoder({ operatorName: options.operatorName });
      const decoder = codecs.createDecoder({ operatorName: options.operatorName });
      return (value) => {
        encoder.add(value, 0);
        return decoder.decode(encoder.take()).values[0];
      };
    }
    return options.objectReuse ? (value) => value : codecs.createCloner({ operatorName: options.operatorName, type: options.type });
  }

  #inputChannel(key: string, producer: TaskLocation, options: InputGateOptions): InputChannel {
    const wake = (): void => {
      options.onData();
      this.#ownBell.ring();
    };
    if (this.#sameThread(producer)) {
      const queue = this.#localQueue(key);
      queue.onFrame = wake;
      if (queue.frames.length > 0) wake();
      return new LocalInputChannel(queue);
    }
    const decoder = this.#options.codecs.createDecoder({ operatorName: options.operatorName });
    if (producer.taskManagerId === this.location.taskManagerId) {
      const bell = this.#bells[producer.slotIndex] as Doorbell;
      this.#ownBell.ring();
      return new RingInputChannel(new Ring(sharedRing(options.channels, key)), decoder, () => bell.ring());
    }
    return new TcpInputChannel({ host: producer.host, port: producer.dataPort, key }, decoder, wake, options.onError);
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

function sharedRing(channels: SharedChannels, key: string): SharedArrayBuffer {
  const ring = channels.rings[key];
  if (!ring) throw new Error(`no ring for channel ${key}`);
  return ring;
}
