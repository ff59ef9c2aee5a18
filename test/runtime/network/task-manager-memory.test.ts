/** The memory of channels: bounded whatever their number, and all of it back when their attempts are over. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Configuration } from '../../../src/config/configuration.ts';
import { channelSize, TaskManagerNetworkMemory } from '../../../src/runtime/network/task-manager-memory.ts';
import { channelKey } from '../../../src/runtime/task/task-host.ts';

const size = { smallest: 64 * 1024, largest: 512 * 1024 };
const total = 8 * 2 ** 20;

const attempt = fc.nat({ max: 9 }).map((n) => `attempt${n}`);
const step = fc.oneof(
  fc.record({ take: fc.constantFrom('ring' as const, 'credit' as const), producer: attempt, consumer: attempt }),
  fc.record({ over: attempt, finished: fc.boolean() }),
);

test('never above the limit, and nothing left when every attempt is over', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const memory = new TaskManagerNetworkMemory(total, 2, size);
      for (const now of steps) {
        if ('over' in now) {
          if (now.finished) memory.release(now.over);
          else memory.drop(now.over);
        } else {
          const key = channelKey(now.producer, now.take, now.consumer);
          if (now.take === 'ring') expect(memory.ring(key, now.producer, now.consumer)).toBe(memory.ring(key, now.producer, now.consumer));
          else expect(memory.credit(key, now.consumer)).toBe(memory.credit(key, now.consumer));
        }
        expect(memory.usedBytes).toBeLessThanOrEqual(total);
      }
      for (let n = 0; n < 10; n++) memory.release(`attempt${n}`);
      expect(memory.usedBytes).toBe(0);
    }),
  );
});

test('channels shrink as memory gets scarce, and the one too many is refused with what to do', () => {
  const memory = new TaskManagerNetworkMemory(total, 2, size);
  const granted: number[] = [];
  const fill = (): void => {
    for (;;) granted.push(memory.credit(channelKey('p', 'e', `c${granted.length}`), `c${granted.length}`));
  };
  expect(fill).toThrow(/Insufficient number of network buffers[\s\S]*taskmanager\.memory\.network/);
  expect(granted[0]).toBe(size.largest);
  expect(granted.at(-1)).toBe(size.smallest);
  expect(granted.toSorted((a, b) => b - a)).toEqual(granted);
  expect(memory.usedBytes).toBe(total);
});

test("Flink's buffer options size a channel", () => {
  expect(channelSize(Configuration.of({}))).toEqual({ smallest: 64 * 1024, largest: 512 * 1024 });
  const one = Configuration.of({
    'taskmanager.network.memory.buffers-per-channel': 1,
    'taskmanager.network.memory.floating-buffers-per-gate': 0,
    'taskmanager.memory.segment-size': '4kb',
  });
  expect(channelSize(one)).toEqual({ smallest: 4096, largest: 4096 });
});
