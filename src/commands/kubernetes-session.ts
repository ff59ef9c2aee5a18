import { commonOptions, genericOptions } from './arguments/shared-options.ts';
import type { ActionDescription } from './base/action-help.ts';
import { notThereYet } from './base/cluster-connection.ts';
import { ScriptCommand } from './base/script-command.ts';

const table = { ...commonOptions, ...genericOptions };

export class KubernetesSession extends ScriptCommand<typeof table> {
  readonly table = table;
  readonly action: ActionDescription = {
    name: 'kubernetes-session',
    sentence: 'starts a session cluster on Kubernetes.',
    syntax: '[OPTIONS]',
    options: {},
    clusterHelp: 'generic',
  };

  protected override async act(): Promise<void> {
    throw notThereYet('kubernetes-session', 'Kubernetes');
  }
}
