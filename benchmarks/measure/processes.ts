/** CPU time of processes, from /proc. */
import { readFileSync } from 'node:fs';

/** Linux reports process times in hundredths of a second, on every architecture that Node.js runs on. */
const ticksPerSecond = 100;

/** User and system time that the living ones of these processes have used, in seconds. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
      ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      // It ended meanwhile.
    }
  }
  return ticks / ticksPerSecond;
}
