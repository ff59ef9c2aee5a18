/** What a user waits for at the prompt, against the bare start of the same Node.js binary, in turns. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { RealCluster } from '../test/harness/real-cluster.ts';
import { programPath } from './measure/cluster.ts';
import type { Installation } from './measure/installation.ts';
import type { Report } from './measure/report.ts';

export async function measureStartUp(installation: Installation, report: Report, runs: number): Promise<void> {
  report.heading('start-up');
  await using cluster = await RealCluster.prepare({ installation: installation.directory });
  const answering: number[] = [];
  for (let run = 0; run < runs; run++) {
    const begun = performance.now();
    const started = cluster.script('start-cluster.sh');
    while ((await cluster.rest('/overview')) === undefined) await new Promise((resume) => setTimeout(resume, 5));
    answering.push(performance.now() - begun);
    await started;
    if (run < runs - 1) await cluster.stop();
  }
  await cluster.waitForSlots(2);
  const flink = (args: readonly string[]): number =>
    milliseconds(join(installation.directory, 'bin', 'flink'), args, cluster.environment());
  const bare = (): number => milliseconds(process.execPath, ['-e', '0'], cluster.environment());
  // Both once, so that neither pays for cold files.
  bare();
  flink(['--help']);
  flink(['list']);
  const help: number[] = [];
  const list: number[] = [];
  const starts: number[] = [];
  for (let run = 0; run < runs; run++) {
    const start = bare();
    starts.push(start);
    help.push(flink(['--help']) - start);
    list.push(flink(['list']) - bare());
  }
  const empty = Array.from({ length: runs }, () => flink(['run', programPath('empty.ts')]));
  report.add('node -e 0', 'ms', starts);
  report.add('flink --help, above node -e 0', 'ms', help, { atMost: 110 });
  report.add('flink list, above node -e 0', 'ms', list, { atMost: 130 });
  report.add('start-cluster.sh until REST answers', 'ms', answering, { atMost: 1000 });
  report.add('flink run of an empty job', 'ms', empty);
}

function milliseconds(command: string, args: readonly string[], env: Readonly<Record<string, string>>): number {
  const begun = performance.now();
  const { status, stderr } = spawnSync(command, [...args], { env, stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${stderr}`);
  return performance.now() - begun;
}
