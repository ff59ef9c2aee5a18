/** Recorded checkpoints of leaders that overtake each other: files are deleted only for a record that certainly is not there. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { epochName, epochsDirectory, highestEpoch } from '../../../src/config/high-availability/leader-files.ts';
import { checkpointProperties } from '../../../src/runtime/checkpoint/checkpoint-properties.ts';
import type { CompletedCheckpoint } from '../../../src/runtime/checkpoint/completed-checkpoint.ts';
import { UncertainRecordError } from '../../../src/runtime/checkpoint/completed-checkpoint-store.ts';
import { RecordedCheckpointIds, RecordedCheckpoints } from '../../../src/runtime/ha/file-system/checkpoint-records.ts';
import { EpochRecords } from '../../../src/runtime/ha/file-system/epoch-records.ts';
import { LocalFileSystem } from '../../../src/shared/file-system/local-file-system.ts';
import { silentLogger } from '../../../src/shared/logger.ts';

let cluster: string;
beforeEach(() => {
  cluster = mkdtempSync(join(tmpdir(), 'weir-ha-'));
});
afterEach(() => rmSync(cluster, { recursive: true, force: true }));

function claimByForce(): number {
  const epoch = highestEpoch(cluster) + 1;
  mkdirSync(epochsDirectory(cluster), { recursive: true });
  writeFileSync(join(epochsDirectory(cluster), epochName(epoch)), '{}', { flag: 'wx' });
  return epoch;
}

async function lead(onLooked: () => void = () => {}): Promise<EpochRecords> {
  const epoch = claimByForce();
  const isCurrent = (): boolean => {
    const current = highestEpoch(cluster) === epoch;
    onLooked();
    return current;
  };
  return EpochRecords.begin({ cluster, files: new LocalFileSystem(), epoch, isCurrent, pause: async () => {}, onLost: () => {} });
}

const checkpoint: CompletedCheckpoint = {
  metadata: {
    checkpointId: 4,
    jobId: 'job',
    jobName: 'job',
    timestamp: 0,
    weirVersion: '0',
    properties: checkpointProperties('RETAIN_ON_CANCELLATION'),
    operators: [],
  },
  properties: checkpointProperties('RETAIN_ON_CANCELLATION'),
  place: { directory: undefined, metadataFile: undefined, foreign: false },
  completedAt: 0,
};

test('a leader that is overtaken while it records does not know whether the next one has the record', async () => {
  let looks = 0;
  const first = await lead(() => {
    // Between its look before the write and the one after it.
    if (++looks === 2) claimByForce();
  });
  await expect(new RecordedCheckpoints(first, 'job', silentLogger).put(checkpoint)).rejects.toBeInstanceOf(UncertainRecordError);
  const found = await new RecordedCheckpoints(await lead(), 'job', silentLogger).list();
  expect(found.map(({ metadata }) => metadata.checkpointId)).toEqual([4]);
});

test('ids go on under the next leader, and the first of all stays known', async () => {
  const first = new RecordedCheckpointIds(await lead(), 'job');
  expect(await first.startAt(5)).toBe(5);
  expect([await first.next(), await first.next()]).toEqual([5, 6]);
  const second = new RecordedCheckpointIds(await lead(), 'job');
  expect(await second.startAt(1)).toBe(5);
  expect(await second.next()).toBe(7);
});

test('records of format version 1 are written and read as they always were', async () => {
  const golden = JSON.parse(readFileSync(join(import.meta.dirname, '../../golden/high-availability-v1.json'), 'utf8')) as Record<
    string,
    string
  >;
  const writer = await lead();
  await new RecordedCheckpoints(writer, 'job', silentLogger).put(checkpoint);
  await new RecordedCheckpointIds(writer, 'job').startAt(5);
  const directory = join(cluster, 'records', epochName(1));
  const names = readdirSync(directory).filter((name) => !name.startsWith('.'));
  expect(Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, name), 'utf8')]))).toEqual(golden);

  for (const name of names) rmSync(join(directory, name));
  for (const [name, text] of Object.entries(golden)) writeFileSync(join(directory, name), text);
  const reader = await lead();
  expect(await new RecordedCheckpoints(reader, 'job', silentLogger).list()).toEqual([checkpoint]);
  expect(await new RecordedCheckpointIds(reader, 'job').startAt(1)).toBe(5);
});
