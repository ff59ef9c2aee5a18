/** Loads a program and runs it on its target; Ctrl-C and the exit of a program that leaves things open are handled here. */
import { JobExecutionException, ProgramInvocationException } from '../../client/exception-block.ts';
import type { LoadedProgram, ProgramExecutor } from '../../client/program/load-program.ts';
import { restoreSettings } from '../../client/restore-settings.ts';
import type { Configuration } from '../../config/configuration.ts';
import { ExternalError, UserError } from '../../shared/errors.ts';
import type { Target } from './cluster-connection.ts';
import { progressOf } from './progress.ts';
import { type ClusterExecutor, type ClusterRun, clusterOf } from './run-on-cluster.ts';
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
  const abort = new AbortController();
  let cluster: ClusterRun | undefined;
  let executor: ClusterExecutor | undefined;
  let running: Promise<void> | undefined;
  const release = onInterrupt(async () => {
    const starting = executor !== undefined && executor.waitingFor.length === 0;
    abort.abort(new Error('the command was interrupted'));
    if (cluster && executor) await interrupted(cluster, executor, request);
    // A cluster that is being started for the job is given up before the command ends.
    if (starting && request.target === 'yarn-per-job') await running?.catch(() => {});
  });
  let stopProgress: () => void = () => {};
  try {
    cluster = await clusterOf(request, abort.signal);
    stopProgress = progressOf(request.terminal)('Bundling the program');
    const program = await loadProgram({ ...request.program, configuration: request.configuration.toRecord() });
    stopProgress();
    try {
      executor = cluster?.executor(program);
      running = withExecutor(request, program, executor, (chosen) => runMain(program, chosen, request));
      await running;
    } finally {
      program.dispose();
    }
  } finally {
    stopProgress();
    release();
  }
}

async function withExecutor(
  { configuration, terminal }: ProgramRunRequest,
  program: LoadedProgram,
  onCluster: ClusterExecutor | undefined,
  use: (executor: ProgramExecutor) => Promise<void>,
): Promise<void> {
  if (onCluster) return use(onCluster);
  const { withLocalExecutor } = await import('../../deployment/local/local-executor.ts');
  return withLocalExecutor({ configuration, program, print: (line) => terminal.out(line) }, use);
}

async function runMain(program: LoadedProgram, executor: ProgramExecutor, { configuration }: ProgramRunRequest): Promise<void> {
  const options = {
    parallelism: configuration.getOptional('parallelism.default'),
    detached: !configuration.get('execution.attached'),
    restore: restoreSettings(configuration),
  };
  await program.run(executor, options).catch((error: unknown) => {
    throw programFailure(error);
  });
}

/** Without `-sae` the jobs go on, and the user hears how to reach them. */
async function interrupted(cluster: ClusterRun, executor: ClusterExecutor, { configuration, hint }: ProgramRunRequest): Promise<void> {
  const jobs = executor.waitingFor;
  const cancels = configuration.get('execution.shutdown-on-attached-exit');
  for (const jobId of jobs) {
    hint(
      cancels
        ? `job ${jobId} is being cancelled (-sae).`
        : `job ${jobId} goes on in the cluster. Cancel it with: ${cluster.cancelCommand(jobId)}`,
    );
  }
  if (cancels) await executor.cancelAll(cancelPatienceMs);
}

const exitCodeOf = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Runs `act` at the first signal, then leaves; a second one leaves at once. */
function onInterrupt(act: () => Promise<void>): () => void {
  let signalled = false;
  const handler = (signal: NodeJS.Signals): void => {
    const exitCode = exitCodeOf[signal as keyof typeof exitCodeOf];
    if (signalled) process.exit(exitCode);
    signalled = true;
    void act().finally(() => process.exit(exitCode));
  };
  const signals = Object.keys(exitCodeOf) as (keyof typeof exitCodeOf)[];
  for (const signal of signals) process.on(signal, handler);
  return () => {
    for (const signal of signals) process.off(signal, handler);
  };
}

/** Failures of the cluster and of the job speak for themselves; everything else came from the program's `main`. */
function programFailure(error: unknown): unknown {
  if (error instanceof UserError || error instanceof ExternalError || error instanceof JobExecutionException) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ProgramInvocationException(`The main method caused an error: ${message}`, { cause: error });
}
