import type { OptionTable } from './arguments/option-table.ts';
import { genericOptions } from './arguments/shared-options.ts';
import type { Arguments } from './base/action-command.ts';
import type { ActionDescription } from './base/action-help.ts';
import { Daemons } from './base/daemons.ts';
import { jobManagerProcessOptions, processFlags } from './base/process-options.ts';
import { ScriptCommand } from './base/script-command.ts';

const usage = 'Usage: jobmanager.sh ((start|start-foreground) [args])|stop|stop-all';

const options = { ...jobManagerProcessOptions, D: genericOptions.D } as const satisfies OptionTable;
const table = { help: { hidden: true, summary: 'Prints this help.' }, ...options } as const satisfies OptionTable;

export class JobManager extends ScriptCommand<typeof table> {
  readonly table = table;
  readonly action: ActionDescription = {
    name: 'jobmanager',
    sentence: 'starts or stops a JobManager on this machine.',
    syntax: '(start|start-foreground) [OPTIONS] [host] [webui-port] | stop | stop-all',
    options,
    clusterHelp: 'none',
  };

  protected override async act({ options, words }: Arguments<typeof table>): Promise<void> {
    const [verb, host, port] = words;
    const { keys, processArguments } = processFlags({ host: options.host ?? host, webuiPort: options.webuiPort ?? port });
    const code = await new Daemons(this.terminal, options.D, keys).perform(verb, 'standalonesession', processArguments);
    if (code === undefined) this.refuseVerb(verb, usage);
    this.exitCode = code ?? 1;
  }
}
