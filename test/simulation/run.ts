/**
 * Runs histories outside the test: `node test/simulation/run.ts [first seed] [how many]`. One seed alone prints its trace.
 */
import { simulate } from './simulation.ts';

const [first = 1, count = 1] = process.argv.slice(2).map(Number);
const begun = performance.now();
const faults = new Map<string, number>();
let [events, checkpoints, broken] = [0, 0, 0];
for (let seed = first; seed < first + count; seed++) {
  const history = await simulate(seed, { trace: count === 1 });
  events += history.events;
  checkpoints += history.checkpoints;
  for (const [kind, strikes] of history.faults) faults.set(kind, (faults.get(kind) ?? 0) + strikes);
  for (const line of history.trace) console.log(line);
  if (history.violations.length > 0) broken++;
  for (const violation of history.violations) console.log(`seed ${seed}: ${violation}`);
}
const minutes = (performance.now() - begun) / 60_000;
console.log(
  `${count} histories, ${broken} broken; ${Math.round(count / minutes)} a minute; ${events} events, ${checkpoints} checkpoints;`,
  faults,
);
