/** The bytes between slots are those of docs/formats/network-frame.md, and damaged ones never become records. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChannelEvent, PolledElement } from '../../../src/runtime/network/channel.ts';
import { continuesBit, decodeEvent, encodeEvent, FrameAssembler, frameKind } from '../../../src/runtime/network/frames.ts';
import { fillFromFrame } from '../../../src/runtime/network/input-channel.ts';
import { PartitionBuffers } from '../../../src/runtime/network/memory/partition-buffers.ts';
import { allocateSlabs, Segments } from '../../../src/runtime/network/memory/segments.ts';
import { allocateRing, RingWriter } from '../../../src/runtime/network/ring.ts';
import { StreamSplitter } from '../../../src/runtime/network/tcp/stream-splitter.ts';
import { decodeGrant, decodeHello, encodeGrant, encodeHello, encodePiece } from '../../../src/runtime/network/tcp/wire.ts';
import { codecs } from '../../../src/types/codecs.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function batchOf(values: readonly unknown[]): Uint8Array {
  const encoder = codecs.createEncoder({ operatorName: 'test' });
  for (const value of values) encoder.add(value, 5);
  return encoder.take();
}

const events: readonly ChannelEvent[] = [
  { kind: 'watermark', timestamp: 7 },
  { kind: 'watermark-status', idle: true },
  {
    kind: 'barrier',
    checkpointId: 3,
    timestamp: 1,
    options: {
      kind: 'checkpoint',
      alignment: 'exactly-once',
      location: { directory: '/tmp/chk-3', inlineThresholdBytes: 20_480, inlineLimitBytes: 0, writeBufferBytes: 4096 },
    },
  },
  { kind: 'cancel-barrier', checkpointId: 3 },
  { kind: 'end-of-data', drain: false },
  { kind: 'end-of-partition' },
];

const kindOf = (event: ChannelEvent): number => (event.kind === 'end-of-partition' ? frameKind.endOfPartition : frameKind.event);

test('golden bytes: hello, grant, pieces', () => {
  expect(hex(encodeHello('p/e/c'))).toBe('0a000000bf6d2f6a5745495202702f652f63');
  expect(hex(encodeGrant(65_536))).toBe('00000100fffffeff');
  expect(hex(encodePiece(frameKind.event, encodeEvent({ kind: 'watermark', timestamp: 7 })))).toBe(
    '220000008cc5c65b010c02086b696e64061277617465726d61726b1274696d657374616d700407000000',
  );
  expect(hex(encodePiece(frameKind.endOfPartition, encodeEvent({ kind: 'end-of-partition' })))).toBe(
    '1a000000d87562ce020c01086b696e640620656e642d6f662d706172746974696f6e',
  );
  expect(hex(encodePiece(frameKind.batch | continuesBit, Buffer.from('abc')))).toBe('04000000f7f1780680616263');
  const slabs = allocateSlabs(2, 64);
  const buffers = new PartitionBuffers(
    { segments: Int32Array.of(0, 1), floating: 0 },
    { segmentBytes: 64, exclusive: 2, floating: 0, most: 2 },
  );
  const ring = new RingWriter(allocateRing(2), new Segments(slabs, 64), (reclaim) => buffers.channel(reclaim));
  ring.tryWrite(frameKind.event | continuesBit, Buffer.from('ab'));
  expect(hex(new Uint8Array(slabs[0] as SharedArrayBuffer, 0, 8))).toBe('0300000081616200');
});

test('a hello is known by its magic word, version and checksum; anything else is a stranger', () => {
  const hello = encodeHello('p/e/c');
  expect(decodeHello(Buffer.concat([hello, Buffer.from('rest')]))).toEqual({ key: 'p/e/c', rest: Buffer.from('rest') });
  for (let cut = 0; cut < hello.length; cut++) expect(decodeHello(hello.subarray(0, cut))).toBeUndefined();
  fc.assert(
    fc.property(fc.nat({ max: hello.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = Buffer.from(hello);
      damaged[at] = (damaged[at] as number) ^ flip;
      const read = decodeHello(damaged);
      // A longer hello may be announced: then it is waited for, until the patience ends.
      expect(read === 'stranger' || (read === undefined && at < 4)).toBe(true);
    }),
  );
  fc.assert(fc.property(fc.uint8Array({ minLength: 8, maxLength: 64 }), (bytes) => typeof decodeHello(Buffer.from(bytes)) !== 'object'));
});

test('a damaged grant is refused: it would be a wait without end, or memory without bound', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat({ max: 63 }), (bytes, bit) => {
      const grant = encodeGrant(bytes);
      expect(decodeGrant(grant, 0)).toBe(bytes);
      grant[bit >> 3] = (grant[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => decodeGrant(grant, 0)).toThrow(/damaged/);
    }),
  );
});

test('events arrive as they were sent, and nothing else arrives as an event', () => {
  for (const event of events) {
    const frame = Buffer.concat([Buffer.from([kindOf(event)]), encodeEvent(event)]);
    expect(decodeEvent(frame)).toEqual(event);
    frame[0] = kindOf(event) === frameKind.event ? frameKind.endOfPartition : frameKind.event;
    expect(() => decodeEvent(frame)).toThrow(/damaged/);
  }
  const other = fc.oneof(
    fc.anything({ withDate: true, withMap: true, withSet: true }),
    fc.record({ kind: fc.constantFrom(...events.map(({ kind }) => kind)), timestamp: fc.string() }),
  );
  fc.assert(
    fc.property(other, (value) => {
      const event = value as Partial<ChannelEvent> | null | undefined;
      fc.pre(event?.kind !== 'end-of-partition');
      let bytes: Uint8Array;
      try {
        bytes = encodeEvent(value as ChannelEvent);
      } catch {
        return;
      }
      expect(() => decodeEvent(Buffer.concat([Buffer.from([frameKind.event]), bytes]))).toThrow(/damaged/);
    }),
  );
});

/** What a consumer makes of a stream of pieces. */
function receive(stream: Buffer, chunks: readonly number[], longestPiece: number): unknown[] {
  const splitter = new StreamSplitter(longestPiece);
  const assembler = new FrameAssembler();
  const decoder = codecs.createDecoder({ operatorName: 'test' });
  const into: PolledElement = { channel: 0, batch: undefined, event: undefined };
  const received: unknown[] = [];
  let at = 0;
  for (let turn = 0; at < stream.length; turn++) {
    const end = Math.min(stream.length, at + (chunks[turn % chunks.length] as number));
    splitter.push(stream.subarray(at, end), (piece) => {
      const frame = assembler.add(piece);
      if (!frame) return;
      fillFromFrame(frame, decoder, into);
      received.push(...(into.batch ? into.batch.values : [into.event]));
    });
    at = end;
  }
  return received;
}

