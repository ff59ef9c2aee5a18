/** Where the daemons of one user on one machine keep their files, and what the files are called: Flink's names. */
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Configuration } from '../../config/configuration.ts';

export type DaemonName = 'standalonesession' | 'taskexecutor' | 'standalonejob' | 'historyserver' | 'yarnapplication';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface DaemonPlace {
  readonly identity: string;
  /** As messages and file names show it. */
  readonly host: string;
  readonly pidDirectory: string;
  readonly logDirectory: string;
  readonly keptLogs: number;
}

/** The environment wins over the configuration. */
export function daemonPlace(environment: Environment, configuration: Configuration, installation: string): DaemonPlace {
  return {
    identity: environment['FLINK_IDENT_STRING'] || environment['USER'] || userInfo().username,
    host: environment['HOSTNAME'] || hostname(),
    pidDirectory: environment['FLINK_PID_DIR'] || configuration.get('env.pid.dir'),
    logDirectory: environment['FLINK_LOG_DIR'] || configuration.getOptional('env.log.dir') || join(installation, 'log'),
    keptLogs: Number(environment['MAX_LOG_FILE_NUMBER'] ?? configuration.get('env.log.max')),
  };
}

export function pidFilePath(place: DaemonPlace, daemon: DaemonName): string {
  return join(place.pidDirectory, `flink-${place.identity}-${daemon}.pid`);
}

/** `id` counts the instances of a daemon on this machine, from 0. */
export function outputPath(place: DaemonPlace, daemon: DaemonName, id: number, kind: 'log' | 'out'): string {
  return join(place.logDirectory, `flink-${place.identity}-${daemon}-${id}-${place.host}.${kind}`);
}

/** `name`: client, yarn-session, k8s-session, sql-client. */
export function clientLogPath(place: DaemonPlace, name: string): string {
  return join(place.logDirectory, `flink-${place.identity}-${name}-${place.host}.log`);
}

export function readyFilePath(place: DaemonPlace, daemon: DaemonName, id: number): string {
  return join(place.pidDirectory, `flink-${place.identity}-${daemon}-${id}.ready`);
}
