/** Runs a bare loop in a process of its own, with the Node.js that the cluster uses too. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { BareResult } from '../bare/timed.ts';

export function runBare(name: string, args: readonly string[]): BareResult {
  const file = join(import.meta.dirname, '../bare', name);
  return JSON.parse(execFileSync(process.execPath, [file, ...args], { encoding: 'utf8' })) as BareResult;
}
