/** Two threads and one channel: nothing is lost or doubled, and neither end sleeps through its wake-up. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import type { EndData } from './channel-end.ts';
import { channelsOf, wire } from './channel-memory.ts';

const entry = new URL('./channel-end.ts', import.meta.url);
const frames = 4000;

/** The counters of rings wrap: the first case is near to it by the number of bytes, not of frames. */
const paces = [
  { pace: 'both as fast as they can', producer: 0, consumer: 0 },
  { pace: 'a slow consumer', producer: 0, consumer: 4 },
  { pace: 'a slow producer', producer: 4, consumer: 0 },
  { pace: 'both now and then', producer: 8, consumer: 8 },
];

describe.each(['ring', 'tcp'] as const)('%s', (transport) => {
  test.each(paces)('$pace', async ({ producer, consumer }) => {
    const wired = wire({ producers: ['p'], consumers: ['c'], buffers: { segmentBytes: 2048, floating: 1 } });
    const start = async (data: Pick<EndData, 'role' | 'idleEvery' | 'location'>) => {
      const channels = channelsOf(wired, data.role === 'producer' ? 'p' : 'c');
      const worker = new Worker(entry, { workerData: { ...data, memory: wired.slot, channels, frames, seed: 7 } satisfies EndData });
      const failed = once(worker, 'error').then(([error]) => Promise.reject(error as Error));
      failed.catch(() => {});
      const next = (): Promise<unknown> => Promise.race([once(worker, 'message').then(([message]) => message as unknown), failed]);
      return { worker, next, location: await next() };
    };
    const ends = await Promise.all([
      start({ role: 'producer', idleEvery: producer, location: { taskManagerId: 'a', host: '127.0.0.1', slotIndex: 0 } }),
      start({
        role: 'consumer',
        idleEvery: consumer,
        location: { taskManagerId: transport === 'tcp' ? 'b' : 'a', host: '127.0.0.1', slotIndex: 1 },
      }),
    ]);
    const [from, to] = ends;
    try {
      const sent = from.next();
      const received = to.next();
      from.worker.postMessage(to.location);
      to.worker.postMessage(from.location);
      expect(await sent).toBe('sent');
      expect(await received).toBe(frames);
      for (const { worker } of ends) worker.postMessage('close');
      await Promise.all(ends.map(({ worker }) => once(worker, 'exit')));
    } finally {
      await Promise.all(ends.map(({ worker }) => worker.terminate()));
    }
  });
});
