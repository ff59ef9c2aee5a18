/** Timers leave in order, once each, and a deleted one leaves nothing to wake up for. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyTable } from '../../../src/state/keyed/key-table.ts';
import { SnapshotsUnderWay } from '../../../src/state/keyed/snapshots-under-way.ts';
import { TimerQueue } from '../../../src/state/keyed/timer-queue.ts';

function create(): TimerQueue {
  return new TimerQueue('event-time-timers', 'service', new KeyTable('op'), new SnapshotsUnderWay());
}

const timestamps = fc.oneof(fc.nat({ max: 5 }), fc.integer({ min: -1000, max: 1000 }), fc.constantFrom(1e13, 1e13 + 0.5, -1e13));
const keys = fc.oneof(fc.nat({ max: 3 }), fc.constantFrom('a', null, 1n));
const namespaces = fc.constantFrom(undefined, 0, 'w', 'x');
const operation = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.constant('add' as const), timestamps, keys, namespaces) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('delete' as const), timestamps, keys, namespaces) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('take' as const), timestamps, keys, namespaces) },
);

test('a queue is a set of timers ordered by time', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const queue = create();
      const model = new Map<string, number>();
      const nameOf = (timestamp: number, key: unknown, namespace: unknown): string =>
        `${timestamp} ${typeof key}${String(key)} ${typeof namespace}${String(namespace)}`;
      const least = (): number => Math.min(...model.values());
      for (const [what, timestamp, key, namespace] of operations) {
        const name = nameOf(timestamp, key, namespace);
        if (what === 'add') {
          queue.add(timestamp, key, namespace);
          model.set(name, timestamp);
        } else if (what === 'delete') {
          queue.delete(timestamp, key, namespace);
          model.delete(name);
        } else {
          for (let due = queue.takeDue(timestamp); due; due = queue.takeDue(timestamp)) {
            expect(due.timestamp).toBe(least());
            expect(model.delete(nameOf(due.timestamp, due.key, due.namespace))).toBe(true);
          }
          expect(least()).toBeGreaterThan(timestamp);
        }
        expect(queue.size).toBe(model.size);
        expect(queue.next).toBe(least());
      }
    }),
    { numRuns: 300 },
  );
});

test('timers that a callback sets for the time being fired are taken too', () => {
  const queue = create();
  for (let key = 0; key < 10_000; key++) queue.add(5, key);
  let taken = 0;
  for (let due = queue.takeDue(5); due; due = queue.takeDue(5)) {
    taken++;
    if (taken <= 10_000) queue.add(5, -1 - (due.key as number), 'again');
  }
  expect(taken).toBe(20_000);
  expect(queue.next).toBe(Number.POSITIVE_INFINITY);
});

test('a timer that is moved ever later costs one timer', () => {
  const queue = create();
  for (let time = 0; time < 100_000; time++) {
    queue.delete(time, 'key');
    queue.add(time + 1, 'key');
    expect(queue.next).toBe(time + 1);
  }
  expect(queue.size).toBe(1);
});

test('the object given as a key can change without the timer changing', () => {
  const queue = create();
  const key = { user: 1 };
  queue.add(5, key, key);
  key.user = 2;
  expect(queue.takeDue(5)).toMatchObject({ key: { user: 1 }, namespace: { user: 1 } });
});
