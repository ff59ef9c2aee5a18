import { UserError } from '../shared/errors.ts';
import type { OptionTable } from './arguments/option-table.ts';
import type { Arguments } from './base/action-command.ts';
import type { ActionDescription } from './base/action-help.ts';
import { ScriptCommand } from './base/script-command.ts';

const table = { help: { short: 'h', hidden: true, summary: 'Prints this help.' } } as const satisfies OptionTable;

export class HistoryServer extends ScriptCommand<typeof table> {
  readonly table = table;
  readonly action: ActionDescription = {
    name: 'historyserver',
    sentence: 'starts or stops the history server.',
    syntax: '(start|start-foreground|stop)',
    options: {},
    clusterHelp: 'none',
  };

  protected override async act({ words }: Arguments<typeof table>): Promise<void> {
    const [verb] = words;
    if (verb === 'start' || verb === 'start-foreground' || verb === 'stop') {
      throw new UserError('NOT_THERE_YET', {
        problem: 'The history server is not there yet.',
        tryNext: ['Finished jobs stay visible in the cluster for jobstore.expiration-time: flink list -a'],
      });
    }
    this.terminal.out(
      `Unexpected argument '${verb ?? ''}'. Usage: flink-daemon.sh (start|stop|stop-all) (taskexecutor|zookeeper|historyserver|standalonesession|standalonejob) [args].`,
    );
    this.exitCode = 1;
  }
}
