/** What lies on disk, against what is reachable from metadata: nothing is leaked, nothing is missing. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { streamHandlesOfCheckpoint } from '../../src/runtime/checkpoint/metadata/checkpoint-metadata.ts';
import { decodeMetadata } from '../../src/runtime/checkpoint/metadata/metadata-codec.ts';
import type { ChaosOutput } from './expected.ts';

/** All files below a directory, and empty directories with a slash at the end; relative and sorted. */
export function contentsOf(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .map((entry) => ({ path: join(entry.parentPath, entry.name), isDirectory: entry.isDirectory() }))
    .filter(({ path, isDirectory }) => !isDirectory || readdirSync(path).length === 0)
    .map(({ path, isDirectory }) => relative(directory, path) + (isDirectory ? '/' : ''))
    .sort();
}

/** The `chk-N` with metadata, newest first. */
export function retainedCheckpoints(jobDirectory: string): string[] {
  if (!existsSync(jobDirectory)) return [];
  return readdirSync(jobDirectory)
    .filter((name) => /^chk-\d+$/.test(name) && existsSync(join(jobDirectory, name, '_metadata')))
    .sort((a, b) => Number(b.slice(4)) - Number(a.slice(4)));
}

/** What the job's directory has to hold when these are its retained checkpoints. */
export function reachableFrom(jobDirectory: string, checkpoints: readonly string[]): string[] {
  const files = new Set<string>();
  for (const name of checkpoints) {
    const file = join(jobDirectory, name, '_metadata');
    files.add(join(name, '_metadata'));
    for (const handle of streamHandlesOfCheckpoint(decodeMetadata(readFileSync(file), file).operators)) {
      if (handle.kind === 'relative') files.add(join(name, handle.name));
      if (handle.kind === 'file') files.add(relative(jobDirectory, handle.path.replace(/^file:/, '')));
    }
  }
  return [...files].sort();
}

/** What a reader sees who passes over names with a leading dot. */
export function committedOutput(output: string): ChaosOutput {
  const linesOf = (directory: string): string[] =>
    contentsOf(directory)
      .filter((name) => !name.startsWith('.'))
      .flatMap((name) => {
        const text = readFileSync(join(directory, name), 'utf8');
        if (!text.endsWith('\n')) throw new Error(`${join(directory, name)} ends in the middle of a line`);
        return text.split('\n').slice(0, -1);
      })
      .sort();
  return { records: linesOf(join(output, 'records')), windows: linesOf(join(output, 'windows')) };
}

/** Files of the sinks that are neither finished nor named as unfinished. */
export function strangeOutput(output: string): string[] {
  return contentsOf(output).filter((path) => !/^(records|windows)\/(part-[^/]+|\.part-[^/]+\.inprogress\.[0-9a-f]+)$/.test(path));
}

export function usedBytes(directory: string): number {
  return contentsOf(directory).reduce((sum, path) => sum + (statSync(join(directory, path), { throwIfNoEntry: false })?.size ?? 0), 0);
}
