import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Configuration } from '../../src/config/configuration.ts';
import { deriveJobManagerMemory } from '../../src/config/memory/job-manager-memory.ts';
import { deriveJobManagerProcess, deriveTaskManagerProcess } from '../../src/config/memory/process-memory.ts';
import { deriveTaskManagerMemory } from '../../src/config/memory/task-manager-memory.ts';

const mb = 2 ** 20;
const tm = (settings: Record<string, string>) =>
  deriveTaskManagerMemory(
    Configuration.of(Object.fromEntries(Object.entries(settings).map(([key, value]) => [`taskmanager.memory.${key}`, value]))),
  );
const jm = (settings: Record<string, string>) =>
  deriveJobManagerMemory(
    Configuration.of(Object.fromEntries(Object.entries(settings).map(([key, value]) => [`jobmanager.memory.${key}`, value]))),
  );

describe('TaskManager', () => {
  test('process size 1728m, the shipped default', () => {
    expect(tm({ 'process.size': '1728m' })).toEqual({
      process: 1811939328,
      overhead: 201326592,
      metaspace: 268435456,
      flink: 1342177280,
      managed: 536870920,
      network: 134217730,
      frameworkHeap: 134217728,
      frameworkOffHeap: 134217728,
      taskOffHeap: 0,
      taskHeap: 402653174,
    });
  });

  test('process size 4096m', () => {
    expect(tm({ 'process.size': '4096m' })).toMatchObject({
      overhead: 429496736,
      flink: 3597035104,
      managed: 1438814063,
      network: 359703515,
      taskHeap: 1530082070,
    });
  });

  test('flink size, with and without a process size', () => {
    expect(tm({ 'flink.size': '2048m' })).toMatchObject({
      managed: 858993472,
      network: 214748368,
      taskHeap: 805306352,
      overhead: 268435460,
      process: 2684354564,
    });
    expect(tm({ 'flink.size': '1280m', 'process.size': '2000m' }).overhead).toBe(464 * mb);
    expect(() => tm({ 'flink.size': '1280m', 'process.size': '1600m' })).toThrow(/overhead.*64\.000mb/);
    expect(() => tm({ 'flink.size': '4g', 'process.size': '3g' })).toThrow(/less than flink memory/);
  });

  test('fine-grained parts', () => {
    expect(tm({ 'task.heap.size': '1g', 'managed.size': '512m' })).toMatchObject({
      network: 208783135,
      flink: 2087831327,
      overhead: 261807424,
      process: 2618074207,
    });
    expect(() => tm({ 'task.heap.size': '1g', 'managed.size': '512m', 'flink.size': '1280m' })).toThrow(/The parts add up to 1\.750gb/);
    expect(tm({ 'flink.size': '2g', 'task.heap.size': '512m' }).network).toBe(483183808);
  });

  test.each([
    [{}, 'MEMORY_E1'],
    [{ 'process.size': '800m' }, 'MEMORY_E3'],
    [{ 'process.size': '400m' }, 'MEMORY_E2'],
    [{ 'process.size': '2g', 'network.min': '1g', 'network.max': '64m' }, 'MEMORY_E9'],
    [{ 'process.size': '2g', 'segment-size': '5000' }, 'MEMORY_E13'],
  ])('%j is refused as %s', (settings, code) => {
    expect(() => tm(settings as Record<string, string>)).toThrow(expect.objectContaining({ code }));
  });

  test('slots share the task heap and what Node leaves of the metaspace share', () => {
    const config = Configuration.of({ 'taskmanager.memory.process.size': '1728m', 'taskmanager.numberOfTaskSlots': 2 });
    const derived = deriveTaskManagerProcess(config);
    const limits = derived.slotLimits;
    const heapMb = derived.slots * (limits.heapBytes / mb + 1.5 * limits.resourceLimits.maxYoungGenerationSizeMb);
    const total = heapMb + 128 + 45 + 2 * 13 + derived.memory.network / mb;
    expect(total).toBeLessThan(1728);
    const handedOver = deriveTaskManagerMemory(config.with({ 'taskmanager.memory.process.size': undefined, ...derived.dynamicProperties }));
    expect(handedOver).toMatchObject({
      taskHeap: derived.memory.taskHeap,
      network: derived.memory.network,
      managed: derived.memory.managed,
    });
  });

  test('too little for a slot shows the whole arithmetic', () => {
    const config = Configuration.of({ 'taskmanager.memory.process.size': '1728m', 'taskmanager.numberOfTaskSlots': 40 });
    expect(() => deriveTaskManagerProcess(config)).toThrow(/process 1\.688gb[\s\S]*\/ 40 = \d+ mb a slot[\s\S]*process\.size/);
  });
});

