/** Files that are whole under their name or not there, also after a crash of the machine. */
import { dirname } from 'node:path';
import type { FileSystem } from './file-system.ts';

/** Written under `temporary`, in the same directory; a file of that name is left over from a crash. */
export async function writeDurably(
  fileSystem: FileSystem,
  path: string,
  bytes: Uint8Array,
  temporary: string = `${path}.tmp`,
): Promise<void> {
  await fileSystem.remove(temporary);
  const file = await fileSystem.create(temporary);
  try {
    await file.write([bytes]);
    await file.sync();
  } finally {
    await file.close();
  }
  await fileSystem.rename(temporary, path);
  await fileSystem.syncDirectory(dirname(path));
}
