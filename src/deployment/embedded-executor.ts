/**
 * Runs a program's jobs on the Dispatcher beside it: Flink's EmbeddedExecutor. `-t local` has the Dispatcher in the same thread,
 * an application's `main` reaches it from its own.
 */
import { accumulatorResult } from '../api/accumulators.ts';
import type { JobExecutionResult, JobStatusName } from '../api/executor.ts';
import type { JobControl, ProgramExecutor } from '../client/program/load-program.ts';
import { detachedResult, jobFailure } from '../client/remote-executor.ts';
import type { JobGraph } from '../graph/job-graph.ts';
import type { JobResult } from '../runtime/rpc/gateways.ts';
import { stackWithCauses } from '../shared/errors.ts';
import type { JobId } from '../shared/ids.ts';

/** What an executor needs of a Dispatcher. */
export interface EmbeddedDispatcher {
  submitJob(jobGraph: JobGraph, artifactPath: string): Promise<void>;
  jobStatus(jobId: JobId): Promise<JobStatusName>;
  cancelJob(jobId: JobId): Promise<void>;
  /** Resolves when the job has ended. */
  jobResult(jobId: JobId): Promise<JobResult>;
  collect: JobControl['collect'];
  triggerSavepoint: JobControl['triggerSavepoint'];
  stopWithSavepoint: JobControl['stopWithSavepoint'];
}

export interface EmbeddedExecutorOptions {
  readonly dispatcher: EmbeddedDispatcher;
  readonly artifactPath: string;
  /** `execute` returns once the job is submitted. */
  readonly detached: boolean;
  submitted?(jobId: JobId): void;
  /** Of a job that `execute` waited for. */
  finished?(result: JobResult): void;
}

export class EmbeddedExecutor implements ProgramExecutor {
  readonly #options: EmbeddedExecutorOptions;
  /** Jobs that nobody has asked for the result of. */
  readonly #unasked = new Map<JobId, Promise<JobResult>>();
  readonly jobs: JobControl | undefined;

  constructor(options: EmbeddedExecutorOptions) {
    const { dispatcher, detached } = options;
    this.#options = options;
    this.jobs = detached
      ? undefined
      : {
          status: (jobId) => dispatcher.jobStatus(jobId),
          cancel: (jobId) => dispatcher.cancelJob(jobId),
          result: async (jobId) => succeeded(await this.#resultOf(jobId)),
          collect: (jobId, resultId) => dispatcher.collect(jobId, resultId),
          triggerSavepoint: (jobId, directory) => dispatcher.triggerSavepoint(jobId, directory),
          stopWithSavepoint: (jobId, options) => dispatcher.stopWithSavepoint(jobId, options),
        };
  }

  async execute(jobGraph: JobGraph): Promise<JobExecutionResult> {
    const { jobId } = await this.executeAsync(jobGraph);
    if (this.#options.detached) return detachedResult(jobId);
    const result = await this.#resultOf(jobId);
    const outcome = succeeded(result);
    this.#options.finished?.(result);
    return outcome;
  }

  async executeAsync(jobGraph: JobGraph): Promise<{ jobId: JobId }> {
    const { dispatcher, artifactPath, submitted } = this.#options;
    const { jobId } = jobGraph;
    await dispatcher.submitJob(jobGraph, artifactPath);
    submitted?.(jobId);
    const result = dispatcher.jobResult(jobId);
    // Whoever asks for it hears of a failure; until then it is nobody's unhandled rejection.
    result.catch(() => {});
    this.#unasked.set(jobId, result);
    return { jobId };
  }

  /** Waits for the jobs that `main` started and did not wait for. Rejects with JobExecutionException when one did not finish. */
  async awaitAll(): Promise<void> {
    for (const jobId of [...this.#unasked.keys()]) succeeded(await this.#resultOf(jobId));
  }

  async #resultOf(jobId: JobId): Promise<JobResult> {
    const result = await (this.#unasked.get(jobId) ?? this.#options.dispatcher.jobResult(jobId));
    this.#unasked.delete(jobId);
    return result;
  }
}

/** Throws JobExecutionException when the job did not finish. */
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
  return { jobId, netRuntimeMs, accumulators: Object.fromEntries(accumulatorRows(result).map(({ name, value }) => [name, value])) };
}

/** The accumulators of a finished job, as they are shown. */
export function accumulatorRows({ accumulators }: JobResult): { name: string; type: string; value: unknown }[] {
  return Object.entries(accumulators).map(([name, { type, value }]) => ({ name, type, value: accumulatorResult(type, value) }));
}
