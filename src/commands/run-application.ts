import { resolve } from 'node:path';
import { ActionCommand, type Arguments } from './base/action-command.ts';
import type { ActionDescription } from './base/action-help.ts';
import { applicationTarget } from './base/cluster-connection.ts';
import { loadCommandConfiguration } from './base/cluster-settings.ts';
import { Daemons } from './base/daemons.ts';
import { programCall, programKeys } from './base/program-options.ts';
import { refusePython, restoreKeys, runTable } from './base/run-options.ts';

export class RunApplication extends ActionCommand<typeof runTable> {
  readonly table = runTable;
  override readonly wordOrder = 'stop-at-first-word';
  readonly action: ActionDescription = {
    name: 'run-application',
    sentence: 'runs an application in Application Mode.',
    syntax: '[OPTIONS] <jar-file> <arguments>',
    options: {},
    clusterHelp: 'generic',
  };

  protected override async act({ options, words }: Arguments<typeof runTable>): Promise<void> {
    refusePython(options);
    const { path, args } = programCall(options, words);
    const keys = { ...programKeys(options), ...restoreKeys(options) };
    const { configuration } = await loadCommandConfiguration(options, this.terminal, keys);
    const target = applicationTarget(configuration);
    if (options.shutdownOnAttachedExit) this.hint('-sae has no effect: nobody is attached to an application.');
    if (target === 'yarn-application') {
      const { deployApplication } = await import('./base/deploy-application.ts');
      return deployApplication({ path, args, entryClass: options.class, classpaths: options.classpath }, configuration, this.terminal);
    }
    // The target is that of this command; the application's jobs run in the cluster that main runs in.
    const properties = [...options.yD, ...options.D].filter((property) => !property.startsWith('execution.target'));
    const program = ['--program', resolve(path), ...(options.class === undefined ? [] : ['--job-classname', options.class])];
    const daemons = new Daemons(this.terminal, [...properties, ...Object.entries(keys).map(([key, value]) => `${key}=${value}`)]);
    this.exitCode = (await daemons.perform('start', 'standalonejob', [...program, '--', ...args])) ?? 1;
  }
}