describe('a TaskManager of an old file', () => {
  const derive = (settings: Record<string, string>) => deriveTaskManagerMemory(Configuration.of(settings));

  test('takes its heap for flink.size, in bytes or megabytes', () => {
    const modern = tm({ 'flink.size': '2048m' });
    expect(derive({ 'taskmanager.heap.size': '2048m' })).toEqual(modern);
    expect(derive({ 'taskmanager.heap.mb': '2048' })).toEqual(modern);
    expect(derive({ 'taskmanager.heap.mb': '1', 'taskmanager.heap.size': '2048m' })).toEqual(modern);
    expect(derive({ 'taskmanager.heap.mb': '1', 'taskmanager.memory.flink.size': '2048m' })).toEqual(modern);
    expect(() => derive({ 'taskmanager.heap.mb': '-1' })).toThrow(expect.objectContaining({ code: 'MEMORY_E11' }));
    // The trap: the shipped process.size beside it.
    expect(() => derive({ 'taskmanager.heap.size': '2048m', 'taskmanager.memory.process.size': '1728m' })).toThrow(
      /less than flink memory/,
    );
  });

  test('counts its network memory in buffers, unless a newer key says it', () => {
    const settings = { 'taskmanager.memory.flink.size': '2048m', 'taskmanager.network.numberOfBuffers': '4096' };
    expect(derive(settings).network).toBe(128 * mb);
    expect(derive({ ...settings, 'taskmanager.network.memory.min': '64m' }).network).toBe(214748368);
    expect(() => derive({ ...settings, 'taskmanager.memory.task.heap.size': '512m' })).toThrow(
      expect.objectContaining({ code: 'MEMORY_E14' }),
    );
  });
});

describe('whatever the sizes', () => {
  const settings = fc.record({
    process: fc.integer({ min: 982, max: 65_536 }).map((size) => `${size}m`),
    managed: fc.constantFrom('0.0', '0.1', '0.4'),
    slots: fc.integer({ min: 1, max: 16 }),
  });

  test('the parts make up the process, and the process that gets them derives the same', () => {
    fc.assert(
      fc.property(settings, ({ process, managed, slots }) => {
        const config = Configuration.of({
          'taskmanager.memory.process.size': process,
          'taskmanager.memory.managed.fraction': managed,
          'taskmanager.numberOfTaskSlots': slots,
        });
        const memory = deriveTaskManagerMemory(config);
        const { process: total, flink, metaspace, overhead, ...parts } = memory;
        expect(Object.values(parts).reduce((sum, part) => sum + part, 0)).toBe(flink);
        expect(flink + metaspace + overhead).toBe(total);
        const derived = attempt(() => deriveTaskManagerProcess(config));
        if (derived === undefined) return;
        expect(deriveTaskManagerProcess(config.with(derived.dynamicProperties))).toMatchObject({
          memory,
          slotLimits: derived.slotLimits,
          managedBytesPerSlot: derived.managedBytesPerSlot,
        });
        // What slots, main thread, network and managed memory may take, and what Node takes anyway.
        const { heapBytes, resourceLimits } = derived.slotLimits;
        const slotBytes = heapBytes + 1.5 * resourceLimits.maxYoungGenerationSizeMb * mb;
        const taken = slots * slotBytes + memory.frameworkHeap + memory.network + memory.managed + (45 + 13 * slots) * mb;
        expect(taken).toBeLessThanOrEqual(total);
      }),
    );
  });
});

/** Undefined when so many slots do not fit: another test reads that message. */
function attempt<T>(derive: () => T): T | undefined {
  try {
    return derive();
  } catch (error) {
    expect(error).toMatchObject({ code: 'SLOT_HEAP_TOO_SMALL' });
    return undefined;
  }
}

describe('JobManager', () => {
  test.each([{ 'process.size': '1600m' }, { 'flink.size': '1152m' }, { 'heap.size': '1024m' }])(
    '%j gives the default split',
    (settings) => {
      expect(jm(settings as Record<string, string>)).toEqual({
        process: 1600 * mb,
        overhead: 192 * mb,
        metaspace: 256 * mb,
        flink: 1152 * mb,
        offHeap: 128 * mb,
        heap: 1024 * mb,
      });
    },
  );

  test('contradictions name the sizes', () => {
    expect(jm({ 'heap.size': '1g', 'flink.size': '1280m' }).offHeap).toBe(256 * mb);
    expect(() => jm({ 'heap.size': '1g', 'flink.size': '1280m', 'off-heap.size': '128m' })).toThrow(
      expect.objectContaining({ code: 'MEMORY_E7' }),
    );
    expect(() => jm({ 'process.size': '576m' })).toThrow(expect.objectContaining({ code: 'MEMORY_E8' }));
    expect(jm({ 'process.size': '577m' }).heap).toBe(mb);
  });

  test('of an old file takes its heap for heap.size', () => {
    const derive = (settings: Record<string, string>) => deriveJobManagerMemory(Configuration.of(settings));
    expect(derive({ 'jobmanager.heap.size': '1024m' })).toEqual(jm({ 'heap.size': '1024m' }));
    expect(derive({ 'jobmanager.heap.mb': '1024' })).toEqual(jm({ 'heap.size': '1024m' }));
  });

  test('with a heap that is hardly meant warns', () => {
    const warnings = (size: string) => deriveJobManagerProcess(Configuration.of({ 'jobmanager.memory.process.size': size })).warnings;
    expect(warnings('1600m')).toEqual([]);
    expect(warnings('700m')).toEqual([expect.stringMatching(/heap is .*less than the recommended 128\.000mb/)]);
    expect(warnings('600m')).toHaveLength(2);
  });
});
