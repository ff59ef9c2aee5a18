/**
 * Who waits for whom over rings and connections: memory is bounded under any skew, a slow consumer holds up its producers and
 * nobody else, inputs have their turn, and alignment stops one channel alone.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { InputGate, ResultPartitionWriter } from '../../../src/runtime/network/channel.ts';
import { Flow } from './flow-harness.ts';

const small = { segmentBytes: 2048, exclusive: 2, floating: 3, most: 4 };
/** What both ends of one channel hold at most, and what one call may leave behind. */
const mostOfChannel = 2 * small.most * small.segmentBytes + 64 * 1024;

interface Item {
  readonly from: number;
  readonly number: number;
  readonly filling: string;
}

function item(from: number, number: number, length: number): Item {
  return { from, number, filling: 'x'.repeat(length) };
}

/** Sends until the partition takes no more; frames of one record each. Gives the next number. */
function fill(partition: ResultPartitionWriter, from: number, to: number, first: number, length = 300): number {
  let next = first;
  while (partition.isAvailable) {
    partition.emit(item(from, next++, length), 0, to);
    partition.flush();
  }
  return next;
}

describe.each(['ring', 'tcp'] as const)('%s', (transport) => {
  test('whatever the skew and the pace, memory is bounded and everything arrives in order', async () => {
    const step = fc.record({
      producer: fc.nat({ max: 2 }),
      records: fc.nat({ max: 40 }),
      length: fc.constantFrom(1, 100, 1500, 9000),
      /** Of the consumers, the one that nearly all goes to. */
      hot: fc.nat({ max: 2 }),
      polls: fc.tuple(fc.nat({ max: 6 }), fc.nat({ max: 1 }), fc.nat({ max: 3 })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        await using flow = await Flow.open({ transport, producers: 3, consumers: 3, buffers: small });
        const used = flow.memory.usedBytes;
        const sent = new Map<string, number>();
        const received = new Map<string, number>();
        const poll = (consumer: number): void => {
          for (const value of flow.take(consumer)?.values ?? []) {
            const { from, number } = value as Item;
            const channel = `${from} ${consumer}`;
            expect(number).toBe(received.get(channel) ?? 0);
            received.set(channel, number + 1);
          }
        };
        for (const [index, { producer, records, length, hot, polls }] of steps.entries()) {
          const partition = flow.partitions[producer] as ResultPartitionWriter;
          for (let n = 0; n < records && partition.isAvailable; n++) {
            const to = (n + index) % 10 === 0 ? n % 3 : hot;
            const number = sent.get(`${producer} ${to}`) ?? 0;
            partition.emit(item(producer, number, length), 0, to);
            sent.set(`${producer} ${to}`, number + 1);
          }
          if (records % 3 === 0) partition.flush();
          for (const [consumer, times] of polls.entries()) for (let n = 0; n < times; n++) poll(consumer);
          await flow.turn();
          for (const { poolUsage } of [...flow.partitions, ...flow.gates]) expect(poolUsage).toBeLessThanOrEqual(1);
          expect(flow.memory.usedBytes).toBe(used);
        }
        for (const partition of flow.partitions) partition.broadcastEvent({ kind: 'end-of-partition' });
        while (flow.gates.some((gate) => !gate.isFinished)) {
          for (const consumer of [0, 1, 2]) poll(consumer);
          await flow.turn();
        }
        expect(received).toEqual(sent);
      }),
      { numRuns: 25 },
    );
  });

  test('a consumer that stands still stops its producer soon, and no other pair of the same slots', async () => {
    await using flow = await Flow.open({ transport, producers: 2, consumers: 2, buffers: small });
    const [stalled, running] = flow.partitions as [ResultPartitionWriter, ResultPartitionWriter];
    let unread = 0;
    let arrived = 0;
    for (let number = 0; arrived < 3000; ) {
      unread = fill(stalled, 0, 0, unread);
      if (running.isAvailable) {
        running.emit(item(1, number++, 300), 0, 1);
        running.flush();
      }
      for (let got = flow.take(1); got; got = flow.take(1)) arrived += got.values.length;
      await flow.turn();
    }
    expect(unread * 300).toBeLessThan(mostOfChannel);
    // It goes on where it stopped.
    let next = 0;
    while (next < unread) {
      for (const value of flow.take(0)?.values ?? []) expect((value as Item).number).toBe(next++);
      await flow.turn();
    }
    expect(stalled.isAvailable).toBe(true);
  });

  test('inputs that always have something are read in turns, whatever they carry', async () => {
    await using flow = await Flow.open({ transport, producers: 3, consumers: 1, buffers: small });
    const next = [0, 0, 0];
    const polls = [0, 0, 0];
    const refill = async (): Promise<void> => {
      do {
        for (const [from, partition] of flow.partitions.entries())
          next[from] = fill(partition, from, 0, next[from] as number, 10 + from * 400);
        await flow.turn();
      } while (flow.partitions.some((partition) => partition.isAvailable));
    };
    for (let round = 0; round < 150; round++) {
      await refill();
      const got = flow.take(0);
      if (got) polls[got.channel] = (polls[got.channel] as number) + 1;
    }
    expect(Math.max(...polls) - Math.min(...polls)).toBeLessThanOrEqual(2);
  });

  test('a channel that is aligned gets no further credit, the others of its slots flow on, and then it does', async () => {
    await using flow = await Flow.open({ transport, producers: 2, consumers: 1, buffers: small });
    const [blocked, running] = flow.partitions as [ResultPartitionWriter, ResultPartitionWriter];
    const gate = flow.gates[0] as InputGate;
    gate.blockChannel(0);
    let sent = 0;
    let arrived = 0;
    for (let number = 0; arrived < 3000; ) {
      sent = fill(blocked, 0, 0, sent);
      if (running.isAvailable) {
        running.emit(item(1, number++, 300), 0, 0);
        running.flush();
      }
      for (let got = flow.take(0); got; got = flow.take(0)) {
        expect(got.channel).toBe(1);
        arrived += got.values.length;
      }
      await flow.turn();
    }
    expect(sent * 300).toBeLessThan(mostOfChannel);
    gate.unblockChannel(0);
    let next = 0;
    while (next < sent + 2000) {
      for (const value of flow.take(0)?.values ?? []) if ((value as Item).from === 0) expect((value as Item).number).toBe(next++);
      if (blocked.isAvailable) sent = fill(blocked, 0, 0, sent);
      await flow.turn();
      if (next >= 2000) break;
    }
    expect(next).toBeGreaterThanOrEqual(2000);
  });

  test('channels that are idle keep nothing that a busy one could use', async () => {
    await using flow = await Flow.open({ transport, producers: 1, consumers: 3, buffers: small });
    const [partition] = flow.partitions as [ResultPartitionWriter];
    for (const to of [0, 1, 2, 0, 1, 2]) {
      let sent = 0;
      // Credit comes some turns later.
      for (let turn = 0; turn < 20; turn++) {
        sent = fill(partition, 0, to, sent);
        await flow.turn();
      }
      // More than its own segments hold.
      expect(sent * 300).toBeGreaterThan(small.exclusive * small.segmentBytes);
      let next = 0;
      while (next < sent) {
        for (const value of flow.take(to)?.values ?? []) expect((value as Item).number).toBe(next++);
        await flow.turn();
      }
      while (!partition.isAvailable) await flow.turn();
    }
  });
});
