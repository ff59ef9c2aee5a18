/** Packs an artifact directory into a .tgz whose bytes depend on its content alone, so that equal programs share a blob. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { create } from 'tar';

export async function packArtifact(directory: string, target: string): Promise<string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort();
  await create({ file: target, cwd: directory, gzip: { level: 1 }, portable: true, noMtime: true, mtime: new Date(0) }, files);
  return createHash('sha256').update(readFileSync(target)).digest('hex');
}
