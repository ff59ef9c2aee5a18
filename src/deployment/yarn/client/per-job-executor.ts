/**
 * `-t yarn-per-job`: every job that the program executes gets a cluster of its own, which is gone when the job is. The job
 * travels with the application; the client only watches it, and says when it has seen the end.
 */
import type { JobExecutionResult } from '../../../api/executor.ts';
import type { ClusterClient } from '../../../client/cluster-client.ts';
import type { ProgramExecutor } from '../../../client/program/load-program.ts';
import { detachedResult, RemoteExecutor, type RemoteExecutorOptions } from '../../../client/remote-executor.ts';
import type { JobGraph } from '../../../graph/job-graph.ts';
import type { JobId } from '../../../shared/ids.ts';
import type { ApplicationId } from '../protocol/records.ts';

export interface PerJobCluster {
  readonly applicationId: ApplicationId;
  readonly client: ClusterClient;
}

export interface PerJobExecutorOptions extends Omit<RemoteExecutorOptions, 'submit'> {
  /** Resolves when the cluster runs and has its job. */
  deploy(jobGraph: JobGraph): Promise<PerJobCluster>;
}

interface Run extends PerJobCluster {
  readonly executor: RemoteExecutor;
}

export class PerJobExecutor implements ProgramExecutor {
  readonly #options: PerJobExecutorOptions;
  readonly #runs = new Map<JobId, Run>();

  constructor(options: PerJobExecutorOptions) {
    this.#options = options;
  }

  get waitingFor(): readonly JobId[] {
    return [...this.#runs.values()].flatMap(({ executor }) => executor.waitingFor);
  }

  applicationOf(jobId: JobId): ApplicationId | undefined {
    return this.#runs.get(jobId)?.applicationId;
  }

  async execute(jobGraph: JobGraph): Promise<JobExecutionResult> {
    const run = await this.#deploy(jobGraph);
    // The cluster has the job by now, and may be gone with it already.
    if (this.#options.detached) return this.#submitted(jobGraph.jobId);
    try {
      return await run.executor.execute(jobGraph);
    } finally {
      await this.#done(jobGraph.jobId, run);
    }
  }

  async executeAsync(jobGraph: JobGraph): Promise<{ jobId: JobId }> {
    const run = await this.#deploy(jobGraph);
    return this.#options.detached ? this.#submitted(jobGraph.jobId) : run.executor.executeAsync(jobGraph);
  }

  get jobs(): ProgramExecutor['jobs'] {
    if (this.#options.detached) return undefined;
    const of = (jobId: JobId): NonNullable<ProgramExecutor['jobs']> => {
      const jobs = this.#runs.get(jobId)?.executor.jobs;
      if (!jobs) throw new Error(`job ${jobId} is not of this program`);
      return jobs;
    };
    return {
      status: async (jobId) => of(jobId).status(jobId),
      cancel: async (jobId) => of(jobId).cancel(jobId),
      result: async (jobId) => {
        const run = this.#runs.get(jobId);
        try {
          return await of(jobId).result(jobId);
        } finally {
          if (run) await this.#done(jobId, run);
        }
      },
      collect: async (jobId, resultId) => of(jobId).collect(jobId, resultId),
      triggerSavepoint: async (jobId, directory) => of(jobId).triggerSavepoint(jobId, directory),
      stopWithSavepoint: async (jobId, options) => of(jobId).stopWithSavepoint(jobId, options),
    };
  }

  async cancelAll(patienceMs: number): Promise<void> {
    await Promise.all([...this.#runs.values()].map(({ executor }) => executor.cancelAll(patienceMs)));
  }

  async #deploy(jobGraph: JobGraph): Promise<Run> {
    const cluster = await this.#options.deploy(jobGraph);
    const executor = new RemoteExecutor(cluster.client, { ...this.#options, submit: async () => {} });
    const run = { ...cluster, executor };
    this.#runs.set(jobGraph.jobId, run);
    return run;
  }

  #submitted(jobId: JobId): JobExecutionResult {
    this.#options.print(`Job has been submitted with JobID ${jobId}`);
    return detachedResult(jobId);
  }

  /** The cluster waits for this only when somebody is attached. */
  async #done(jobId: JobId, { client }: Run): Promise<void> {
    this.#runs.delete(jobId);
    if (!this.#options.detached) await client.shutDownCluster().catch(() => {});
  }
}
