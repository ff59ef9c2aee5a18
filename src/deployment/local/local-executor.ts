/** Runs what a program executes in this process: `-t local` and `-t collection`. Says the same lines as a run on a cluster. */
import { renderJobResult } from '../../client/job-result.ts';
import type { LoadedProgram, ProgramExecutor } from '../../client/program/load-program.ts';
import type { Configuration } from '../../config/configuration.ts';
import { fileLogger } from '../../shared/logger.ts';
import { accumulatorRows, EmbeddedExecutor } from '../embedded-executor.ts';
import { LocalCluster } from './local-cluster.ts';

export interface LocalRun {
  readonly configuration: Configuration;
  readonly program: LoadedProgram;
  /** One line for stdout. */
  print(line: string): void;
}

/** The cluster lives as long as `use` and the jobs it started. */
export async function withLocalExecutor(run: LocalRun, use: (executor: ProgramExecutor) => Promise<void>): Promise<void> {
  const cluster = new LocalCluster(run.configuration, fileLogger(2, 'ERROR'));
  const executor = new EmbeddedExecutor({
    dispatcher: {
      submitJob: (jobGraph, artifactPath) => cluster.submit(jobGraph, artifactPath),
      jobStatus: async (jobId) => (await cluster.dispatcher.requestJob(jobId)).status,
      cancelJob: (jobId) => cluster.dispatcher.cancelJob(jobId),
      jobResult: (jobId) => cluster.whenDone(jobId),
      collect: (jobId, resultId) => cluster.dispatcher.takeCollected(jobId, resultId),
      triggerSavepoint: (jobId, directory) => cluster.dispatcher.triggerSavepoint(jobId, { directory, cancelJob: false }),
      stopWithSavepoint: (jobId, options) => cluster.dispatcher.stopWithSavepoint(jobId, options),
    },
    artifactPath: run.program.artifactPath,
    // The cluster ends with this process, so there is nothing to return to.
    detached: false,
    submitted: (jobId) => run.print(`Job has been submitted with JobID ${jobId}`),
    finished: (result) => {
      for (const line of renderJobResult({ ...result, accumulators: accumulatorRows(result) })) run.print(line);
    },
  });
  try {
    await use(executor);
    await executor.awaitAll();
  } finally {
    await cluster.close();
  }
}
