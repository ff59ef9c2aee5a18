import type { StartedDaemon } from '../deployment/daemon/daemon-control.ts';
import type { OptionTable } from './arguments/option-table.ts';
import { genericOptions } from './arguments/shared-options.ts';
import type { Arguments } from './base/action-command.ts';
import type { ActionDescription } from './base/action-help.ts';
import { isThisMachine, readHosts } from './base/cluster-hosts.ts';
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
    const workers = readHosts(daemons.configurationDirectory, 'workers');
    this.terminal.out('Starting cluster.');
    const stopProgress = progressOf(this.terminal)('Waiting until the cluster is ready');
    try {
      this.exitCode = workers.every(isThisMachine)
        ? await this.#startHere(daemons, workers.length)
        : await this.#startEverywhere(daemons, workers);
    } finally {
      stopProgress();
    }
  }

  /** Processes start side by side: a TaskManager waits for its JobManager anyway. */
  async #startHere(daemons: Daemons, taskManagers: number): Promise<number> {
    const { control } = daemons;
    // Memory that does not add up is found before anything runs.
    const [jobManagerCommand, taskManagerCommand] = [daemons.command('standalonesession'), daemons.command('taskexecutor')];
    const jobManager = await control.launch('standalonesession', jobManagerCommand);
    const launched: StartedDaemon[] = [];
    for (let i = 0; i < taskManagers; i++) launched.push(await control.launch('taskexecutor', taskManagerCommand));
    if ((await control.awaitReady(jobManager)) !== 0) {
      // They would join whoever holds the port.
      for (const _ of launched) await control.stop('taskexecutor');
      return 1;
    }
    const codes = await Promise.all(launched.map((daemon) => control.awaitReady(daemon)));
    return Math.max(0, ...codes);
  }

  async #startEverywhere(daemons: Daemons, workers: readonly string[]): Promise<number> {
    const jobManager = await daemons.perform('start', 'standalonesession');
    if (jobManager !== 0) return 1;
    return runOnHosts(workers, 'taskmanager.sh', 'start', { terminal: this.terminal, configuration: daemons.loaded.configuration });
  }
}
