/** A million units of keyed state on the heap: what an update costs, with and without a snapshot beside it, and a restore. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Report } from './measure/report.ts';
import type { KeyedStateResult } from './state/keyed-state.ts';

const units = 1_000_000;
const shapes = {
  number: 'number keys with a record each',
  string: 'string keys with a record each',
  map: 'entries of one map',
  timers: 'timers',
};

export function measureState(report: Report, only: RegExp): void {
  for (const [shape, title] of Object.entries(shapes)) {
    if (!only.test(title)) continue;
    report.heading(`state: ${units} ${title}`);
    const found = run(shape);
    const relative = (values: readonly number[]): number[] => values.map((value, round) => value / (found.bareNsPerUpdate[round] ?? value));
    report.add('update of a random unit', 'ns', found.nsPerUpdate);
    report.add('the same on a plain Map', 'ns', found.bareNsPerUpdate);
    report.add('update, relative to a plain Map', 'times', relative(found.nsPerUpdate));
    report.add('update while a snapshot is written, relative to it', 'times', relative(found.nsPerUpdateDuringSnapshot));
    report.add('longest slice of a snapshot', 'ms', found.longestSliceMs, { atMost: 5 });
    report.add('slices of a snapshot together, CPU', 'ms', found.snapshotMs);
    report.add('restore, CPU', 'ms', found.restoreMs, { atMost: 3000 });
    report.add('stored bytes per unit', 'bytes', [found.streamBytesPerUnit]);
    report.add('heap bytes per unit', 'bytes', [found.heapBytesPerUnit]);
  }
}

function run(shape: string): KeyedStateResult {
  const file = join(import.meta.dirname, 'state/keyed-state.ts');
  const args = ['--expose-gc', '--max-old-space-size=6000', file, shape, String(units)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as KeyedStateResult;
}
