/** Every path of checkpoints and savepoints is built here. Directories are URIs without a slash at the end: `file:/data/flink`. */
import { resolve } from 'node:path';
import { fileSystemOf, pathIn } from '../../shared/file-system/file-system.ts';
import type { JobId } from '../../shared/ids.ts';
import type { StateBackendSettings } from './state-backend-settings.ts';

export const metadataFileName = '_metadata';
const temporaryMetadataFileName = '._metadata_temp';

/** A configured path or URI, made absolute and given a scheme. Throws UserError('NO_FILE_SYSTEM'). */
export function qualified(location: string, key?: string): string {
  const { path } = fileSystemOf(location, key);
  if (schemeOf(location) === 'file') return `file:${resolve(path)}`;
  return location.replace(/(?<=[^/])\/+$/, '');
}

/** A path without one is a file of this machine. */
export function schemeOf(location: string): string {
  return /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(location)?.[1]?.toLowerCase() ?? 'file';
}

/** What the checkpoints of one job are below; undefined when no directory is configured. Throws UserError('NO_FILE_SYSTEM'). */
export function jobDirectory(
  { checkpointDirectory, ownSubdirectory }: Pick<StateBackendSettings, 'checkpointDirectory' | 'ownSubdirectory'>,
  jobId: JobId,
): string | undefined {
  if (checkpointDirectory === undefined) return undefined;
  const directory = qualified(checkpointDirectory, 'state.checkpoints.dir');
  return ownSubdirectory ? pathIn(directory, jobId) : directory;
}

export function checkpointDirectory(jobDirectory: string, checkpointId: number): string {
  return pathIn(jobDirectory, `chk-${checkpointId}`);
}

/** Undefined for a path that is no checkpoint's directory. */
export function checkpointIdOf(path: string): number | undefined {
  const digits = /(?:^|\/)chk-(\d+)$/.exec(path)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Files several checkpoints may use; the JobManager deletes them. */
export function sharedDirectory(jobDirectory: string): string {
  return pathIn(jobDirectory, 'shared');
}

/** Files of operators; the JobManager never deletes them. */
export function taskOwnedDirectory(jobDirectory: string): string {
  return pathIn(jobDirectory, 'taskowned');
}

export function isTaskOwned(file: string): boolean {
  return /\/taskowned\/[^/]+$/.test(file);
}

export function savepointDirectory(target: string, jobId: JobId, randomPart: string): string {
  return pathIn(target, `savepoint-${jobId.slice(0, 6)}-${randomPart}`);
}

export function metadataFile(directory: string): string {
  return pathIn(directory, metadataFileName);
}

export function temporaryMetadataFile(directory: string): string {
  return pathIn(directory, temporaryMetadataFileName);
}
