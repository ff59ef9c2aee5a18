import { jsonPlan } from '../graph/json-plan.ts';
import type { OptionTable } from './arguments/option-table.ts';
import { clusterOptions } from './arguments/shared-options.ts';
import { ActionCommand, type Arguments } from './base/action-command.ts';
import type { ActionDescription } from './base/action-help.ts';
import { loadCommandConfiguration } from './base/cluster-settings.ts';
import { programCall, programKeys, programOptions } from './base/program-options.ts';

const { class: entryClass, parallelism } = programOptions;
const shownOptions = { class: entryClass, parallelism } as const satisfies OptionTable;
const table = { ...clusterOptions, ...programOptions };

export class Info extends ActionCommand<typeof table> {
  readonly table = table;
  override readonly wordOrder = 'stop-at-first-word';
  readonly action: ActionDescription = {
    name: 'info',
    sentence: 'shows the optimized execution plan of the program (JSON).',
    syntax: '[OPTIONS] <jar-file> <arguments>',
    options: shownOptions,
    clusterHelp: 'none',
  };

  protected override async act({ options, words }: Arguments<typeof table>): Promise<void> {
    const call = programCall(options, words);
    const { configuration } = await loadCommandConfiguration(options, this.terminal, programKeys(options));
    process.setSourceMapsEnabled(true);
    const { loadProgram } = await import('../client/program/load-program.ts');
    const program = await loadProgram({
      ...call,
      entryClass: options.class,
      classpaths: options.classpath,
      configuration: configuration.toRecord(),
    });
    try {
      const plan = jsonPlan(await program.plan());
      this.terminal.out('----------------------- Execution Plan -----------------------');
      this.terminal.out(JSON.stringify(plan));
      this.terminal.out('--------------------------------------------------------------');
      this.terminal.out('');
      this.terminal.out('No description provided.');
    } finally {
      await program.dispose();
    }
  }
}
