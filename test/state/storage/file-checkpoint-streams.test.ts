/** What was written is read back, a final name is always a whole file, and every failure says which file and why. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { registerFileSystem } from '../../../src/shared/file-system/file-system.ts';
import type { StreamHandle } from '../../../src/state/snapshot/handles.ts';
import type { CheckpointLocation } from '../../../src/state/storage/checkpoint-streams.ts';
import { FileCheckpointStreams } from '../../../src/state/storage/file-checkpoint-streams.ts';
import { FaultyFileSystem } from '../../harness/faulty-file-system.ts';

const streams = new FileCheckpointStreams();
let directory: string;
let faulty: FaultyFileSystem;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-streams-'));
  faulty = new FaultyFileSystem('faulty');
  registerFileSystem('faulty', faulty);
});
afterEach(() => rmSync(directory, { recursive: true }));

function location(overrides: Partial<CheckpointLocation> = {}): CheckpointLocation {
  return { directory, inlineThresholdBytes: 100, inlineLimitBytes: 1000, writeBufferBytes: 64, ...overrides };
}

const bytesOf = (length: number, seed = 1) => Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 0xff);
const fileHandle = (handle: StreamHandle | undefined) => handle as Extract<StreamHandle, { kind: 'relative' }>;

async function written(...pieces: Uint8Array[]): Promise<StreamHandle | undefined> {
  const stream = streams.create(location());
  for (const piece of pieces) stream.write(piece);
  return stream.close();
}

test('any sequence of pieces is read back, from a file or from the handle', async () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(pieces, fc.nat(300), fc.nat(400), async (parts, inlineThresholdBytes, writeBufferBytes) => {
      const stream = streams.create(location({ inlineThresholdBytes, writeBufferBytes }));
      for (const part of parts) stream.write(Uint8Array.from(part));
      const handle = await stream.close();
      const whole = Buffer.concat(parts);
      if (whole.length === 0) {
        expect(handle).toBeUndefined();
        return;
      }
      expect(handle?.kind).toBe(whole.length > inlineThresholdBytes ? 'relative' : 'bytes');
      expect(Buffer.from(await streams.read(handle as StreamHandle, directory)).equals(whole)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('a file has its final name only when it is complete', async () => {
  const stream = streams.create(location({ directory: `faulty:${directory}` }));
  const release = faulty.hold('rename');
  stream.write(bytesOf(500));
  const closing = stream.close();
  await expect.poll(() => faulty.calls.at(-1)).toBe('rename');
  expect(readdirSync(directory)).toEqual([expect.stringMatching(/^\.[0-9a-f-]{36}\.inprogress$/)]);
  release();
  const handle = fileHandle(await closing);
  expect(readdirSync(directory)).toEqual([handle.name]);
  expect(faulty.calls.indexOf('sync')).toBeLessThan(faulty.calls.indexOf('rename'));
  expect(faulty.calls.at(-1)).toBe('syncDirectory');
});

test('a stream with much on its way to the disk is not ready', async () => {
  const stream = streams.create(location({ directory: `faulty:${directory}` }));
  const release = faulty.hold('write');
  let given = 0;
  for (; stream.isReady && given < 100; given++) stream.write(bytesOf(1024 * 1024, given));
  expect(given).toBeLessThan(100);
  release();
  await stream.whenReady();
  expect(stream.isReady).toBe(true);
  const handle = fileHandle(await stream.close());
  expect(handle.size).toBe(given * 1024 * 1024);
});

describe('a failing disk', () => {
  test.each([
    ['create', 'EACCES'],
    ['write', 'ENOSPC'],
    ['sync', 'EIO'],
    ['close', 'EIO'],
    ['rename', 'EIO'],
    ['syncDirectory', 'EIO'],
  ] as const)('fails the stream at %s and leaves nothing behind', async (operation, code) => {
    faulty.failNext(operation, code);
    const stream = streams.create(location({ directory: `faulty:${directory}` }));
    stream.write(bytesOf(500));
    await expect(stream.close()).rejects.toMatchObject({ code: 'STATE_WRITE_FAILED', message: expect.stringContaining(directory) });
    expect(readdirSync(directory)).toEqual([]);
    await stream.abort();
  });

  test('is told to the producer before the end', async () => {
    faulty.failNext('write', 'ENOSPC');
    const stream = streams.create(location({ directory: `faulty:${directory}` }));
    while (stream.isReady) stream.write(bytesOf(1024 * 1024));
    await expect(stream.whenReady()).rejects.toThrow(/Free space/);
    expect(stream.isReady).toBe(false);
    await expect(stream.close()).rejects.toMatchObject({ code: 'STATE_WRITE_FAILED' });
  });

  test('a directory that is not there is an error, and is not made', async () => {
    const stream = streams.create(location({ directory: join(directory, 'chk-1') }));
    stream.write(bytesOf(500));
    await expect(stream.close()).rejects.toThrow(/chk-1 is one directory, writable, on the JobManager and on every TaskManager/);
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('abort', () => {
  test.each(['create', 'write', 'sync', 'rename', 'syncDirectory'] as const)('during %s deletes the file', async (operation) => {
    const stream = streams.create(location({ directory: `faulty:${directory}` }));
    const release = faulty.hold(operation);
    stream.write(bytesOf(500));
    const closed = stream.close().then(
      () => 'closed',
      (error: { code: string }) => error.code,
    );
    await expect.poll(() => faulty.calls.at(-1)).toBe(operation);
    const aborted = stream.abort();
    release();
    await aborted;
    expect(await closed).toBe('SNAPSHOT_ABORTED');
    expect(readdirSync(directory)).toEqual([]);
  });

  test('before, after and twice', async () => {
    const early = streams.create(location());
    early.write(bytesOf(500));
    await early.abort();
    const late = streams.create(location());
    late.write(bytesOf(500));
    await late.close();
    await late.abort();
    await late.abort();
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('without a directory', () => {
  test('state stays in the handle', async () => {
    const stream = streams.create(location({ directory: undefined }));
    stream.write(bytesOf(600));
    const handle = (await stream.close()) as StreamHandle;
    expect(handle.kind).toBe('bytes');
    expect(await streams.read(handle, undefined)).toEqual(bytesOf(600));
  });

  test('more than the limit is refused, naming the option to set', async () => {
    const stream = streams.create(location({ directory: undefined }));
    stream.write(bytesOf(600));
    stream.write(bytesOf(600));
    expect(stream.isReady).toBe(false);
    await expect(stream.whenReady()).rejects.toThrow(/state\.checkpoints\.dir/);
    await expect(stream.close()).rejects.toMatchObject({ code: 'STATE_TOO_LARGE' });
  });
});

describe('reading refuses', () => {
  test('a missing file', async () => {
    const handle = fileHandle(await written(bytesOf(500)));
    rmSync(join(directory, handle.name));
    await expect(streams.read(handle, directory)).rejects.toMatchObject({
      code: 'STATE_MISSING',
      message: expect.stringContaining(handle.name),
    });
  });

  test('a truncated file, and one with a flipped bit', async () => {
    const handle = fileHandle(await written(bytesOf(300), bytesOf(300)));
    const path = join(directory, handle.name);
    const whole = readFileSync(path);
    writeFileSync(path, whole.subarray(0, 599));
    await expect(streams.read(handle, directory)).rejects.toThrow(/has 599 bytes instead of 600/);
    const flipped = Buffer.from(whole);
    flipped[300] = (flipped[300] as number) ^ 1;
    writeFileSync(path, flipped);
    await expect(streams.read(handle, directory)).rejects.toMatchObject({ code: 'STATE_DAMAGED', message: expect.stringContaining(path) });
  });

  test('damaged bytes in a handle', async () => {
    const handle = (await written(bytesOf(50))) as Extract<StreamHandle, { kind: 'bytes' }>;
    const bytes = Uint8Array.from(handle.bytes);
    bytes[0] = (bytes[0] as number) ^ 1;
    await expect(streams.read({ ...handle, bytes }, directory)).rejects.toMatchObject({ code: 'STATE_DAMAGED' });
  });

  test('a relative handle when its directory is unknown', async () => {
    await expect(streams.read(fileHandle(await written(bytesOf(500))), undefined)).rejects.toMatchObject({ code: 'STATE_MISSING' });
  });
});

test('a path with a scheme nobody implements is refused where the stream is made', () => {
  expect(() => streams.create(location({ directory: 'hdfs://namenode/flink' }))).toThrow(/scheme 'hdfs'/);
});
