/** Paths in a program are relative to where it was submitted, whichever machine reads or writes there. */
import { resolve } from 'node:path';

/** Absolute; URIs stay as they are. While a program is replayed, the working directory is that of its client. */
export function programPath(path: string): string {
  return /^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(path) ? path : resolve(path);
}
