/**
 * Deletes one snapshot: first its metadata, so that a crash half-way leaves nothing that could be loaded, then its own files,
 * then its directory. Files that several checkpoints may use are the registry's business.
 */
import { fileSystemOf, pathIn } from '../../../shared/file-system/file-system.ts';
import type { CompletedCheckpoint } from '../completed-checkpoint.ts';
import { streamHandlesOfCheckpoint } from '../metadata/checkpoint-metadata.ts';
import { removeIfEmpty } from './checkpoint-storage.ts';

export async function discardSnapshot({ metadata, place }: Pick<CompletedCheckpoint, 'metadata' | 'place'>): Promise<void> {
  if (place.metadataFile !== undefined) await removeFile(place.metadataFile);
  if (place.directory === undefined) return;
  if (!place.foreign) {
    await removeFile(place.directory);
    return;
  }
  for (const handle of streamHandlesOfCheckpoint(metadata.operators))
    if (handle.kind === 'relative') await removeFile(pathIn(place.directory, handle.name));
  const { fileSystem, path } = fileSystemOf(place.directory);
  await removeIfEmpty(fileSystem, path);
}

export async function removeFile(uri: string): Promise<void> {
  const { fileSystem, path } = fileSystemOf(uri);
  await fileSystem.remove(path);
}
