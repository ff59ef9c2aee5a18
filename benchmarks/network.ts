/**
 * What carries frames between two threads, without records: a ring in shared memory, frames of several sizes. A frame is
 * written, read, and copied out once, as a decoder would.
 */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { PartitionBuffers } from '../src/runtime/network/memory/partition-buffers.ts';
import { allocateSlabs, type BufferSettings, Segments } from '../src/runtime/network/memory/segments.ts';
import { allocateRing, RingReader, RingWriter } from '../src/runtime/network/ring.ts';
import { copyBytes } from '../src/shared/copy-bytes.ts';
import type { Report } from './measure/report.ts';

const buffers: BufferSettings = { segmentBytes: 32 * 1024, exclusive: 2, floating: 8, most: 10 };
const segments = buffers.exclusive + buffers.floating;

interface ReaderData {
  readonly words: SharedArrayBuffer;
  readonly slabs: readonly SharedArrayBuffer[];
  readonly bell: SharedArrayBuffer;
}

if (!isMainThread && (workerData as ReaderData | undefined)?.words) {
  const { words, slabs, bell } = workerData as ReaderData;
  const reader = new RingReader(words, new Segments(slabs, buffers.segmentBytes));
  const rung = new Int32Array(bell);
  const copy = Buffer.alloc(64 * 1024);
  parentPort?.on('message', (frames: number) => {
    for (let read = 0; read < frames; ) {
      if (!reader.hasPiece) {
        Atomics.wait(rung, 0, 0, 0.05);
        continue;
      }
      reader.read((piece) => copyBytes(piece, copy, 0));
      read++;
    }
    parentPort?.postMessage(frames);
  });
}

export async function measureNetwork(report: Report, runs: number): Promise<void> {
  for (const bytes of [100, 4000, 16_000]) {
    report.heading(`ring between two threads, frames of ${bytes} bytes`);
    const words = allocateRing(buffers.most);
    const slabs = allocateSlabs(segments, buffers.segmentBytes);
    const bell = new SharedArrayBuffer(4);
    const worker = new Worker(new URL(import.meta.url), { workerData: { words, slabs, bell } satisfies ReaderData });
    const own = new PartitionBuffers(
      { segments: Int32Array.from({ length: segments }, (_, index) => index), floating: buffers.floating },
      buffers,
    );
    const writer = new RingWriter(words, new Segments(slabs, buffers.segmentBytes), (reclaim) => own.channel(reclaim));
    const frame = Buffer.alloc(bytes, 7);
    const frames = Math.round(2e9 / (bytes + 1000) / 10);
    const rates: number[] = [];
    const never = new Int32Array(new SharedArrayBuffer(4));
    for (let run = -1; run < runs; run++) {
      const done = once(worker, 'message');
      worker.postMessage(frames);
      const begun = performance.now();
      for (let sent = 0; sent < frames; ) {
        if (writer.tryWrite(0, frame)) sent++;
        else Atomics.wait(never, 0, 0, 0.05);
      }
      await done;
      if (run >= 0) rates.push(frames / (performance.now() - begun));
    }
    report.add('frames', 'k/s', rates);
    report.add(
      'bytes',
      'GB/s',
      rates.map((rate) => (rate * bytes) / 1e6),
    );
    await worker.terminate();
  }
}
