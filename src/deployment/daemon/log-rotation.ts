/** Moves the output of a former run aside: `x.log` becomes `x.log.1`, and so on; the oldest goes. */
import { existsSync, renameSync, rmSync } from 'node:fs';

export function rotateOutput(path: string, kept: number): void {
  if (!existsSync(path)) return;
  if (kept < 1) {
    rmSync(path);
    return;
  }
  for (let number = kept - 1; number >= 1; number--) {
    if (existsSync(`${path}.${number}`)) renameSync(`${path}.${number}`, `${path}.${number + 1}`);
  }
  renameSync(path, `${path}.1`);
}
