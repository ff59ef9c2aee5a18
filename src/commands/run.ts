import { yarnOptions } from './arguments/shared-options.ts';
import { ActionCommand, type Arguments } from './base/action-command.ts';
import { type ActionDescription, optionLines } from './base/action-help.ts';
import { executionTarget } from './base/cluster-connection.ts';
import { loadCommandConfiguration } from './base/cluster-settings.ts';
import { programCall, programKeys } from './base/program-options.ts';
import { runHints } from './base/run-hints.ts';
import { refusePython, runKeys, runOptions, runTable } from './base/run-options.ts';
import { runProgram } from './base/run-program.ts';
import { printYarnResources } from './base/yarn-resources.ts';

export class Run extends ActionCommand<typeof runTable> {
  readonly table = runTable;
  override readonly wordOrder = 'stop-at-first-word';
  readonly action: ActionDescription = {
    name: 'run',
    sentence: 'compiles and runs a program.',
    syntax: '[OPTIONS] <jar-file> <arguments>',
    options: runOptions,
    clusterHelp: 'run',
  };

  protected override async act({ options, words }: Arguments<typeof runTable>): Promise<void> {
    if (options.yarnhelp) return this.terminal.out(optionLines(yarnOptions).join('\n'));
    if (options.yarnquery) return printYarnResources(this.terminal, (await loadCommandConfiguration(options, this.terminal)).configuration);
    refusePython(options);
    const program = programCall(options, words);
    const { configuration } = await loadCommandConfiguration(options, this.terminal, { ...programKeys(options), ...runKeys(options) });
    const target = executionTarget(configuration, 'No ExecutorFactory found to execute the application.');
    for (const text of runHints(options, program.args, target)) this.hint(text);
    await runProgram({
      target,
      program: { ...program, entryClass: options.class, classpaths: options.classpath },
      configuration,
      terminal: this.terminal,
      hint: (text) => this.hint(text),
    });
  }
}
