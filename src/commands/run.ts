import { UserError } from '../shared/errors.ts';
import { ArgumentError } from './arguments/argument-error.ts';
import { dashedName, type OptionTable } from './arguments/option-table.ts';
import { clusterOptions, yarnOptions } from './arguments/shared-options.ts';
import { ActionCommand, type Arguments } from './base/action-command.ts';
import { type ActionDescription, optionLines } from './base/action-help.ts';
import { executionTarget, notThereYet, type Target } from './base/cluster-connection.ts';
import { loadCommandConfiguration } from './base/cluster-settings.ts';
import { misplacedOption, programCall, programKeys, programOptions, runOnlyOptions } from './base/program-options.ts';
import { runProgram } from './base/run-program.ts';

const runOptions = { ...programOptions, ...runOnlyOptions } as const satisfies OptionTable;

export const runTable = { ...clusterOptions, ...runOptions };

export class Run extends ActionCommand<typeof runTable> {
  readonly table = runTable;
  override readonly wordOrder = 'stop-at-first-word';
  readonly action: ActionDescription = {
    name: 'run',
    sentence: 'compiles and runs a program.',
    syntax: '[OPTIONS] <jar-file> <arguments>',
    options: runOptions,
    clusterHelp: 'run',
  };

  protected override async act({ options, words }: Arguments<typeof runTable>): Promise<void> {
    if (options.yarnhelp) return this.terminal.out(optionLines(yarnOptions).join('\n'));
    if (options.yarnquery) throw notThereYet('Showing the resources of YARN (-yq)', 'YARN');
    refusePython(options);
    const program = programCall(options, words);
    const { configuration } = loadCommandConfiguration(options, this.terminal, { ...programKeys(options), ...runKeys(options) });
    const target = executionTarget(configuration, 'No ExecutorFactory found to execute the application.');
    for (const text of runHints(options, program.args, target)) this.hint(text);
    await runProgram({
      target,
      program: { ...program, entryClass: options.class, classpaths: options.classpath },
      configuration,
      terminal: this.terminal,
      hint: (text) => this.hint(text),
    });
  }
}

type RunFlags = Arguments<typeof runTable>['options'];

/** The keys that `run` always sets, whatever `-D` said, and those of restoring. */
function runKeys(options: RunFlags): Record<string, string> {
  const keys: Record<string, string> = {
    'execution.attached': String(!(options.detached || options.yarndetached)),
    'execution.shutdown-on-attached-exit': String(options.shutdownOnAttachedExit),
  };
  if (options.fromSavepoint !== undefined) keys['execution.savepoint.path'] = options.fromSavepoint;
  if (options.allowNonRestoredState) keys['execution.savepoint.ignore-unclaimed-state'] = 'true';
  const mode = options.claimMode ?? options.restoreMode;
  if (mode !== undefined) keys['execution.savepoint-restore-mode'] = restoreMode(mode);
  return keys;
}

function restoreMode(text: string): string {
  const mode = text.toUpperCase().replace('-', '_');
  if (['CLAIM', 'NO_CLAIM', 'LEGACY'].includes(mode)) return mode;
  throw new UserError('BAD_RESTORE_MODE', {
    problem: `There is no restore mode '${text}'.`,
    tryNext: ['--claimMode no_claim, claim or legacy'],
  });
}

function refusePython(options: RunFlags): void {
  const given = Object.keys(runOnlyOptions).some((key) => key.startsWith('py') && options[key as 'python'] !== undefined);
  if (!given) return;
  throw new ArgumentError(
    'Python command line option detected but the flink-python module seems to be missing or not working as expected.',
    'Weir runs TypeScript and JavaScript programs.',
  );
}

/** What was given and will not have the effect it was given for. */
function runHints(options: RunFlags, args: readonly string[], target: Target): string[] {
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
  if (detached && target !== 'remote') hints.push(`-d has no effect with the target ${target}: the job lives in this process.`);
  const yarn = yarnOnly.filter((key) => (options[key]?.length ?? 0) > 0);
  if (yarn.length > 0) {
    const names = yarn.map((key) => dashedName(key, yarnOptions[key])).join(', ');
    hints.push(
      `${names} only ${yarn.length === 1 ? 'has' : 'have'} an effect on YARN, and the target is ${target}. YARN is chosen with -m yarn-cluster.`,
    );
  }
  return hints;
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
