/** Barrier handling as event scripts, and against a plain description of what alignment means. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AlignedBarriers } from '../../../../src/runtime/network/barrier/aligned-barriers.ts';
import type { BarrierHandler, CheckpointBarrier } from '../../../../src/runtime/network/barrier/barrier-handler.ts';
import { TrackedBarriers } from '../../../../src/runtime/network/barrier/tracked-barriers.ts';

const options: CheckpointBarrier['options'] = {
  kind: 'checkpoint',
  alignment: 'exactly-once',
  location: { directory: undefined, inlineThresholdBytes: 0, inlineLimitBytes: 0, writeBufferBytes: 0 },
};
const barrier = (checkpointId: number): CheckpointBarrier => ({ checkpointId, timestamp: 0, options });

function script(Handler: typeof AlignedBarriers | typeof TrackedBarriers, channels: number): { handler: BarrierHandler; said: string[] } {
  const said: string[] = [];
  let ticks = 0;
  const handler = new Handler(
    channels,
    {
      block: (channel) => said.push(`block ${channel}`),
      unblock: (channel) => said.push(`unblock ${channel}`),
      snapshot: ({ checkpointId }, { alignmentMs }) => said.push(`snapshot ${checkpointId}${alignmentMs > 0 ? ' aligned' : ''}`),
      abort: (checkpointId, reason) => said.push(`abort ${checkpointId} ${reason}`),
      cancelled: (checkpointId) => said.push(`cancelled ${checkpointId}`),
    },
    { now: () => 0, monotonic: () => ++ticks, bytesIn: () => 0 },
  );
  return { handler, said };
}

describe('exactly-once', () => {
  test('the last barrier takes the snapshot before any channel goes on', () => {
    const { handler, said } = script(AlignedBarriers, 2);
    handler.barrier(0, barrier(1));
    handler.barrier(1, barrier(1));
    expect(said).toEqual(['block 0', 'block 1', 'snapshot 1 aligned', 'unblock 0', 'unblock 1']);
  });

  test('one channel needs no alignment', () => {
    const { handler, said } = script(AlignedBarriers, 1);
    handler.barrier(0, barrier(7));
    expect(said).toEqual(['block 0', 'snapshot 7', 'unblock 0']);
  });

  test('a newer barrier aborts the older checkpoint and starts its own', () => {
    const { handler, said } = script(AlignedBarriers, 3);
    handler.barrier(0, barrier(1));
    handler.barrier(1, barrier(2));
    handler.barrier(0, barrier(2));
    handler.barrier(2, barrier(1));
    handler.barrier(2, barrier(2));
    expect(said).toEqual([
      'block 0',
      'unblock 0',
      'abort 1 DECLINED_SUBSUMED',
      'block 1',
      'block 0',
      'block 2',
      'snapshot 2 aligned',
      'unblock 1',
      'unblock 0',
      'unblock 2',
    ]);
  });

  test('an ended channel counts as aligned, and once only', () => {
    const { handler, said } = script(AlignedBarriers, 3);
    handler.barrier(0, barrier(1));
    handler.endOfPartition(0);
    handler.endOfPartition(1);
    expect(said).toEqual(['block 0']);
    handler.barrier(2, barrier(1));
    expect(said).toContain('snapshot 1 aligned');
    handler.barrier(2, barrier(2));
    expect(said.at(-2)).toBe('snapshot 2');
  });

  test('a cancel marker ends the alignment it belongs to', () => {
    const { handler, said } = script(AlignedBarriers, 2);
    handler.barrier(0, barrier(4));
    handler.cancelMarker(1, 4);
    handler.barrier(1, barrier(4));
    expect(said).toEqual(['block 0', 'unblock 0', 'abort 4 DECLINED_ON_CANCELLATION_BARRIER']);
  });

  test('a cancel marker that comes first makes the barriers of its checkpoint obsolete', () => {
    const { handler, said } = script(AlignedBarriers, 2);
    handler.cancelMarker(0, 4);
    handler.barrier(1, barrier(4));
    handler.cancelMarker(1, 3);
    expect(said).toEqual(['abort 4 DECLINED_ON_CANCELLATION_BARRIER']);
  });

  test('the news of an abort ends the alignment, and barriers that come behind it block nothing', () => {
    const { handler, said } = script(AlignedBarriers, 2);
    handler.barrier(0, barrier(4));
    handler.aborted(4);
    handler.barrier(1, barrier(4));
    handler.aborted(5);
    handler.barrier(0, barrier(5));
    handler.barrier(0, barrier(6));
    expect(said).toEqual(['block 0', 'unblock 0', 'cancelled 4', 'block 0']);
  });

  test('a trigger for a task whose producers have finished waits for the ends of its channels', () => {
    const { handler, said } = script(AlignedBarriers, 2);
    handler.endOfPartition(0);
    handler.trigger(barrier(5));
    expect(said).toEqual([]);
    handler.endOfPartition(1);
    expect(said).toEqual(['snapshot 5']);
    handler.trigger(barrier(6));
    expect(said).toEqual(['snapshot 5', 'snapshot 6']);
  });

  test('any interleaving of channels: a snapshot holds each channel exactly up to its barrier', () => {
    const lengths = fc.array(fc.array(fc.constantFrom('record', 'barrier'), { maxLength: 12 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(lengths, fc.infiniteStream(fc.nat()), (contents, choices) => {
        const channels = contents.map((elements) => [...elements]);
        // Every channel carries the same number of barriers, as a consistent upstream sends them.
        const most = Math.max(...channels.map((elements) => elements.filter((element) => element === 'barrier').length));
        for (const elements of channels) while (elements.filter((element) => element === 'barrier').length < most) elements.push('barrier');
        const blocked = new Set<number>();
        const read = channels.map(() => 0);
        const nextBarrier = channels.map(() => 1);
        const snapshots: number[][] = [];
        const handler = new AlignedBarriers(
          channels.length,
          {
            block: (channel) => blocked.add(channel),
            unblock: (channel) => blocked.delete(channel),
            snapshot: () => snapshots.push([...read]),
            abort: () => expect.unreachable(),
            cancelled: () => expect.unreachable(),
          },
          { now: () => 0, monotonic: () => 0, bytesIn: () => 0 },
        );
        for (;;) {
          const ready = channels
            .map((_, index) => index)
            .filter((index) => !blocked.has(index) && (channels[index] as string[]).length > 0);
          if (ready.length === 0) break;
          const channel = ready[(choices.next().value as number) % ready.length] as number;
          const element = (channels[channel] as string[]).shift();
          if (element === 'record') {
            read[channel] = (read[channel] as number) + 1;
          } else {
            handler.barrier(channel, barrier(nextBarrier[channel] as number));
            nextBarrier[channel] = (nextBarrier[channel] as number) + 1;
          }
        }
        const expected = Array.from({ length: most }, (_, checkpoint) =>
          contents.map((elements, channel) => recordsBefore([...elements], checkpoint, read[channel] as number)),
        );
        expect(snapshots).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });
});

/** Records of a channel in front of its barrier number `checkpoint`, from 0. */
function recordsBefore(elements: string[], checkpoint: number, all: number): number {
  let records = 0;
  let barriers = 0;
  for (const element of elements) {
    if (element === 'barrier') {
      if (barriers === checkpoint) return records;
      barriers++;
    } else {
      records++;
    }
  }
  return all;
}

