/**
 * The Nexmark queries through `start-cluster` and `flink run`, each against a bare loop that answers the same question over the same
 * events, in turns. Events are counted at the source: 50 for every 46 bids.
 */
import type { BareResult } from './bare/timed.ts';
import { runBare } from './measure/bare.ts';
import { type JobCost, MeasuredCluster } from './measure/cluster.ts';
import type { Installation } from './measure/installation.ts';
import type { Report } from './measure/report.ts';
import { type QueryName, queries } from './nexmark/queries.ts';
import type { ThroughputSettings } from './throughput.ts';

/** Queries that tell changes tell more or fewer of them, as their inputs meet; q12 goes by the clock. */
const rowsVary: readonly QueryName[] = ['q4', 'q9', 'q12', 'q18', 'q19'];
/** Some queries keep every bid: more events do not fit a small machine. */
const mostMillions = 2;
const parallelism = 2;
const target = { atLeast: 0.4 };

export async function measureNexmark(
  installation: Installation,
  report: Report,
  settings: ThroughputSettings,
  only: RegExp,
): Promise<void> {
  await using measured = await MeasuredCluster.start(installation);
  const millions = Math.min(settings.millions, mostMillions);
  for (const query of Object.keys(queries) as QueryName[]) {
    if (!only.test(query)) continue;
    report.heading(`Nexmark ${query}, parallelism ${parallelism}, ${millions} M events`);
    const args = ['--query', query, '--events', String(millions * 1e6)];
    const pairs: { bare: BareResult; job: JobCost }[] = [];
    for (let pair = 0; pair < settings.pairs; pair++) {
      const bare = runBare('nexmark.ts', args);
      const job = await measured.run('nexmark.ts', parallelism, args);
      requireSameRows(query, bare, job);
      pairs.push({ bare, job });
    }
    const perSecond = (seconds: number): number => millions / seconds;
    const add = (label: string, unit: string, of: (pair: (typeof pairs)[number]) => number, wanted?: typeof target): void =>
      report.add(label, unit, pairs.map(of), wanted);
    add('bare loop, CPU', 'M events/s', ({ bare }) => perSecond(bare.cpuSeconds));
    add('Weir, CPU', 'M events/s', ({ job }) => perSecond(job.cpuSeconds));
    add('Weir, wall', 'M events/s', ({ job }) => perSecond(job.wallSeconds));
    add('of the bare loop, CPU per event', '', ({ bare, job }) => bare.cpuSeconds / job.cpuSeconds, target);
  }
}

function requireSameRows(query: QueryName, bare: BareResult, job: JobCost): void {
  if (rowsVary.includes(query) || job.accumulators['rows'] === bare.records) return;
  throw new Error(`${query}: the job gave ${job.accumulators['rows']} rows, the bare loop ${bare.records}`);
}
