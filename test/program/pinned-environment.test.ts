import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { PinnedEnvironment } from '../../src/graph/job-graph.ts';
import { outsidePinned, runPinned } from '../../src/program/pinned-environment.ts';

function pins(changes: Partial<PinnedEnvironment> = {}): PinnedEnvironment {
  return {
    timeMs: 1_600_000_000_000,
    randomSeed: 'seed',
    timeZone: 'UTC',
    workingDirectory: '/of/the/client',
    environment: {},
    once: {},
    configuration: {},
    ...changes,
  };
}

async function observe(): Promise<unknown[]> {
  const first = [Date.now(), new Date().toISOString(), Math.random(), randomUUID(), randomBytes(4).toString('hex')];
  await Promise.resolve();
  return [...first, crypto.randomUUID(), Date.now(), new Date(5).getTime()];
}

test('two runs with equal pins see equal time and random numbers, also after an await', async () => {
  const runs = [await runPinned(pins(), {}, observe), await runPinned(pins(), {}, observe)];
  expect(runs[0]).toEqual(runs[1]);
  expect(runs[0]?.[1]).toBe('2020-09-13T12:26:40.000Z');
  expect(await runPinned(pins({ randomSeed: 'other' }), {}, observe)).not.toEqual(runs[0]);
});

test('code outside the run keeps the real world, also while a run is under way, and afterwards', async () => {
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const run = runPinned(pins(), {}, async () => {
    await held;
    return [Date.now(), outsidePinned(() => Date.now())] as const;
  });
  expect(Date.now()).toBeGreaterThan(1_700_000_000_000);
  expect(new Date()).toBeInstanceOf(Date);
  release();
  const [inside, outside] = await run;
  expect(inside).toBe(1_600_000_000_000);
  expect(outside).toBeGreaterThan(1_700_000_000_000);
  expect(new Date().constructor).toBe(Date);
});

test('a loop that waits for the clock ends', async () => {
  const waited = await runPinned(pins(), {}, async () => {
    const start = Date.now();
    while (Date.now() < start + 3) void 0;
    return Date.now() - start;
  });
  expect(waited).toBeGreaterThanOrEqual(3);
});

test('pinned environment variables win, and reads are reported', async () => {
  const read: string[] = [];
  const value = await runPinned(
    pins({ environment: { WEIR_TEST_PIN: 'pinned' } }),
    { environmentRead: (name) => void read.push(name) },
    async () => process.env['WEIR_TEST_PIN'],
  );
  expect(value).toBe('pinned');
  expect(read).toEqual(['WEIR_TEST_PIN']);
  expect(process.env['WEIR_TEST_PIN']).toBeUndefined();
});

test('file reads in main are noticed, those of imports are not', async () => {
  const noticed: string[] = [];
  await runPinned(pins(), { ioNoticed: (what) => void noticed.push(what) }, async (phase) => {
    readFileSync(import.meta.filename);
    phase.importing(false);
    readFileSync(import.meta.filename);
  });
  expect(noticed).toEqual([`readFileSync(${import.meta.filename})`]);
});
