/** Whether a directory can be a program: a package, or an already built bundle. Asked before anything heavy is loaded. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { artifactManifestName } from '../../program/artifact.ts';

export function isProgramDirectory(directory: string): boolean {
  return existsSync(join(directory, 'package.json')) || existsSync(join(directory, artifactManifestName));
}
