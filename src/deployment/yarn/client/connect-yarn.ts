/** Which YARN a client or an application master talks to: that of a Hadoop configuration, or the embedded one of this machine. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '../../../config/configuration.ts';
import { UserError } from '../../../shared/errors.ts';
import type { Environment } from '../../daemon/daemon-place.ts';
import { yarnPlace } from '../embedded/place.ts';
import { connectEmbedded, type EmbeddedYarnConnection } from '../embedded/socket.ts';
import { startOnDemand } from '../embedded/start-on-demand.ts';

export interface YarnSurroundings {
  readonly config: Configuration;
  readonly configurationDirectory: string;
  readonly environment: Environment;
  /** One line for people. */
  tell(line: string): void;
}

/** Starts the embedded resource manager when it does not run. Throws UserError('NOT_THERE_YET') for a Hadoop cluster. */
export async function connectYarn(surroundings: YarnSurroundings): Promise<EmbeddedYarnConnection> {
  refuseHadoop(surroundings);
  return startOnDemand(surroundings);
}

/** Undefined when no resource manager runs: there is no application then either. */
export async function connectRunningYarn(surroundings: YarnSurroundings): Promise<EmbeddedYarnConnection | undefined> {
  refuseHadoop(surroundings);
  return connectEmbedded(yarnPlace(surroundings.config));
}

function refuseHadoop({ config, environment }: YarnSurroundings): void {
  const { HADOOP_HOME: home } = environment;
  const candidates = [
    ['YARN_CONF_DIR', environment['YARN_CONF_DIR']],
    ['HADOOP_CONF_DIR', environment['HADOOP_CONF_DIR']],
    ['HADOOP_HOME', home && join(home, 'etc/hadoop')],
    ['env.yarn.conf.dir', config.getText('env.yarn.conf.dir')],
    ['env.hadoop.conf.dir', config.getText('env.hadoop.conf.dir')],
  ] as const;
  for (const [name, directory] of candidates) {
    if (!directory || !existsSync(join(directory, 'yarn-site.xml'))) continue;
    throw new UserError('NOT_THERE_YET', {
      problem: 'Weir cannot talk to a Hadoop cluster yet; it has a resource manager of its own for this machine.',
      found: `${name} leads to ${join(directory, 'yarn-site.xml')}.`,
      tryNext: [`Unset ${name} to run applications on this machine.`],
    });
  }
}
