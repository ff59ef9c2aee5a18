/** Chains without a shuffle, and the same pipeline in other placements: each figure is a ratio of two runs in turns. */
import { runBare } from './measure/bare.ts';
import { MeasuredCluster } from './measure/cluster.ts';
import type { Installation } from './measure/installation.ts';
import type { Report } from './measure/report.ts';
import type { Target } from './measure/statistics.ts';
import type { ThroughputSettings } from './throughput.ts';

interface Cost {
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
}
type Side = (clusters: Clusters) => Cost | Promise<Cost>;

interface Case {
  readonly name: string;
  readonly what: string;
  readonly base: Side;
  readonly other: Side;
  readonly figure: (base: Cost, other: Cost) => number;
  readonly target: Target;
}

interface Clusters {
  readonly one: MeasuredCluster;
  /** Two TaskManagers with a slot each. */
  readonly two: MeasuredCluster;
}

export async function measureChains(installation: Installation, report: Report, settings: ThroughputSettings, only: RegExp): Promise<void> {
  const cases = casesOf(settings.millions * 1e6).filter(({ name }) => only.test(name));
  if (cases.length === 0) return;
  await using one = await MeasuredCluster.start(installation);
  await using two = await MeasuredCluster.start(installation, { taskManagers: 2, slotsPerTaskManager: 1 });
  for (const { name, what, base, other, figure, target } of cases) {
    report.heading(name);
    const pairs: { base: Cost; other: Cost }[] = [];
    for (let pair = 0; pair < settings.pairs; pair++) pairs.push({ base: await base({ one, two }), other: await other({ one, two }) });
    report.add(
      what,
      '',
      pairs.map((pair) => figure(pair.base, pair.other)),
      target,
    );
  }
}

/** A record of a chain without a shuffle takes some 10 ns: fewer would measure the start of the job. */
const recordsOfChains = 5;

function casesOf(countRecords: number): Case[] {
  const records = countRecords * recordsOfChains;
  const chains = (parallelism: number, count: number, ...args: readonly string[]): Side => {
    return ({ one }) => one.run('chains.ts', parallelism, ['--records', String(count), ...args]);
  };
  const bare = (...args: readonly string[]): Side => {
    return () => runBare('chains.ts', ['--records', String(records), ...args]);
  };
  const counts = (place: keyof Clusters): Side => {
    return (clusters) => clusters[place].run('counts.ts', 2, ['--records', String(countRecords), '--key', 'sensor']);
  };
  return [
    {
      name: 'map-filter-sink, parallelism 2',
      what: 'records a second, relative to parallelism 1, wall',
      base: chains(1, records),
      other: chains(2, records),
      figure: (base, other) => base.wallSeconds / other.wallSeconds,
      target: { atLeast: 1.7 },
    },
    {
      name: 'map-filter-sink, ten maps that make objects',
      what: 'of the bare loop, CPU per record',
      base: bare('--maps', 'objects'),
      other: chains(1, records, '--maps', 'objects'),
      figure: (base, other) => base.cpuSeconds / other.cpuSeconds,
      target: { atLeast: 0.7 },
    },
    {
      name: 'map-filter-sink, twenty identity maps',
      what: 'of the same without them, CPU per record',
      base: chains(1, records),
      other: chains(1, records, '--maps', 'identity'),
      figure: (base, other) => base.cpuSeconds / other.cpuSeconds,
      target: { atLeast: 0.9 },
    },
    {
      name: 'map-filter-sink, five equal chains on one slot',
      what: 'of one chain alone, CPU per record',
      base: chains(1, records),
      other: chains(1, records / 5, '--chains', '5'),
      figure: (base, other) => base.cpuSeconds / other.cpuSeconds,
      target: { atLeast: 0.8 },
    },
    {
      name: 'map-filter-keyBy-count over TCP, parallelism 2',
      what: 'of shared memory, CPU per record',
      base: counts('one'),
      other: counts('two'),
      figure: (base, other) => base.cpuSeconds / other.cpuSeconds,
      target: { atLeast: 0.6 },
    },
  ];
}