const longest = 4096;
const chunkSizes = fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 8 });
const values = fc.array(
  fc.oneof(
    fc.record({ a: fc.integer(), b: fc.string(), c: fc.option(fc.double()) }, { noNullPrototype: true }),
    fc.string({ maxLength: 40 }),
    fc.array(fc.integer(), { maxLength: 20 }),
    fc.bigInt(),
  ),
  { minLength: 1, maxLength: 60 },
);
const element = fc.oneof(values, fc.constantFrom(...events.slice(0, -1)));

/** As a producer sends them, long frames in pieces. */
function streamOf(elements: readonly (readonly unknown[] | ChannelEvent)[], pieceBytes: number): { stream: Buffer; sent: unknown[] } {
  const encoder = codecs.createEncoder({ operatorName: 'test' });
  const pieces: Buffer[] = [];
  const write = (kind: number, bytes: Uint8Array): void => {
    let at = 0;
    for (; bytes.length - at > pieceBytes; at += pieceBytes)
      pieces.push(encodePiece(kind | continuesBit, bytes.subarray(at, at + pieceBytes)));
    pieces.push(encodePiece(kind, bytes.subarray(at)));
  };
  for (const sent of elements) {
    if ('kind' in sent) write(kindOf(sent), encodeEvent(sent));
    else {
      for (const value of sent) encoder.add(value, 0);
      write(frameKind.batch, encoder.take());
    }
  }
  return { stream: Buffer.concat(pieces), sent: elements.flatMap((sent) => ('kind' in sent ? [sent] : [...sent])) };
}

