/** Which containers are above their size, and YARN's words for it. */
import { type ContainerId, exitStatus, type Resource } from '../protocol/records.ts';
import type { TreeProcess } from './process-tree.ts';
import type { YarnSettings } from './settings.ts';

export interface Excess {
  readonly exitStatus: number;
  readonly diagnostics: string;
}

/** Undefined while the container stays within its limits. */
export function excessOf(
  container: { readonly containerId: ContainerId; readonly pid: number; readonly resource: Resource },
  tree: readonly TreeProcess[],
  settings: Pick<YarnSettings, 'checksPhysicalMemory' | 'checksVirtualMemory' | 'virtualRatio'>,
): Excess | undefined {
  const physical = tree.reduce((sum, { residentBytes }) => sum + residentBytes, 0);
  const virtual = tree.reduce((sum, { virtualBytes }) => sum + virtualBytes, 0);
  const physicalLimit = container.resource.memoryMb * 2 ** 20;
  const virtualLimit = physicalLimit * settings.virtualRatio;
  const kind =
    settings.checksVirtualMemory && virtual > virtualLimit
      ? 'virtual'
      : settings.checksPhysicalMemory && physical > physicalLimit
        ? 'physical'
        : undefined;
  if (kind === undefined) return undefined;
  const usage =
    `Current usage: ${size(physical)} of ${size(physicalLimit)} physical memory used; ` +
    `${size(virtual)} of ${size(virtualLimit)} virtual memory used. Killing container.`;
  const rows = tree.map(
    ({ pid, parent, virtualBytes, residentBytes, command }) =>
      `\t|- ${pid} ${parent} ${container.pid} ${container.pid} ${virtualBytes} ${Math.round(residentBytes / 4096)} ${command}`,
  );
  return {
    exitStatus: kind === 'virtual' ? exitStatus.virtualMemory : exitStatus.physicalMemory,
    diagnostics: [
      `Container [pid=${container.pid},containerID=${container.containerId}] is running beyond ${kind} memory limits. ${usage}`,
      `Dump of the process-tree for ${container.containerId} :`,
      '\t|- PID PPID PGRPID SESSID VMEM_USAGE(BYTES) RSSMEM_USAGE(PAGES) FULL_CMD_LINE',
      ...rows,
      '',
      'Container killed on request. Exit code is 143',
      'Container exited with a non-zero exit code 143',
    ].join('\n'),
  };
}

/** `1.5 GB`, as Hadoop writes sizes. */
function size(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[unit]}`;
}
