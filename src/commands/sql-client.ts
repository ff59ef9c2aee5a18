import { UserError } from '../shared/errors.ts';
import type { OptionTable } from './arguments/option-table.ts';
import { genericOptions } from './arguments/shared-options.ts';
import type { ActionDescription } from './base/action-help.ts';
import { ScriptCommand } from './base/script-command.ts';

const options = {
  D: genericOptions.D,
  defaults: { short: 'd', argument: 'yaml', summary: 'Default environment file.' },
  environment: { short: 'e', argument: 'yaml', summary: 'Environment file of this start; with the word gateway: its address.' },
  file: { short: 'f', argument: 'file', summary: 'Runs the statements of this file, without a prompt.' },
  init: { short: 'i', argument: 'file', summary: 'Runs the statements of this file before the prompt.' },
  history: { short: 'hist', argument: 'file', summary: 'File that remembers what was typed.' },
  jar: { short: 'j', argument: 'file', repeatable: true, summary: 'Adds a program.' },
  library: { short: 'l', argument: 'dir', repeatable: true, summary: 'Adds all programs of a directory.' },
  session: { short: 's', argument: 'name', summary: 'Name of the session.' },
  update: { short: 'u', argument: 'SQL', summary: 'Runs one INSERT and ends.' },
} as const satisfies OptionTable;
const table = { help: { short: 'h', hidden: true, summary: 'Prints this help.' }, ...options } as const satisfies OptionTable;

export class SqlClient extends ScriptCommand<typeof table> {
  readonly table = table;
  readonly action: ActionDescription = {
    name: 'sql-client',
    sentence: 'runs SQL statements on a cluster.',
    syntax: '[embedded|gateway] [OPTIONS]',
    options,
    clusterHelp: 'none',
  };

  protected override async act(): Promise<void> {
    throw new UserError('NOT_THERE_YET', {
      problem: 'SQL is not there yet: this version of Weir has the DataStream API.',
      tryNext: ['Write the job as a program: docs/README.md'],
    });
  }
}