describe('at-least-once', () => {
  test('nothing is blocked', () => {
    const { handler, said } = script(TrackedBarriers, 2);
    handler.barrier(0, barrier(1));
    handler.barrier(0, barrier(2));
    handler.barrier(1, barrier(1));
    handler.barrier(1, barrier(2));
    expect(said).toEqual(['snapshot 1', 'snapshot 2 aligned']);
  });

  test('a completed checkpoint takes the older ones with it', () => {
    const { handler, said } = script(TrackedBarriers, 2);
    handler.barrier(0, barrier(1));
    handler.barrier(0, barrier(2));
    handler.barrier(1, barrier(2));
    handler.barrier(1, barrier(1));
    expect(said).toEqual(['abort 1 DECLINED_SUBSUMED', 'snapshot 2 aligned']);
  });

  test('a cancelled checkpoint takes no snapshot', () => {
    const { handler, said } = script(TrackedBarriers, 2);
    handler.barrier(0, barrier(1));
    handler.cancelMarker(1, 1);
    expect(said).toEqual(['abort 1 DECLINED_ON_CANCELLATION_BARRIER']);
  });

  test('an ended channel counts for every checkpoint under way', () => {
    const { handler, said } = script(TrackedBarriers, 2);
    handler.barrier(0, barrier(1));
    handler.endOfPartition(1);
    handler.barrier(0, barrier(2));
    expect(said).toEqual(['snapshot 1 aligned', 'snapshot 2']);
  });
});
