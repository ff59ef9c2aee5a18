/** `run-application -t yarn-application`: the program is bundled here and run there; the command ends when its cluster runs. */
import { loadProgram } from '../../client/program/load-program.ts';
import type { Configuration } from '../../config/configuration.ts';
import { connectYarn } from '../../deployment/yarn/client/connect-yarn.ts';
import { deploy } from '../../deployment/yarn/client/deployment.ts';
import { progressOf } from './progress.ts';
import type { Terminal } from './terminal.ts';
import { surroundingsOf } from './yarn-surroundings.ts';

export interface ApplicationCall {
  readonly path: string;
  readonly args: readonly string[];
  readonly entryClass: string | undefined;
  readonly classpaths: readonly string[];
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export async function deployApplication(call: ApplicationCall, configuration: Configuration, terminal: Terminal): Promise<void> {
  const surroundings = surroundingsOf(terminal, configuration);
  const abort = new AbortController();
  const interrupt = (): void => abort.abort(new Error('The deployment was interrupted; the application was killed.'));
  for (const signal of signals) process.once(signal, interrupt);
  const { yarn } = await connectYarn(surroundings);
  const stopProgress = progressOf(terminal)('Bundling the program');
  try {
    const program = await loadProgram({ ...call, configuration: configuration.toRecord() });
    stopProgress();
    try {
      const { applicationId, host, rpcPort } = await deploy({
        target: 'yarn-application',
        surroundings,
        yarn,
        artifactPath: program.artifactPath,
        program: { entryClass: call.entryClass, args: call.args },
        signal: abort.signal,
      });
      if (host !== undefined) terminal.err(`Found Web Interface ${host}:${rpcPort} of application '${applicationId}'.`);
    } finally {
      program.dispose();
    }
  } finally {
    stopProgress();
    for (const signal of signals) process.off(signal, interrupt);
  }
}
