/** Ended jobs: whatever is put, asked and waited, the store holds what a plain list with the same limits holds. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Configuration } from '../../../src/config/configuration.ts';
import { type EndedJob, JobStore } from '../../../src/runtime/dispatcher/job-store.ts';
import { ManualClock } from '../../harness/manual-clock.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-job-store-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function job(id: number, weight = 10): EndedJob {
  const jobId = id.toString(16).padStart(32, '0');
  return {
    overview: { jobId, name: `job ${id}`, status: 'FINISHED', startTime: id, endTime: id, lastModification: id, tasksByState: {} as never },
    archive: { jobId, name: 'x'.repeat(weight), accumulators: { nan: { type: 'DoubleCounter', value: Number.NaN } } } as never,
    result: { jobId, status: 'FINISHED', netRuntimeMs: 1, accumulators: {} },
  };
}

test('holds what a list with the same limits holds', () => {
  const steps = fc.array(fc.oneof(fc.record({ put: fc.nat(30), weight: fc.nat(3000) }), fc.record({ advanceSeconds: fc.nat(5) })), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 8 }), fc.nat(5000), (sequence, capacity, cacheBytes) => {
      const clock = new ManualClock();
      const config = Configuration.of({
        'jobstore.max-capacity': capacity,
        'jobstore.cache-size': cacheBytes,
        'jobstore.expiration-time': 7,
      });
      const store = new JobStore(config, clock, directory);
      let model: { readonly ended: EndedJob; readonly at: number }[] = [];
      for (const step of sequence) {
        if ('put' in step) {
          const ended = job(step.put, step.weight);
          model = [...model.filter((other) => other.ended.overview.jobId !== ended.overview.jobId), { ended, at: clock.now() }].slice(
            -capacity,
          );
          store.put(ended);
        } else {
          clock.advance(step.advanceSeconds * 1000);
          model = model.filter(({ at }) => clock.now() - at < 7000);
        }
        expect(store.overviews()).toEqual(model.map(({ ended }) => ended.overview));
        for (const { ended } of model) expect(store.get(ended.overview.jobId)).toEqual(ended);
      }
      store.close();
      expect(clock.pending).toBe(0);
      expect(readdirSync(directory)).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test('nothing touches the disk while all fits into memory', () => {
  const store = new JobStore(Configuration.of({}), new ManualClock(), join(directory, 'later'));
  for (let i = 0; i < 100; i++) store.put(job(i));
  expect(existsSync(join(directory, 'later'))).toBe(false);
  expect(store.get('0'.repeat(32))).toEqual(job(0));
});

test('many jobs stay in order and cost what was allowed', () => {
  const store = new JobStore(
    Configuration.of({ 'jobstore.cache-size': 20_000, 'jobstore.max-capacity': 600 }),
    new ManualClock(),
    directory,
  );
  for (let i = 0; i < 1000; i++) store.put(job(i, 100));
  expect(store.overviews().map(({ startTime }) => startTime)).toEqual(Array.from({ length: 600 }, (_, i) => i + 400));
  const [files = ''] = readdirSync(directory);
  expect(readdirSync(join(directory, files)).length).toBeGreaterThan(500);
  expect(store.get((400).toString(16).padStart(32, '0'))).toEqual(job(400, 100));
  store.close();
});
