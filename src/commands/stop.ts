import { FlinkException } from '../client/exception-block.ts';
import type { OptionTable } from './arguments/option-table.ts';
import { clusterOptions } from './arguments/shared-options.ts';
import { ActionCommand, type Arguments } from './base/action-command.ts';
import type { ActionDescription } from './base/action-help.ts';
import { connectToCluster } from './base/cluster-connection.ts';
import { loadCommandConfiguration } from './base/cluster-settings.ts';
import { jobIdWord, optionalDirectory } from './base/job-id-word.ts';
import { savepointFormat, savepointTypeOption } from './base/savepoint-format.ts';

const stopOptions = {
  drain: { short: 'd', summary: 'Emits the maximum watermark before the final savepoint, so that all event-time timers fire.' },
  savepointPath: {
    short: 'p',
    argument: 'savepointPath',
    optionalArgument: true,
    summary: 'Directory of the savepoint; default: state.savepoints.dir.',
  },
  ...savepointTypeOption,
  detached: { short: 'detached', summary: 'Prints the trigger id and does not wait for the savepoint.' },
} as const satisfies OptionTable;

const table = { ...clusterOptions, ...stopOptions };

export class Stop extends ActionCommand<typeof table> {
  readonly table = table;
  readonly action: ActionDescription = {
    name: 'stop',
    sentence: 'stops a running program with a savepoint (streaming jobs only).',
    syntax: '[OPTIONS] <Job ID>',
    options: stopOptions,
    clusterHelp: 'session',
  };

  protected override async act({ options, words }: Arguments<typeof table>): Promise<void> {
    const { directory, word } = optionalDirectory(options.savepointPath, words);
    const jobId = jobIdWord(word, 'Missing JobId');
    const format = savepointFormat(options.type);
    const { configuration } = await loadCommandConfiguration(options, this.terminal);
    const client = await connectToCluster(configuration, this.terminal);
    this.terminal.out(`${options.drain ? 'Draining' : 'Suspending'} job "${jobId}" with a savepoint.`);
    try {
      const trigger = await client.triggerStop(jobId, { targetDirectory: directory, drain: options.drain, format });
      if (options.detached) return this.terminal.out(`Successfully trigger stop-with-savepoint in detached mode, triggerId: ${trigger}`);
      const path = await this.withProgress(
        'The savepoint is being taken',
        client.awaitSavepoint(jobId, trigger, configuration.get('client.timeout')),
      );
      this.terminal.out(`Savepoint completed. Path: ${path}`);
    } catch (error) {
      throw new FlinkException(`Could not stop with a savepoint job "${jobId}".`, { cause: error });
    }
  }
}
