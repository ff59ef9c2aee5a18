import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Configuration } from '../../../src/config/configuration.ts';
import { type Demand, nextInLine, rounded } from '../../../src/deployment/yarn/embedded/capacity-scheduler.ts';
import { yarnSettings } from '../../../src/deployment/yarn/embedded/settings.ts';
import type { Resource } from '../../../src/deployment/yarn/protocol/records.ts';

const base = { 'flink.yarn.nodemanager.resource.memory-mb': 8192, 'flink.yarn.nodemanager.resource.cpu-vcores': 8 };
const settings = (more: Record<string, string | number> = {}) => yarnSettings(Configuration.of({ ...base, ...more }));
const twoQueues = {
  'flink.yarn.scheduler.capacity.root.queues': 'a, b',
  'flink.yarn.scheduler.capacity.root.a.capacity': 75,
  'flink.yarn.scheduler.capacity.root.b.capacity': 25,
};

const demand = (applicationId: string, more: Partial<Demand> = {}): Demand => ({
  applicationId,
  queue: 'default',
  priority: 0,
  sequence: 0,
  next: { memoryMb: 1024, vcores: 1 },
  ...more,
});
const used = (queues: Record<string, number>): Map<string, Resource> =>
  new Map(Object.entries(queues).map(([queue, memoryMb]) => [queue, { memoryMb, vcores: 0 }]));

describe('the next container goes', () => {
  test('to the highest priority, then to the oldest', () => {
    const demands = [demand('young', { sequence: 2 }), demand('old', { sequence: 1 }), demand('urgent', { sequence: 3, priority: 5 })];
    expect(nextInLine(settings(), new Map(), demands)?.applicationId).toBe('urgent');
    expect(nextInLine(settings(), new Map(), demands.slice(0, 2))?.applicationId).toBe('old');
  });

  test('to nobody while the first in line does not fit: what comes free is kept for it', () => {
    const demands = [demand('large', { priority: 1, next: { memoryMb: 4096, vcores: 1 } }), demand('small', { sequence: 1 })];
    expect(nextInLine(settings(), used({ default: 6144 }), demands)).toBeUndefined();
    expect(nextInLine(settings(), used({ default: 4096 }), demands)?.applicationId).toBe('large');
  });

  test('to the queue that is furthest below its share', () => {
    const demands = [demand('of-a', { queue: 'a' }), demand('of-b', { queue: 'b' })];
    expect(nextInLine(settings(twoQueues), used({ a: 2048, b: 1024 }), demands)?.applicationId).toBe('of-a');
    expect(nextInLine(settings(twoQueues), used({ a: 4096, b: 1024 }), demands)?.applicationId).toBe('of-b');
  });

  test('past a queue that is at its limit', () => {
    const limited = settings({ ...twoQueues, 'flink.yarn.scheduler.capacity.root.b.maximum-capacity': 12.5 });
    const demands = [demand('of-b', { queue: 'b' })];
    expect(nextInLine(limited, used({ a: 4096, b: 1024 }), demands)).toBeUndefined();
    expect(nextInLine(limited, used({ a: 4096, b: 1024 }), [...demands, demand('of-a', { queue: 'a' })])?.applicationId).toBe('of-a');
  });

  test('by memory alone, unless vcores bind', () => {
    const wide = [demand('wide', { next: { memoryMb: 1024, vcores: 9 } })];
    expect(nextInLine(settings(), new Map(), wide)?.applicationId).toBe('wide');
    const calculator = 'org.apache.hadoop.yarn.util.resource.DominantResourceCalculator';
    expect(nextInLine(settings({ 'flink.yarn.scheduler.capacity.resource-calculator': calculator }), new Map(), wide)).toBeUndefined();
  });
});

test('whatever is wanted, no more is granted than the node and its queues hold, and in the end nobody waits without reason', () => {
  const wish = fc.record({
    queue: fc.constantFrom('a', 'b'),
    priority: fc.integer({ min: 0, max: 3 }),
    memoryMb: fc.integer({ min: 1, max: 8192 }),
  });
  fc.assert(
    fc.property(fc.array(wish, { maxLength: 12 }), fc.integer({ min: 25, max: 100 }), (wishes, mostOfB) => {
      const rules = settings({ ...twoQueues, 'flink.yarn.scheduler.capacity.root.b.maximum-capacity': mostOfB });
      const waiting = wishes.map((each, sequence) =>
        demand(String(sequence), { ...each, sequence, next: rounded({ memoryMb: each.memoryMb, vcores: 1 }, rules) }),
      );
      const usedMb: Record<string, number> = { a: 0, b: 0 };
      for (;;) {
        const next = nextInLine(rules, used(usedMb), waiting);
        if (!next) break;
        // In its queue nobody of higher rank waits.
        const rivals = waiting.filter(({ queue, priority }) => queue === next.queue && priority > next.priority);
        expect(rivals).toEqual([]);
        waiting.splice(waiting.indexOf(next), 1);
        usedMb[next.queue] = (usedMb[next.queue] as number) + next.next.memoryMb;
        expect((usedMb['a'] as number) + (usedMb['b'] as number)).toBeLessThanOrEqual(8192);
        expect(usedMb['b']).toBeLessThanOrEqual((8192 * mostOfB) / 100);
      }
      const free = 8192 - (usedMb['a'] as number) - (usedMb['b'] as number);
      const roomIn = (queue: string): number => (queue === 'a' ? free : Math.min(free, (8192 * mostOfB) / 100 - (usedMb['b'] as number)));
      // If everybody who waits would fit, somebody would have been served.
      expect(waiting.length > 0 && waiting.every(({ queue, next }) => next.memoryMb <= roomIn(queue))).toBe(false);
    }),
  );
});

test('containers are granted in steps of the smallest one', () => {
  expect(rounded({ memoryMb: 1, vcores: 1 }, settings())).toEqual({ memoryMb: 1024, vcores: 1 });
  expect(rounded({ memoryMb: 1025, vcores: 3 }, settings({ 'flink.yarn.scheduler.minimum-allocation-vcores': 2 }))).toEqual({
    memoryMb: 2048,
    vcores: 4,
  });
});

test.each([
  [{ 'flink.yarn.nodemanager.resource.memory-mb': 'much' }, "Could not use 'much' for key 'flink.yarn.nodemanager.resource.memory-mb'."],
  [{ ...twoQueues, 'flink.yarn.scheduler.capacity.root.b.capacity': 50 }, 'The capacities of all queues must add up to 100.'],
  [{ 'flink.yarn.scheduler.minimum-allocation-mb': 0 }, 'It must be above 0.'],
])('settings that make no sense are refused: %o', (more, message) => {
  expect(() => settings(more)).toThrow(message);
});
