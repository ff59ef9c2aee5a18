/** Runs a script of the same installation on other machines, through ssh. */
import { execa } from 'execa';
import type { Configuration } from '../../config/configuration.ts';
import { installationRoot } from '../../shared/installation.ts';
import type { Terminal } from './terminal.ts';

/** Gives 1 when it failed on any host; each failure is named on stderr. */
export async function runOnHosts(
  hosts: readonly string[],
  script: string,
  verb: string,
  { terminal, configuration }: { readonly terminal: Terminal; readonly configuration: Configuration },
): Promise<number> {
  const options = (terminal.environment['FLINK_SSH_OPTS'] ?? configuration.getText('env.ssh.opts') ?? '').split(/\s+/).filter(Boolean);
  const path = `${installationRoot()}/bin/${script}`;
  // A login shell: the other machine's profile says where its programs are. In the foreground, so that failures come back.
  const command = `/bin/bash -l "${path}" "${verb}"`;
  const outcomes = await Promise.all(
    hosts.map(async (host) => {
      const result = await execa('ssh', ['-n', ...options, host, '--', command], { reject: false, extendEnv: true });
      for (const line of result.stdout.split('\n').filter(Boolean)) terminal.out(line);
      if (result.exitCode === 0) return 0;
      const reason = result.stderr.trim() || result.shortMessage || `ssh ended with ${result.exitCode}`;
      terminal.err(`${script} ${verb} failed on ${host}: ${reason}`);
      return 1;
    }),
  );
  return Math.max(0, ...outcomes);
}
