/** The directories of a job's checkpoints: what is another's is never touched, what killed processes left is found. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CheckpointStorage } from '../../../src/runtime/checkpoint/storage/checkpoint-storage.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-storage-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function storage(ownSubdirectory = true): CheckpointStorage {
  return new CheckpointStorage({
    jobId: 'job',
    backend: { backend: 'hashmap', storage: 'filesystem', checkpointDirectory: directory, ownSubdirectory },
    savepointDirectory: undefined,
    sizes: { inlineThresholdBytes: 0, inlineLimitBytes: 0, writeBufferBytes: 0 },
  });
}

function checkpoint(id: number, within = join(directory, 'job')): string {
  const path = join(within, `chk-${id}`);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, '_metadata'), 'of another run');
  return path;
}

test('the directory of another checkpoint is refused before anything is written to it', async () => {
  const path = checkpoint(3);
  await expect(storage().forCheckpoint(3)).rejects.toMatchObject({ code: 'CHECKPOINT_EXISTS' });
  expect(existsSync(join(path, '_metadata'))).toBe(true);
});

test('orphans are own checkpoints that are not kept, complete or not', async () => {
  checkpoint(2);
  const published = checkpoint(7);
  checkpoint(8);
  const begun = join(directory, 'job', 'chk-9');
  mkdirSync(begun);
  expect(await storage().highestId()).toBe(9);
  expect(await storage().orphans(7, [8])).toEqual([`file:${published}`, `file:${begun}`]);
});

test('where several jobs share a directory, nothing is taken for an orphan', async () => {
  checkpoint(7, directory);
  expect(await storage(false).orphans(1, [])).toEqual([]);
  expect(await storage(false).highestId()).toBe(0);
});
