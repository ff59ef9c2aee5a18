import { describe, expect, test } from 'vitest';
import { MemoryWatch } from '../../../src/runtime/taskmanager/memory-watch.ts';
import type { SerializedError } from '../../../src/shared/errors.ts';
import { LineLogger } from '../../../src/shared/logger.ts';

const mb = 2 ** 20;

function setUp(sizesMb: readonly (readonly [heap: number, external: number])[], residentMb: number) {
  const killed: { index: number; cause: SerializedError }[] = [];
  const lines: string[] = [];
  const state = { residentMb, sizesMb };
  const slots = sizesMb.map((_, index) => ({
    index,
    taskNames: [`task ${index}`],
    thread: {
      memory: async () => {
        const [heap, external] = state.sizesMb[index] as readonly [number, number];
        return { heapBytes: heap * mb, externalBytes: external * mb };
      },
    },
    kill: async (cause: SerializedError) => void killed.push({ index, cause }),
  }));
  const watch = new MemoryWatch({
    slots,
    slotHeapBytes: 100 * mb,
    processBytes: 1000 * mb,
    log: new LineLogger('test', 'INFO', (line) => lines.push(line)),
    residentBytes: () => state.residentMb * mb,
  });
  return { watch, killed, lines, state };
}

describe('the heap of a thread whose user code does not return', () => {
  test('may be over its limit once, until its garbage is collected', async () => {
    const { watch, killed, state } = setUp([[150, 0]], 300);
    await watch.look();
    state.sizesMb = [[80, 0]];
    await watch.look();
    state.sizesMb = [[150, 0]];
    await watch.look();
    expect(killed).toEqual([]);
  });

  test('ends the slot when it stays over its limit', async () => {
    const { watch, killed } = setUp(
      [
        [20, 0],
        [150, 0],
      ],
      300,
    );
    await watch.look();
    await watch.look();
    expect(killed).toEqual([{ index: 1, cause: expect.objectContaining({ code: 'SLOT_OUT_OF_MEMORY' }) }]);
  });
});

describe('the process', () => {
  test('near its size is reported once, with what each slot takes', async () => {
    const { watch, killed, lines } = setUp([[20, 700]], 950);
    await watch.look();
    await watch.look();
    expect(killed).toEqual([]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(
      'takes 950 of its 1000 MB (taskmanager.memory.process.size): slot 0: 20 MB of objects and 700 MB of buffers (task 0)',
    );
  });

  test('beyond its size ends the slot that takes most, and not another one while memory returns', async () => {
    const { watch, killed, state } = setUp(
      [
        [60, 90],
        [20, 700],
      ],
      1001,
    );
    await watch.look();
    expect(killed).toEqual([{ index: 1, cause: expect.objectContaining({ code: 'PROCESS_OUT_OF_MEMORY' }) }]);
    expect(killed[0]?.cause.message).toMatch(
      /takes 1001 MB, and taskmanager\.memory\.process\.size allows 1000 MB[\s\S]*700 MB of buffers/,
    );
    state.sizesMb = [
      [60, 90],
      [0, 0],
    ];
    await watch.look();
    expect(killed).toHaveLength(1);
  });

  test('beyond its size spares slots that keep to their share', async () => {
    const { watch, killed } = setUp([[60, 30]], 1200);
    await watch.look();
    expect(killed).toEqual([]);
  });
});
