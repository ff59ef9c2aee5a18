/**
 * The codec of an edge against msgpackr packing the same batch as one array with shared structures: encode and decode of
 * fresh records, shape check included, results compared. In one process, in turns: flat records, then other shapes.
 */
import { deepStrictEqual } from 'node:assert/strict';
import { Packr } from 'msgpackr';
import { MIN_TIMESTAMP } from '../src/shared/time.ts';
import { codecs } from '../src/types/codecs.ts';
import type { Report } from './measure/report.ts';
import type { Target } from './measure/statistics.ts';
import { shapes } from './workloads/shapes.ts';
import { trade } from './workloads/trades.ts';

const batchRecords = 512;
const batches = 400;

type MakeRecord = (index: number) => unknown;

export function measureCodec(report: Report, runs: number, only: RegExp): void {
  const flat = `codec: batches of ${batchRecords} flat records of 6 fields, encode and decode`;
  if (only.test(flat)) measureShape(report, runs, flat, trade, { atLeast: 2.5 });
  for (const [name, make] of Object.entries(shapes)) {
    const heading = `codec: ${name}`;
    if (only.test(heading)) measureShape(report, runs, heading, make);
  }
}

function measureShape(report: Report, runs: number, heading: string, make: MakeRecord, target?: Target): void {
  report.heading(heading);
  const encoder = codecs.createEncoder({ operatorName: 'benchmark' });
  const decoder = codecs.createDecoder({ operatorName: 'benchmark' });
  const packr = new Packr({ structures: [] });
  const columns = (records: readonly unknown[]): readonly unknown[] => {
    for (const record of records) encoder.add(record, MIN_TIMESTAMP);
    return decoder.decode(encoder.take()).values;
  };
  const packed = (records: readonly unknown[]): readonly unknown[] => packr.unpack(packr.pack(records)) as unknown[];
  const some = Array.from({ length: batchRecords }, (_, index) => make(index));
  deepStrictEqual(columns(some), some);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let run = -2; run < runs; run++) {
    const own = nanosecondsPerRecord(columns, make, run);
    const other = nanosecondsPerRecord(packed, make, run);
    if (run < 0) continue;
    ours.push(own);
    theirs.push(other);
  }
  report.add('columns', 'ns', ours);
  report.add('msgpackr', 'ns', theirs);
  report.add(
    'faster than msgpackr',
    'times',
    ours.map((own, run) => (theirs[run] as number) / own),
    target,
  );
}

/** Making the records is not part of it. */
function nanosecondsPerRecord(roundTrip: (records: readonly unknown[]) => readonly unknown[], make: MakeRecord, run: number): number {
  let nanoseconds = 0;
  for (let batch = 0; batch < batches; batch++) {
    const first = (run * batches + batch) * batchRecords;
    const records = Array.from({ length: batchRecords }, (_, index) => make(Math.abs(first + index)));
    const begun = performance.now();
    const values = roundTrip(records);
    nanoseconds += (performance.now() - begun) * 1e6;
    if (values.length !== batchRecords) throw new Error('records were lost');
  }
  return nanoseconds / (batches * batchRecords);
}
