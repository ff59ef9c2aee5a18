/** Processes that user code started and that would outlive the death of this process. Linux only; elsewhere none are found. */
import { readdirSync } from 'node:fs';
import { readProcessStat } from '../../shared/process-stat.ts';

export function killDescendants(): void {
  for (const pid of descendantsOf(process.pid)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
}

function descendantsOf(root: number): number[] {
  const children = Map.groupBy(processes(), ({ parent }) => parent);
  const found: number[] = [];
  const visit = (pid: number): void => {
    for (const child of children.get(pid) ?? []) {
      found.push(child.pid);
      visit(child.pid);
    }
  };
  visit(root);
  return found;
}

function processes(): { pid: number; parent: number }[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        const stat = readProcessStat(Number(name));
        return stat === undefined ? [] : [{ pid: Number(name), parent: stat.parent }];
      });
  } catch {
    return [];
  }
}
