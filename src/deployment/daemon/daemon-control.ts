/**
 * Starts and stops the daemons of this machine, with the lines, files and exit codes of Flink's scripts.
 *
 * Better than the scripts in three ways: `start` returns when the process is ready or has failed, and then says why; `stop`
 * returns when it is gone; and an entry of a dead process, or of one with a re-used id, is never taken for a daemon.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../../shared/assert.ts';
import { ExternalError, UserError } from '../../shared/errors.ts';
import { type DaemonCommand, daemonEnvironment } from './daemon-command.ts';
import { type DaemonName, type DaemonPlace, type Environment, outputPath, pidFilePath, readyFilePath } from './daemon-place.ts';
import { rotateOutput } from './log-rotation.ts';
import { isRunning, PidFile } from './pid-file.ts';
import { logConsoleVariable, logFileVariable, pidFileVariable, readyFileVariable } from './supervised-process.ts';
import { makeWritableDirectory } from './writable-directory.ts';

export interface DaemonControlOptions {
  readonly place: DaemonPlace;
  readonly environment: Environment;
  readonly installation: string;
  /** One line on stdout. */
  print(line: string): void;
  /** One line on stderr: what Flink does not say. */
  explain(line: string): void;
  readonly stopPatienceMs?: number | undefined;
}

/** A daemon that was started and is not ready yet. */
export interface StartedDaemon {
  readonly daemon: DaemonName;
  readonly pid: number;
  readonly readyFile: string;
  readonly logFile: string;
  readonly outFile: string;
}

const pollMs = 15;
const stopPatienceMs = 10_000;
const readyPatienceMs = 30_000;

export class DaemonControl {
  readonly #options: DaemonControlOptions;
  readonly #place: DaemonPlace;

  constructor(options: DaemonControlOptions) {
    this.#options = options;
    this.#place = options.place;
  }

  /** Starts one more instance; {@link awaitReady} tells what became of it. */
  async launch(daemon: DaemonName, command: DaemonCommand): Promise<StartedDaemon> {
    for (const warning of command.warnings) this.#options.explain(`WARNING: ${warning}`);
    const pidFile = this.#pidFile(daemon);
    return pidFile.locked(() => {
      const pids = pidFile.readOrForget();
      const alive = pids.filter((pid) => pidFile.isAlive(pid)).length;
      if (alive > 0) this.#options.print(`[INFO] ${alive} instance(s) of ${daemon} are already running on ${this.#place.host}.`);
      this.#options.print(`Starting ${daemon} daemon on host ${this.#place.host}.`);
      const started = this.#spawnSupervisor(daemon, pids.length, command, pidFile);
      pidFile.append(started.pid);
      return started;
    });
  }

  /** Gives the exit code: a process that runs and is not ready yet is no failure, and is told. */
  async awaitReady(started: StartedDaemon, patience = readyPatienceMs): Promise<number> {
    const deadline = performance.now() + patience;
    while (!existsSync(started.readyFile)) {
      if (!isRunning(started.pid)) return this.#reportDeath(started);
      if (performance.now() > deadline) {
        this.#options.explain(`${started.daemon} is running but not ready after ${patience / 1000} s; see ${started.logFile}`);
        const [last] = lastMessages(started.logFile);
        if (last !== undefined) this.#options.explain(`Its last line: ${last}`);
        return 0;
      }
      await pause();
    }
    return 0;
  }

  /** Stops the newest instance. */
  async stop(daemon: DaemonName): Promise<number> {
    const pidFile = this.#pidFile(daemon);
    await pidFile.locked(async () => {
      const pid = pidFile.read().at(-1);
      if (pid === undefined) return this.#options.print(`No ${daemon} daemon to stop on host ${this.#place.host}.`);
      if (pidFile.isOfAnotherUser(pid)) throw notOurs(daemon, pid, pidFile.path);
      if (pidFile.isAlive(pid)) await this.#stopProcess(daemon, pid, pidFile.leadsGroup(pid));
      else this.#options.print(`No ${daemon} daemon (pid: ${pid}) is running anymore on ${this.#place.host}.`);
      pidFile.remove(pid);
    });
    return 0;
  }

  async stopAll(daemon: DaemonName): Promise<number> {
    const pidFile = this.#pidFile(daemon);
    await pidFile.locked(async () => {
      const pids = pidFile.read();
      for (const pid of pids) if (pidFile.isOfAnotherUser(pid)) throw notOurs(daemon, pid, pidFile.path);
      for (const pid of pids) {
        if (pidFile.isAlive(pid)) await this.#stopProcess(daemon, pid, pidFile.leadsGroup(pid));
        else this.#options.print(`Skipping ${daemon} daemon (pid: ${pid}), because it is not running anymore on ${this.#place.host}.`);
        pidFile.remove(pid);
      }
    });
    return 0;
  }

