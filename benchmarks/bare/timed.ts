/** How a bare loop is timed: warmed up first, then CPU and wall time of the whole run, garbage collection included. */
import type { Tally } from '../workloads/counts.ts';

export interface BareResult {
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly records: number;
  readonly checksum: number;
}

const warmUpRecords = 2_000_000;

export function timed(records: number, run: (records: number) => Pick<Tally, 'records' | 'checksum'>): void {
  run(Math.min(records, warmUpRecords));
  const cpuBefore = process.cpuUsage();
  const begun = performance.now();
  const tally = run(records);
  const wallSeconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const result: BareResult = { cpuSeconds: (user + system) / 1e6, wallSeconds, records: tally.records, checksum: tally.checksum };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
