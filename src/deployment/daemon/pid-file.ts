/**
 * The pid file of one daemon: one process id a line, the newest last, so that Flink's scripts can read it too.
 *
 * A process id may be re-used by something unrelated, and a pid file may hold anything. Each of our processes carries the path
 * of its pid file in its environment from its first moment, so an entry counts as alive only when the process says that it
 * belongs here. A process that does not let us look is not ours: signals go to nobody else.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ExternalError } from '../../shared/errors.ts';
import { readProcessStat } from '../../shared/process-stat.ts';
import { pidFileVariable, readyFileVariable } from './supervised-process.ts';
import { makeWritableDirectory } from './writable-directory.ts';

const lockPatienceMs = 30_000;

export class PidFile {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** What a process of ours carries in its environment: the path, by whatever links the directory was reached. */
  get mark(): string {
    const directory = dirname(this.path);
    return join(existsSync(directory) ? realpathSync(directory) : resolve(directory), basename(this.path));
  }

  /** In the order of their start. */
  read(): number[] {
    if (!existsSync(this.path)) return [];
    return readFileSync(this.path, 'utf8')
      .split('\n')
      .map((line) => Number.parseInt(line, 10))
      .filter((pid) => pid > 1);
  }

  /** As {@link read}; entries of a former boot or of processes that all died are dropped, so that ids start at 0 again. */
  readOrForget(): number[] {
    const pids = this.read();
    if (pids.some((pid) => this.isAlive(pid) || this.isOfAnotherUser(pid))) return pids;
    this.#write([]);
    return [];
  }

  append(pid: number): void {
    this.#write([...this.read(), pid]);
  }

  /** The file goes with its last entry. */
  remove(pid: number): void {
    const pids = this.read();
    const index = pids.lastIndexOf(pid);
    if (index < 0) return;
    pids.splice(index, 1);
    this.#write(pids);
  }

  isAlive(pid: number): boolean {
    if (pid <= 1 || !isRunning(pid)) return false;
    return showsEnvironments() ? readEnvironment(pid).includes(`${pidFileVariable}=${this.mark}`) : looksLikeDaemon(pid);
  }

  /** A daemon that another user started: it cannot be looked at, nor signalled, and its entry is not ours to remove. */
  isOfAnotherUser(pid: number): boolean {
    return pid > 1 && showsEnvironments() && isRunning(pid) && readEnvironment(pid).length === 0 && looksLikeDaemon(pid);
  }

  /** The daemon leads a process group of its own: what it started and left can be ended with it. */
  leadsGroup(pid: number): boolean {
    return this.isAlive(pid) && showsEnvironments() && readEnvironment(pid).some((entry) => entry.startsWith(`${readyFileVariable}=`));
  }

  /** Keeps other starts and stops of this daemon away meanwhile. */
  async locked<T>(work: () => T | Promise<T>): Promise<T> {
    makeWritableDirectory(dirname(this.path), 'pid');
    const lock = `${this.path}.lock`;
    await acquireLock(lock);
    try {
      return await work();
    } finally {
      rmSync(lock, { recursive: true, force: true });
    }
  }

  #write(pids: readonly number[]): void {
    if (pids.length === 0) rmSync(this.path, { force: true });
    else writeFileSync(this.path, pids.map((pid) => `${pid}\n`).join(''));
  }
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // It is there, and belongs to another user.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return !isZombie(pid);
}

/** Ended, but its parent (a container's init, say) has not looked yet. */
function isZombie(pid: number): boolean {
  const state = readProcessStat(pid)?.state;
  return state === 'Z' || state === 'X';
}

function showsEnvironments(): boolean {
  return existsSync('/proc/self/environ');
}

/** Empty for a process of another user. */
function readEnvironment(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** By its command line: where environments are not shown (macOS, other users). */
function looksLikeDaemon(pid: number): boolean {
  try {
    const command = execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return /\/bin\/supervisor\.sh |\/dist\/[a-z-]+\.js /.test(command);
  } catch {
    return false;
  }
}

async function acquireLock(lock: string): Promise<void> {
  const deadline = Date.now() + lockPatienceMs;
  for (;;) {
    try {
      mkdirSync(lock);
      writeFileSync(join(lock, 'pid'), String(process.pid));
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = lockHolder(lock);
    if (holder !== undefined && !isRunning(holder)) rmSync(lock, { recursive: true, force: true });
    else if (Date.now() > deadline) throw lockedTooLong(lock, holder);
    await new Promise((resume) => setTimeout(resume, 20));
  }
}

function lockHolder(lock: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(join(lock, 'pid'), 'utf8'), 10) || undefined;
  } catch {
    return undefined;
  }
}

function lockedTooLong(lock: string, holder: number | undefined): ExternalError {
  return new ExternalError('PID_FILE_LOCKED', {
    problem: `Another start or stop of this daemon is under way${holder === undefined ? '' : ` (pid ${holder})`}.`,
    found: `It holds ${lock}.`,
    tryNext: [`If it is gone, remove ${lock}.`],
    retriable: true,
  });
}
