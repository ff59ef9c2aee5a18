/** What Linux says of a process in `/proc/<pid>/stat`. */
import { readFileSync } from 'node:fs';

export interface ProcessStat {
  /** One letter: `Z` has ended and was not looked at by its parent yet, `X` is dead. */
  readonly state: string;
  readonly parent: number;
  /** Ticks since boot: with it a pid names one process, for pids come again. */
  readonly startTime: string;
}

/** Undefined when there is no such process, or outside Linux. */
export function readProcessStat(pid: number): ProcessStat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is a name in parentheses that may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] as string, parent: Number(fields[1]), startTime: fields[19] as string };
  } catch {
    return undefined;
  }
}
