/** What was given to `run` and will not have the effect it was given for: Flink says nothing then. */
import { parseDynamicProperties } from '../../config/dynamic-properties.ts';
import { dashedName } from '../arguments/option-table.ts';
import { yarnOptions } from '../arguments/shared-options.ts';
import { misplacedOption } from './program-options.ts';
import { type RunFlags, runTable } from './run-options.ts';

/** `args` are those of the program. */
export function runHints(options: RunFlags, args: readonly string[], target: string): string[] {
  const hints: string[] = [];
  const misplaced = misplacedOption(args, runTable);
  if (misplaced)
    hints.push(`${misplaced} stands after the program, so it is an argument of the program. Options of flink run stand before it.`);
  const mode = options.claimMode === undefined ? '-rm' : '-cm';
  if (options.fromSavepoint === undefined) {
    if (options.allowNonRestoredState) hints.push('-n has no effect without -s.');
    if (options.claimMode !== undefined || options.restoreMode !== undefined) hints.push(`${mode} has no effect without -s.`);
  }
  const detached = options.detached || options.yarndetached;
  if (options.shutdownOnAttachedExit && detached) hints.push('-sae has no effect with -d: nobody is attached whose exit could count.');
  if (detached && (target === 'local' || target === 'collection'))
    hints.push(`-d has no effect with the target ${target}: the job lives in this process.`);
  const joins = target === 'remote' || target === 'yarn-session';
  const ofProcesses = joins ? Object.keys(parseDynamicProperties([...options.yD, ...options.D])).filter(isProcessKey) : [];
  for (const key of ofProcesses) hints.push(`-D${key} has no effect on a cluster that runs: it is for the start of its processes.`);
  const yarn = yarnOnly.filter((key) => (options[key]?.length ?? 0) > 0 && !(key === 'yarnapplicationId' && target === 'yarn-session'));
  if (yarn.length > 0 && target === 'yarn-session') {
    hints.push(
      `${yarn.map((key) => dashedName(key, yarnOptions[key])).join(', ')} had to be given to yarn-session: the cluster runs already.`,
    );
  } else if (yarn.length > 0 && target !== 'yarn-per-job') {
    const names = yarn.map((key) => dashedName(key, yarnOptions[key])).join(', ');
    hints.push(
      `${names} only ${yarn.length === 1 ? 'has' : 'have'} an effect on YARN, and the target is ${target}. YARN is chosen with -m yarn-cluster.`,
    );
  }
  return hints;
}

function isProcessKey(key: string): boolean {
  return /^(taskmanager|heartbeat|blob|slotmanager|resourcemanager|env)\.|^jobmanager\.(memory|heap)\./.test(key);
}

/** Options that shape a cluster on YARN; the others of the group do what their namesakes do. */
const yarnOnly = [
  'yarnapplicationId',
  'yarnapplicationType',
  'yarnjar',
  'yarnjobManagerMemory',
  'yarntaskManagerMemory',
  'yarnnodeLabel',
  'yarnname',
  'yarnqueue',
  'yarnslots',
  'yarnship',
] as const satisfies readonly (keyof typeof yarnOptions)[];
