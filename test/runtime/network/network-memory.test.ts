/** The pool of segments: bounded whatever the number of channels, never shared by two, and whole again when all is over. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Configuration } from '../../../src/config/configuration.ts';
import { GateCredits } from '../../../src/runtime/network/memory/gate-credits.ts';
import { TaskManagerNetworkMemory, type TaskNeeds } from '../../../src/runtime/network/memory/network-memory.ts';
import { PartitionBuffers } from '../../../src/runtime/network/memory/partition-buffers.ts';
import { type BufferSettings, bufferSettings } from '../../../src/runtime/network/memory/segments.ts';
import { channelKey } from '../../../src/runtime/task/task-host.ts';

const settings: BufferSettings = { segmentBytes: 4096, exclusive: 2, floating: 8, most: 10 };
const segments = 256;
const total = segments * settings.segmentBytes;

const attempt = fc.nat({ max: 9 }).map((n) => `attempt${n}`);
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ starts: attempt, consumers: fc.uniqueArray(attempt, { maxLength: 5 }), remote: fc.nat({ max: 4 }) }),
  },
  fc.record({ over: attempt, finished: fc.boolean() }),
  fc.constant({ jobOver: true }),
);

test('never above the limit, no segment of two owners, and nothing left when every attempt is over', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const memory = new TaskManagerNetworkMemory(total, 2, settings);
      /** Attempts whose threads could touch the segments they know. */
      const alive = new Map<string, readonly number[]>();
      const names = Array.from({ length: 10 }, (_, n) => `attempt${n}`);
      let uses = 0;
      const end = (name: string, finished: boolean): void => {
        if (finished) memory.release(name);
        else memory.drop(name);
        alive.delete(name);
      };
      for (const now of steps) {
        if ('jobOver' in now) memory.forget(names);
        else if ('over' in now) end(now.over, now.finished);
        else if (!alive.has(now.starts)) {
          const producer = now.starts;
          const needs: TaskNeeds = {
            attempt: producer,
            rings: now.consumers.map((consumer) => ({ key: channelKey(producer, `e${uses}`, consumer), producer, consumer })),
            partitions: [{ edgeId: `e${uses++}`, channels: now.consumers.length + now.remote, neighbours: now.consumers }],
            gates: [{ edgeId: 'in', channels: now.remote }],
          };
          const before = memory.freeSegments;
          try {
            const { partitions, gates } = memory.allocate(needs);
            const granted = Object.values(partitions).flatMap((grant) => [...grant.segments]);
            for (const others of alive.values()) expect(granted.filter((segment) => others.includes(segment))).toEqual([]);
            alive.set(producer, granted);
            const floating = Object.values(partitions)[0]?.floating ?? 0;
            expect(granted.length).toBe((now.consumers.length + now.remote) * settings.exclusive + floating);
            expect(before - memory.freeSegments).toBe(granted.length + now.remote * settings.exclusive + (gates['in'] as number));
          } catch (error) {
            expect(error).toMatchObject({ code: 'INSUFFICIENT_NETWORK_MEMORY' });
            expect(memory.freeSegments).toBe(before);
          }
        }
        expect(memory.usedBytes).toBeLessThanOrEqual(total);
      }
      for (const name of names) end(name, false);
      expect(memory.freeSegments).toBe(segments);
    }),
  );
});

test('what a consumer still reads is not given away when its producer is gone, nor what a producer still writes', () => {
  const memory = new TaskManagerNetworkMemory(total, 2, settings);
  const rings = [{ key: channelKey('p', 'e', 'c'), producer: 'p', consumer: 'c' }];
  memory.allocate({ attempt: 'p', rings, partitions: [{ edgeId: 'e', channels: 1, neighbours: ['c'] }], gates: [] });
  const used = memory.usedBytes;
  // Its consumer may come later.
  memory.release('p');
  expect(memory.usedBytes).toBe(used);
  const { rings: found } = memory.allocate({ attempt: 'c', rings, partitions: [], gates: [] });
  expect(found).toBeDefined();
  memory.drop('c');
  expect(memory.usedBytes).toBe(0);

  memory.allocate({ attempt: 'p', rings, partitions: [{ edgeId: 'e', channels: 1, neighbours: ['c'] }], gates: [] });
  memory.allocate({ attempt: 'c', rings, partitions: [], gates: [] });
  memory.drop('c');
  expect(memory.usedBytes).toBe(used);
  memory.drop('p');
  expect(memory.usedBytes).toBe(0);
});

