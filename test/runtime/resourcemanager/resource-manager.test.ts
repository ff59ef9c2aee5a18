import { describe, expect, test } from 'vitest';
import { ResourceManager, type ResourceManagerOptions } from '../../../src/runtime/resourcemanager/resource-manager.ts';
import type { TaskExecutorGateway } from '../../../src/runtime/rpc/gateways.ts';
import { LineLogger } from '../../../src/shared/logger.ts';
import { ManualClock } from '../../harness/manual-clock.ts';

function setUp(options: Partial<ResourceManagerOptions> = {}) {
  const clock = new ManualClock();
  const lines: string[] = [];
  const wanted: number[] = [];
  const released: string[] = [];
  const lost: string[] = [];
  const manager = new ResourceManager({
    clock,
    log: new LineLogger('test', 'INFO', (line) => lines.push(line)),
    driver: {
      requestWorkers: (missing) => wanted.push(missing),
      workerRegistered() {},
      workerLost: (taskManagerId) => lost.push(taskManagerId),
      releaseWorker: (taskManagerId) => released.push(taskManagerId),
    },
    slotTimeoutMs: 5000,
    fencing: 'f',
    ...options,
  });
  /** `answer` takes the place of the TaskManager. */
  const add = (taskManagerId: string, slots: number, answer: () => Promise<void> = async () => {}) =>
    manager.register(
      {
        taskManagerId,
        host: 'h',
        pid: 1,
        dataPort: 0,
        slots: Array.from({ length: slots }, (_, slotIndex) => ({ slotIndex, dataPort: 0 })),
        hardware: { cpuCores: 1, physicalMemory: 0, freeMemory: 0, managedMemory: 0 },
        memoryConfiguration: {},
      },
      {
        requestSlot: async ({ slotIndex }: { slotIndex: number }) => {
          await answer();
          return { taskManagerId, host: 'h', slotIndex, dataPort: 0 };
        },
      } as unknown as TaskExecutorGateway,
    );
  const places = async (count: number) =>
    (await Promise.all(Array.from({ length: count }, () => manager.requestSlot('job')))).map(
      ({ location }) => `${location.taskManagerId}${location.slotIndex}`,
    );
  return { clock, lines, wanted, released, lost, manager, add, places };
}

describe('slots are taken', () => {
  test('from one TaskManager after the other', async () => {
    const { add, places } = setUp();
    add('a', 2);
    add('b', 3);
    expect(await places(4)).toEqual(['a0', 'a1', 'b0', 'b1']);
  });

  test('from the emptiest TaskManager when they shall spread evenly', async () => {
    const { add, places } = setUp({ spreadEvenly: true });
    add('a', 2);
    add('b', 3);
    expect(await places(4)).toEqual(['b0', 'a0', 'b1', 'a1']);
  });
});

describe('a worker', () => {
  test('that has no job for the idle time goes back to the driver, unless it got one meanwhile', async () => {
    const { clock, manager, add, released } = setUp({ idleTimeoutMs: 1000 });
    add('used', 1);
    add('idle', 1);
    const slot = await manager.requestSlot('job');
    clock.advance(1000);
    expect(released).toEqual(['idle']);
    expect(manager.all.map(({ registration }) => registration.taskManagerId)).toEqual(['used']);
    manager.releaseSlot(slot);
    clock.advance(999);
    manager.releaseSlot(await manager.requestSlot('job'));
    clock.advance(999);
    expect(released).toEqual(['idle']);
    clock.advance(1);
    expect(released).toEqual(['idle', 'used']);
  });

  test('that stands on its own stays', () => {
    const { clock, add, released } = setUp();
    add('a', 1);
    clock.advance(1_000_000);
    expect(released).toEqual([]);
  });

  test('that is lost is the driver’s to end; the driver hears when nothing is missing any more', () => {
    const { manager, add, lost, wanted } = setUp();
    add('a', 1);
    manager.lost('a');
    expect(lost).toEqual(['a']);
    const request = manager.requestSlot('job');
    request.catch(() => {});
    manager.cancelRequests('job', new Error('cancelled'));
    expect(wanted).toEqual([1, 0]);
  });
});

describe('a request that no slot is free for', () => {
  test('waits, in order, for a TaskManager that comes late, and for slots that are released', async () => {
    const { add, manager } = setUp();
    const [first, second] = [manager.requestSlot('one'), manager.requestSlot('two')];
    add('late', 1);
    const slot = await first;
    expect(manager.waitingRequests).toBe(1);
    manager.releaseSlot(slot);
    expect((await second).location.taskManagerId).toBe('late');
  });

  test('is told of once for each job, asks the driver for workers, and fails in time with what there is', async () => {
    const { clock, lines, wanted, manager, add } = setUp();
    add('small', 1);
    const settled = Promise.allSettled([manager.requestSlot('a'), manager.requestSlot('a'), manager.requestSlot('a')]);
    expect(wanted.at(-1)).toBe(2);
    clock.advance(1000);
    expect(lines.filter((line) => line.includes('WARN'))).toEqual([
      expect.stringContaining(
        'Job a waits for 2 more slot(s), up to 5000 ms (slot.request.timeout). The cluster has 1 TaskManager(s) with 1 slot(s), 0 of them free.',
      ),
    ]);
    clock.advance(4000);
    const [granted, ...refused] = await settled;
    expect(granted?.status).toBe('fulfilled');
    for (const outcome of refused) expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'NO_RESOURCE_AVAILABLE' } });
  });

  test('goes on waiting when the TaskManager that it was given is lost before it answers', async () => {
    const { add, manager } = setUp();
    const lost = Promise.withResolvers<void>();
    add('dying', 1, () => lost.promise);
    const request = manager.requestSlot('job');
    manager.unregister('dying');
    lost.reject(new Error('connection closed'));
    await expect(lost.promise).rejects.toThrow();
    add('fresh', 1);
    expect((await request).location.taskManagerId).toBe('fresh');
  });

  test('is rejected when its job is cancelled', async () => {
    const { manager } = setUp();
    const request = manager.requestSlot('job');
    manager.cancelRequests('job', new Error('cancelled'));
    await expect(request).rejects.toThrow('cancelled');
  });
});
