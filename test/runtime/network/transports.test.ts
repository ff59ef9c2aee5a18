/** What goes in comes out, in order, over each transport, with slow consumers, events and frames larger than a ring. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Configuration } from '../../../src/config/configuration.ts';
import type { ChannelEvent } from '../../../src/runtime/network/channel.ts';
import { createSlotNetwork } from '../../../src/runtime/network/create-slot-network.ts';
import { Ring } from '../../../src/runtime/network/ring.ts';
import type { SlotNetwork } from '../../../src/runtime/network/slot-network.ts';
import { TaskManagerNetworkMemory } from '../../../src/runtime/network/task-manager-memory.ts';
import type { CheckpointOptions } from '../../../src/runtime/rpc/gateways.ts';
import { channelKey, type SharedChannels } from '../../../src/runtime/task/task-host.ts';
import { codecs } from '../../../src/types/codecs.ts';

type Transport = 'local' | 'ring' | 'tcp';
const config = Configuration.of({});

/** What one channel may hold: much, and hardly anything. */
const sizes = { roomy: 256 * 1024, tight: 4096 };
type Size = keyof typeof sizes;

interface Pair {
  readonly producer: SlotNetwork;
  readonly consumer: SlotNetwork;
  readonly channels: SharedChannels;
}

async function networks(transport: Transport, size: Size): Promise<Pair> {
  const memory = new TaskManagerNetworkMemory(1 << 20, 2, { smallest: sizes[size], largest: sizes[size] });
  const network = (taskManagerId: string, slotIndex: number) =>
    createSlotNetwork({
      config,
      codecs,
      location: { taskManagerId, host: '127.0.0.1', slotIndex },
      memory: memory.forSlots(),
      bindHost: '127.0.0.1',
    });
  const producer = await network('a', 0);
  const consumer = transport === 'local' ? producer : await network(transport === 'tcp' ? 'b' : 'a', 1);
  const key = channelKey('p', 'e', 'c');
  return { producer, consumer, channels: { rings: { [key]: memory.ring(key, 'p', 'c') }, credits: { [key]: sizes[size] } } };
}

interface Step {
  readonly values: readonly unknown[];
  readonly event: ChannelEvent | undefined;
}

/** Sends the steps, consuming only now and then; gives back what arrived. */
async function send(transport: Transport, size: Size, steps: readonly Step[], pauseEvery: number, heedsRoom = true): Promise<unknown[]> {
  const { producer, consumer, channels } = await networks(transport, size);
  const received: unknown[] = [];
  let failure: Error | undefined;
  const onError = (error: Error): void => {
    failure = error;
  };
  try {
    const partition = producer.createResultPartition({
      descriptor: { edgeId: 'e', subpartitions: [{ consumerAttemptId: 'c', consumer: consumer.location, consumerSubtask: 0 }] },
      producerAttemptId: 'p',
      operatorName: 'test',
      bufferTimeoutMs: -1,
      objectReuse: false,
      channels,
      onUnavailable: () => {},
      onAvailable: () => {},
      onError,
    });
    const gate = consumer.createInputGate({
      descriptors: [
        { edgeId: 'e', inputIndex: 0, channels: [{ producerAttemptId: 'p', producer: producer.location, producerSubtask: 0 }] },
      ],
      consumerAttemptId: 'c',
      operatorName: 'test',
      channels,
      onData: () => {},
      onError,
    });
    let step = 0;
    let sent = 0;
    let turns = 0;
    while (!gate.isFinished) {
      if (failure) throw failure;
      while (step <= steps.length && (partition.isAvailable || !heedsRoom)) {
        const now = steps[step];
        if (!now) partition.broadcastEvent({ kind: 'end-of-partition' });
        else if (sent < now.values.length) {
          partition.emit(now.values[sent++], sent, 0);
          continue;
        } else if (now.event) partition.broadcastEvent(now.event);
        sent = 0;
        step++;
      }
      if (turns++ % pauseEvery === 0) {
        for (let polled = gate.poll(); polled; polled = gate.poll()) {
          if (polled.batch) received.push(...polled.batch.values);
          else if (polled.event?.kind !== 'end-of-partition') received.push(polled.event);
        }
      }
      producer.poll();
      consumer.poll();
      await new Promise((resume) => setImmediate(resume));
    }
    partition.close();
    gate.close();
    return received;
  } finally {
    await producer.close();
    if (consumer !== producer) await consumer.close();
  }
}

const options: CheckpointOptions = {
  kind: 'checkpoint',
  alignment: 'exactly-once',
  location: { directory: '/tmp/chk-3', inlineThresholdBytes: 20_480, inlineLimitBytes: 0, writeBufferBytes: 4096 },
};

const flat = (steps: readonly Step[]): unknown[] => steps.flatMap((step) => [...step.values, ...(step.event ? [step.event] : [])]);

const setups = (['local', 'ring', 'tcp'] as const).flatMap((transport) =>
  (['roomy', 'tight'] as const).map((size) => ({ transport, size })),
);

describe.each(setups)('$transport, $size', ({ transport, size }) => {
  test('random records and events arrive whole and in order, whatever the pace of the consumer', async () => {
    const step = fc.record({
      values: fc.array(
        fc.oneof(fc.integer(), fc.string(), fc.record({ a: fc.integer(), b: fc.string({ maxLength: 50 }) }, { noNullPrototype: true })),
        { maxLength: 1500 },
      ),
      event: fc.option(
        fc.constantFrom<ChannelEvent>({ kind: 'watermark', timestamp: 7 }, { kind: 'barrier', checkpointId: 3, timestamp: 1, options }),
        { nil: undefined },
      ),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 6 }),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        async (steps, pauseEvery, heedsRoom) => {
          expect(await send(transport, size, steps, pauseEvery, heedsRoom)).toEqual(flat(steps));
        },
      ),
      { numRuns: 20 },
    );
  });

  test('a record larger than any buffer passes', async () => {
    const steps = [{ values: ['small', 'x'.repeat(3_000_000), 'after'], event: undefined }];
    expect(await send(transport, size, steps, 1)).toEqual(flat(steps));
  });
});

test('a ring works across the wrap of its counters', () => {
  for (const start of [2 ** 31 - 5, -5, 2 ** 31 - 70]) {
    const ring = new Ring(Ring.allocate(256, start | 0));
    for (let i = 0; i < 1000; i++) {
      const bytes = Buffer.alloc(i % 90, i);
      expect(ring.tryWrite(1, bytes)).toBe(true);
      expect(ring.read((frame) => Buffer.from(frame))).toEqual(Buffer.concat([Buffer.from([1]), bytes]));
    }
    expect(ring.hasFrame).toBe(false);
  }
});

test('a full ring refuses and loses nothing', () => {
  const ring = new Ring(Ring.allocate(64));
  expect(ring.tryWrite(0, Buffer.alloc(50))).toBe(true);
  expect(ring.tryWrite(0, Buffer.alloc(10))).toBe(false);
  expect(ring.read((frame) => frame.length)).toBe(51);
  expect(ring.tryWrite(0, Buffer.alloc(10))).toBe(true);
});
