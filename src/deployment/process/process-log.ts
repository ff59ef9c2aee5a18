/** Where a daemon and its threads log: to the file of the process; in the foreground to stderr as well; started by hand, to stderr. */
import { openSync } from 'node:fs';
import { fileLogger, type Logger } from '../../shared/logger.ts';
import { logConsoleVariable } from '../daemon/supervised-process.ts';

const stderr = 2;

export function openProcessLog(file: string | undefined, level: string): Logger {
  if (file === undefined) return fileLogger(stderr, level);
  const descriptor = openSync(file, 'a');
  return fileLogger(process.env[logConsoleVariable] ? [descriptor, stderr] : descriptor, level);
}
