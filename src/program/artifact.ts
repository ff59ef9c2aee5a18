/**
 * An artifact is a program made ready to travel: a directory with one ES module, its source map, copied assets, and this
 * manifest. It is packed as a .tgz, named by the hash of its bytes, and unpacked on every TaskManager.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../shared/errors.ts';

export const artifactManifestName = 'weir-artifact.json';

export interface ArtifactManifest {
  readonly formatVersion: 1;
  /** Version of Weir it was bundled for. */
  readonly weirVersion: string;
  /** Module to import, relative to the artifact. */
  readonly entryModule: string;
  /** Modules given with `-C`, imported before the entry module. */
  readonly extraModules: readonly string[];
  /** package.json `weir.entry`: which export to run when `-c` is absent. */
  readonly entryExport?: string | undefined;
  /** How the user calls the program, for messages. */
  readonly displayName: string;
}

export function readArtifactManifest(directory: string): ArtifactManifest {
  const file = join(directory, artifactManifestName);
  if (!existsSync(file)) {
    throw new UserError('NOT_AN_ARTIFACT', {
      problem: `${directory} is not a Weir bundle.`,
      found: `It has no ${artifactManifestName}.`,
      tryNext: ['Submit the program itself (a .ts or .js file, or its package directory); flink run bundles it.'],
    });
  }
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as ArtifactManifest;
  if (manifest.formatVersion !== 1) {
    throw new UserError('ARTIFACT_TOO_NEW', {
      problem: `The bundle ${directory} has format ${String(manifest.formatVersion)}, this Weir reads format 1.`,
      tryNext: [`Bundle the program again with this Weir, or run it with Weir ${manifest.weirVersion}.`],
    });
  }
  return manifest;
}
