/**
 * The hiccups of the machine itself: records that come due at a rate (`--rate n --records n --warm-up n`), taken by a thread that
 * does nothing else. Prints the histogram of delays as one line of JSON.
 */
import { parseArgs } from 'node:util';
import { Delays } from '../workloads/delays.ts';
import { hostClock } from '../workloads/payments.ts';

const { values } = parseArgs({ options: { rate: { type: 'string' }, records: { type: 'string' }, 'warm-up': { type: 'string' } } });
const [records, warmUp] = [Number(values.records), Number(values['warm-up'])];
const intervalMs = 1000 / Number(values.rate);
const delays = new Delays();
const begun = hostClock();
let taken = 0;

function take(): void {
  const now = hostClock();
  for (; taken < records && begun + taken * intervalMs <= now; taken++) {
    if (taken >= warmUp) delays.add(hostClock() - (begun + taken * intervalMs));
  }
  if (taken < records) setTimeout(take, 1);
  else process.stdout.write(`${JSON.stringify([...delays.buckets])}\n`);
}

take();
