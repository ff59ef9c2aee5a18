/**
 * map-filter-keyBy-count on two threads by hand: each makes half of the records, counts the keys of its own, and sends the
 * others through a ring of Weir's, encoded by Weir's codec. Prints one line of JSON.
 */
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { PartitionBuffers } from '../../src/runtime/network/memory/partition-buffers.ts';
import { allocateSlabs, type BufferSettings, Segments } from '../../src/runtime/network/memory/segments.ts';
import { allocateRing, RingReader, RingWriter } from '../../src/runtime/network/ring.ts';
import { MIN_TIMESTAMP } from '../../src/shared/time.ts';
import { codecs } from '../../src/types/codecs.ts';
import { keyGroupOf, operatorIndexForKeyGroup } from '../../src/types/key-groups.ts';
import { hashKey } from '../../src/types/key-hash.ts';
import { isWarm, type KeyField, reading, type Sample, Tally, toSample } from '../workloads/counts.ts';
import type { BareResult } from './timed.ts';

const warmUpRecords = 2_000_000;
const buffers: BufferSettings = { segmentBytes: 32 * 1024, exclusive: 32, floating: 0, most: 32 };
const batchRecords = 512;
const maxParallelism = 128;
const lastFrame = 1;

interface ThreadData {
  readonly index: number;
  readonly key: KeyField;
  /** [0] is read by thread 0. */
  readonly rings: readonly RingMemory[];
}

interface RingMemory {
  readonly words: SharedArrayBuffer;
  readonly slabs: readonly SharedArrayBuffer[];
}

if (isMainThread) await main();
else {
  const data = workerData as ThreadData;
  const ends = { incoming: readerOf(data.rings[data.index] as RingMemory), outgoing: writerOf(data.rings[1 - data.index] as RingMemory) };
  parentPort?.on('message', (records: number) => parentPort?.postMessage(runThread(data, ends, records)));
}

function ringMemory(): RingMemory {
  return { words: allocateRing(buffers.most), slabs: allocateSlabs(buffers.exclusive, buffers.segmentBytes) };
}

function readerOf({ words, slabs }: RingMemory): RingReader {
  return new RingReader(words, new Segments(slabs, buffers.segmentBytes));
}

function writerOf({ words, slabs }: RingMemory): RingWriter {
  const segments = Int32Array.from({ length: buffers.exclusive }, (_, index) => index);
  const own = new PartitionBuffers({ segments, floating: 0 }, buffers);
  return new RingWriter(words, new Segments(slabs, buffers.segmentBytes), (reclaim) => own.channel(reclaim));
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { records: { type: 'string' }, key: { type: 'string' }, count: { type: 'string' } } });
  const rings = [ringMemory(), ringMemory()];
  const key = (values.key ?? 'sensor') as KeyField;
  const workers = [0, 1].map((index) => new Worker(new URL(import.meta.url), { workerData: { index, key, rings } satisfies ThreadData }));
  const run = (records: number): Promise<Tally[]> =>
    Promise.all(
      workers.map(
        (worker) =>
          new Promise<Tally>((resolve, reject) => {
            worker.once('message', resolve);
            worker.once('error', reject);
            worker.postMessage(records / 2);
          }),
      ),
    );
  await run(warmUpRecords);
  const cpuBefore = process.cpuUsage();
  const begun = performance.now();
  const tallies = await run(Number(values.records));
  const wallSeconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const result: BareResult = {
    cpuSeconds: (user + system) / 1e6,
    wallSeconds,
    records: tallies.reduce((sum, tally) => sum + tally.records, 0),
    checksum: tallies.reduce((sum, tally) => (sum + tally.checksum) | 0, 0),
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
  await Promise.all(workers.map((worker) => worker.terminate()));
}

interface RingEnds {
  readonly incoming: RingReader;
  readonly outgoing: RingWriter;
}

function runThread({ index, key }: ThreadData, { incoming, outgoing }: RingEnds, records: number): Tally {
  const encoder = codecs.createEncoder({ operatorName: 'bare' });
  const decoder = codecs.createDecoder({ operatorName: 'bare' });
  const counts = new Map<number | string, number>();
  const tally = new Tally();
  let ended = false;
  const sink = (record: { key: number | string; count: number }): void => tally.add(record.count);
  const take = (sample: Sample): void => {
    const own = sample[key];
    const count = (counts.get(own) ?? 0) + 1;
    counts.set(own, count);
    sink({ key: own, count });
  };
  /** False when nothing had come. */
  const receive = (): boolean => {
    if (!incoming.hasPiece) return false;
    const values = incoming.read((frame) => {
      if (frame[0] === lastFrame) ended = true;
      else return decoder.decode(frame.subarray(1)).values as readonly Sample[];
    });
    for (const sample of values ?? []) take(sample);
    return true;
  };
  const send = (kind: number, bytes: Uint8Array): void => {
    while (!outgoing.tryWrite(kind, bytes)) if (!receive()) pause();
  };
  const first = index * records;
  for (let next = first; next < first + records; next++) {
    const sample = toSample(reading(next));
    if (isWarm(sample)) {
      const target = operatorIndexForKeyGroup(keyGroupOf(hashKey(sample[key]), maxParallelism), 2, maxParallelism);
      if (target === index) take(sample);
      else {
        encoder.add(sample, MIN_TIMESTAMP);
        if (encoder.count === batchRecords) send(0, encoder.take());
      }
    }
    if ((next & 1023) === 0) while (receive());
  }
  if (encoder.count > 0) send(0, encoder.take());
  send(lastFrame, new Uint8Array(0));
  while (!ended) if (!receive()) pause();
  return tally;
}

const never = new Int32Array(new SharedArrayBuffer(4));

/** Lets the other thread have the processor, where there are fewer of them than threads. */
function pause(): void {
  Atomics.wait(never, 0, 0, 0.05);
}
