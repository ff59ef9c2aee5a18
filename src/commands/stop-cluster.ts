import type { OptionTable } from './arguments/option-table.ts';
import type { ActionDescription } from './base/action-help.ts';
import { isThisMachine, readHosts } from './base/cluster-hosts.ts';
import { Daemons } from './base/daemons.ts';
import { runOnHosts } from './base/remote-hosts.ts';
import { ScriptCommand } from './base/script-command.ts';

const table = { help: { short: 'h', hidden: true, summary: 'Prints this help.' } } as const satisfies OptionTable;

export class StopCluster extends ScriptCommand<typeof table> {
  readonly table = table;
  readonly action: ActionDescription = {
    name: 'stop-cluster',
    sentence: 'stops the TaskManagers of conf/workers and the JobManager here.',
    syntax: '',
    options: {},
    clusterHelp: 'none',
  };

  protected override async act(): Promise<void> {
    const daemons = new Daemons(this.terminal);
    const workers = readHosts(daemons.configurationDirectory, 'workers');
    let code = 0;
    if (workers.every(isThisMachine)) for (const _ of workers) await daemons.control.stop('taskexecutor');
    else
      code = await runOnHosts(workers, 'taskmanager.sh', 'stop', { terminal: this.terminal, configuration: daemons.loaded.configuration });
    await daemons.control.stop('standalonesession');
    this.exitCode = code;
  }
}
