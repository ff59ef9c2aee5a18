import { existsSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { installationRoot } from '../shared/installation.ts';
import { ArgumentError } from './arguments/argument-error.ts';
import type { OptionTable } from './arguments/option-table.ts';
import { genericOptions } from './arguments/shared-options.ts';
import type { Arguments } from './base/action-command.ts';
import type { ActionDescription } from './base/action-help.ts';
import { Daemons } from './base/daemons.ts';
import { jobManagerProcessOptions, processFlags } from './base/process-options.ts';
import { ScriptCommand } from './base/script-command.ts';

const usage = 'Usage: standalone-job.sh ((start|start-foreground))|stop';

const options = {
  ...jobManagerProcessOptions,
  D: genericOptions.D,
  jobClassname: {
    short: 'j',
    long: 'job-classname',
    argument: 'classname',
    summary: 'Exported function or class of the program that is run; or the program itself: a path, or a file of usrlib/.',
  },
  jobId: { short: 'jid', long: 'job-id', argument: 'jobid', summary: 'Id of the job: 32 hexadecimal digits.' },
  jars: { short: 'jars', argument: 'path', summary: 'The program, when it is not the only one in usrlib/.' },
  fromSavepoint: { short: 's', argument: 'savepointPath', summary: 'Savepoint or retained checkpoint to restore the job from.' },
  allowNonRestoredState: { short: 'n', summary: 'With -s: skips state of the savepoint that no operator claims.' },
} as const satisfies OptionTable;
const table = { help: { hidden: true, summary: 'Prints this help.' }, ...options } as const satisfies OptionTable;

export class StandaloneJob extends ScriptCommand<typeof table> {
  readonly table = table;
  readonly action: ActionDescription = {
    name: 'standalone-job',
    sentence: 'starts or stops a JobManager that runs one program and ends with it.',
    syntax: '(start|start-foreground) [OPTIONS] [program arguments] | stop',
    options,
    clusterHelp: 'none',
  };

  protected override async act({ options, words }: Arguments<typeof table>): Promise<void> {
    const [verb, ...programArguments] = words;
    const flags = processFlags(options);
    const daemons = new Daemons(this.terminal, [...options.D, ...restoreProperties(options)], flags.keys);
    const starts = verb === 'start' || verb === 'start-foreground';
    const program = starts ? programWords(options) : [];
    const tail = programArguments.length > 0 ? ['--', ...programArguments] : [];
    const code = await daemons.perform(verb === 'stop-all' ? undefined : verb, 'standalonejob', [
      ...flags.processArguments,
      ...program,
      ...tail,
    ]);
    if (code === undefined) this.terminal.out(usage);
    this.exitCode = code ?? 1;
  }
}

type StandaloneJobOptions = Arguments<typeof table>['options'];

function programWords(options: StandaloneJobOptions): string[] {
  const { jobClassname, jobId, jars } = options;
  if (jobId !== undefined && !/^[0-9a-fA-F]{32}$/.test(jobId)) throw new ArgumentError("Failed to parse '--job-id' option");
  const asProgram = jobClassname !== undefined && /[/.](m|c)?[jt]s$|\.tgz$|\//.test(jobClassname) ? jobClassname : undefined;
  const program = findProgram(jars ?? asProgram);
  return [
    '--program',
    program,
    ...(jobClassname === undefined || asProgram !== undefined ? [] : ['--job-classname', jobClassname]),
    ...(jobId === undefined ? [] : ['--job-id', jobId.toLowerCase()]),
  ];
}

const programEndings = /\.([mc]?[jt]s|tgz|jar)$/;

/** A path, a file of `usrlib/`, or the only program there. */
function findProgram(named: string | undefined): string {
  const library = join(installationRoot(), 'usrlib');
  if (named !== undefined) {
    for (const path of [resolve(named), join(library, named)]) if (existsSync(path)) return path;
    throw new ArgumentError(`The program ${named} does not exist.`, `It is looked for in ${process.cwd()} and in ${library}.`);
  }
  const programs = existsSync(library) ? readdirSync(library).filter((name) => programEndings.test(name)) : [];
  if (programs.length === 1) return join(library, programs[0] as string);
  throw new ArgumentError(
    programs.length === 0
      ? 'No program was given.'
      : `There are several programs in ${library}: ${programs.map((name) => basename(name)).join(', ')}.`,
    `Name it: standalone-job.sh start --job-classname path/to/job.ts`,
  );
}

function restoreProperties(options: StandaloneJobOptions): string[] {
  return [
    ...(options.fromSavepoint === undefined ? [] : [`execution.savepoint.path=${options.fromSavepoint}`]),
    ...(options.allowNonRestoredState ? ['execution.savepoint.ignore-unclaimed-state=true'] : []),
  ];
}
