/** What starts a TaskManager, or the application master, in a container: a command line and an environment. */
import { join } from 'node:path';
import type { Configuration } from '../../config/configuration.ts';
import { daemonCommand } from '../daemon/daemon-command.ts';
import type { DaemonName } from '../daemon/daemon-place.ts';
import { logFileVariable, supervisorVariable } from '../daemon/supervised-process.ts';
import type { ContainerLaunchContext, LocalResource } from './protocol/records.ts';

export interface ContainerProcess {
  readonly daemon: Extract<DaemonName, 'taskexecutor' | 'yarnapplication'>;
  /** The installation that the container runs, as it sees it. */
  readonly installation: string;
  readonly configuration: Configuration;
  readonly environment: Readonly<Record<string, string>>;
  readonly localResources: Readonly<Record<string, LocalResource>>;
  /** Behind everything else. */
  readonly words: readonly string[];
}

/** Throws UserError when the configured memory does not add up. */
export function containerLaunch(process: ContainerProcess): ContainerLaunchContext {
  const { daemon, installation, configuration, environment, localResources, words } = process;
  const name = daemon === 'taskexecutor' ? 'taskmanager' : 'jobmanager';
  const role = daemon === 'taskexecutor' ? 'taskmanager' : 'master';
  const command = daemonCommand({ daemon, installation, configurationDirectory: '.', configuration, environment: {}, arguments: words });
  return {
    localResources,
    environment: {
      MALLOC_ARENA_MAX: '2',
      ...environment,
      ...ownVariables(configuration, role),
      [logFileVariable]: join('<LOG_DIR>', `${name}.log`),
    },
    // The node's process that starts it is its supervisor: without it the container is nobody's.
    command: `${supervisorVariable}=$PPID exec ${[command.file, ...command.arguments].map(quoted).join(' ')} 1> <LOG_DIR>/${name}.out 2> <LOG_DIR>/${name}.err`,
  };
}

/** `containerized.master.env.NAME`, `containerized.taskmanager.env.NAME`. */
function ownVariables(configuration: Configuration, role: 'master' | 'taskmanager'): Record<string, string> {
  const keys =
    role === 'master'
      ? ['yarn.application-master.env.<NAME>', 'containerized.master.env.<NAME>']
      : ['yarn.taskmanager.env.<NAME>', 'containerized.taskmanager.env.<NAME>'];
  const prefixes = keys.map((key) => key.replace('<NAME>', ''));
  const entries = prefixes.flatMap((prefix) =>
    Object.entries(configuration.toRecord()).flatMap(([key, value]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), value] as const] : [],
    ),
  );
  return Object.fromEntries(entries);
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
