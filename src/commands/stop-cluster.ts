import type { DaemonName } from '../deployment/daemon/daemon-place.ts';
import type { OptionTable } from './arguments/option-table.ts';
import type { ActionDescription } from './base/action-help.ts';
import { isThisMachine, readHosts, readMasters } from './base/cluster-hosts.ts';
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
    const masters = readMasters(daemons.configurationDirectory, daemons.loaded.configuration)?.map(({ host }) => host);
    const workers = readHosts(daemons.configurationDirectory, 'workers');
    const here = [...(masters ?? []), ...workers].every(isThisMachine);
    const stop = async (hosts: readonly string[], script: string, daemon: DaemonName): Promise<number> => {
      if (!here)
        return runOnHosts(
          hosts.map((host) => ({ host, script, words: ['stop'] })),
          { terminal: this.terminal, configuration: daemons.loaded.configuration },
        );
      for (const _ of hosts) await daemons.control.stop(daemon);
      return 0;
    };
    const taskManagers = await stop(workers, 'taskmanager.sh', 'taskexecutor');
    const jobManagers = masters
      ? await stop(masters, 'jobmanager.sh', 'standalonesession')
      : await daemons.control.stop('standalonesession');
    this.exitCode = Math.max(taskManagers, jobManagers);
  }
}
