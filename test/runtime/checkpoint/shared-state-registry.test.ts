import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type SharedFile, SharedStateRegistry } from '../../../src/runtime/checkpoint/shared-state-registry.ts';

const file = (path: string): SharedFile => ({ kind: 'file', path, size: 1, checksum: 0 });
const paths = (files: readonly SharedFile[]): string[] => files.map(({ path }) => path);

test('a file goes when no retained checkpoint is as old as its last use', () => {
  const registry = new SharedStateRegistry();
  registry.register('a', file('a'), 1);
  registry.register('b', file('b'), 1);
  registry.register('a', file('a'), 2);
  expect(paths(registry.unregisterUnused(2))).toEqual(['b']);
  expect(paths(registry.unregisterUnused(3))).toEqual(['a']);
});

test('a file brought anew under the same name replaces an unconfirmed one, and loses to a confirmed one', () => {
  const registry = new SharedStateRegistry();
  registry.register('sst', file('old'), 1);
  expect(registry.register('sst', file('new'), 2)).toEqual({ handle: file('new'), obsolete: file('old') });
  registry.checkpointCompleted(2);
  expect(registry.register('sst', file('newer'), 3)).toEqual({ handle: file('new'), obsolete: file('newer') });
});

test('a reference to what nobody brought is a bug', () => {
  expect(() => new SharedStateRegistry().register('sst', undefined, 7)).toThrow('checkpoint 7 refers to sst');
});

test('files of a snapshot that was not claimed are never deleted; those of a claimed one are', () => {
  for (const claimed of [false, true]) {
    const registry = new SharedStateRegistry();
    registry.restored([file('theirs')], 5, claimed);
    registry.register('own', file('own'), 6);
    expect(registry.usesFilesOf(5)).toBe(true);
    expect(paths(registry.unregisterUnused(7))).toEqual(claimed ? ['theirs', 'own'] : ['own']);
    expect(registry.usesFilesOf(5)).toBe(false);
  }
});

test('what a retained checkpoint uses is never deleted, and what none uses is', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('complete' as const), uses: fc.uniqueArray(fc.nat(6), { maxLength: 5 }) }),
    fc.record({ kind: fc.constant('abort' as const), uses: fc.uniqueArray(fc.nat(6), { maxLength: 5 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), fc.integer({ min: 1, max: 3 }), (steps, retained) => {
      const registry = new SharedStateRegistry();
      const completed: { id: number; files: string[] }[] = [];
      let id = 0;
      for (const { kind, uses } of steps) {
        id++;
        // As an uploader does it: what the last completed checkpoint has is referred to, all else is written anew.
        const known = completed.at(-1)?.files ?? [];
        const files = uses.map((name) => known.find((path) => path.startsWith(`${name}-`)) ?? `${name}-${id}`);
        for (const path of files) registry.register(path, file(path), id);
        if (kind === 'abort') continue;
        registry.checkpointCompleted(id);
        completed.push({ id, files });
        while (completed.length > retained) completed.shift();
        const deleted = new Set(paths(registry.unregisterUnused(completed[0]?.id ?? 0)));
        const needed = new Set(completed.flatMap((checkpoint) => checkpoint.files));
        for (const path of deleted) expect(needed).not.toContain(path);
        expect(registry.size).toBeGreaterThanOrEqual(needed.size);
      }
      registry.unregisterUnused(id + 1);
      expect(registry.size).toBe(0);
    }),
  );
});
