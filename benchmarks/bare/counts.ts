/** map-filter-keyBy-count as a loop: same records and functions, a Map for state, direct calls. Prints one line of JSON. */
import { parseArgs } from 'node:util';
import { isWarm, type KeyField, reading, type Sample, Tally, toSample } from '../workloads/counts.ts';
import { timed } from './timed.ts';

const { values } = parseArgs({ options: { records: { type: 'string' }, key: { type: 'string' }, count: { type: 'string' } } });
const key = (values.key ?? 'sensor') as KeyField;
const keyOf = (sample: Sample): number | string => sample[key];
const run = values.count === 'sum' ? sumUp : countUp;

timed(Number(values.records), run);

function countUp(records: number): Tally {
  const counts = new Map<number | string, number>();
  const tally = new Tally();
  const sink = (record: { key: number | string; count: number }): void => tally.add(record.count);
  for (let index = 0; index < records; index++) {
    const sample = toSample(reading(index));
    if (!isWarm(sample)) continue;
    const sensor = keyOf(sample);
    const count = (counts.get(sensor) ?? 0) + 1;
    counts.set(sensor, count);
    sink({ key: sensor, count });
  }
  return tally;
}

function sumUp(records: number): Tally {
  const sums = new Map<number | string, Sample>();
  const tally = new Tally();
  const sink = (record: Sample): void => tally.add(record.count);
  for (let index = 0; index < records; index++) {
    const sample = toSample(reading(index));
    if (!isWarm(sample)) continue;
    const sensor = keyOf(sample);
    const former = sums.get(sensor);
    const sum = former === undefined ? sample : { ...former, count: former.count + sample.count };
    sums.set(sensor, sum);
    sink(sum);
  }
  return tally;
}
