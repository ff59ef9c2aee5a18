/** A Nexmark query as a loop: the same generator, Maps for state, direct calls. Prints one line of JSON. */
import { parseArgs } from 'node:util';
import { Generator } from '../nexmark/generator.ts';
import { plainQueries } from '../nexmark/plain.ts';
import { timed } from './timed.ts';

const { values } = parseArgs({
  options: { query: { type: 'string' }, events: { type: 'string' }, rate: { type: 'string', default: '100000' } },
});
const create = plainQueries[values.query ?? ''];
if (!create) throw new Error(`no query '${values.query}'`);
const generator = new Generator({ rate: Number(values.rate), seed: 42 });

timed(Number(values.events), (events) => {
  let records = 0;
  // Held, so that no result is optimised away.
  let last: object | undefined;
  const query = create((row) => {
    records++;
    last = row;
  });
  for (let n = 0; n < events; n++) query.event(generator.event(n));
  query.end?.();
  return { records, checksum: last === undefined ? 0 : 1 };
});
