/** How the files of a cluster's directory are written: whole under their name or not there, also after a crash of the machine. */
import type { FileSystem } from '../../../shared/file-system/file-system.ts';
import { LocalFileSystem } from '../../../shared/file-system/local-file-system.ts';
import { writeDurably } from '../../../shared/file-system/write-durably.ts';

export const clusterFiles: FileSystem = new LocalFileSystem();

export function writeText(files: FileSystem, path: string, text: string): Promise<void> {
  return writeDurably(files, path, Buffer.from(text));
}
