/** Runs jobs of this very process on an embedded cluster: `node program.ts`, `-t local`, `-t collection`, and tests. */
import { accumulatorResult } from '../../api/accumulators.ts';
import type { JobClient, JobExecutionResult, JobStatusName, PipelineExecutor, RecordedJob } from '../../api/executor.ts';
import { JobCancellationException, JobExecutionException, withUserFrames } from '../../client/exception-block.ts';
import { Configuration } from '../../config/configuration.ts';
import type { JobResult } from '../../runtime/rpc/gateways.ts';
import { deserializeError } from '../../shared/errors.ts';
import type { JobId } from '../../shared/ids.ts';
import { readValueBlock } from '../../types/value-block.ts';
import { MiniCluster } from './mini-cluster.ts';

/** One thread serves them all, so their number costs nothing. */
const slotsOfEmbeddedCluster = 4096;

export function miniClusterExecutor(configuration: Readonly<Record<string, string>> = {}): PipelineExecutor {
  return new MiniClusterExecutor(configuration, undefined);
}

/** Runs its jobs on a cluster that somebody else starts and closes. */
export function sharedClusterExecutor(cluster: MiniCluster, configuration: Readonly<Record<string, string>>): PipelineExecutor {
  return new MiniClusterExecutor(configuration, cluster);
}

class MiniClusterExecutor implements PipelineExecutor {
  readonly configuration: Readonly<Record<string, string>>;

  readonly #shared: MiniCluster | undefined;

  constructor(configuration: Readonly<Record<string, string>>, shared: MiniCluster | undefined) {
    this.configuration = configuration;
    this.#shared = shared;
  }

  async execute(job: RecordedJob): Promise<JobExecutionResult> {
    return (await this.executeAsync(job)).getJobExecutionResult();
  }

  /** A cluster per job, gone when the job is, unless there is one for all. */
  async executeAsync(job: RecordedJob): Promise<EmbeddedJobClient> {
    if (this.#shared) return new EmbeddedJobClient(this.#shared, await this.#shared.submit(job), async () => {});
    const config = Configuration.of(job.configuration);
    const cluster = await MiniCluster.start({ config, slots: slotsOfEmbeddedCluster });
    try {
      return new EmbeddedJobClient(cluster, await cluster.submit(job), () => cluster.close());
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  async *collect(client: JobClient, resultId: string): AsyncGenerator<unknown, void, undefined> {
    const { cluster, jobId } = client as EmbeddedJobClient;
    try {
      for (;;) {
        const { blocks, done } = await cluster.dispatcher.takeCollected(jobId, resultId);
        for (const block of blocks) yield* readValueBlock(block);
        if (done) break;
      }
    } finally {
      await cluster.dispatcher.cancelJob(jobId).catch(() => {});
    }
    await client.getJobExecutionResult();
  }

  async once(_name: string, evaluate: () => unknown): Promise<unknown> {
    return await evaluate();
  }
}

class EmbeddedJobClient implements JobClient {
  readonly cluster: MiniCluster;
  readonly jobId: JobId;
  readonly #done: Promise<JobResult>;
  /** Of a job that has ended, whose cluster is gone. */
  #result: JobResult | undefined;

  constructor(cluster: MiniCluster, jobId: JobId, whenOver: () => Promise<void>) {
    this.cluster = cluster;
    this.jobId = jobId;
    const master = cluster.dispatcher.master(jobId);
    const ended = master ? master.whenDone() : cluster.dispatcher.requestJobResult(jobId).then((result) => result as JobResult);
    this.#done = ended.then(async (result) => {
      this.#result = result;
      await whenOver();
      return result;
    });
  }

  getJobID(): string {
    return this.jobId;
  }

  async getJobStatus(): Promise<JobStatusName> {
    return this.#result?.status ?? (await this.cluster.dispatcher.requestJob(this.jobId)).status;
  }

  async cancel(): Promise<void> {
    if (this.#result === undefined) await this.cluster.dispatcher.cancelJob(this.jobId);
  }

  stopWithSavepoint(drain: boolean, directory?: string): Promise<string> {
    return this.cluster.dispatcher.stopWithSavepoint(this.jobId, { drain, directory });
  }

  triggerSavepoint(directory?: string): Promise<string> {
    return this.cluster.dispatcher.triggerSavepoint(this.jobId, { directory, cancelJob: false });
  }

  async getAccumulators(): Promise<Readonly<Record<string, unknown>>> {
    return values(this.#result?.accumulators ?? (await this.cluster.dispatcher.requestJob(this.jobId)).accumulators);
  }

  async getJobExecutionResult(): Promise<JobExecutionResult> {
    const result = await this.#done;
    if (result.status === 'FINISHED')
      return { jobId: this.jobId, netRuntimeMs: result.netRuntimeMs, accumulators: values(result.accumulators) };
    if (result.status === 'CANCELED') throw new JobCancellationException(`Job was cancelled (${this.jobId}).`);
    throw new JobExecutionException(`Job execution failed (${this.jobId}).`, {
      cause: result.failure ? withUserFrames(deserializeError(result.failure)) : undefined,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function values(accumulators: Readonly<Record<string, { type: string; value: unknown }>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(accumulators).map(([name, { type, value }]) => [name, accumulatorResult(type, value)]));
}
