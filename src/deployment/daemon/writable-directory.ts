/** Directories that a user names for logs and pid files. */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { UserError } from '../../shared/errors.ts';

const origins = {
  log: 'FLINK_LOG_DIR, or env.log.dir in the configuration',
  pid: 'FLINK_PID_DIR, or env.pid.dir in the configuration',
} as const;

/** Makes it where it is missing. Throws UserError('DIRECTORY_UNUSABLE'). */
export function makeWritableDirectory(path: string, purpose: keyof typeof origins): void {
  try {
    mkdirSync(path, { recursive: true });
    accessSync(path, constants.W_OK);
  } catch (error) {
    throw new UserError('DIRECTORY_UNUSABLE', {
      problem: `The ${purpose} directory ${path} cannot be written: ${(error as Error).message}`,
      found: `It is set by ${origins[purpose]}.`,
      tryNext: ['Set it to a directory that this user may write to.'],
      cause: error,
    });
  }
}
