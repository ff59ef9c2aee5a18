/**
 * The JobManager's process of a standalone application cluster: it runs one program's `main` beside the Dispatcher, and ends
 * when the program and its jobs have ended.
 */

import { restoreSettings } from '../../client/restore-settings.ts';
import type { Configuration } from '../../config/configuration.ts';
import type { Leadership } from '../../runtime/ha/high-availability.ts';
import { UserError } from '../../shared/errors.ts';
import { Application, jobIdOfCluster } from './application.ts';
import { jobManagerFlags, startJobManager } from './cluster-entrypoint.ts';
import { whileLeading } from './leading.ts';
import { type ProcessContext, type RunningProcess, runProcess } from './process-frame.ts';
import type { ApplicationRequest } from './user-code-thread.ts';

const programKey = 'pipeline.jars';
const entryClassKey = '$internal.application.main';
const jobIdKey = '$internal.pipeline.job-id';

async function startApplicationCluster(context: ProcessContext, leadership: Leadership | undefined): Promise<RunningProcess> {
  // The cluster is there for its one program.
  const config = context.config.with({ 'web.submit.enable': false });
  const running = await startJobManager({ ...context, config }, { leadership, keepsResults: true });
  const { dispatcher } = running.jobManager;
  const jobId = config.getText(jobIdKey) ?? jobIdOfCluster(config);
  const ready = readyOnce(context);
  const application = new Application({
    userCode: running.userCode,
    dispatcher,
    log: context.log.of('Application'),
    onlyJob: leadership && jobId,
    submitted: ready,
  });
  const close = async (): Promise<void> => {
    // main would take the cancellation of its jobs for a failure.
    await application.close();
    if (application.hasEnded)
      await dispatcher.forgetResults().catch((error: unknown) => context.log.warn('The application stays on record.', error));
    await running.close();
  };
  try {
    await application.load({ ...applicationRequest(context, running.temporaryDirectory), jobId });
  } catch (error) {
    await close();
    throw error;
  }
  const waiting = setTimeout(ready, submissionPatienceMs);
  void application.run().then(({ status, failure }) => {
    clearTimeout(waiting);
    if (status === 'SUCCEEDED') ready();
    // For whoever started it, and looks at what it wrote.
    if (failure !== undefined && context.stdoutFile !== undefined) process.stderr.write(`${failure}\n`);
    if (application.hasEnded && config.get('execution.shutdown-on-application-finish')) context.end(exitCodes[status]);
  });
  return { close };
}

/** `start` tells how `main` failed when it fails before its first job; it does not wait longer than this for a slow one. */
const submissionPatienceMs = 5000;

function readyOnce(context: ProcessContext): () => void {
  let announced = false;
  return () => {
    if (!announced) context.ready();
    announced = true;
  };
}

/** Flink's. A shell sees the lowest eight bits: 163 for a failed application. */
const exitCodes = { SUCCEEDED: 0, FAILED: 1443, CANCELED: 0 } as const;

function applicationRequest({ config, programArguments }: ProcessContext, temporaryDirectory: string): Omit<ApplicationRequest, 'jobId'> {
  const artifactPath = config.getText(programKey);
  if (artifactPath === undefined) {
    throw new UserError('NO_PROGRAM', { problem: 'No program was given.', tryNext: ['standalone-job.sh start path/to/job.ts'] });
  }
  return {
    artifactPath,
    entryClass: config.getText(entryClassKey),
    args: programArguments,
    classpaths: config.get('pipeline.classpaths') ?? [],
    restore: restoreSettings(config),
    // A program may ask for the result of execute(), unless it was said that it does not wait.
    detached: config.getOptional('execution.attached') === false,
    configuration: programConfiguration(config),
    temporaryDirectory,
  };
}

/** What the program and its jobs see. */
function programConfiguration(config: Configuration): Record<string, string> {
  return config.with({ [programKey]: undefined, [entryClassKey]: undefined, [jobIdKey]: undefined }).toRecord();
}

// Last: what it starts uses everything above.
const serve = (context: ProcessContext) => whileLeading(context, (leadership) => startApplicationCluster(context, leadership));
await runProcess('StandaloneJob', serve, {
  ...jobManagerFlags,
  '--program': programKey,
  '--job-classname': entryClassKey,
  '--job-id': jobIdKey,
});
