/**
 * What a JobManager or TaskManager process and the daemon scripts agree on. The scripts start it as
 *
 *     node [V8 flags] dist/<process>.js --configDir DIR [-D key=value …] [--host H] [--webui-port P]
 *
 * with these variables in its environment. Started by hand, without them, it logs to stderr and has nobody to report to.
 *
 * Keeps true: `start` returns success only after `announceReady`; a process whose supervisor vanished does not live on.
 */
import { writeFileSync } from 'node:fs';

/** The log file to append to; absent: the log goes to stderr. */
export const logFileVariable = 'WEIR_LOG_FILE';
/** Set in the foreground: the log goes to the console as well. */
export const logConsoleVariable = 'WEIR_LOG_CONSOLE';
/** A file that exists once the process is ready to work. */
export const readyFileVariable = 'WEIR_READY_FILE';
/** The pid file that the daemon is entered in; also tells its processes from others with a re-used pid. */
export const pidFileVariable = 'WEIR_PID_FILE';
/** The supervisor's process id; absent in the foreground. */
export const supervisorVariable = 'WEIR_SUPERVISOR_PID';

type Environment = Readonly<Record<string, string | undefined>>;

export function logFile(environment: Environment = process.env): string | undefined {
  return environment[logFileVariable] || undefined;
}

/** To be called once the process can do its work: the REST port answers, the TaskManager is registered. */
export function announceReady(environment: Environment = process.env): void {
  const file = environment[readyFileVariable];
  if (file) writeFileSync(file, `${process.pid}\n`);
}

/** How often a process looks whether its supervisor is still its parent. */
const watchIntervalMs = 1000;

/** Calls `onOrphaned` once when the supervisor is gone; the returned function ends the watch. */
export function watchSupervisor(
  onOrphaned: () => void,
  environment: Environment = process.env,
  parent: () => number = () => process.ppid,
): () => void {
  const supervisor = Number(environment[supervisorVariable]);
  if (!supervisor) return () => {};
  const timer = setInterval(() => {
    if (parent() === supervisor) return;
    clearInterval(timer);
    onOrphaned();
  }, watchIntervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
