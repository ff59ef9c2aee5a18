/** What goes in comes out, in order, over each transport, with slow consumers, events and frames larger than a ring. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Configuration } from '../../../src/config/configuration.ts';
import type { ChannelEvent } from '../../../src/runtime/network/channel.ts';
import { createSlotNetwork } from '../../../src/runtime/network/create-slot-network.ts';
import { PartitionBuffers } from '../../../src/runtime/network/memory/partition-buffers.ts';
import { allocateSlabs, Segments } from '../../../src/runtime/network/memory/segments.ts';
import { allocateRing, RingReader, RingWriter } from '../../../src/runtime/network/ring.ts';
import type { SlotNetwork } from '../../../src/runtime/network/slot-network.ts';
import type { CheckpointOptions } from '../../../src/runtime/rpc/gateways.ts';
import { codecs } from '../../../src/types/codecs.ts';
import { channelsOf, type WiredMemory, wire } from './channel-memory.ts';

type Transport = 'local' | 'ring' | 'tcp';
const config = Configuration.of({});

/** What one channel may hold: much, and hardly anything. */
const sizes = { roomy: { segmentBytes: 32 * 1024, floating: 8 }, tight: { segmentBytes: 2048, floating: 0 } };
type Size = keyof typeof sizes;

interface Pair {
  readonly producer: SlotNetwork;
  readonly consumer: SlotNetwork;
  readonly wired: WiredMemory;
}

async function networks(transport: Transport, size: Size): Promise<Pair> {
  const wired = wire({ producers: ['p'], consumers: ['c'], buffers: sizes[size] });
  const network = (taskManagerId: string, slotIndex: number) =>
    createSlotNetwork({
      config,
      codecs,
      location: { taskManagerId, host: '127.0.0.1', slotIndex },
      memory: wired.slot,
      bindHost: '127.0.0.1',
    });
  const producer = await network('a', 0);
  const consumer = transport === 'local' ? producer : await network(transport === 'tcp' ? 'b' : 'a', 1);
  return { producer, consumer, wired };
}

interface Step {
  readonly values: readonly unknown[];
  readonly event: ChannelEvent | undefined;
}

/** Sends the steps, consuming only now and then; gives back what arrived. */
async function send(transport: Transport, size: Size, steps: readonly Step[], pauseEvery: number, heedsRoom = true): Promise<unknown[]> {
  const { producer, consumer, wired } = await networks(transport, size);
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
      channels: channelsOf(wired, 'p'),
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
      channels: channelsOf(wired, 'c'),
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

function ring(segmentBytes: number, exclusive: number, start = 0): { writer: RingWriter; reader: RingReader } {
  const words = allocateRing(exclusive, start);
  const segments = new Segments(allocateSlabs(exclusive, segmentBytes), segmentBytes);
  const settings = { segmentBytes, exclusive, floating: 0, most: exclusive };
  const buffers = new PartitionBuffers({ segments: Int32Array.from({ length: exclusive }, (_, index) => index), floating: 0 }, settings);
  return { writer: new RingWriter(words, segments, (reclaim) => buffers.channel(reclaim)), reader: new RingReader(words, segments) };
}

test('a ring works across the wrap of its counters', () => {
  for (const start of [2 ** 31 - 128, -128, 2 ** 31 - 256]) {
    const { writer, reader } = ring(128, 2, start | 0);
    for (let i = 0; i < 1000; i++) {
      const bytes = Buffer.alloc(i % 90, i);
      expect(writer.tryWrite(1, bytes)).toBe(true);
      expect(reader.read((frame) => Buffer.from(frame))).toEqual(Buffer.concat([Buffer.from([1]), bytes]));
    }
    expect(reader.hasPiece).toBe(false);
  }
});

test('a full ring refuses and loses nothing; one that was read takes its longest piece, wherever it stands', () => {
  const { writer, reader } = ring(64, 3);
  expect(writer.tryWrite(0, Buffer.alloc(150))).toBe(true);
  expect(writer.tryWrite(0, Buffer.alloc(100))).toBe(false);
  expect(reader.read((frame) => frame.length)).toBe(151);
  for (let i = 0; i < 200; i++) {
    expect(writer.tryWrite(0, Buffer.alloc(i % 40, i))).toBe(true);
    expect(reader.read((frame) => frame.length)).toBe((i % 40) + 1);
    expect(writer.tryWrite(1, Buffer.alloc(writer.longestPiece, i))).toBe(true);
    expect(reader.read((frame) => Buffer.from(frame))).toEqual(Buffer.concat([Buffer.from([1]), Buffer.alloc(writer.longestPiece, i)]));
  }
});

test('what is written is read in order, whatever the sizes and the pace', () => {
  const pieces = fc.array(fc.tuple(fc.nat({ max: 600 }), fc.nat({ max: 3 })), { maxLength: 200 });
  fc.assert(
    fc.property(pieces, fc.integer({ min: 2, max: 9 }), (sizesAndReads, exclusive) => {
      const { writer, reader } = ring(256, exclusive);
      const sent: number[] = [];
      const received: number[] = [];
      const read = (): boolean =>
        reader.read((piece) => {
          received.push(piece.length);
          const filling = received.length & 0xff;
          return piece.subarray(1).every((byte) => byte === filling);
        }) ?? true;
      for (const [size, reads] of sizesAndReads) {
        const length = Math.min(size, writer.longestPiece);
        while (!writer.tryWrite(0, Buffer.alloc(length, sent.length + 1))) {
          expect(reader.hasPiece).toBe(true);
          expect(read()).toBe(true);
        }
        sent.push(length + 1);
        for (let i = 0; i < reads; i++) expect(read()).toBe(true);
      }
      while (reader.hasPiece) expect(read()).toBe(true);
      expect(received).toEqual(sent);
    }),
  );
});
