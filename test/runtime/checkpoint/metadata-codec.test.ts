import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkpointProperties, savepointProperties, unclaimedProperties } from '../../../src/runtime/checkpoint/checkpoint-properties.ts';
import type { CheckpointedOperator, CheckpointMetadata } from '../../../src/runtime/checkpoint/metadata/checkpoint-metadata.ts';
import { decodeMetadata, encodeMetadata } from '../../../src/runtime/checkpoint/metadata/metadata-codec.ts';
import type { StreamHandle } from '../../../src/state/snapshot/handles.ts';

const path = 'file:/tmp/chk-42/_metadata';

/** One of everything; the golden file holds it. */
const everything: CheckpointMetadata = {
  checkpointId: 42,
  jobId: '0123456789abcdef0123456789abcdef',
  jobName: 'Orders ☃',
  timestamp: 1_785_000_000_000,
  weirVersion: '0.1.0',
  properties: savepointProperties({ forced: true, stop: 'drain' }),
  operators: [
    {
      operatorId: 'bc764cd8ddf7a0cff126f51c16239658',
      name: 'Source: orders',
      uid: 'orders',
      parallelism: 2,
      maxParallelism: 128,
      coordinatorState: Uint8Array.of(1, 2, 3),
      fullyFinished: false,
      subtasks: new Map([
        [
          0,
          {
            finished: false,
            keyed: [],
            operator: [
              {
                kind: 'operator',
                states: { splits: { mode: 'SPLIT', offsets: [0, 17, 300] }, __proto__x: { mode: 'UNION', offsets: [400] } },
                stream: { kind: 'bytes', bytes: Uint8Array.of(9, 8, 7), checksum: 0xfedcba98 },
              },
            ],
          },
        ],
        [1, { finished: true, keyed: [], operator: [] }],
      ]),
    },
    {
      operatorId: '029bbd41b3a7d8cb191dae486a901e5b',
      name: 'Count',
      uid: undefined,
      parallelism: 1,
      maxParallelism: 128,
      coordinatorState: undefined,
      fullyFinished: false,
      subtasks: new Map([
        [
          0,
          {
            finished: false,
            keyed: [
              {
                kind: 'keyed',
                keyGroups: { start: 0, end: 127 },
                stream: { kind: 'relative', name: 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6', size: 2 ** 40 + 1, checksum: 7 },
              },
            ],
            operator: [
              {
                kind: 'operator',
                states: { rules: { mode: 'BROADCAST', offsets: [] } },
                stream: { kind: 'file', path: 'file:/data/0123/shared/abc', size: 12, checksum: 0 },
              },
            ],
          },
        ],
      ]),
    },
    {
      operatorId: '7df19f87deec5680128845fd9a6ca18d',
      name: 'Map',
      uid: undefined,
      parallelism: 4,
      maxParallelism: 32768,
      coordinatorState: undefined,
      fullyFinished: true,
      subtasks: new Map(),
    },
  ],
};

test('what format version 1 wrote is read as it was written', () => {
  const golden = readFileSync(join(import.meta.dirname, '../../golden/checkpoint-metadata-v1'));
  expect(decodeMetadata(golden, path)).toEqual(everything);
  expect(Buffer.from(encodeMetadata(everything))).toEqual(golden);
});

const u32 = fc.nat(2 ** 32 - 1);
const stream: fc.Arbitrary<StreamHandle> = fc.oneof(
  fc.record({ kind: fc.constant('relative' as const), name: fc.string(), size: fc.maxSafeNat(), checksum: u32 }),
  fc.record({ kind: fc.constant('file' as const), path: fc.string(), size: fc.maxSafeNat(), checksum: u32 }),
  fc.record({ kind: fc.constant('bytes' as const), bytes: fc.uint8Array({ maxLength: 40 }), checksum: u32 }),
);
const subtask = fc.record({
  finished: fc.boolean(),
  keyed: fc.array(
    fc.record({ kind: fc.constant('keyed' as const), keyGroups: fc.constantFrom({ start: 0, end: 3 }, { start: 2, end: 2 }), stream }),
    { maxLength: 2 },
  ),
  operator: fc.array(
    fc.record({
      kind: fc.constant('operator' as const),
      states: fc.dictionary(
        fc.string(),
        fc.record({ mode: fc.constantFrom('SPLIT' as const, 'UNION' as const, 'BROADCAST' as const), offsets: fc.array(fc.maxSafeNat()) }),
        { maxKeys: 3, noNullPrototype: true },
      ),
      stream,
    }),
    { maxLength: 2 },
  ),
});
const operator: fc.Arbitrary<Omit<CheckpointedOperator, 'operatorId'>> = fc.record({
  name: fc.string({ unit: 'binary' }),
  uid: fc.option(fc.string(), { nil: undefined }),
  parallelism: fc.constant(4),
  maxParallelism: fc.integer({ min: 4, max: 32768 }),
  coordinatorState: fc.option(fc.uint8Array({ maxLength: 40 }), { nil: undefined }),
  fullyFinished: fc.constant(false),
  subtasks: fc.uniqueArray(fc.tuple(fc.nat(3), subtask), { selector: ([index]) => index, maxLength: 4 }).map((entries) => new Map(entries)),
});
const metadata: fc.Arbitrary<CheckpointMetadata> = fc.record({
  checkpointId: fc.maxSafeNat(),
  jobId: fc.constant(everything.jobId),
  jobName: fc.string({ unit: 'binary' }),
  timestamp: fc.maxSafeNat(),
  weirVersion: fc.string(),
  properties: fc.constantFrom(
    checkpointProperties('RETAIN_ON_CANCELLATION'),
    checkpointProperties('DELETE_ON_CANCELLATION', true),
    savepointProperties({ forced: false }),
    savepointProperties({ forced: true, stop: 'suspend' }),
    unclaimedProperties({ forceFull: true }),
  ),
  operators: fc
    .uniqueArray(fc.tuple(fc.nat(9), operator), { selector: ([digit]) => digit, maxLength: 4 })
    .map((entries) => entries.map(([digit, rest]) => ({ operatorId: String(digit).repeat(32), ...rest }))),
});

test('any metadata comes back as it was', () => {
  fc.assert(
    fc.property(metadata, (written) => {
      expect(decodeMetadata(encodeMetadata(written), path)).toEqual(written);
    }),
  );
});

describe('hostile bytes', () => {
  const bytes = Buffer.from(encodeMetadata(everything));
  const failure = (given: Uint8Array): { code: string; message: string } => {
    try {
      decodeMetadata(given, path);
    } catch (error) {
      return error as { code: string; message: string };
    }
    throw new Error('it was read');
  };

  test('every truncation is refused', () => {
    for (let length = 0; length < bytes.length; length++)
      expect(['CHECKPOINT_DAMAGED', 'NOT_A_CHECKPOINT']).toContain(failure(bytes.subarray(0, length)).code);
    expect(failure(bytes.subarray(0, -1)).message).toBe(
      [
        'The checkpoint metadata file:/tmp/chk-42/_metadata is damaged.',
        `It has ${bytes.length - 1} bytes where its header says ${bytes.length}.`,
        'Try: Restore the file from a copy, or start from another savepoint or retained checkpoint: flink run -s <path>',
      ].join('\n'),
    );
  });

  test('every flipped bit is noticed', () => {
    for (let position = 0; position < bytes.length; position++) {
      for (let bit = 0; bit < 8; bit++) {
        const flipped = Buffer.from(bytes);
        flipped[position] = (flipped[position] as number) ^ (1 << bit);
        expect(['CHECKPOINT_DAMAGED', 'NOT_A_CHECKPOINT']).toContain(failure(flipped).code);
      }
    }
  });

  test('bytes behind the end are refused', () => {
    expect(failure(Buffer.concat([bytes, Buffer.of(0)])).code).toBe('CHECKPOINT_DAMAGED');
  });

  test('a file of something else is no checkpoint', () => {
    expect(failure(Buffer.from('{"hello": 1}'))).toMatchObject({
      code: 'NOT_A_CHECKPOINT',
      message: expect.stringContaining('It starts with "{\\"hello\\"".'),
    });
    expect(failure(new Uint8Array()).code).toBe('NOT_A_CHECKPOINT');
  });

  test('a savepoint of Apache Flink is called by its name', () => {
    expect(failure(Buffer.from('4960672d00000004', 'hex')).message).toContain('Apache Flink wrote it.');
  });

  test('a newer version says so', () => {
    const newer = Buffer.from(bytes);
    newer.writeUInt32LE(2, 8);
    newer.writeUInt32LE(crc32(newer.subarray(0, -4)), newer.length - 4);
    expect(failure(newer)).toMatchObject({
      code: 'CHECKPOINT_TOO_NEW',
      message: expect.stringContaining('has format version 2; this version of Weir reads 1.'),
    });
  });

  test('arbitrary bodies under a right checksum end in an error, never in a hang or in wild memory', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        const file = Buffer.concat([bytes.subarray(0, 16), body, Buffer.alloc(4)]);
        file.writeUInt32LE(body.length, 12);
        file.writeUInt32LE(crc32(file.subarray(0, -4)), file.length - 4);
        expect(failure(file).code).toBe('CHECKPOINT_DAMAGED');
      }),
    );
  });

  test('contradictions inside are damage', () => {
    const outside = { ...everything, operators: [{ ...(everything.operators[0] as CheckpointedOperator), parallelism: 1 }] };
    expect(() => encodeMetadata(outside)).toThrow('has a subtask 1 of 1');
  });
});