describe('a stream of pieces', () => {
  test('arrives whole, however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(element, { maxLength: 6 }),
        chunkSizes,
        fc.integer({ min: 16, max: longest - 1 }),
        (elements, chunks, pieceBytes) => {
          const { stream, sent } = streamOf(elements, pieceBytes);
          expect(receive(stream, chunks, longest)).toEqual(sent);
        },
      ),
    );
  });

  test('that is damaged anywhere gives what came before, then an error or nothing: never another record', () => {
    const damage = fc.record({
      at: fc.nat(),
      flip: fc.integer({ min: 1, max: 255 }),
      cut: fc.boolean(),
      extra: fc.uint8Array({ maxLength: 8 }),
    });
    fc.assert(
      fc.property(fc.array(element, { minLength: 1, maxLength: 6 }), chunkSizes, damage, (elements, chunks, { at, flip, cut, extra }) => {
        const { stream, sent } = streamOf(elements, 200);
        const place = at % stream.length;
        const damaged = cut ? Buffer.concat([stream.subarray(0, place), extra, stream.subarray(place + 1)]) : Buffer.from(stream);
        if (!cut) damaged[place] = (damaged[place] as number) ^ flip;
        if (damaged.equals(stream)) return;
        let received: unknown[] = [];
        try {
          received = receive(damaged, chunks, longest);
        } catch (error) {
          expect(error).toMatchObject({ name: 'ExternalError', retriable: true });
          return;
        }
        // No error yet: the stream stops within a piece, and all that was read is what was sent.
        expect(received).toEqual(sent.slice(0, received.length));
      }),
      { numRuns: 500 },
    );
  });

  test('of rubbish is an error or waits for more, within memory that the credit bounds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 400 }), chunkSizes, (bytes, chunks) => {
        try {
          expect(receive(Buffer.from(bytes), chunks, longest)).toEqual([]);
        } catch (error) {
          expect(error).toMatchObject({ name: 'ExternalError' });
        }
      }),
    );
    expect(() => receive(Buffer.from('ffffffff00000000', 'hex'), [3], longest)).toThrow(/4294967295 bytes was announced/);
  });

  test('whose checksums fit, but whose frames are rubbish, is an error: by a peer that is wrong', () => {
    const frame = fc.record({ kind: fc.nat({ max: 255 }), bytes: fc.uint8Array({ maxLength: 200 }) });
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1, maxLength: 5 }), chunkSizes, (frames, chunks) => {
        const stream = Buffer.concat(frames.map(({ kind, bytes }) => encodePiece(kind, bytes)));
        try {
          receive(stream, chunks, longest);
        } catch (error) {
          expect(error).toMatchObject({ name: expect.stringMatching(/ExternalError|UserError/) });
        }
      }),
      { numRuns: 500 },
    );
  });
});

test('damaged batches are an error, or as many records as they say, in memory in proportion to their bytes', () => {
  const value = fc.oneof(
    fc.record(
      { id: fc.nat(), name: fc.string(), tags: fc.array(fc.string()), ok: fc.boolean(), big: fc.bigInt() },
      { noNullPrototype: true },
    ),
    fc.tuple(fc.integer(), fc.string()),
    fc.string(),
  );
  const flips = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 50 }), flips, (sent, places) => {
      const damaged = Buffer.from(batchOf(sent));
      for (const [at, byte] of places) damaged[at % damaged.length] = byte;
      try {
        const { values: read, timestamps } = codecs.createDecoder({ operatorName: 'test' }).decode(damaged);
        expect(read.length).toBeLessThanOrEqual(damaged.length * 8);
        expect(timestamps?.length ?? read.length).toBe(read.length);
      } catch (error) {
        expect(error).toMatchObject({ name: expect.stringMatching(/ExternalError|UserError/) });
      }
    }),
    { numRuns: 1000 },
  );
});

test('lengths that nothing backs are refused before there is memory for them', () => {
  const before = process.memoryUsage();
  // Arrays within arrays, each of which says that it fills the rest of the bytes.
  const nested = Buffer.alloc(400_000, 0);
  for (let at = 0; at < 1000; at += 4) nested.set([10, 0x80, 0x80, 0x18], at);
  const frame = Buffer.concat([Buffer.from([frameKind.event]), nested]);
  expect(() => decodeEvent(frame)).toThrow(/damaged|nested/);
  expect(process.memoryUsage().heapTotal - before.heapTotal).toBeLessThan(64 * 1024 * 1024);
});
