import type { OptionTable } from './arguments/option-table.ts';
import { genericOptions } from './arguments/shared-options.ts';
import type { Arguments } from './base/action-command.ts';
import type { ActionDescription } from './base/action-help.ts';
import { Daemons } from './base/daemons.ts';
import { ScriptCommand } from './base/script-command.ts';

const usage = 'Usage: taskmanager.sh (start|start-foreground|stop|stop-all)';

const options = { D: genericOptions.D } as const satisfies OptionTable;
const table = { help: { short: 'h', hidden: true, summary: 'Prints this help.' }, ...options } as const satisfies OptionTable;

export class TaskManager extends ScriptCommand<typeof table> {
  readonly table = table;
  readonly action: ActionDescription = {
    name: 'taskmanager',
    sentence: 'starts or stops a TaskManager on this machine.',
    syntax: '(start|start-foreground) [OPTIONS] | stop | stop-all',
    options,
    clusterHelp: 'none',
  };

  protected override async act({ options, words }: Arguments<typeof table>): Promise<void> {
    const code = await new Daemons(this.terminal, options.D).perform(words[0], 'taskexecutor');
    if (code === undefined) this.refuseVerb(words[0], usage);
    this.exitCode = code ?? 1;
  }
}
