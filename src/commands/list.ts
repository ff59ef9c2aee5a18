import { FlinkException } from '../client/exception-block.ts';
import { renderJobList } from '../client/job-list.ts';
import type { OptionTable } from './arguments/option-table.ts';
import { clusterOptions } from './arguments/shared-options.ts';
import { ActionCommand, type Arguments } from './base/action-command.ts';
import type { ActionDescription } from './base/action-help.ts';
import { connectToCluster } from './base/cluster-connection.ts';
import { loadCommandConfiguration } from './base/cluster-settings.ts';

const listOptions = {
  all: { short: 'a', summary: 'Shows running, scheduled and terminated jobs.' },
  running: { short: 'r', summary: 'Shows running jobs only.' },
  scheduled: { short: 's', summary: 'Shows scheduled jobs only.' },
  json: { hidden: true, summary: 'Prints all jobs as one JSON array and nothing else.' },
} as const satisfies OptionTable;

const table = { ...clusterOptions, ...listOptions };

export class List extends ActionCommand<typeof table> {
  readonly table = table;
  readonly action: ActionDescription = {
    name: 'list',
    sentence: 'lists running and scheduled programs.',
    syntax: '[OPTIONS]',
    options: listOptions,
    clusterHelp: 'session',
  };

  protected override async act({ options }: Arguments<typeof table>): Promise<void> {
    const client = await connectToCluster((await loadCommandConfiguration(options, this.terminal)).configuration, this.terminal);
    if (!options.json) this.terminal.out('Waiting for response...');
    const jobs = await client.listJobs().catch((error: unknown) => {
      throw new FlinkException('Failed to retrieve job list.', { cause: error });
    });
    if (options.json) return this.terminal.out(JSON.stringify(jobs));
    const neither = !options.running && !options.scheduled;
    const sections = {
      running: options.all || options.running || neither,
      scheduled: options.all || options.scheduled || neither,
      terminated: options.all,
    };
    for (const line of renderJobList(jobs, sections)) this.terminal.out(line);
  }
}
