/** Finds the embedded resource manager of this user, or starts it: a daemon that goes on when its starter ends. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '../../../config/configuration.ts';
import { ExternalError } from '../../../shared/errors.ts';
import { installationRoot } from '../../../shared/installation.ts';
import { daemonEnvironment } from '../../daemon/daemon-command.ts';
import type { Environment } from '../../daemon/daemon-place.ts';
import { rotateOutput } from '../../daemon/log-rotation.ts';
import { isRunning, PidFile } from '../../daemon/pid-file.ts';
import { logFileVariable } from '../../daemon/supervised-process.ts';
import { prepareYarnPlace, type YarnPlace, yarnPlace } from './place.ts';
import { yarnSettings } from './settings.ts';
import { connectEmbedded, type EmbeddedYarnConnection } from './socket.ts';

export interface StartOnDemand {
  readonly config: Configuration;
  readonly configurationDirectory: string;
  readonly environment: Environment;
  /** One line for people. */
  tell(line: string): void;
}

const startPatienceMs = 30_000;
const pollMs = 20;
const largestLogBytes = 16 * 2 ** 20;

export async function startOnDemand(options: StartOnDemand): Promise<EmbeddedYarnConnection> {
  const place = yarnPlace(options.config);
  const running = await connectEmbedded(place);
  if (running) return running;
  prepareYarnPlace(place);
  // What the daemon would refuse is found here.
  const { node, queues } = yarnSettings(options.config);
  return new PidFile(join(place.directory, 'start')).locked(async () => {
    const another = await connectEmbedded(place);
    if (another) return another;
    options.tell(
      `No Hadoop configuration was found (HADOOP_CONF_DIR, YARN_CONF_DIR and HADOOP_HOME name none): applications run on the embedded resource manager of this machine, which is started now. It has ${node.memoryMb} MB, ${node.vcores} vcores and the queue${queues.length === 1 ? '' : 's'} ${queues.map(({ name }) => name).join(', ')}; its files are in ${place.directory}`,
    );
    return launch(options, place);
  });
}

async function launch({ config, configurationDirectory, environment }: StartOnDemand, place: YarnPlace): Promise<EmbeddedYarnConnection> {
  const log = join(place.directory, 'resourcemanager.log');
  if ((statSync(log, { throwIfNoEntry: false })?.size ?? 0) > largestLogBytes) rotateOutput(log, 1);
  const output = openSync(join(place.directory, 'resourcemanager.out'), 'w');
  const settings = Object.entries(config.toRecord()).filter(([key]) => key.startsWith('flink.yarn.') || key.startsWith('weir.yarn.'));
  const child = spawn(
    process.execPath,
    [
      '--max-old-space-size=256',
      join(installationRoot(), 'dist', 'yarn-resource-manager.js'),
      '--configDir',
      configurationDirectory,
      ...settings.flatMap(([key, value]) => ['-D', `${key}=${value}`]),
    ],
    {
      detached: true,
      cwd: place.directory,
      stdio: ['ignore', output, output],
      env: daemonEnvironment(environment, { [logFileVariable]: log }),
    },
  );
  closeSync(output);
  child.on('error', () => {});
  child.unref();
  const deadline = performance.now() + startPatienceMs;
  while (child.pid !== undefined && isRunning(child.pid) && performance.now() < deadline) {
    const connection = await connectEmbedded(place);
    if (connection) return connection;
    await new Promise((resume) => setTimeout(resume, pollMs));
  }
  throw new ExternalError('NO_RESOURCE_MANAGER', {
    problem: 'The embedded resource manager could not be started.',
    found: lastWords(join(place.directory, 'resourcemanager.out')) || `See ${log}.`,
    retriable: true,
  });
}

function lastWords(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-6).join('\n') : '';
}
