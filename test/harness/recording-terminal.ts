/** Runs a command line in this process, as `bin/flink` would, and keeps what it prints. */
import { ClientLog } from '../../src/commands/base/client-log.ts';
import { runCommandLine } from '../../src/commands/base/dispatch.ts';

export interface Printed {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runInProcess(argv: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Printed> {
  let stdout = '';
  let stderr = '';
  const exitCode = await runCommandLine(argv, {
    out: (line) => {
      stdout += `${line}\n`;
    },
    err: (line) => {
      stderr += `${line}\n`;
    },
    environment,
    interactive: false,
    log: new ClientLog(),
  });
  return { exitCode, stdout, stderr };
}
