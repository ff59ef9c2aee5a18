/** Memory as a TaskManager would hand it out, for tests that put networks together by themselves. */
import { TaskManagerNetworkMemory } from '../../../src/runtime/network/memory/network-memory.ts';
import type { BufferSettings, SlotMemory } from '../../../src/runtime/network/memory/segments.ts';
import { channelKey, type SharedChannels } from '../../../src/runtime/task/task-host.ts';

export interface Wiring {
  readonly producers: readonly string[];
  readonly consumers: readonly string[];
  readonly buffers: Partial<BufferSettings>;
  readonly networkBytes?: number;
}

export interface WiredMemory {
  readonly memory: TaskManagerNetworkMemory;
  readonly slot: SlotMemory;
  /** By attempt; good for rings and for connections. */
  readonly channels: ReadonlyMap<string, SharedChannels>;
}

export const edgeId = 'e';

/** Every producer sends to every consumer over one edge. */
export function wire({ producers, consumers, buffers, networkBytes = 16 * 2 ** 20 }: Wiring): WiredMemory {
  const settings = { segmentBytes: 4096, exclusive: 2, floating: 0, most: 10, ...buffers };
  const memory = new TaskManagerNetworkMemory(networkBytes, 2, settings);
  const rings = producers.flatMap((producer) =>
    consumers.map((consumer) => ({ key: channelKey(producer, edgeId, consumer), producer, consumer })),
  );
  const channels = new Map<string, SharedChannels>();
  for (const attempt of producers)
    channels.set(
      attempt,
      memory.allocate({
        attempt,
        rings: rings.filter(({ producer }) => producer === attempt),
        partitions: [{ edgeId, channels: consumers.length, neighbours: consumers }],
        gates: [],
      }),
    );
  for (const attempt of consumers)
    channels.set(
      attempt,
      memory.allocate({
        attempt,
        rings: rings.filter(({ consumer }) => consumer === attempt),
        partitions: [],
        gates: [{ edgeId, channels: producers.length }],
      }),
    );
  return { memory, slot: memory.forSlots(), channels };
}

export function channelsOf({ channels }: WiredMemory, attempt: string): SharedChannels {
  return channels.get(attempt) as SharedChannels;
}
