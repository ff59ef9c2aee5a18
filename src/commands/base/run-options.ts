/** The options of `run` and `run-application`, and what they mean as configuration. */
import { UserError } from '../../shared/errors.ts';
import { ArgumentError } from '../arguments/argument-error.ts';
import type { OptionTable, ParsedOptions } from '../arguments/option-table.ts';
import { clusterOptions } from '../arguments/shared-options.ts';
import { programOptions, runOnlyOptions } from './program-options.ts';

export const runOptions = { ...programOptions, ...runOnlyOptions } as const satisfies OptionTable;

export const runTable = { ...clusterOptions, ...runOptions };

export type RunFlags = ParsedOptions<typeof runTable>;

/** The keys that `run` always sets, whatever `-D` said, and those of restoring. */
export function runKeys(options: RunFlags): Record<string, string> {
  return {
    'execution.attached': String(!(options.detached || options.yarndetached)),
    'execution.shutdown-on-attached-exit': String(options.shutdownOnAttachedExit),
    ...restoreKeys(options),
  };
}

export function restoreKeys(options: RunFlags): Record<string, string> {
  const keys: Record<string, string> = {};
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

/** Throws ArgumentError with Flink's sentence. */
export function refusePython(options: RunFlags): void {
  const given = Object.keys(runOnlyOptions).some((key) => key.startsWith('py') && options[key as 'python'] !== undefined);
  if (!given) return;
  throw new ArgumentError(
    'Python command line option detected but the flink-python module seems to be missing or not working as expected.',
    'Weir runs TypeScript and JavaScript programs.',
  );
}
