import { FlinkException } from '../client/exception-block.ts';
import type { Configuration } from '../config/configuration.ts';
import type { OptionTable } from './arguments/option-table.ts';
import { clusterOptions } from './arguments/shared-options.ts';
import { ActionCommand, type Arguments } from './base/action-command.ts';
import type { ActionDescription } from './base/action-help.ts';
import { connectToCluster } from './base/cluster-connection.ts';
import { loadCommandConfiguration } from './base/cluster-settings.ts';
import { jobIdWord } from './base/job-id-word.ts';
import { savepointFormat, savepointTypeOption } from './base/savepoint-format.ts';

const savepointOptions = {
  dispose: { short: 'd', argument: 'arg', summary: 'Path of a savepoint to delete.' },
  jarfile: { short: 'j', argument: 'jarfile', summary: 'Accepted for old scripts; disposal needs no program.' },
  ...savepointTypeOption,
  detached: { short: 'detached', summary: 'Prints the trigger id and does not wait for the savepoint.' },
} as const satisfies OptionTable;

const table = { ...clusterOptions, ...savepointOptions };

export class Savepoint extends ActionCommand<typeof table> {
  readonly table = table;
  readonly action: ActionDescription = {
    name: 'savepoint',
    sentence: 'triggers savepoints for a running job or disposes existing ones.',
    syntax: '[OPTIONS] <Job ID> [<target directory>]',
    options: savepointOptions,
    clusterHelp: 'session',
  };

  protected override async act(args: Arguments<typeof table>): Promise<void> {
    const { configuration } = await loadCommandConfiguration(args.options, this.terminal);
    if (args.options.dispose !== undefined) return this.#dispose(args.options.dispose, configuration);
    await this.#trigger(args, configuration);
  }

  async #trigger({ options, words }: Arguments<typeof table>, configuration: Configuration): Promise<void> {
    const jobId = jobIdWord(words[0], 'Missing JobID. Specify a Job ID to trigger a savepoint.');
    const format = savepointFormat(options.type);
    if (words.length > 2) this.terminal.out('Provided more arguments than required. Ignoring not needed arguments.');
    const client = await connectToCluster(configuration, this.terminal);
    this.terminal.out(`Triggering savepoint ${options.detached ? 'in detached mode ' : ''}for job ${jobId}.`);
    if (!options.detached) this.terminal.out('Waiting for response...');
    try {
      const trigger = await client.triggerSavepoint(jobId, { targetDirectory: words[1], cancelJob: false, format });
      if (options.detached) return this.terminal.out(`Successfully trigger manual savepoint, triggerId: ${trigger}`);
      const path = await this.withProgress(
        'The savepoint is being taken',
        client.awaitSavepoint(jobId, trigger, configuration.get('client.timeout')),
      );
      this.terminal.out(`Savepoint completed. Path: ${path}`);
      this.terminal.out('You can resume your program from this savepoint with the run command.');
    } catch (error) {
      throw new FlinkException(`Triggering a savepoint for the job ${jobId} failed.`, { cause: error });
    }
  }

  async #dispose(path: string, configuration: Configuration): Promise<void> {
    const client = await connectToCluster(configuration, this.terminal);
    this.terminal.out(`Disposing savepoint '${path}'.`);
    this.terminal.out('Waiting for response...');
    const disposal = client.disposeSavepoint(path, configuration.get('client.timeout'));
    await this.withProgress('The savepoint is being deleted', disposal).catch((error: unknown) => {
      throw new FlinkException(`Disposing the savepoint '${path}' failed.`, { cause: error });
    });
    this.terminal.out(`Savepoint '${path}' disposed.`);
  }
}
