/** From what a user calls a snapshot (`-s`, `savepoint -d`) to its metadata: a directory with `_metadata`, or a metadata file. */
import { dirname } from 'node:path';
import { ExternalError, UserError } from '../../../shared/errors.ts';
import { type FileSystem, fileSystemOf } from '../../../shared/file-system/file-system.ts';
import { metadataFile, metadataFileName, qualified, schemeOf } from '../../../state/storage/checkpoint-paths.ts';
import type { CheckpointPlace } from '../completed-checkpoint.ts';
import type { CheckpointMetadata } from '../metadata/checkpoint-metadata.ts';
import { decodeMetadata } from '../metadata/metadata-codec.ts';

export interface LoadedSnapshot {
  /** As messages call it. */
  readonly pointer: string;
  readonly metadata: CheckpointMetadata;
  readonly place: CheckpointPlace & { readonly directory: string; readonly metadataFile: string };
}

/**
 * Throws UserError('BAD_SAVEPOINT_PATH' | 'SAVEPOINT_NOT_FOUND' | 'NOT_A_CHECKPOINT' | 'CHECKPOINT_TOO_NEW') and
 * ExternalError('SAVEPOINT_NOT_READABLE' | 'CHECKPOINT_DAMAGED').
 */
export async function loadSnapshot(pointer: string): Promise<LoadedSnapshot> {
  const uri = uriOf(pointer);
  const { fileSystem, path } = fileSystemOf(uri);
  try {
    const file = await findMetadata(fileSystem, path, pointer);
    const metadata = decodeMetadata(await fileSystem.read(file), file === path ? uri : metadataFile(uri));
    const directory = file === path ? qualified(dirname(uri)) : uri;
    return { pointer: uri, metadata, place: { directory, metadataFile: file === path ? uri : metadataFile(uri), foreign: true } };
  } catch (error) {
    if (error instanceof UserError || error instanceof ExternalError) throw error;
    throw new ExternalError('SAVEPOINT_NOT_READABLE', {
      problem: `Cannot access file system for checkpoint/savepoint path '${pointer}'.`,
      found: error instanceof Error ? error.message : String(error),
      retriable: true,
      cause: error,
    });
  }
}

async function findMetadata(fileSystem: FileSystem, path: string, pointer: string): Promise<string> {
  const found = await fileSystem.status(path);
  if (!found) {
    throw new UserError('SAVEPOINT_NOT_FOUND', {
      problem: `Cannot find checkpoint or savepoint file/directory '${pointer}' on file system '${schemeOf(pointer)}'.`,
      tryNext: ['The path is looked up where the JobManager runs: use one that all machines see.'],
    });
  }
  if (!found.isDirectory) return path;
  const file = metadataFile(path);
  if (await fileSystem.status(file)) return file;
  const inside = (await fileSystem.list(path)).filter((entry) => entry.isDirectory).map((entry) => entry.path);
  throw new UserError('SAVEPOINT_NOT_FOUND', {
    problem:
      `Cannot find meta data file '${metadataFileName}' in directory '${pointer}'. Please try to load the checkpoint/savepoint ` +
      'directly from the metadata file instead of the directory.',
    found:
      inside.length > 0 ? `Directories inside: ${inside.join(', ')}` : 'The checkpoint was not completed, or its metadata was deleted.',
    tryNext: ['Pass the directory that contains _metadata, for example …/<job id>/chk-42 or …/savepoint-1a2b3c-….'],
  });
}

function uriOf(pointer: string): string {
  const text = pointer.trim();
  try {
    if (text === '' || text.includes('\0')) throw new Error('no path');
    return qualified(text);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError('BAD_SAVEPOINT_PATH', {
      problem:
        `Checkpoint/savepoint path '${pointer}' is not a valid file URI. Either the pointer path is invalid, or the checkpoint was ` +
        'created by a different state backend.',
      cause: error,
    });
  }
}
