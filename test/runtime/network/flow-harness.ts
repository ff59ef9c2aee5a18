/** Several producers and consumers in two slots, over real rings or connections, stepped by hand on one thread. */
import { Configuration } from '../../../src/config/configuration.ts';
import type { ChannelEvent, InputGate, ResultPartitionWriter } from '../../../src/runtime/network/channel.ts';
import { createSlotNetwork } from '../../../src/runtime/network/create-slot-network.ts';
import type { TaskManagerNetworkMemory } from '../../../src/runtime/network/memory/network-memory.ts';
import type { BufferSettings } from '../../../src/runtime/network/memory/segments.ts';
import type { SlotNetwork } from '../../../src/runtime/network/slot-network.ts';
import type { Clock } from '../../../src/shared/time.ts';
import type { CodecFactory } from '../../../src/types/codec.ts';
import { codecs } from '../../../src/types/codecs.ts';
import { channelsOf, edgeId, wire } from './channel-memory.ts';

export type Transport = 'local' | 'ring' | 'tcp';

export interface FlowOptions {
  readonly transport: Transport;
  readonly producers: number;
  readonly consumers: number;
  readonly buffers?: Partial<BufferSettings>;
  readonly bufferTimeoutMs?: number;
  readonly clock?: Clock;
  readonly codecs?: CodecFactory;
}

export interface Received {
  readonly channel: number;
  readonly values: readonly unknown[];
  readonly event: ChannelEvent | undefined;
}

export class Flow implements AsyncDisposable {
  readonly partitions: readonly ResultPartitionWriter[];
  readonly gates: readonly InputGate[];
  readonly producerNetwork: SlotNetwork;
  readonly memory: TaskManagerNetworkMemory;
  readonly #consumerNetwork: SlotNetwork;
  readonly #errors: Error[];

  private constructor(
    producerNetwork: SlotNetwork,
    consumerNetwork: SlotNetwork,
    memory: TaskManagerNetworkMemory,
    ends: Pick<Flow, 'partitions' | 'gates'> & { readonly errors: Error[] },
  ) {
    this.producerNetwork = producerNetwork;
    this.#consumerNetwork = consumerNetwork;
    this.memory = memory;
    this.partitions = ends.partitions;
    this.gates = ends.gates;
    this.#errors = ends.errors;
  }

  static async open(options: FlowOptions): Promise<Flow> {
    const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${prefix}${index}`);
    const [producers, consumers] = [names('p', options.producers), names('c', options.consumers)];
    const wired = wire({ producers, consumers, buffers: options.buffers ?? {} });
    const network = (taskManagerId: string, slotIndex: number): Promise<SlotNetwork> =>
      createSlotNetwork({
        config: Configuration.of({}),
        codecs: options.codecs ?? codecs,
        clock: options.clock,
        location: { taskManagerId, host: '127.0.0.1', slotIndex },
        memory: wired.slot,
        bindHost: '127.0.0.1',
      });
    const from = await network('a', 0);
    const to = options.transport === 'local' ? from : await network(options.transport === 'tcp' ? 'b' : 'a', 1);
    const errors: Error[] = [];
    const onError = (error: Error): void => void errors.push(error);
    const partitions = producers.map((producerAttemptId) =>
      from.createResultPartition({
        descriptor: {
          edgeId,
          subpartitions: consumers.map((consumerAttemptId, consumerSubtask) => ({
            consumerAttemptId,
            consumer: to.location,
            consumerSubtask,
          })),
        },
        producerAttemptId,
        operatorName: producerAttemptId,
        bufferTimeoutMs: options.bufferTimeoutMs ?? -1,
        objectReuse: false,
        channels: channelsOf(wired, producerAttemptId),
        onUnavailable: () => {},
        onAvailable: () => {},
        onError,
      }),
    );
    const gates = consumers.map((consumerAttemptId) =>
      to.createInputGate({
        descriptors: [
          {
            edgeId,
            inputIndex: 0,
            channels: producers.map((producerAttemptId, producerSubtask) => ({
              producerAttemptId,
              producer: from.location,
              producerSubtask,
            })),
          },
        ],
        consumerAttemptId,
        operatorName: consumerAttemptId,
        channels: channelsOf(wired, consumerAttemptId),
        onData: () => {},
        onError,
      }),
    );
    const flow = new Flow(from, to, wired.memory, { partitions, gates, errors });
    // Connections are made and credit is there before anything is sent.
    if (options.transport === 'tcp') while (from.usage.connections < options.producers * options.consumers) await flow.turn();
    return flow;
  }

  /** Both slots look at what has come; sockets get a turn. */
  async turn(): Promise<void> {
    this.producerNetwork.poll();
    this.#consumerNetwork.poll();
    await new Promise((resume) => setImmediate(resume));
    if (this.#errors[0]) throw this.#errors[0];
  }

  take(consumer: number): Received | undefined {
    const polled = (this.gates[consumer] as InputGate).poll();
    return polled && { channel: polled.channel, values: polled.batch?.values ?? [], event: polled.event };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const partition of this.partitions) partition.close();
    for (const gate of this.gates) gate.close();
    await this.producerNetwork.close();
    if (this.#consumerNetwork !== this.producerNetwork) await this.#consumerNetwork.close();
  }
}
