import type { StartedDaemon } from '../deployment/daemon/daemon-control.ts';
import type { OptionTable } from './arguments/option-table.ts';
import { genericOptions } from './arguments/shared-options.ts';
import type { Arguments } from './base/action-command.ts';
import type { ActionDescription } from './base/action-help.ts';
import { isThisMachine, type Master, readHosts, readMasters } from './base/cluster-hosts.ts';
import { Daemons } from './base/daemons.ts';
import { progressOf } from './base/progress.ts';
import { runOnHosts } from './base/remote-hosts.ts';
import { ScriptCommand } from './base/script-command.ts';

const options = { D: genericOptions.D } as const satisfies OptionTable;
const table = { help: { short: 'h', hidden: true, summary: 'Prints this help.' }, ...options } as const satisfies OptionTable;

export class StartCluster extends ScriptCommand<typeof table> {
  readonly table = table;
  readonly action: ActionDescription = {
    name: 'start-cluster',
    sentence: 'starts a JobManager here and the TaskManagers of conf/workers.',
    syntax: '[OPTIONS]',
    options,
    clusterHelp: 'none',
  };

  protected override async act({ options }: Arguments<typeof table>): Promise<void> {
    const daemons = new Daemons(this.terminal, options.D);
    const { configuration } = daemons.loaded;
    const masters = readMasters(daemons.configurationDirectory, configuration);
    const workers = readHosts(daemons.configurationDirectory, 'workers');
    this.terminal.out('Starting cluster.');
    if (masters) this.terminal.out(`Starting HA cluster with ${masters.length} masters.`);
    const stopProgress = progressOf(this.terminal)('Waiting until the cluster is ready');
    const hosts = [...(masters ?? []).map(({ host }) => host), ...workers];
    try {
      this.exitCode = hosts.every(isThisMachine)
        ? await this.#startHere(daemons, masters, workers.length)
        : await this.#startEverywhere(daemons, masters, workers);
    } finally {
      stopProgress();
    }
  }

  /** Processes start side by side: a TaskManager waits for its JobManager anyway. */
  async #startHere(daemons: Daemons, masters: readonly Master[] | undefined, taskManagers: number): Promise<number> {
    const { control } = daemons;
    // Memory that does not add up is found before anything runs.
    const jobManagerCommands = (masters ?? [undefined]).map((master) => daemons.command('standalonesession', masterArguments(master)));
    const taskManagerCommand = daemons.command('taskexecutor');
    const jobManagers: StartedDaemon[] = [];
    for (const command of jobManagerCommands) jobManagers.push(await control.launch('standalonesession', command));
    const launched: StartedDaemon[] = [];
    for (let i = 0; i < taskManagers; i++) launched.push(await control.launch('taskexecutor', taskManagerCommand));
    const leaders = await Promise.all(jobManagers.map((daemon) => control.awaitReady(daemon)));
    if (leaders.every((code) => code !== 0)) {
      // They would join whoever holds the port.
      for (const _ of launched) await control.stop('taskexecutor');
      return 1;
    }
    const codes = await Promise.all(launched.map((daemon) => control.awaitReady(daemon)));
    return Math.max(0, ...leaders, ...codes);
  }

  async #startEverywhere(daemons: Daemons, masters: readonly Master[] | undefined, workers: readonly string[]): Promise<number> {
    const context = { terminal: this.terminal, configuration: daemons.loaded.configuration };
    const jobManagers = masters
      ? await runOnHosts(
          masters.map(({ host, webuiPort }) => ({ host, script: 'jobmanager.sh', words: ['start', host, String(webuiPort)] })),
          context,
        )
      : await daemons.perform('start', 'standalonesession');
    if (jobManagers !== 0) return 1;
    return runOnHosts(
      workers.map((host) => ({ host, script: 'taskmanager.sh', words: ['start'] })),
      context,
    );
  }
}

function masterArguments(master: Master | undefined): string[] {
  return master === undefined ? [] : ['--host', master.host, '--webui-port', String(master.webuiPort)];
}