test('the one channel too many is refused with the arithmetic and what to do; floating segments never take its place', () => {
  const memory = new TaskManagerNetworkMemory(total, 2, settings);
  let tasks = 0;
  const fill = (): void => {
    for (;;) memory.allocate({ attempt: `a${tasks++}`, rings: [], partitions: [{ edgeId: 'e', channels: 4, neighbours: [] }], gates: [] });
  };
  expect(fill).toThrow(
    /required 8, but only [0-7] available. The total number of network buffers is currently set to 256 of 4096 bytes each\.[\s\S]*taskmanager\.memory\.network\.fraction/,
  );
  // A quarter of the pool is for exclusive segments alone: 8 tasks of 8 each.
  expect(tasks - 1).toBeGreaterThanOrEqual(8 + Math.floor((segments * 3) / 4 / 16));
});

test("Flink's buffer options size the channels", () => {
  expect(bufferSettings(Configuration.of({}))).toEqual({ segmentBytes: 32 * 1024, exclusive: 2, floating: 8, most: 10 });
  const one = Configuration.of({
    'taskmanager.network.memory.buffers-per-channel': 1,
    'taskmanager.network.memory.floating-buffers-per-gate': 0,
    'taskmanager.network.memory.max-buffers-per-channel': 3,
    'taskmanager.memory.segment-size': '4kb',
  });
  expect(bufferSettings(one)).toEqual({ segmentBytes: 2048, exclusive: 2, floating: 0, most: 6 });
});

test('channels of a partition share what floats, and each can always use its own', () => {
  const take = fc.record({ channel: fc.nat({ max: 2 }), count: fc.integer({ min: 1, max: 4 }) });
  const give = fc.record({ channel: fc.nat({ max: 2 }), gives: fc.constant(true) });
  fc.assert(
    fc.property(fc.array(fc.oneof(take, give), { maxLength: 80 }), (steps) => {
      const grant = { segments: Int32Array.from({ length: 3 * 2 + 5 }, (_, index) => index + 100), floating: 5 };
      const partition = new PartitionBuffers(grant, { ...settings, most: 6 });
      const channels = [0, 1, 2].map(() => ({ buffers: partition.channel(), held: [] as number[] }));
      for (const now of steps) {
        const { buffers, held } = channels[now.channel] as (typeof channels)[0];
        if ('gives' in now) {
          const segment = held.shift();
          if (segment !== undefined) buffers.giveBack(segment);
        } else if (buffers.tryReserve(now.count)) for (let i = 0; i < now.count; i++) held.push(buffers.take());
        else expect(held.length + now.count).toBeGreaterThan(settings.exclusive);
        const all = channels.flatMap((channel) => channel.held);
        expect(new Set(all).size).toBe(all.length);
        expect(all.every((segment) => segment >= 100 && segment < 111)).toBe(true);
        const borrowed = channels.reduce((sum, channel) => sum + Math.max(0, channel.held.length - settings.exclusive), 0);
        expect(borrowed + partition.floating).toBe(5);
        expect(channels.every((channel) => channel.held.length <= 6)).toBe(true);
      }
    }),
  );
});

test('a gate lends to those that have waited longest, and never more than it has', () => {
  const credits = new GateCredits(2 * 4096, 3 * 4096, 4096);
  const lent: string[] = [];
  const borrower = (name: string) => ({ lend: () => void lent.push(name) });
  const [a, b, c] = [borrower('a'), borrower('b'), borrower('c')];
  for (const who of [a, a, b, c]) credits.request(who);
  credits.request(c);
  credits.request(b);
  expect(lent).toEqual(['a', 'a', 'b']);
  credits.giveBack(4095);
  expect(lent).toHaveLength(3);
  credits.giveBack(1);
  expect(lent.at(-1)).toBe('c');
  credits.forget(b);
  credits.giveBack(4096);
  expect(lent).toHaveLength(4);
  expect(credits.leftBytes).toBe(4096);
});
