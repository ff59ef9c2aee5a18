/** Records of leaders that overtake each other: what counted is seen, what is not seen did not count. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { epochName, epochsDirectory, highestEpoch } from '../../../src/config/high-availability/leader-files.ts';
import { UncertainRecordError } from '../../../src/runtime/checkpoint/completed-checkpoint-store.ts';
import { RecordedCheckpointIds } from '../../../src/runtime/ha/file-system/checkpoint-records.ts';
import { EpochRecords } from '../../../src/runtime/ha/file-system/epoch-records.ts';
import { Epochs } from '../../../src/runtime/ha/file-system/epochs.ts';
import { LeadershipLostError } from '../../../src/runtime/ha/high-availability.ts';
import type { FileSystem } from '../../../src/shared/file-system/file-system.ts';
import { LocalFileSystem } from '../../../src/shared/file-system/local-file-system.ts';
import { systemClock } from '../../../src/shared/time.ts';
import { FaultyFileSystem } from '../../harness/faulty-file-system.ts';
import { ManualClock } from '../../harness/manual-clock.ts';

let cluster: string;
beforeEach(() => {
  cluster = mkdtempSync(join(tmpdir(), 'weir-ha-'));
});
afterEach(() => rmSync(cluster, { recursive: true, force: true }));

const never = new AbortController().signal;

/** Wins the next claim whatever the present leader does, as after the end of its lease. */
function claimByForce(): number {
  const epoch = highestEpoch(cluster) + 1;
  mkdirSync(epochsDirectory(cluster), { recursive: true });
  writeFileSync(join(epochsDirectory(cluster), epochName(epoch)), '{}', { flag: 'wx' });
  return epoch;
}

async function lead(
  onLooked: () => Promise<void> | void = () => {},
  files: FileSystem = new LocalFileSystem(),
  pause: () => Promise<void> = async () => {},
): Promise<EpochRecords> {
  const epoch = claimByForce();
  return EpochRecords.begin({
    cluster,
    files,
    epoch,
    isCurrent: () => {
      const current = highestEpoch(cluster) === epoch;
      void onLooked();
      return current;
    },
    pause,
    onLost: () => {},
  });
}

describe('records', () => {
  test('the next leader finds what was recorded', async () => {
    const first = await lead();
    await first.put('a', { x: 1 });
    await first.put('b', [2]);
    await first.remove('b');
    const second = await lead();
    expect(await second.names('')).toEqual(['a']);
    expect(await second.get('a')).toEqual({ x: 1 });
  });

  test('a leader that was overtaken records nothing, whatever it believed', async () => {
    const first = await lead();
    await first.put('a', 1);
    const second = await lead();
    await expect(first.put('a', 2)).rejects.toBeInstanceOf(LeadershipLostError);
    await expect(first.remove('a')).rejects.toBeInstanceOf(LeadershipLostError);
    const third = await lead();
    expect(await third.get('a')).toBe(1);
    await expect(second.put('b', 1)).rejects.toBeInstanceOf(LeadershipLostError);
  });

  test('overtaken at any moment of a write: it counted and is seen, or it did not count', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 5 }), async (lookAt) => {
        let looks = 0;
        let claimed: number | undefined;
        const first = await lead(() => {
          // A standby claims right after the leader has looked at the claims.
          if (looks++ === lookAt) claimed = claimByForce();
        });
        looks = 0;
        let said: unknown = 'it counts';
        try {
          await first.put('x', lookAt);
        } catch (error) {
          said = error;
        }
        const second = await lead();
        if (said === 'it counts') expect(await second.get('x')).toBe(lookAt);
        else if (said instanceof LeadershipLostError) expect(await second.get('x')).toBeUndefined();
        else expect(said).toBeInstanceOf(UncertainRecordError);
        if (claimed === undefined) expect(said).toBe('it counts');
        await second.remove('x');
      }),
      { numRuns: 12 },
    );
  });

  test('a write that fails is taken back, however often that fails: what did not count is not seen', async () => {
    let pauses = 0;
    const pause = async (): Promise<void> => void pauses++;
    const files = new FaultyFileSystem('records');
    for (const operation of ['create', 'write', 'sync', 'rename', 'syncDirectory'] as const) {
      const records = await lead(undefined, files, pause);
      files.failNext(operation, 'EIO');
      await expect(records.put('x', operation)).rejects.toThrow('cannot be used');
      expect(await (await lead()).get('x')).toBeUndefined();
    }
    expect(pauses).toBe(0);
    const records = await lead(undefined, files, pause);
    let failures = 3;
    files.syncDirectory = async () => {
      if (failures-- > 0) throw Object.assign(new Error('EIO'), { code: 'EIO' });
    };
    await expect(records.put('x', 1)).rejects.toThrow('cannot be used');
    expect(pauses).toBe(2);
    expect(await (await lead()).get('x')).toBeUndefined();
  });

  test('ids are given out again when the storage answers again, each once', async () => {
    const files = new FaultyFileSystem('records');
    const records = await lead(() => {}, files);
    const ids = new RecordedCheckpointIds(records, 'job');
    expect(await ids.startAt(5)).toBe(5);
    expect([await ids.next(), await ids.next()]).toEqual([5, 6]);
    files.failNext('write', 'EIO');
    await expect(ids.next()).rejects.toThrow('EIO');
    expect(await ids.next()).toBe(7);
    const later = new RecordedCheckpointIds(await lead(() => {}, files), 'job');
    files.failNext('read', 'EIO');
    await expect(later.next()).rejects.toThrow('EIO');
    expect([await later.next(), await later.startAt(3)]).toEqual([8, 5]);
  });

  test('a takeover that was interrupted leaves the former records to the next one', async () => {
    const first = await lead();
    await first.put('a', 1);
    const interrupted = claimByForce();
    mkdirSync(join(cluster, 'records', epochName(interrupted)));
    expect(await (await lead()).get('a')).toBe(1);
  });

  test.each([
    ['cut short', (text: string) => text.slice(0, -3), 'no JSON'],
    ['changed', (text: string) => text.replace('"body":1', '"body":2'), 'checksum'],
    ['of a newer version', (text: string) => text.replace('"version":1', '"version":9'), 'format version 9'],
    ['foreign', () => '{"hello":1}', 'not written by Weir'],
  ])('a record that is %s is refused with its name', async (_what, damage, says) => {
    const records = await lead();
    await records.put('a', 1);
    const path = join(cluster, 'records', readdirSync(join(cluster, 'records'))[0] as string, 'a');
    writeFileSync(path, damage(readFileSync(path, 'utf8')));
    await expect(records.get('a')).rejects.toThrow(says);
    await expect(records.get('a')).rejects.toThrow(path);
  });
});

