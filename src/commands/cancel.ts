import { FlinkException } from '../client/exception-block.ts';
import type { OptionTable } from './arguments/option-table.ts';
import { clusterOptions } from './arguments/shared-options.ts';
import { ActionCommand, type Arguments } from './base/action-command.ts';
import type { ActionDescription } from './base/action-help.ts';
import { connectToCluster } from './base/cluster-connection.ts';
import { loadCommandConfiguration } from './base/cluster-settings.ts';
import { jobIdWord, optionalDirectory } from './base/job-id-word.ts';
import { savepointFormat, savepointTypeOption } from './base/savepoint-format.ts';

const cancelOptions = {
  withSavepoint: {
    short: 's',
    argument: 'targetDirectory',
    optionalArgument: true,
    summary:
      'DEPRECATED: use stop. Takes a savepoint, then cancels the job. Without a directory the savepoint goes to state.savepoints.dir.',
  },
  ...savepointTypeOption,
} as const satisfies OptionTable;

const table = { ...clusterOptions, ...cancelOptions };

export class Cancel extends ActionCommand<typeof table> {
  readonly table = table;
  readonly action: ActionDescription = {
    name: 'cancel',
    sentence: 'cancels a running program.',
    syntax: '[OPTIONS] <Job ID>',
    options: cancelOptions,
    clusterHelp: 'session',
  };

  protected override async act(args: Arguments<typeof table>): Promise<void> {
    if (args.options.withSavepoint !== undefined) return this.#cancelWithSavepoint(args);
    const jobId = jobIdWord(args.words[0], 'Missing JobID. Specify a JobID to cancel a job.');
    const client = await connectToCluster((await loadCommandConfiguration(args.options, this.terminal)).configuration, this.terminal);
    this.terminal.out(`Cancelling job ${jobId}.`);
    await client.cancelJob(jobId).catch((error: unknown) => {
      throw new FlinkException(`Could not cancel job ${jobId}.`, { cause: error });
    });
    this.terminal.out(`Cancelled job ${jobId}.`);
  }

  async #cancelWithSavepoint({ options, words }: Arguments<typeof table>): Promise<void> {
    const { directory, word } = optionalDirectory(options.withSavepoint, words);
    this.terminal.out('DEPRECATION WARNING: Cancelling a job with savepoint is deprecated. Use "stop" instead.');
    const jobId = jobIdWord(word, 'Missing JobID. Specify a JobID to cancel a job.');
    const format = savepointFormat(options.type);
    const { configuration } = await loadCommandConfiguration(options, this.terminal);
    const client = await connectToCluster(configuration, this.terminal);
    this.terminal.out(`Cancelling job ${jobId} with savepoint to ${directory ?? 'default savepoint directory'}.`);
    try {
      const trigger = await client.triggerSavepoint(jobId, { targetDirectory: directory, cancelJob: true, format });
      const path = await this.withProgress(
        'The savepoint is being taken',
        client.awaitSavepoint(jobId, trigger, configuration.get('client.timeout')),
      );
      this.terminal.out(`Cancelled job ${jobId}. Savepoint stored in ${path}.`);
    } catch (error) {
      throw new FlinkException(`Could not cancel job ${jobId}.`, { cause: error });
    }
  }
}
