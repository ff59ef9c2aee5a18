import { describe, expect, test } from 'vitest';
import { HeapWatch } from '../../../src/runtime/task/heap-watch.ts';

const mb = 2 ** 20;

/** A heap of `kept` bytes that also holds `garbage` until it is collected. */
function watchOf(limitMb: number) {
  const heap = { kept: 0, garbage: 0, collections: 0 };
  const watch = new HeapWatch(
    limitMb * mb,
    () => (heap.kept + heap.garbage) * mb,
    () => {
      heap.collections++;
      heap.garbage = 0;
    },
  );
  const look = () => Array.from({ length: 32 }, () => watch.afterSlice()).find((error) => error !== undefined);
  return { heap, look };
}

describe('a slot with 100 MB', () => {
  test('is left alone below its limit', () => {
    const { heap, look } = watchOf(100);
    heap.kept = 99;
    expect(look()).toBeUndefined();
    expect(heap.collections).toBe(0);
  });

  test('is collected, and not failed, when garbage fills it', () => {
    const { heap, look } = watchOf(100);
    Object.assign(heap, { kept: 60, garbage: 60 });
    expect(look()).toBeUndefined();
    expect(heap.collections).toBe(1);
  });

  test('is failed when what it keeps hardly fits', () => {
    const { heap, look } = watchOf(100);
    Object.assign(heap, { kept: 90, garbage: 15 });
    expect(look()).toMatchObject({ code: 'SLOT_OUT_OF_MEMORY', message: expect.stringContaining('of 100 MB: 90 MB are in use') });
  });
});
