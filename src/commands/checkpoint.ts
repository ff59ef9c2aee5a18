import { FlinkException } from '../client/exception-block.ts';
import type { OptionTable } from './arguments/option-table.ts';
import { clusterOptions } from './arguments/shared-options.ts';
import { ActionCommand, type Arguments } from './base/action-command.ts';
import type { ActionDescription } from './base/action-help.ts';
import { connectToCluster } from './base/cluster-connection.ts';
import { loadCommandConfiguration } from './base/cluster-settings.ts';
import { jobIdWord } from './base/job-id-word.ts';

const checkpointOptions = {
  full: { short: 'full', summary: 'Takes a full checkpoint, also where checkpoints are incremental.' },
} as const satisfies OptionTable;

const table = { ...clusterOptions, ...checkpointOptions };

export class Checkpoint extends ActionCommand<typeof table> {
  readonly table = table;
  readonly action: ActionDescription = {
    name: 'checkpoint',
    sentence: 'triggers checkpoints for a running job.',
    syntax: '[OPTIONS] <Job ID>',
    options: checkpointOptions,
    clusterHelp: 'session',
  };

  protected override async act({ options, words }: Arguments<typeof table>): Promise<void> {
    const jobId = jobIdWord(words[0], 'Missing JobID. Specify a Job ID to manipulate a checkpoint.');
    const { configuration } = await loadCommandConfiguration(options, this.terminal);
    const client = await connectToCluster(configuration, this.terminal);
    this.terminal.out(`Triggering checkpoint for job ${jobId}.`);
    this.terminal.out('Waiting for response...');
    try {
      const trigger = await client.triggerCheckpoint(jobId, options.full);
      const checkpointId = await this.withProgress(
        'The checkpoint is being taken',
        client.awaitCheckpoint(jobId, trigger, configuration.get('client.timeout')),
      );
      this.terminal.out(`Checkpoint${options.full ? '(FULL)' : ''} ${checkpointId} for job ${jobId} completed.`);
      this.terminal.out('You can resume your program from this checkpoint with the run command.');
    } catch (error) {
      throw new FlinkException(`Failed to trigger a checkpoint for the job ${jobId}.`, { cause: error });
    }
  }
}
