/** The log files of a process, for those who ask over REST: only files of its log directory, only their last part. */
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UserError } from './errors.ts';

export interface LogFiles {
  /** Undefined: the process logs to its console. */
  readonly log?: string | undefined;
  readonly stdout?: string | undefined;
}

export function listLogs(files: LogFiles): { name: string; size: number; mtime: number }[] {
  if (files.log === undefined) return [];
  const directory = dirname(files.log);
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const { size, mtimeMs } = statSync(join(directory, entry.name));
      return { name: entry.name, size, mtime: Math.round(mtimeMs) };
    });
}

/** At most the last `maxBytes`. Throws UserError('FILE_NOT_FOUND'). */
export function readLog(
  files: LogFiles,
  request: { name?: string | undefined; kind: 'log' | 'stdout' | 'file'; maxBytes: number },
): string {
  const path = pathOf(files, request);
  if (path === undefined || !existsSync(path)) throw new UserError('FILE_NOT_FOUND', { problem: 'File not found.' });
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const length = Math.min(size, request.maxBytes);
    const text = Buffer.alloc(length);
    return text.subarray(0, readSync(file, text, 0, length, size - length)).toString('utf8');
  } finally {
    closeSync(file);
  }
}

function pathOf(files: LogFiles, { name, kind }: { name?: string | undefined; kind: 'log' | 'stdout' | 'file' }): string | undefined {
  if (kind === 'log') return files.log;
  if (kind === 'stdout') return files.stdout;
  if (files.log === undefined || name === undefined || basename(name) !== name) return undefined;
  return join(dirname(files.log), name);
}
