import { ArgumentError } from './arguments/argument-error.ts';
import type { OptionTable } from './arguments/option-table.ts';
import { genericOptions } from './arguments/shared-options.ts';
import type { Arguments } from './base/action-command.ts';
import type { ActionDescription } from './base/action-help.ts';
import { findApplication } from './base/application-program.ts';
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
  override readonly wordOrder = 'stop-at-second-word';
  readonly action: ActionDescription = {
    name: 'standalone-job',
    sentence: 'starts or stops a JobManager that runs one program and ends with it.',
    syntax: '(start|start-foreground) [OPTIONS] [program] [program arguments] | stop',
    options,
    clusterHelp: 'none',
    notes: [
      'The program is the one in usrlib/ (of this directory, else of the',
      'installation), the one that -jars or -j names, or the first free word. Its',
      'TaskManagers are started with taskmanager.sh start, before or after.',
    ],
  };

  protected override async act({ options, words }: Arguments<typeof table>): Promise<void> {
    const [verb, ...rest] = words;
    const flags = processFlags(options);
    const daemons = new Daemons(this.terminal, [...options.D, ...restoreProperties(options)], flags.keys);
    const starts = verb === 'start' || verb === 'start-foreground';
    const code = await daemons.perform(verb === 'stop-all' ? undefined : verb, 'standalonejob', [
      ...flags.processArguments,
      ...(starts ? programWords(options, rest) : []),
    ]);
    if (code === undefined) this.refuseVerb(verb, usage);
    this.exitCode = code ?? 1;
  }
}

type StandaloneJobOptions = Arguments<typeof table>['options'];

function programWords({ jobClassname, jobId, jars }: StandaloneJobOptions, words: readonly string[]): string[] {
  if (jobId !== undefined && !/^[0-9a-fA-F]{32}$/.test(jobId)) throw new ArgumentError("Failed to parse '--job-id' option");
  const { program, entryClass, args } = findApplication({ jobClassname, jars, words });
  return [
    '--program',
    program,
    ...(entryClass === undefined ? [] : ['--job-classname', entryClass]),
    ...(jobId === undefined ? [] : ['--job-id', jobId.toLowerCase()]),
    '--',
    ...args,
  ];
}

function restoreProperties(options: StandaloneJobOptions): string[] {
  return [
    ...(options.fromSavepoint === undefined ? [] : [`execution.savepoint.path=${options.fromSavepoint}`]),
    ...(options.allowNonRestoredState ? ['execution.savepoint.ignore-unclaimed-state=true'] : []),
  ];
}
