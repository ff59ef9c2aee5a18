/**
 * A process's own directory below `io.tmp.dirs`, gone with the process. One that was killed leaves its directory behind; the
 * next process that starts there removes it.
 */
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '../../config/configuration.ts';
import { UserError } from '../../shared/errors.ts';
import { readProcessStat } from '../../shared/process-stat.ts';

export interface TemporaryDirectory {
  readonly path: string;
  remove(): void;
}

const prefix = 'weir-';
/** Names the process that a directory belongs to. */
const ownerFile = 'owner';

/** Throws UserError('TMP_DIR_UNUSABLE'). */
export function temporaryDirectory(config: Configuration, name: string): TemporaryDirectory {
  const parent = config.get('io.tmp.dirs').split(/[,:|]/)[0] as string;
  try {
    mkdirSync(parent, { recursive: true });
    accessSync(parent, constants.W_OK);
    removeLeftovers(parent);
    const path = mkdtempSync(join(parent, `${prefix}${name}-`));
    writeFileSync(join(path, ownerFile), processIdentity(process.pid) ?? '');
    return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
  } catch (error) {
    throw new UserError('TMP_DIR_UNUSABLE', {
      problem: `The temporary directory ${parent} cannot be used: ${(error as Error).message}`,
      found: 'It comes from io.tmp.dirs.',
      tryNext: ['Set io.tmp.dirs to a directory that this user may write to.'],
    });
  }
}

function removeLeftovers(parent: string): void {
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(prefix) || !isAbandoned(join(parent, name))) continue;
    try {
      rmSync(join(parent, name), { recursive: true, force: true });
    } catch {
      // It belongs to another user.
    }
  }
}

/** Only what this machine and this container can judge: a shared directory holds those of others too. */
function isAbandoned(directory: string): boolean {
  try {
    const owner = readFileSync(join(directory, ownerFile), 'utf8');
    const [machine, container, pid] = owner.split(' ');
    const [ownMachine, ownContainer] = (processIdentity(process.pid) ?? '').split(' ');
    return machine !== '' && machine === ownMachine && container === ownContainer && processIdentity(Number(pid)) !== owner;
  } catch {
    return false;
  }
}

/** Boot of the machine, pid namespace, pid, and start of the process, for pids come again. Undefined outside Linux, or when it is gone. */
function processIdentity(pid: number): string | undefined {
  try {
    const stat = readProcessStat(pid);
    if (!stat) return undefined;
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return [boot, readlinkSync('/proc/self/ns/pid'), pid, stat.startTime].join(' ');
  } catch {
    return undefined;
  }
}
