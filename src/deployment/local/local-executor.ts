/** Runs what a program executes in this process: `-t local` and `-t collection`. Says the same lines as a run on a cluster. */
import { accumulatorResult } from '../../api/accumulators.ts';
import type { JobExecutionResult } from '../../api/executor.ts';
import { renderJobResult } from '../../client/job-result.ts';
import type { LoadedProgram, ProgramExecutor } from '../../client/program/load-program.ts';
import { jobFailure } from '../../client/remote-executor.ts';
import type { Configuration } from '../../config/configuration.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import type { JobResult } from '../../runtime/rpc/gateways.ts';
import { stackWithCauses } from '../../shared/errors.ts';
import type { JobId } from '../../shared/ids.ts';
import { fileLogger } from '../../shared/logger.ts';
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
  const running = new Map<JobId, Promise<JobResult>>();
  const submit = async (jobGraph: JobGraph): Promise<{ jobId: JobId }> => {
    await cluster.submit(jobGraph, run.program.artifactPath);
    run.print(`Job has been submitted with JobID ${jobGraph.jobId}`);
    running.set(jobGraph.jobId, cluster.whenDone(jobGraph.jobId));
    return { jobId: jobGraph.jobId };
  };
  const resultOf = async (jobId: JobId): Promise<JobExecutionResult> => {
    const result = await (running.get(jobId) ?? cluster.whenDone(jobId));
    running.delete(jobId);
    return succeeded(result);
  };
  const executor: ProgramExecutor = {
    async execute(jobGraph) {
      const { jobId } = await submit(jobGraph);
      const result = await resultOf(jobId);
      for (const line of renderJobResult({ ...result, accumulators: await shownAccumulators(cluster, jobId) })) run.print(line);
      return result;
    },
    executeAsync: submit,
    jobs: {
      status: async (jobId) => (await cluster.dispatcher.requestJob(jobId)).status,
      cancel: (jobId) => cluster.dispatcher.cancelJob(jobId),
      result: resultOf,
      collect: (jobId, resultId) => cluster.dispatcher.takeCollected(jobId, resultId),
    },
  };
  try {
    await use(executor);
    // Jobs that main started and did not wait for: they would end with this process.
    for (const jobId of [...running.keys()]) await resultOf(jobId);
  } finally {
    await cluster.close();
  }
}

function succeeded(result: JobResult): JobExecutionResult {
  const { jobId, netRuntimeMs, status, failure } = result;
  if (status !== 'FINISHED') {
    throw jobFailure({
      jobId,
      status,
      netRuntimeMs,
      failure: failure && { className: failure.name, stackTrace: stackWithCauses(failure) },
    });
  }
  const accumulators = Object.entries(result.accumulators).map(([name, { type, value }]) => [name, accumulatorResult(type, value)]);
  return { jobId, netRuntimeMs, accumulators: Object.fromEntries(accumulators) };
}

async function shownAccumulators(cluster: LocalCluster, jobId: JobId): Promise<{ name: string; type: string; value: unknown }[]> {
  const { accumulators } = await cluster.dispatcher.requestJob(jobId);
  return Object.entries(accumulators).map(([name, { type, value }]) => ({ name, type, value: accumulatorResult(type, value) }));
}
