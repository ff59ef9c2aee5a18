/** The processes of a container, as YARN counts them: the one that was started, and all that descend from it. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';
import { readProcessStat } from '../../../shared/process-stat.ts';

export interface TreeProcess {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
  readonly virtualBytes: number;
  readonly residentBytes: number;
}

/** The trees of these roots, from one look at all processes. Empty where there is no /proc. */
export function processTrees(roots: readonly number[]): Map<number, TreeProcess[]> {
  const parents = parentsOfAll();
  const children = new Map<number, number[]>();
  for (const [pid, parent] of parents) {
    const siblings = children.get(parent);
    if (siblings) siblings.push(pid);
    else children.set(parent, [pid]);
  }
  const treeOf = (pid: number): number[] => [pid, ...(children.get(pid) ?? []).flatMap(treeOf)];
  return new Map(roots.map((root) => [root, parents.has(root) ? treeOf(root).flatMap((pid) => describe(pid, parents.get(pid) ?? 0)) : []]));
}

function parentsOfAll(): Map<number, number> {
  const parents = new Map<number, number>();
  try {
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const stat = readProcessStat(Number(name));
      if (stat) parents.set(Number(name), stat.parent);
    }
  } catch {
    // Not Linux.
  }
  return parents;
}

/** Nothing for a process that ended meanwhile. */
function describe(pid: number, parent: number): TreeProcess[] {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return [{ pid, parent, command, virtualBytes: kilobytes('VmSize') * 1024, residentBytes: kilobytes('VmRSS') * 1024 }];
  } catch {
    return [];
  }
}
