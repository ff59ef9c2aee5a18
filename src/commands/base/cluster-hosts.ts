/** `conf/masters` and `conf/workers`: one host a line. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../shared/errors.ts';

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
  return readFileSync(file, 'utf8').split(/\r?\n/).map(hostOf).filter(Boolean);
}

/** The first word, without comment and without a topology in front (`/rack1/host7`). */
function hostOf(line: string): string {
  const [word = ''] = line.replace(/#.*/, '').trim().split(/\s+/);
  return word.slice(word.lastIndexOf('/') + 1);
}

export function isThisMachine(host: string): boolean {
  return host === 'localhost' || host === '127.0.0.1' || host === '::1';
}
