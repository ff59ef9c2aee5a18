/** `conf/masters` and `conf/workers`: one host a line. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '../../config/configuration.ts';
import { UserError } from '../../shared/errors.ts';

export interface Master {
  readonly host: string;
  /** Of the REST endpoint; 0: any. */
  readonly webuiPort: number;
}

/** Throws UserError('NO_HOSTS_FILE') with Flink's sentence. */
export function readHosts(configurationDirectory: string, name: 'masters' | 'workers'): string[] {
  const path = join(configurationDirectory, name);
  const older = join(configurationDirectory, 'slaves');
  const file = existsSync(path) || name === 'masters' || !existsSync(older) ? path : older;
  if (!existsSync(file)) {
    throw new UserError('NO_HOSTS_FILE', {
      problem: `No ${name} file. Please specify ${name} in 'conf/${name}'.`,
      found: `${file} does not exist.`,
      tryNext: [`echo localhost > ${file}`],
    });
  }
  return readText(file).split(/\r?\n/).map(hostOf).filter(Boolean);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError('HOSTS_FILE_UNREADABLE', { problem: `${file} cannot be read: ${(error as Error).message}`, cause: error });
  }
}

/** Undefined without high availability: there is one JobManager then, on this machine, whatever the file says. */
export function readMasters(configurationDirectory: string, configuration: Configuration): Master[] | undefined {
  if (configuration.get('high-availability.type').toUpperCase() === 'NONE') return undefined;
  return readHosts(configurationDirectory, 'masters').map((line) => {
    const [, host = line, port = '0'] = /^(.*?)(?::(\d+))?$/.exec(line) ?? [];
    return { host, webuiPort: Number(port) };
  });
}

/** The first word, without comment and without a topology in front (`/rack1/host7`). */
function hostOf(line: string): string {
  const [word = ''] = line.replace(/#.*/, '').trim().split(/\s+/);
  return word.slice(word.lastIndexOf('/') + 1);
}

export function isThisMachine(host: string): boolean {
  return host === 'localhost' || host === '127.0.0.1' || host === '::1';
}