  /** Becomes the process, so that signals and the console are its own. Resolves with its exit code where that is impossible. */
  async startForeground(daemon: DaemonName, command: DaemonCommand): Promise<number> {
    for (const warning of command.warnings) this.#options.explain(`WARNING: ${warning}`);
    const pidFile = this.#pidFile(daemon);
    const logFile = await pidFile.locked(() => {
      const id = pidFile.readOrForget().length;
      const path = this.#prepareOutput(daemon, id, 'log');
      this.#options.print(`Starting ${daemon} as a console application on host ${this.#place.host}.`);
      pidFile.append(process.pid);
      return path;
    });
    const environment = daemonEnvironment(this.#options.environment, {
      [logFileVariable]: logFile,
      [logConsoleVariable]: 'yes',
      [pidFileVariable]: pidFile.mark,
    });
    return becomeProcess(command, environment);
  }

  #pidFile(daemon: DaemonName): PidFile {
    return new PidFile(pidFilePath(this.#place, daemon));
  }

  /** The path of a fresh file: what a former run wrote there is moved aside. */
  #prepareOutput(daemon: DaemonName, id: number, kind: 'log' | 'out'): string {
    const path = outputPath(this.#place, daemon, id, kind);
    makeWritableDirectory(this.#place.logDirectory, 'log');
    rotateOutput(path, this.#place.keptLogs);
    return path;
  }

  #spawnSupervisor(daemon: DaemonName, id: number, command: DaemonCommand, pidFile: PidFile): StartedDaemon {
    const logFile = this.#prepareOutput(daemon, id, 'log');
    const outFile = this.#prepareOutput(daemon, id, 'out');
    const readyFile = readyFilePath(this.#place, daemon, id);
    rmSync(readyFile, { force: true });
    const output = openSync(outFile, 'a');
    try {
      const restart = daemon === 'taskexecutor' ? 'yes' : 'no';
      const supervisor = join(this.#options.installation, 'bin', 'supervisor.sh');
      const child = spawn('/bin/sh', [supervisor, daemon, restart, command.file, ...command.arguments], {
        // A process group of its own: a Ctrl-C at the terminal does not reach it, and all of it can be ended together.
        detached: true,
        stdio: ['ignore', output, output],
        env: daemonEnvironment(this.#options.environment, {
          [logFileVariable]: logFile,
          [readyFileVariable]: readyFile,
          [pidFileVariable]: pidFile.mark,
        }),
      });
      child.on('error', () => {});
      child.unref();
      if (child.pid === undefined) throw cannotSpawn(supervisor);
      return { daemon, pid: child.pid, readyFile, logFile, outFile };
    } finally {
      closeSync(output);
    }
  }

  async #reportDeath(started: StartedDaemon): Promise<number> {
    const pidFile = this.#pidFile(started.daemon);
    await pidFile.locked(() => pidFile.remove(started.pid));
    this.#options.print(`Error starting ${started.daemon} daemon.`);
    for (const line of lastWords(started)) this.#options.explain(line);
    return 1;
  }

  async #stopProcess(daemon: DaemonName, pid: number, leadsGroup: boolean): Promise<void> {
    this.#options.print(`Stopping ${daemon} daemon (pid: ${pid}) on host ${this.#place.host}.`);
    const patience = this.#options.stopPatienceMs ?? stopPatienceMs;
    signal(pid, 'SIGTERM');
    const deadline = performance.now() + patience;
    while (isRunning(pid) && performance.now() < deadline) await pause();
    if (isRunning(pid)) this.#options.print(`Daemon ${daemon} didn't stop within ${patience / 1000} seconds. Killing it.`);
    // Also what the process may have started and left: it shares the supervisor's group.
    signal(leadsGroup ? -pid : pid, 'SIGKILL');
    while (isRunning(pid)) await pause();
  }
}

function pause(): Promise<void> {
  return new Promise((resume) => setTimeout(resume, pollMs));
}

function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  // 0 and -1 address processes that are not ours.
  assert(Math.abs(pid) > 1, () => `pid ${pid} would be signalled`);
  try {
    process.kill(pid, name);
  } catch {
    // It is gone already.
  }
}

function notOurs(daemon: DaemonName, pid: number, pidFile: string): UserError {
  return new UserError('NOT_OUR_PROCESS', {
    problem: `The ${daemon} daemon (pid: ${pid}) was started by another user.`,
    found: `It is entered in ${pidFile}.`,
    tryNext: [
      'Stop it as that user, or as root.',
      'Set FLINK_IDENT_STRING or FLINK_PID_DIR apart, so that each user has pid files of their own.',
    ],
  });
}

function cannotSpawn(supervisor: string): ExternalError {
  return new ExternalError('CANNOT_SPAWN', {
    problem: `/bin/sh ${supervisor} could not be started.`,
    tryNext: ['Check the limits on processes of this user (ulimit -u).'],
    retriable: true,
  });
}

const shownLines = 12;

/** What a process wrote before it died: its output, or else the end of its log. */
function lastWords({ outFile, logFile }: StartedDaemon): string[] {
  for (const path of [outFile, logFile]) {
    const lines = existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n').filter(Boolean) : [];
    if (lines.length > 0) return [`It wrote (${path}):`, ...lines.slice(-shownLines).map((line) => `  ${line}`)];
  }
  return [`It wrote nothing to ${outFile} and ${logFile}.`];
}

/** What its log says, without time and component; the newest first. */
function lastMessages(logFile: string): string[] {
  const lines = existsSync(logFile) ? readFileSync(logFile, 'utf8').trimEnd().split('\n') : [];
  return lines.flatMap((line) => / \[\] - (.*)$/.exec(line)?.[1] ?? []).reverse();
}

type Execve = (file: string, args: readonly string[], environment: Record<string, string>) => never;

async function becomeProcess(command: DaemonCommand, environment: Record<string, string>): Promise<number> {
  const { execve } = process as unknown as { execve?: Execve };
  if (execve) {
    // It is marked experimental; saying so on the console of a daemon helps nobody.
    process.removeAllListeners('warning');
    process.on('warning', () => {});
    execve.call(process, command.file, [command.file, ...command.arguments], environment);
  }
  const child = spawn(command.file, command.arguments, { stdio: 'inherit', env: environment });
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => child.kill(name));
  return new Promise((fulfil, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signalName) => fulfil(code ?? (signalName === null ? 1 : 128)));
  });
}
