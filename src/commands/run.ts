import type { Configuration } from '../config/configuration.ts';
import { UserError } from '../shared/errors.ts';
import { ArgumentError } from './arguments/argument-error.ts';
import type { OptionTable } from './arguments/option-table.ts';
import { clusterOptions } from './arguments/shared-options.ts';
import { ActionCommand, type Arguments } from './base/action-command.ts';
import type { ActionDescription } from './base/action-help.ts';
import { executionTarget } from './base/cluster-connection.ts';
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

  protected override async act(args: Arguments<typeof runTable>): Promise<void> {
    const { options, words } = args;
    refusePython(options);
    const program = programCall(options, words);
    const misplaced = misplacedOption(program.args, runTable);
    if (misplaced)
      this.hint(`${misplaced} stands after the program, so it is an argument of the program. Options of flink run stand before it.`);
    if (options.allowNonRestoredState && options.fromSavepoint === undefined) this.hint('-n has no effect without -s.');
    const { configuration } = loadCommandConfiguration(options, this.terminal, { ...programKeys(options), ...runKeys(options) });
    const target = executionTarget(configuration, 'No ExecutorFactory found to execute the application.');
    refuseRestore(configuration);
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

function refuseRestore(configuration: Configuration): void {
  const path = configuration.get('execution.state-recovery.path') ?? configuration.get('execution.savepoint.path');
  if (path === undefined) return;
  throw new UserError('NOT_THERE_YET', {
    problem: 'Restoring a job from a savepoint or checkpoint (run -s) is not there yet.',
    found: `The job was to start from ${path}.`,
    tryNext: ['Leave -s (and execution.savepoint.path) out to start the job with empty state.'],
  });
}
