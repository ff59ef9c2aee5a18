/** Records written field by field, mixed with others, arrive as they were sent, over every kind of channel. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PolledElement } from '../../../src/runtime/network/channel.ts';
import { FrameTransport } from '../../../src/runtime/network/frame-transport.ts';
import { LocalInputChannel, LocalQueue, LocalSubpartition } from '../../../src/runtime/network/local-channel.ts';
import { EncodedSubpartition, type Subpartition } from '../../../src/runtime/network/subpartition.ts';
import { MIN_TIMESTAMP } from '../../../src/shared/time.ts';
import { cloneValue } from '../../../src/types/clone.ts';
import type { DecodedBatch } from '../../../src/types/codec.ts';
import { codecs } from '../../../src/types/codecs.ts';

/** The lists by which a chain says what it knows. */
const shapes = [
  ['a', 'b'],
  ['b', 'a', 'c'],
] as const;

type Sent = { readonly value: unknown; readonly timestamp: number };

const cell = fc.oneof(
  { weight: 4, arbitrary: fc.integer() },
  { weight: 4, arbitrary: fc.string() },
  fc.double({ noNaN: false }),
  fc.constantFrom(null, undefined, true, false, -0, 10n, 'x'.repeat(20_000)),
);
const record = fc
  .constantFrom(...shapes)
  .chain((fields) => fc.tuple(...fields.map(() => cell)).map((cells) => Object.fromEntries(fields.map((field, i) => [field, cells[i]]))));
const other = fc.oneof(fc.integer(), fc.record({ z: fc.nat() }, { noNullPrototype: true }), fc.constant([1, 2]));
const value = fc.oneof({ weight: 9, arbitrary: record }, { weight: 1, arbitrary: other });
/** Runs of records that are alike, as programs make them. */
const run = fc
  .tuple(value, fc.integer({ min: 1, max: 700 }), fc.constantFrom(MIN_TIMESTAMP, 5))
  .map(([like, times, at]) => Array.from({ length: times }, (_, i): Sent => ({ value: like, timestamp: at === 5 ? i : at })));
const sent = fc.array(
  fc.oneof(
    { weight: 1, arbitrary: run },
    { weight: 3, arbitrary: fc.tuple(value).map(([one]) => [{ value: one, timestamp: MIN_TIMESTAMP }]) },
  ),
  {
    maxLength: 30,
  },
);

/** As the code of a chain does it. */
function send(part: Subpartition, { value: record, timestamp }: Sent): void {
  const fields = shapes.find((names) => typeof record === 'object' && record !== null && Object.keys(record).join() === names.join());
  const columns = fields && part.columns.columnsFor(fields);
  if (!columns) {
    part.add(record, timestamp, fields);
    return;
  }
  const cells = fields.map((field) => (record as Record<string, unknown>)[field]);
  for (const [index, written] of cells.entries()) (columns[index] as unknown[])[part.columns.count] = written;
  part.columns.added(
    timestamp,
    cells.reduce((sum: number, one) => sum + (typeof one === 'string' ? one.length : 0), 0),
  );
}

function received(batch: DecodedBatch): Sent[] {
  return batch.values.map((one, i) => ({ value: one, timestamp: batch.timestamps?.[i] ?? MIN_TIMESTAMP }));
}

class Decoding extends FrameTransport {
  protected readonly longestPiece = 1 << 30;
  readonly received: Sent[] = [];
  readonly #decoder = codecs.createDecoder({ operatorName: 'to' });

  awaitRoom(): void {}
  close(): void {}
  protected announce(): void {}
  protected tryWritePiece(_: number, bytes: Uint8Array): boolean {
    this.received.push(...received(this.#decoder.decode(Buffer.from(bytes))));
    return true;
  }
}

test('to another thread', () => {
  fc.assert(
    fc.property(sent, (runs) => {
      const transport = new Decoding();
      const part = new EncodedSubpartition(codecs.createEncoder({ operatorName: 'from' }), transport);
      for (const one of runs.flat()) send(part, one);
      expect(part.recordsOut + part.gathered).toBe(runs.flat().length);
      part.flush();
      expect(transport.received).toStrictEqual(runs.flat());
    }),
    { numRuns: 150 },
  );
});

test('on the same thread, where columns are used again', () => {
  fc.assert(
    fc.property(sent, (runs) => {
      const queue = new LocalQueue();
      const input = new LocalInputChannel(queue);
      const part = new LocalSubpartition(queue, cloneValue);
      const into: PolledElement = { batch: undefined, event: undefined, channel: 0 };
      const got: Sent[] = [];
      const take = (): void => {
        while (input.poll(into)) if (into.batch) got.push(...received(into.batch));
      };
      for (const one of runs.flat()) {
        send(part, one);
        if (!part.isAvailable) take();
      }
      part.flush();
      take();
      expect(got).toStrictEqual(runs.flat());
    }),
    { numRuns: 150 },
  );
});
