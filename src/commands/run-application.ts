import { UserError } from '../shared/errors.ts';
import { ActionCommand, type Arguments } from './base/action-command.ts';
import type { ActionDescription } from './base/action-help.ts';
import { loadCommandConfiguration } from './base/cluster-settings.ts';
import { programCall, programKeys } from './base/program-options.ts';
import { runTable } from './run.ts';

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
    programCall(options, words);
    const { configuration } = loadCommandConfiguration(options, this.terminal, programKeys(options));
    const target = configuration.get('execution.target');
    const known = target === 'yarn-application' || target === 'kubernetes-application';
    throw new UserError(known ? 'NOT_THERE_YET' : 'NO_APPLICATION_TARGET', {
      problem: known
        ? `The target ${target} is not there yet.`
        : 'run-application needs an application target: -t yarn-application or -t kubernetes-application.',
      found: known || target === undefined ? undefined : `execution.target is '${target}'.`,
      tryNext: ['Run one program with a JobManager of its own: standalone-job.sh start', 'Run it on a session cluster: flink run'],
    });
  }
}
