/**
 * Publication of a checkpoint: its metadata appears under its final name at once and whole, or not at all. An existing one is
 * never replaced.
 */
import { ExternalError, UserError } from '../../../shared/errors.ts';
import { fileSystemOf } from '../../../shared/file-system/file-system.ts';
import { writeDurably } from '../../../shared/file-system/write-durably.ts';
import { metadataFile, temporaryMetadataFile } from '../../../state/storage/checkpoint-paths.ts';

/** Durable when it resolves. Throws UserError('CHECKPOINT_EXISTS') and ExternalError('CHECKPOINT_WRITE_FAILED'). */
export async function publishMetadata(directory: string, bytes: Uint8Array): Promise<void> {
  const { fileSystem, path } = fileSystemOf(directory);
  const target = metadataFile(path);
  try {
    if (await fileSystem.status(target)) throw alreadyThere(directory);
    await writeDurably(fileSystem, target, bytes, temporaryMetadataFile(path));
  } catch (error) {
    throw error instanceof UserError ? error : notWritten(directory, error);
  }
}

/** Throws UserError('CHECKPOINT_EXISTS') when the directory holds a checkpoint: it is another's, and nothing in it is touched. */
export async function refuseExisting(directory: string): Promise<void> {
  const { fileSystem, path } = fileSystemOf(directory);
  if (await fileSystem.status(metadataFile(path))) throw alreadyThere(directory);
}

function alreadyThere(directory: string): UserError {
  return new UserError('CHECKPOINT_EXISTS', {
    problem: `There is a checkpoint in ${directory} already; it is not replaced.`,
    found: 'Another run with the same job id wrote it.',
    tryNext: ['Use another state.checkpoints.dir, or move the old checkpoints away, or start from the newest of them: flink run -s'],
  });
}

function notWritten(directory: string, cause: unknown): ExternalError {
  return new ExternalError('CHECKPOINT_WRITE_FAILED', {
    problem: `The metadata of a checkpoint could not be written to ${directory}.`,
    found: cause instanceof Error ? cause.message : String(cause),
    retriable: true,
    cause,
  });
}
