/** The log files of a process, for those who ask over REST: only files of its log directory, piece by piece. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UserError } from './errors.ts';

export interface LogFiles {
  /** Undefined: the process logs to its console. */
  readonly log?: string | undefined;
  readonly stdout?: string | undefined;
}

export interface LogPieceRequest {
  readonly kind: 'log' | 'stdout' | 'file';
  /** Of kind `file`. */
  readonly name?: string | undefined;
  readonly offset: number;
  readonly length: number;
}

export function listLogs(files: LogFiles): { name: string; size: number; mtime: number }[] {
  if (files.log === undefined) return [];
  const directory = dirname(files.log);
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap((entry) => {
      const found = statSync(join(directory, entry.name), { throwIfNoEntry: false });
      return found ? [{ name: entry.name, size: found.size, mtime: Math.round(found.mtimeMs) }] : [];
    });
}

/** Fewer bytes than were asked for only at the end of the file. Throws UserError('FILE_NOT_FOUND'). */
export async function readLogPiece(files: LogFiles, request: LogPieceRequest): Promise<Uint8Array> {
  const path = pathOf(files, request);
  if (path === undefined || !existsSync(path)) throw new UserError('FILE_NOT_FOUND', { problem: 'File not found.' });
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(request.length), 0, request.length, request.offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function pathOf(files: LogFiles, { name, kind }: LogPieceRequest): string | undefined {
  if (kind === 'log') return files.log;
  if (kind === 'stdout') return files.stdout;
  if (files.log === undefined || name === undefined) return undefined;
  // The list names what may be read: no other name, however strange, reaches the file system.
  return listLogs(files).some((file) => file.name === name) ? join(dirname(files.log), name) : undefined;
}
