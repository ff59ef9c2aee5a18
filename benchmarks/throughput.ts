/**
 * map-filter-keyBy-count through `start-cluster` and `flink run`, against a bare loop that does the same work, in turns.
 * The ratio of CPU seconds per record decides: it holds on a machine that others use too.
 */
import type { BareResult } from './bare/timed.ts';
import { runBare } from './measure/bare.ts';
import { type JobCost, MeasuredCluster } from './measure/cluster.ts';
import type { Installation } from './measure/installation.ts';
import type { Report } from './measure/report.ts';
import type { Target } from './measure/statistics.ts';

export interface ThroughputSettings {
  readonly pairs: number;
  readonly millions: number;
}

interface Case {
  readonly name: string;
  readonly parallelism: number;
  readonly args: readonly string[];
  /** In `bare/`. */
  readonly bare: string;
  readonly target?: Target;
}

const cases: readonly Case[] = [
  { name: 'number key, parallelism 1', bare: 'counts.ts', parallelism: 1, args: ['--key', 'sensor'], target: { atLeast: 0.6 } },
  { name: 'number key, parallelism 2', bare: 'counts-two-threads.ts', parallelism: 2, args: ['--key', 'sensor'], target: { atLeast: 0.6 } },
  { name: 'string key, parallelism 1', bare: 'counts.ts', parallelism: 1, args: ['--key', 'name'], target: { atLeast: 0.5 } },
  { name: 'string key, parallelism 2', bare: 'counts-two-threads.ts', parallelism: 2, args: ['--key', 'name'], target: { atLeast: 0.5 } },
  {
    name: 'number key, sum, parallelism 1',
    bare: 'counts.ts',
    parallelism: 1,
    args: ['--key', 'sensor', '--count', 'sum'],
    target: { atLeast: 0.6 },
  },
];

export async function measureThroughput(
  installation: Installation,
  report: Report,
  settings: ThroughputSettings,
  only: RegExp,
): Promise<void> {
  await using measured = await MeasuredCluster.start(installation);
  const records = settings.millions * 1e6;
  for (const { name, parallelism, args, bare: bareFile, target } of cases) {
    if (!only.test(name)) continue;
    report.heading(`map-filter-keyBy-count, ${name}, ${settings.millions} M records`);
    const all = ['--records', String(records), ...args];
    const pairs: { bare: BareResult; job: JobCost }[] = [];
    for (let pair = 0; pair < settings.pairs; pair++) {
      const bare = runBare(bareFile, all);
      const job = await measured.run('counts.ts', parallelism, all);
      requireSame(bare, job);
      pairs.push({ bare, job });
    }
    const millions = (seconds: number): number => settings.millions / seconds;
    report.add(
      'bare loop, CPU',
      'M/s',
      pairs.map(({ bare }) => millions(bare.cpuSeconds)),
    );
    report.add(
      'Weir, CPU',
      'M/s',
      pairs.map(({ job }) => millions(job.cpuSeconds)),
    );
    report.add(
      'Weir, wall',
      'M/s',
      pairs.map(({ job }) => millions(job.wallSeconds)),
    );
    report.add(
      'of the bare loop, wall',
      '',
      pairs.map(({ bare, job }) => bare.wallSeconds / job.wallSeconds),
    );
    report.add(
      'of the bare loop, CPU per record',
      '',
      pairs.map(({ bare, job }) => bare.cpuSeconds / job.cpuSeconds),
      target,
    );
  }
}

/** Two installations in turns, without bare loops: B over A. */
export async function compareThroughput(
  [one, other]: readonly [Installation, Installation],
  report: Report,
  settings: ThroughputSettings,
  only: RegExp,
): Promise<void> {
  await using first = await MeasuredCluster.start(one);
  await using second = await MeasuredCluster.start(other);
  const records = settings.millions * 1e6;
  for (const { name, parallelism, args } of cases) {
    if (!only.test(name)) continue;
    report.heading(`map-filter-keyBy-count, ${name}: '${one.name}' against '${other.name}'`);
    const all = ['--records', String(records), ...args];
    const pairs: { a: JobCost; b: JobCost }[] = [];
    for (let pair = 0; pair < settings.pairs; pair++) {
      pairs.push({ a: await first.run('counts.ts', parallelism, all), b: await second.run('counts.ts', parallelism, all) });
    }
    report.add(
      `'${one.name}', CPU`,
      'M/s',
      pairs.map(({ a }) => settings.millions / a.cpuSeconds),
    );
    report.add(
      `'${other.name}', CPU`,
      'M/s',
      pairs.map(({ b }) => settings.millions / b.cpuSeconds),
    );
    report.add(
      'speed-up, CPU',
      '',
      pairs.map(({ a, b }) => b.cpuSeconds / a.cpuSeconds),
    );
    report.add(
      'speed-up, wall',
      '',
      pairs.map(({ a, b }) => b.wallSeconds / a.wallSeconds),
    );
  }
}

function requireSame(bare: BareResult, job: JobCost): void {
  const { records, checksum } = job.accumulators;
  // Accumulators add up as numbers; the loop's checksum wraps.
  if (records === bare.records && checksum !== undefined && (checksum | 0) === bare.checksum) return;
  throw new Error(`the job counted ${records} records (checksum ${checksum}), the bare loop ${bare.records} (${bare.checksum})`);
}
