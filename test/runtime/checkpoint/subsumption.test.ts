import { expect, test } from 'vitest';
import {
  type CheckpointProperties,
  checkpointProperties,
  savepointProperties,
  unclaimedProperties,
} from '../../../src/runtime/checkpoint/checkpoint-properties.ts';
import { subsumed } from '../../../src/runtime/checkpoint/subsumption.ts';

const checkpoint = checkpointProperties('NO_EXTERNALIZED_CHECKPOINTS');
const restored = unclaimedProperties({ forceFull: true });
const stop = savepointProperties({ forced: true, stop: 'suspend' });

/** Oldest first; gives the positions that go. */
function gone(limit: number, ...kinds: CheckpointProperties[]): number[] {
  const all = kinds.map((properties, index) => ({ properties, index }));
  return subsumed(all, limit).map(({ index }) => index);
}

test('the oldest beyond the limit go', () => {
  expect(gone(1, checkpoint, checkpoint)).toEqual([0]);
  expect(gone(2, checkpoint, checkpoint, checkpoint, checkpoint)).toEqual([0, 1]);
  expect(gone(3, checkpoint, checkpoint)).toEqual([]);
});

test('the snapshot the job was restored from goes when a checkpoint has completed', () => {
  expect(gone(1, restored, checkpoint)).toEqual([0]);
  expect(gone(1, restored)).toEqual([]);
});

test('the newest real checkpoint stays, however many savepoints are newer', () => {
  expect(gone(1, checkpoint, restored)).toEqual([]);
  expect(gone(1, checkpoint, checkpoint, restored)).toEqual([0]);
});

test('stopping with a savepoint ends the need for all before it', () => {
  expect(gone(1, checkpoint, stop)).toEqual([0]);
});