describe('claims', () => {
  const epochs = (clock = systemClock): Epochs => new Epochs({ cluster, clock, leaseTimeoutMs: 10_000 });

  test('of many that claim at once, one wins each number', async () => {
    const first = await epochs().claim(never);
    await epochs().release(first);
    const winners = new Set<number>();
    const abort = new AbortController();
    const claims = Array.from({ length: 5 }, () => epochs().claim(abort.signal));
    winners.add(await Promise.race(claims));
    abort.abort();
    const settled = await Promise.allSettled(claims);
    expect([...winners]).toEqual([2]);
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('a leader whose process is gone is replaced at once', async () => {
    mkdirSync(epochsDirectory(cluster), { recursive: true });
    const gone = { host: hostname(), pid: 2 ** 22 + 1, startTime: '1', token: 'x' };
    writeFileSync(join(epochsDirectory(cluster), epochName(1)), JSON.stringify(gone));
    expect(await epochs(new ManualClock()).claim(never)).toBe(2);
  });

  test('a process id that belongs to another process by now is no leader', async () => {
    mkdirSync(epochsDirectory(cluster), { recursive: true });
    const reused = { host: hostname(), pid: process.pid, startTime: '1', token: 'x' };
    writeFileSync(join(epochsDirectory(cluster), epochName(1)), JSON.stringify(reused));
    expect(await epochs(new ManualClock()).claim(never)).toBe(2);
  });

  test('a leader on another machine is replaced when its lease is not renewed', async () => {
    mkdirSync(epochsDirectory(cluster), { recursive: true });
    const elsewhere = { host: 'elsewhere', pid: 1, startTime: '1', token: 'x' };
    writeFileSync(join(epochsDirectory(cluster), epochName(1)), JSON.stringify(elsewhere));
    const clock = new ManualClock();
    let claimed: number | undefined;
    void epochs(clock)
      .claim(never)
      .then((epoch) => {
        claimed = epoch;
      });
    const pass = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 1000) {
        while (clock.pending === 0 && claimed === undefined) await new Promise((resume) => setImmediate(resume));
        clock.advance(1000);
      }
      for (let i = 0; i < 50; i++) await new Promise((resume) => setImmediate(resume));
    };
    await pass(8000);
    writeFileSync(join(epochsDirectory(cluster), `${epochName(1)}.lease`), 'renewed');
    await pass(8000);
    expect(claimed).toBeUndefined();
    await pass(4000);
    while (claimed === undefined) await new Promise((resume) => setImmediate(resume));
    expect(claimed).toBe(2);
  });
});
