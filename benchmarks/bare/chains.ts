/** map-filter-sink as a loop: same records and functions, direct calls. Prints one line of JSON. */
import { parseArgs } from 'node:util';
import { objectMaps } from '../workloads/chains.ts';
import { isWarm, reading, type Sample, Tally, toSample } from '../workloads/counts.ts';
import { timed } from './timed.ts';

const { values } = parseArgs({ options: { records: { type: 'string' }, maps: { type: 'string' } } });
const [a, b, c, d, e, f, g, h, i, j] = objectMaps as readonly [Step, Step, Step, Step, Step, Step, Step, Step, Step, Step];
type Step = (sample: Sample) => Sample;

timed(Number(values.records), values.maps === 'objects' ? withMaps : without);

function without(records: number): Tally {
  const tally = new Tally();
  const sink = (record: Sample): void => tally.add(record.count);
  for (let index = 0; index < records; index++) {
    const sample = toSample(reading(index));
    if (isWarm(sample)) sink(sample);
  }
  return tally;
}

/** Direct calls, as somebody would write them: a loop over a list of functions would be slower. */
function withMaps(records: number): Tally {
  const tally = new Tally();
  const sink = (record: Sample): void => tally.add(record.count);
  for (let index = 0; index < records; index++) {
    const sample = toSample(reading(index));
    if (isWarm(sample)) sink(j(i(h(g(f(e(d(c(b(a(sample)))))))))));
  }
  return tally;
}
