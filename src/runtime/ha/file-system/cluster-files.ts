/** How the files of a cluster's directory are written: whole under their name or not there, also after a crash of the machine. */
import { LocalFileSystem } from '../../../shared/file-system/local-file-system.ts';
import { writeDurably } from '../../../shared/file-system/write-durably.ts';

export const clusterFiles = new LocalFileSystem();

export function writeText(path: string, text: string): Promise<void> {
  return writeDurably(clusterFiles, path, Buffer.from(text));
}
