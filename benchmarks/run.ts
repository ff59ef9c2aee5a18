/**
 * The benchmarks: `npm run bench -- [names] [options]`.
 *
 *     npm run bench                           everything
 *     npm run bench -- throughput             one benchmark
 *     npm run bench -- throughput --case 'number key, parallelism 1'
 *     npm run bench -- nexmark --case 'q5$'     one query of Nexmark
 *     npm run bench -- --against v0.1.0       this checkout against another revision
 *
 * Options: --pairs n (interleaved runs, default 9), --millions n (records per run), --case pattern, --json file.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { measureChains } from './chains.ts';
import { measureCheckpoints } from './checkpoints.ts';
import { measureCodec } from './codec.ts';
import { OtherInstallation, thisInstallation } from './measure/installation.ts';
import { Report } from './measure/report.ts';
import { measureNetwork } from './network.ts';
import { measureNexmark } from './nexmark.ts';
import { measureStartUp } from './start-up.ts';
import { measureState } from './state.ts';
import { compareThroughput, measureThroughput } from './throughput.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pairs: { type: 'string', default: '9' },
    millions: { type: 'string', default: '40' },
    case: { type: 'string', default: '' },
    against: { type: 'string' },
    json: { type: 'string' },
  },
});
const settings = { pairs: Number(values.pairs), millions: Number(values.millions) };
const only = new RegExp(values.case);
const report = new Report();

const benchmarks: Readonly<Record<string, () => Promise<void>>> = {
  'start-up': () => measureStartUp(thisInstallation, report, settings.pairs),
  state: async () => measureState(report, only),
  checkpoints: () => measureCheckpoints(thisInstallation, report, settings, only),
  codec: async () => measureCodec(report, settings.pairs, only),
  network: () => measureNetwork(report, settings.pairs),
  nexmark: () => measureNexmark(thisInstallation, report, settings, only),
  throughput: () => measureThroughput(thisInstallation, report, settings, only),
  chains: () => measureChains(thisInstallation, report, settings, only),
};

if (values.against !== undefined) {
  using other = new OtherInstallation(values.against);
  await compareThroughput([thisInstallation, other], report, settings, only);
} else {
  for (const name of positionals.length > 0 ? positionals : Object.keys(benchmarks)) {
    const benchmark = benchmarks[name];
    if (!benchmark) throw new Error(`no benchmark '${name}'; there are: ${Object.keys(benchmarks).join(', ')}`);
    await benchmark();
  }
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report.findings, undefined, 2)}\n`);
