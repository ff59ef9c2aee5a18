/** A process's own directory below `io.tmp.dirs`, gone with the process. */
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '../../config/configuration.ts';
import { UserError } from '../../shared/errors.ts';

export interface TemporaryDirectory {
  readonly path: string;
  remove(): void;
}

/** Throws UserError('TMP_DIR_UNUSABLE'). */
export function temporaryDirectory(config: Configuration, name: string): TemporaryDirectory {
  const parent = config.get('io.tmp.dirs').split(/[,:|]/)[0] as string;
  try {
    mkdirSync(parent, { recursive: true });
    accessSync(parent, constants.W_OK);
    const path = mkdtempSync(join(parent, `weir-${name}-`));
    return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
  } catch (error) {
    throw new UserError('TMP_DIR_UNUSABLE', {
      problem: `The temporary directory ${parent} cannot be used: ${(error as Error).message}`,
      found: 'It comes from io.tmp.dirs.',
      tryNext: ['Set io.tmp.dirs to a directory that this user may write to.'],
    });
  }
}
