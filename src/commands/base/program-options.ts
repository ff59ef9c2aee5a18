/** What `run`, `run-application` and `info` share: which program, its arguments, and the settings that come with it. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isProgramDirectory } from '../../client/program/program-directory.ts';
import { ArgumentError } from '../arguments/argument-error.ts';
import { longName, type OptionTable, type ParsedOptions } from '../arguments/option-table.ts';

export const programOptions = {
  class: {
    short: 'c',
    argument: 'classname',
    summary:
      'Exported function or class with a static main(args) to run. Only needed when the program has several, and neither a default export nor one called main.',
  },
  parallelism: {
    short: 'p',
    argument: 'parallelism',
    numeric: true,
    summary: 'Parallelism of all operators for which the program sets none. Optional: overrides parallelism.default.',
  },
  classpath: {
    short: 'C',
    argument: 'url',
    repeatable: true,
    summary:
      'Adds the module at this URL (file:///…) to the program; may be given several times. It must be readable on this machine: what it holds is shipped with the program.',
  },
  jarfile: { short: 'j', argument: 'jarfile', hidden: true, summary: 'The program; all free words are then its arguments.' },
  arguments: { short: 'a', argument: 'programArgs', rest: true, hidden: true, summary: 'Arguments of the program.' },
  sysoutLogging: {
    short: 'q',
    hidden: true,
    summary: 'Suppressed log lines on stdout.',
    obsolete: 'log lines do not go to stdout.',
  },
} as const satisfies OptionTable;

/** Shown by `run` only. */
export const runOnlyOptions = {
  detached: { short: 'd', summary: 'Returns as soon as the job is submitted.' },
  allowNonRestoredState: {
    short: 'n',
    summary: 'With -s: skips state of the savepoint that no operator of the program claims, for example after an operator was removed.',
  },
  fromSavepoint: {
    short: 's',
    argument: 'savepointPath',
    summary: 'Savepoint or retained checkpoint to restore the job from (for example file:///flink/savepoint-1537).',
  },
  shutdownOnAttachedExit: {
    short: 'sae',
    summary: 'Cancels the job when this command is interrupted, for example by Ctrl-C. Attached only.',
  },
  restoreMode: {
    short: 'rm',
    argument: 'arg',
    summary: 'DEPRECATED name of --claimMode.',
  },
  claimMode: {
    short: 'cm',
    argument: 'arg',
    summary: 'Who owns the savepoint after restoring: claim, no_claim (default) or legacy.',
  },
  python: { short: 'py', argument: 'pythonFile', hidden: true, summary: 'Python program.' },
  pyModule: { short: 'pym', argument: 'pythonModule', hidden: true, summary: 'Python module.' },
  pyFiles: { short: 'pyfs', argument: 'pythonFiles', hidden: true, summary: 'Python files.' },
  pyRequirements: { short: 'pyreq', argument: 'requirements', hidden: true, summary: 'Python requirements.' },
  pyArchives: { short: 'pyarch', argument: 'archives', hidden: true, summary: 'Python archives.' },
  pyExecutable: { short: 'pyexec', argument: 'path', hidden: true, summary: 'Python interpreter of the workers.' },
  pyClientExecutable: { short: 'pyclientexec', argument: 'path', hidden: true, summary: 'Python interpreter of the client.' },
  pyPythonPath: { short: 'pypath', argument: 'path', hidden: true, summary: 'Python path of the workers.' },
} as const satisfies OptionTable;

export interface ProgramCall {
  readonly path: string;
  readonly args: readonly string[];
}

type ProgramFlags = ParsedOptions<typeof programOptions>;

/** Which words are the program and which its arguments. */
export function programCall(options: ProgramFlags, words: readonly string[]): ProgramCall {
  const free = options.arguments.length > 0 ? options.arguments : words;
  const [path, ...args] = options.jarfile === undefined ? free : [options.jarfile, ...free];
  if (path === undefined) throw new ArgumentError('Java program should be specified a JAR file.');
  if (!existsSync(path)) {
    throw new ArgumentError(`Could not get job jar and dependencies from JAR file: JAR file does not exist: ${path}`);
  }
  if (statSync(path).isDirectory() && !isProgramDirectory(path)) {
    throw new ArgumentError(
      `Could not get job jar and dependencies from JAR file: JAR file is not a file: ${path}`,
      `The directory has no package.json, so nothing says which module is the program. Name the module: ${join(path, 'index.ts')}`,
    );
  }
  return { path, args };
}

/** The configuration keys that the program options set; they win over `-D`. */
export function programKeys(options: ProgramFlags): Record<string, string> {
  const keys: Record<string, string> = {};
  if (options.parallelism !== undefined) keys['parallelism.default'] = positiveNumber(options.parallelism);
  for (const url of options.classpath) {
    if (!/^(file|https?|jar|ftp):/i.test(url) || !URL.canParse(url)) {
      const local = existsSync(url) ? `file://${url.startsWith('/') ? '' : `${process.cwd()}/`}${url}` : 'file:///path/to/module.js';
      throw new ArgumentError(`Bad syntax for classpath: ${url}`, `-C takes a URL: ${local}`);
    }
  }
  if (options.classpath.length > 0) keys['pipeline.classpaths'] = options.classpath.join(';');
  return keys;
}

function positiveNumber(text: string): string {
  if (/^\d+$/.test(text) && Number(text) > 0 && Number(text) < 2 ** 31) return String(Number(text));
  throw new ArgumentError(`The parallelism must be a positive number: ${text}`);
}

/** A word behind the program that is spelt like an option of the action, if there is one. */
export function misplacedOption(args: readonly string[], table: OptionTable): string | undefined {
  const spellings = new Set<string>();
  for (const [key, spec] of Object.entries(table)) {
    if (spec.hidden) continue;
    if (spec.short !== undefined) spellings.add(`-${spec.short}`);
    const long = longName(key, spec);
    if (long !== undefined) spellings.add(`--${long}`);
  }
  return args.find((word) => spellings.has(word));
}
