import type { OptionSpec, OptionTable } from './arguments/option-table.ts';
import { yarnOptions } from './arguments/shared-options.ts';
import type { ActionDescription } from './base/action-help.ts';
import { notThereYet } from './base/cluster-connection.ts';
import { ScriptCommand } from './base/script-command.ts';

/** The `-y…` options of `run`, without their prefix. */
const sessionOptions = Object.fromEntries(
  Object.entries(yarnOptions as OptionTable).flatMap(([key, spec]) => {
    if (key === 'yarnhelp' || key === 'yD') return [];
    const long = key.replace(/^yarn/, '');
    const bare: OptionSpec = { ...spec, short: spec.short?.replace(/^y/, ''), long };
    return [[long, bare]];
  }),
) as OptionTable;

const options: OptionTable = {
  ...sessionOptions,
  D: {
    short: 'D',
    long: null,
    argument: 'property=value',
    repeatable: true,
    property: true,
    summary: 'Sets a configuration key of the session.',
  },
  detached: { short: 'd', summary: 'Returns once the session runs.' },
};

const table: OptionTable = {
  help: { short: 'h', hidden: true, summary: 'Prints this help.' },
  yarndetached: { short: 'yd', hidden: true, summary: 'The older spelling of -d.' },
  ...options,
};

export class YarnSession extends ScriptCommand<OptionTable> {
  readonly table = table;
  override readonly wordOrder = 'stop-at-first-word';
  readonly action: ActionDescription = {
    name: 'yarn-session',
    sentence: 'starts a session cluster on YARN.',
    syntax: '[OPTIONS]',
    options,
    clusterHelp: 'none',
  };

  protected override async act(): Promise<void> {
    throw notThereYet('yarn-session', 'YARN');
  }
}
