/** The command line of a daemon's process, with its memory worked out so that the process itself does not have to. */
import { join } from 'node:path';
import type { Configuration } from '../../config/configuration.ts';
import { deriveJobManagerProcess, deriveTaskManagerProcess } from '../../config/memory/process-memory.ts';
import type { DaemonName, Environment } from './daemon-place.ts';
import { nodeOptions } from './node-options.ts';

export interface DaemonCommandRequest {
  readonly daemon: DaemonName;
  readonly installation: string;
  readonly configurationDirectory: string;
  /** Of the process: file and its own `-D`. */
  readonly configuration: Configuration;
  readonly environment: Environment;
  /** What the user gave to the script, to be passed on. */
  readonly arguments: readonly string[];
}

export interface DaemonCommand {
  readonly file: string;
  readonly arguments: readonly string[];
  readonly warnings: readonly string[];
}

const programOf: Record<DaemonName, string> = {
  standalonesession: 'jobmanager.js',
  standalonejob: 'standalone-job.js',
  taskexecutor: 'taskmanager.js',
  historyserver: 'history-server.js',
  yarnapplication: 'yarn-application-master.js',
};

/** Throws UserError when the configured memory does not add up. */
export function daemonCommand(request: DaemonCommandRequest): DaemonCommand {
  const { nodeFlags, dynamicProperties, warnings } = processMemory(request.daemon, request.configuration);
  const { flags, warnings: flagWarnings } = nodeOptions(request.daemon, request.configuration, request.environment);
  const memory = Object.entries(dynamicProperties).flatMap(([key, value]) => ['-D', `${key}=${value}`]);
  return {
    file: process.execPath,
    // The user's flags come behind the computed ones: Node takes the last.
    arguments: [
      ...nodeFlags,
      ...flags,
      join(request.installation, 'dist', programOf[request.daemon]),
      '--configDir',
      request.configurationDirectory,
      ...memory,
      ...request.arguments,
    ],
    warnings: [...warnings, ...flagWarnings],
  };
}

function processMemory(
  daemon: DaemonName,
  configuration: Configuration,
): ReturnType<typeof deriveJobManagerProcess> | ReturnType<typeof deriveTaskManagerProcess> {
  return daemon === 'taskexecutor' ? deriveTaskManagerProcess(configuration) : deriveJobManagerProcess(configuration);
}

/** Each further arena of glibc's malloc maps 64 MB of addresses, which a container may count (measured: 1.9 GB become 1.4). */
const mallocArenas = { MALLOC_ARENA_MAX: '2' };

/** NODE_OPTIONS of the user's shell is about the user's programs, not about daemons. */
export function daemonEnvironment(environment: Environment, extra: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(environment).filter(([name, value]) => name !== 'NODE_OPTIONS' && value !== undefined);
  return { ...mallocArenas, ...(Object.fromEntries(kept) as Record<string, string>), ...extra };
}
