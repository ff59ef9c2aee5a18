/**
 * What checkpoints of a million accounts on the heap cost a running job, through `start-cluster` and `flink run`: CPU per record
 * with none, one every ten seconds and one every second, in turns; and the delays of records that come due at a steady rate,
 * beside those of a thread without an engine.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type JobCost, MeasuredCluster } from './measure/cluster.ts';
import type { Installation } from './measure/installation.ts';
import type { Report } from './measure/report.ts';
import { Delays } from './workloads/delays.ts';
import { accounts } from './workloads/payments.ts';

export interface CheckpointSettings {
  readonly pairs: number;
  /** The closed loop runs three times as many records, so that several checkpoints fall into a run. */
  readonly millions: number;
}

const parallelism = 2;
const everyTenSeconds = '-Dexecution.checkpointing.interval=10s';
const everySecond = '-Dexecution.checkpointing.interval=1s';

export async function measureCheckpoints(
  installation: Installation,
  report: Report,
  settings: CheckpointSettings,
  only: RegExp,
): Promise<void> {
  await using measured = await MeasuredCluster.start(installation, { conf: { 'taskmanager.memory.process.size': '6g' } });
  const directory = `-Dexecution.checkpointing.dir=file://${join(measured.cluster.directory, 'checkpoints')}`;
  if (only.test('cost')) await measureCost(measured, report, settings, directory);
  if (only.test('delays')) await measureDelays(measured, report, directory);
}

async function measureCost(measured: MeasuredCluster, report: Report, settings: CheckpointSettings, directory: string): Promise<void> {
  const records = settings.millions * 3e6;
  report.heading(`checkpoints: ${accounts} accounts, parallelism ${parallelism}, ${records / 1e6} M records as fast as they go`);
  const run = (...options: string[]): Promise<JobCost> =>
    measured.run('payments.ts', parallelism, ['--records', String(records)], [directory, ...options]);
  const rounds: { without: JobCost; ten: JobCost; one: JobCost }[] = [];
  for (let pair = 0; pair < settings.pairs; pair++) {
    rounds.push({ without: await run(), ten: await run(everyTenSeconds), one: await run(everySecond) });
  }
  const cost = (of: (round: (typeof rounds)[number]) => JobCost): number[] =>
    rounds.map((round) => 100 * (of(round).cpuSeconds / round.without.cpuSeconds - 1));
  report.add(
    'without checkpoints, CPU',
    'M/s',
    rounds.map(({ without }) => records / 1e6 / without.cpuSeconds),
  );
  report.add(
    'checkpoints in a run, every 10 s',
    '',
    rounds.map(({ ten }) => ten.checkpoints),
  );
  report.add(
    'cost of a checkpoint every 10 s, CPU per record',
    '%',
    cost(({ ten }) => ten),
    { atMost: 5 },
  );
  report.add(
    'checkpoints in a run, every second',
    '',
    rounds.map(({ one }) => one.checkpoints),
  );
  report.add(
    'cost of a checkpoint every second, CPU per record',
    '%',
    cost(({ one }) => one),
  );
}

const rate = 100_000;
const seconds = { warmUp: 20, measured: 40 };
const shares = [0.5, 0.99, 0.999, 0.9999];
const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000];

async function measureDelays(measured: MeasuredCluster, report: Report, directory: string): Promise<void> {
  report.heading(`checkpoints: delays of ${rate} records/s to ${accounts} accounts, parallelism ${parallelism}, ${seconds.measured} s`);
  const warmUp = rate * seconds.warmUp;
  const load = ['--records', String(rate * (seconds.warmUp + seconds.measured)), '--rate', String(rate), '--warm-up', String(warmUp)];
  const hiccups = delaysOf(
    JSON.parse(execFileSync(process.execPath, [join(import.meta.dirname, 'bare/hiccups.ts'), ...load], { encoding: 'utf8' })),
  );
  const runs: [string, Delays][] = [['no engine', hiccups]];
  for (const [name, options] of [
    ['no checkpoints', []],
    ['every 10 s', [everyTenSeconds]],
    ['every second', [everySecond]],
  ] as const) {
    const { accumulators } = await measured.run('payments.ts', parallelism, load, [directory, ...options]);
    const buckets = Object.entries(accumulators).flatMap(([counter, times]) =>
      counter.startsWith('delay-') ? [[Number(counter.slice('delay-'.length)), times] as const] : [],
    );
    runs.push([name, delaysOf(buckets)]);
  }
  for (const [name, delays] of runs) for (const share of shares) report.add(`${name}: p${share * 100}`, 'ms', [delays.quantile(share)]);
  const extra = runs.slice(2).map(([name, delays]) => [name, delays.quantile(0.9999) - hiccups.quantile(0.9999)] as const);
  for (const [name, ms] of extra) report.add(`${name}: p99.99 above that without an engine`, 'ms', [ms], { atMost: 20 });
  report.heading(`  records that took at most   ${steps.map((ms) => `${ms} ms`.padStart(9)).join('')}`);
  for (const [name, delays] of runs) {
    const cells = steps.map((ms) => `${((100 * delays.countUpTo(ms)) / delays.total).toFixed(3)}%`.padStart(9));
    report.heading(`  ${name.padEnd(27)} ${cells.join('')}`);
  }
}

function delaysOf(buckets: Iterable<readonly [number, number]>): Delays {
  const delays = new Delays();
  for (const [bucket, times] of buckets) delays.addToBucket(bucket, times);
  return delays;
}
