/** Runs a script of the same installation on other machines, through ssh. */
import { execa } from 'execa';
import type { Configuration } from '../../config/configuration.ts';
import { installationRoot } from '../../shared/installation.ts';
import type { Terminal } from './terminal.ts';

export interface RemoteCall {
  readonly host: string;
  readonly script: string;
  /** The verb and what follows it. */
  readonly words: readonly string[];
}

/** Gives 1 when one failed; each failure is named on stderr. */
export async function runOnHosts(
  calls: readonly RemoteCall[],
  { terminal, configuration }: { readonly terminal: Terminal; readonly configuration: Configuration },
): Promise<number> {
  const options = (terminal.environment['FLINK_SSH_OPTS'] ?? configuration.getText('env.ssh.opts') ?? '').split(/\s+/).filter(Boolean);
  const outcomes = await Promise.all(
    calls.map(async ({ host, script, words }) => {
      const result = await execa('ssh', ['-n', ...options, host, '--', remoteCommand(script, words)], { reject: false, extendEnv: true });
      for (const line of result.stdout.split('\n').filter(Boolean)) terminal.out(line);
      if (result.exitCode === 0) return 0;
      const reason = result.stderr.trim() || result.shortMessage || `ssh ended with ${result.exitCode}`;
      terminal.err(`${script} ${words.join(' ')} failed on ${host}: ${reason}`);
      return 1;
    }),
  );
  return Math.max(0, ...outcomes);
}

/** A login shell: the other machine's profile says where its programs are. In the foreground, so that failures come back. */
function remoteCommand(script: string, words: readonly string[]): string {
  return `/bin/bash -l ${[`${installationRoot()}/bin/${script}`, ...words].map((word) => `"${word}"`).join(' ')}`;
}
