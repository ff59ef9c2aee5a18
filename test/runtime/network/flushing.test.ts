/** When gathered records leave: by the buffer timeout, when a frame is full, with an event; and that broadcasting encodes once. */
import { describe, expect, test } from 'vitest';
import type { ResultPartitionWriter } from '../../../src/runtime/network/channel.ts';
import { maxBatchRecords } from '../../../src/runtime/network/subpartition.ts';
import type { CodecFactory } from '../../../src/types/codec.ts';
import { codecs } from '../../../src/types/codecs.ts';
import { ManualClock } from '../../harness/manual-clock.ts';
import { Flow } from './flow-harness.ts';

const buffers = { segmentBytes: 32 * 1024, floating: 4 };

/** Everything that has left its producer, frame by frame. */
async function frames(flow: Flow, consumer: number, atLeast: number): Promise<number[]> {
  const sizes: number[] = [];
  // What was written is there after some turns, and there is nothing to wait for when nothing was written.
  for (let idle = 0; idle < 20 || sizes.length < atLeast; idle++) {
    for (let got = flow.take(consumer); got; got = flow.take(consumer)) if (got.values.length > 0) sizes.push(got.values.length);
    await flow.turn();
  }
  return sizes;
}

describe.each(['local', 'ring', 'tcp'] as const)('%s', (transport) => {
  test('a timeout of 0 sends each record by itself', async () => {
    await using flow = await Flow.open({ transport, producers: 1, consumers: 2, buffers, bufferTimeoutMs: 0 });
    const [partition] = flow.partitions as [ResultPartitionWriter];
    partition.emit('a', 0, 0);
    expect(await frames(flow, 0, 1)).toEqual([1]);
    partition.emit('b', 0, 0);
    partition.emit('c', 0, 0);
    expect(await frames(flow, 0, 2)).toEqual([1, 1]);
  });

  test('without a timeout only full frames leave, and what an event must not overtake', async () => {
    const clock = new ManualClock();
    await using flow = await Flow.open({ transport, producers: 1, consumers: 1, buffers, bufferTimeoutMs: -1, clock });
    const [partition] = flow.partitions as [ResultPartitionWriter];
    for (let n = 0; n < maxBatchRecords - 1; n++) partition.emit(n, 0, 0);
    clock.advance(1_000_000);
    expect(flow.producerNetwork.flushDue(clock.monotonic())).toBe(Number.POSITIVE_INFINITY);
    expect(await frames(flow, 0, 0)).toEqual([]);
    partition.emit('last', 0, 0);
    expect(await frames(flow, 0, 1)).toEqual([maxBatchRecords]);
    partition.emit('alone', 0, 0);
    partition.broadcastEvent({ kind: 'watermark', timestamp: 1 });
    expect(await frames(flow, 0, 1)).toEqual([1]);
  });

  test('a record waits no longer than the timeout, counted from the first of its frame, and frames grow with the rate', async () => {
    const clock = new ManualClock();
    await using flow = await Flow.open({ transport, producers: 1, consumers: 1, buffers, bufferTimeoutMs: 10, clock });
    const [partition] = flow.partitions as [ResultPartitionWriter];
    const due = (): number => flow.producerNetwork.flushDue(clock.monotonic());
    expect(due()).toBe(Number.POSITIVE_INFINITY);
    partition.emit(1, 0, 0);
    clock.advance(9);
    partition.emit(2, 0, 0);
    expect(due()).toBe(1);
    expect(await frames(flow, 0, 0)).toEqual([]);
    clock.advance(1);
    due();
    expect(await frames(flow, 0, 1)).toEqual([2]);
    expect(due()).toBe(Number.POSITIVE_INFINITY);
    // 100 records a millisecond: full frames, and the rest at the end of the time.
    for (let ms = 0; ms < 10; ms++) {
      for (let n = 0; n < 100; n++) partition.emit(n, 0, 0);
      clock.advance(1);
      due();
    }
    expect(await frames(flow, 0, 2)).toEqual([maxBatchRecords, 1000 - maxBatchRecords]);
  });
});

describe.each(['ring', 'tcp'] as const)('broadcast over %s', (transport) => {
  test.each([-1, 0])('encodes once for all consumers, in order with events, with a timeout of %i', async (bufferTimeoutMs) => {
    let encoded = 0;
    const counting: CodecFactory = {
      ...codecs,
      createEncoder: (options) => {
        const encoder = codecs.createEncoder(options);
        const add = encoder.add.bind(encoder);
        return Object.assign(encoder, {
          add: (...record: Parameters<typeof add>) => {
            encoded++;
            add(...record);
          },
        });
      },
    };
    await using flow = await Flow.open({ transport, producers: 1, consumers: 3, buffers, bufferTimeoutMs, codecs: counting });
    const [partition] = flow.partitions as [ResultPartitionWriter];
    const sent: unknown[] = [];
    const received: unknown[][] = [[], [], []];
    const drain = (): void => {
      for (const [consumer, all] of received.entries())
        for (let got = flow.take(consumer); got; got = flow.take(consumer)) all.push(...got.values, ...(got.event ? [got.event.kind] : []));
    };
    for (let n = 0; n < 3000; n++) {
      while (!partition.isAvailable) {
        drain();
        await flow.turn();
      }
      const record = { n, text: `text ${n % 7}`, nested: { list: [n] } };
      partition.broadcast(record, n);
      sent.push(record);
      if (n % 700 === 0) {
        partition.broadcastEvent({ kind: 'watermark', timestamp: n });
        sent.push('watermark');
      }
    }
    expect(encoded).toBe(3000);
    expect(partition.recordsOut).toBe(3000);
    partition.broadcastEvent({ kind: 'end-of-partition' });
    while (flow.gates.some((gate) => !gate.isFinished)) {
      drain();
      await flow.turn();
    }
    for (const all of received) expect(all).toEqual([...sent, 'end-of-partition']);
  });
});
