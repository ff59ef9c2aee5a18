/**
 * An attached yarn-session: commands from stdin, a look at the application now and then, and the end of the session with the
 * end of the command (unless that is killed outright).
 */
import { createInterface } from 'node:readline';
import type { Configuration } from '../../config/configuration.ts';
import type { YarnCluster } from './cluster-connection.ts';
import type { Terminal } from './terminal.ts';
import { surroundingsOf } from './yarn-surroundings.ts';

export interface Attendance extends YarnCluster {
  readonly configuration: Configuration;
  readonly terminal: Terminal;
  /** The session was started by somebody else. */
  readonly joins: boolean;
}

const statusEveryMs = 1000;
const help = ['Available commands:', 'help - show these commands', 'stop - stop the YARN session'];

/** Resolves with the exit code. */
export async function attendSession({ client, applicationId, configuration, terminal, joins }: Attendance): Promise<number> {
  // From the first moment: an interrupt that comes while modules are loaded would leave the session behind.
  const interruption = interrupted();
  if (joins) terminal.err(`Joined application ${applicationId}. It ends with this command: -d only looks whether it runs.`);
  const [{ connectRunningYarn }, { removeYarnProperties }, { whenKilled }] = await Promise.all([
    import('../../deployment/yarn/client/connect-yarn.ts'),
    import('../../deployment/yarn/client/properties-file.ts'),
    import('../../deployment/yarn/client/when-killed.ts'),
  ]);
  const connection = await connectRunningYarn(surroundingsOf(terminal, configuration));
  const report = () => connection?.yarn.getApplicationReport(applicationId).catch(() => undefined);
  const ended = async (): Promise<void> => {
    for (;;) {
      const now = await report();
      if (!now || now.finishTime > 0) return;
      await new Promise((resume) => setTimeout(resume, 100));
    }
  };
  const why = await Promise.race([typedStop(terminal), interruption, clusterGone(report)]);
  if (why !== 'gone') {
    terminal.err(`Stopping application ${applicationId}.`);
    await client.shutDownCluster().catch(async () => connection && whenKilled(connection.yarn, applicationId));
    await ended();
  }
  removeYarnProperties(configuration, applicationId);
  const last = await report();
  connection?.close();
  if (why === 'stop') return 0;
  if (why !== 'gone') return why;
  if (last?.state === 'FAILED' || last?.state === 'KILLED') {
    terminal.err('The Flink Yarn cluster has failed.');
    if (last.diagnostics !== '') terminal.err(last.diagnostics);
    return 1;
  }
  if (last) return 0;
  terminal.err('The Flink Yarn cluster is in an unknown state. Please check the Yarn cluster.');
  return 1;
}

/** `stop` or `quit`. The end of the input says nothing: a session may be started without one. */
function typedStop(terminal: Terminal): Promise<'stop'> {
  return new Promise((resolve) => {
    createInterface({ input: process.stdin }).on('line', (line) => {
      const command = line.trim();
      if (command === 'stop' || command === 'quit') resolve('stop');
      else if (command === 'help') for (const text of help) terminal.err(text);
      else if (command !== '') {
        terminal.err(`Unknown command '${command}'. Showing help:`);
        for (const text of help) terminal.err(text);
      }
    });
  });
}

function interrupted(): Promise<number> {
  return new Promise((resolve) => {
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ] as const)
      process.once(signal, () => resolve(code));
  });
}

function clusterGone(report: () => Promise<{ readonly finishTime: number } | undefined> | undefined): Promise<'gone'> {
  return new Promise((resolve) => {
    const timer = setInterval(async () => {
      const now = await report();
      if (now && now.finishTime === 0) return;
      clearInterval(timer);
      resolve('gone');
    }, statusEveryMs);
  });
}
