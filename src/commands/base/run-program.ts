/** Loads a program and runs it on its target; Ctrl-C and the exit of a program that leaves things open are handled here. */
import { ClusterClient } from '../../client/cluster-client.ts';
import { JobExecutionException, ProgramInvocationException } from '../../client/exception-block.ts';
import type { LoadedProgram, ProgramExecutor } from '../../client/program/load-program.ts';
import { RemoteExecutor } from '../../client/remote-executor.ts';
import { restClientOptions } from '../../client/rest-client.ts';
import type { Configuration } from '../../config/configuration.ts';
import { ExternalError, UserError } from '../../shared/errors.ts';
import type { Target } from './cluster-connection.ts';
import { progressOf } from './progress.ts';
import type { Terminal } from './terminal.ts';

export interface ProgramRunRequest {
  readonly target: Target;
  readonly program: {
    readonly path: string;
    readonly args: readonly string[];
    readonly entryClass?: string | undefined;
    readonly classpaths: readonly string[];
  };
  readonly configuration: Configuration;
  readonly terminal: Terminal;
  hint(text: string): void;
}

/** How long an interrupted `-sae` client waits for its cancellation to be accepted. */
const cancelPatienceMs = 1000;

export async function runProgram(request: ProgramRunRequest): Promise<void> {
  // Stacks of the program point into its sources.
  process.setSourceMapsEnabled(true);
  const { loadProgram } = await import('../../client/program/load-program.ts');
  const program = await loadProgram({ ...request.program, configuration: request.configuration.toRecord() });
  try {
    const attached = request.configuration.get('execution.attached');
    const options = { parallelism: request.configuration.getOptional('parallelism.default'), detached: !attached };
    await withExecutor(request, program, async (executor) => {
      await program.run(executor, options).catch((error: unknown) => {
        throw programFailure(error);
      });
    });
  } finally {
    await program.dispose();
  }
}

async function withExecutor(
  request: ProgramRunRequest,
  program: LoadedProgram,
  use: (executor: ProgramExecutor) => Promise<void>,
): Promise<void> {
  if (request.target !== 'remote') {
    const { withLocalExecutor } = await import('../../deployment/local/local-executor.ts');
    return withLocalExecutor({ configuration: request.configuration, program, print: (line) => request.terminal.out(line) }, use);
  }
  const executor = remoteExecutor(request, program);
  const release = onInterrupt(() => interrupted(executor, request));
  try {
    await use(executor);
  } finally {
    release();
  }
}

function remoteExecutor({ configuration, terminal }: ProgramRunRequest, program: LoadedProgram): RemoteExecutor {
  return new RemoteExecutor(new ClusterClient(restClientOptions(configuration)), {
    artifact: { path: program.artifactPath, hash: program.artifactHash },
    detached: !configuration.get('execution.attached'),
    shutdownOnAttachedExit: configuration.get('execution.shutdown-on-attached-exit'),
    heartbeatIntervalMs: 30_000,
    heartbeatTimeoutMs: 180_000,
    print: (line) => terminal.out(line),
    progress: progressOf(terminal),
  });
}

/** Ends the command. Without `-sae` the jobs go on, and the user hears how to reach them. */
async function interrupted(executor: RemoteExecutor, { configuration, hint }: ProgramRunRequest): Promise<void> {
  const jobs = executor.waitingFor;
  if (configuration.get('execution.shutdown-on-attached-exit')) await executor.cancelAll(cancelPatienceMs);
  else for (const jobId of jobs) hint(`job ${jobId} goes on in the cluster. Cancel it with: flink cancel ${jobId}`);
}

const exitCodeOf = { SIGINT: 130, SIGTERM: 143 } as const;

/** Runs `act` once at SIGINT or SIGTERM, then leaves; a second signal leaves at once. */
function onInterrupt(act: () => Promise<void>): () => void {
  let signalled = false;
  const handler = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (signalled) process.exit(exitCodeOf[signal]);
    signalled = true;
    void act().finally(() => process.exit(exitCodeOf[signal]));
  };
  process.on('SIGINT', handler);
  process.on('SIGTERM', handler);
  return () => {
    process.off('SIGINT', handler);
    process.off('SIGTERM', handler);
  };
}

/** Failures of the cluster and of the job speak for themselves; everything else came from the program's `main`. */
function programFailure(error: unknown): unknown {
  if (error instanceof UserError || error instanceof ExternalError || error instanceof JobExecutionException) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ProgramInvocationException(`The main method caused an error: ${message}`, { cause: error });
}
