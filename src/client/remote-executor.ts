/**
 * Runs what a program executes on a cluster: submits, says so, and (attached) waits for the end. Ctrl-C lets go of the jobs,
 * or cancels them with `-sae`; then the cluster also watches the client's heartbeats, in case it dies without a word.
 */
import type { JobExecutionResult, JobStatusName } from '../api/executor.ts';
import type { JobGraph } from '../graph/job-graph.ts';
import { fromTaggedJson } from '../rest/messages/tagged-json.ts';
import { UserError } from '../shared/errors.ts';
import type { JobId } from '../shared/ids.ts';
import type { AccumulatorValue, ClusterClient, JobOutcome } from './cluster-client.ts';
import { JobCancellationException, JobExecutionException } from './exception-block.ts';
import { renderJobResult } from './job-result.ts';
import type { JobControl } from './program/load-program.ts';

export interface RemoteExecutorOptions {
  readonly artifact: { readonly path: string; readonly hash: string };
  readonly detached: boolean;
  readonly shutdownOnAttachedExit: boolean;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  /** One line for stdout. */
  print(line: string): void;
  /** One line for stderr, about what the user may want to do. */
  hint(text: string): void;
  /** What to do about a job that waits for slots. */
  readonly slotAdvice?: string | undefined;
  /** Takes the place of the submission over REST, where the cluster gets its job in another way. */
  readonly submit?: ((jobGraph: JobGraph) => Promise<void>) | undefined;
  /** The command waits for something; the returned function ends that. */
  progress?(text: string): () => void;
}

/** A job that has its slots by then says nothing. */
const slotPatienceMs = 3000;
const defaultSlotAdvice = 'Start one more with taskmanager.sh start, or lower the parallelism (-p).';

export class RemoteExecutor {
  readonly #client: ClusterClient;
  readonly #options: RemoteExecutorOptions;
  readonly #waitingFor = new Set<JobId>();

  constructor(client: ClusterClient, options: RemoteExecutorOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Jobs that somebody waits for now. */
  get waitingFor(): readonly JobId[] {
    return [...this.#waitingFor];
  }

  async execute(jobGraph: JobGraph): Promise<JobExecutionResult> {
    const { jobId } = jobGraph;
    if (this.#options.detached) {
      await this.#submit(jobGraph);
      return detachedResult(jobId);
    }
    // From now on: an interrupt may come while the cluster accepts the job.
    this.#waitingFor.add(jobId);
    try {
      await this.#submit(jobGraph);
      const { result, shown } = await this.awaitResult(jobId);
      for (const line of renderJobResult({ ...shown, jobId })) this.#options.print(line);
      return result;
    } finally {
      this.#waitingFor.delete(jobId);
    }
  }

  async executeAsync(jobGraph: JobGraph): Promise<{ jobId: JobId }> {
    await this.#submit(jobGraph);
    return { jobId: jobGraph.jobId };
  }

  /** Undefined when detached: a program then knows no more than the ids of its jobs. */
  get jobs(): JobControl | undefined {
    if (this.#options.detached) return undefined;
    const client = this.#client;
    return {
      status: async (jobId) => (await client.jobStatus(jobId)) as JobStatusName,
      cancel: (jobId) => client.cancelJob(jobId),
      result: async (jobId) => (await this.awaitResult(jobId)).result,
      collect: (jobId, resultId) => client.collect(jobId, resultId),
      triggerSavepoint: async (jobId, directory) => {
        const trigger = await client.triggerSavepoint(jobId, { targetDirectory: directory, cancelJob: false, format: 'CANONICAL' });
        return client.awaitSavepoint(jobId, trigger, Number.POSITIVE_INFINITY);
      },
      stopWithSavepoint: async (jobId, { drain, directory }) => {
        const trigger = await client.triggerStop(jobId, { targetDirectory: directory, drain, format: 'CANONICAL' });
        return client.awaitSavepoint(jobId, trigger, Number.POSITIVE_INFINITY);
      },
    };
  }

  /** Rejects with JobExecutionException when the job did not finish. */
  async awaitResult(
    jobId: JobId,
  ): Promise<{ result: JobExecutionResult; shown: { netRuntimeMs: number; accumulators: readonly AccumulatorValue[] } }> {
    this.#waitingFor.add(jobId);
    const stopHeartbeat = this.#options.shutdownOnAttachedExit ? this.#startHeartbeat(jobId) : undefined;
    const stopProgress = this.#options.progress?.(`Job ${jobId} is running`);
    const slotHint = setTimeout(() => void this.#tellOfMissingSlots(jobId), slotPatienceMs);
    slotHint.unref();
    try {
      const outcome = await this.#client.awaitOutcome(jobId);
      if (outcome.status !== 'SUCCEEDED') throw jobFailure(outcome);
      const accumulators = await this.#client.accumulators(jobId);
      return {
        result: { jobId, netRuntimeMs: outcome.netRuntimeMs, accumulators: accumulatorRecord(accumulators) },
        shown: { netRuntimeMs: outcome.netRuntimeMs, accumulators },
      };
    } finally {
      this.#waitingFor.delete(jobId);
      clearTimeout(slotHint);
      stopHeartbeat?.();
      stopProgress?.();
    }
  }

  /** Asks for the cancellation of everything waited for; gives up after `patienceMs`. */
  async cancelAll(patienceMs: number): Promise<void> {
    const requests = this.waitingFor.map((jobId) => this.#client.cancelJob(jobId).catch(() => {}));
    await Promise.race([Promise.all(requests), new Promise((resume) => setTimeout(resume, patienceMs))]);
  }

  async #submit(jobGraph: JobGraph): Promise<void> {
    const stopProgress = this.#options.progress?.('Submitting the job');
    try {
      await (this.#options.submit?.(jobGraph) ?? this.#client.submitJob(jobGraph, this.#options.artifact));
      const status = await this.#client.awaitInitialised(jobGraph.jobId);
      const { detached, shutdownOnAttachedExit, heartbeatTimeoutMs } = this.#options;
      // Before anybody hears of the job: from then on this client may die.
      if (shutdownOnAttachedExit && !detached) await this.#client.heartbeat(jobGraph.jobId, Date.now() + heartbeatTimeoutMs);
      stopProgress?.();
      this.#options.print(`Job has been submitted with JobID ${jobGraph.jobId}`);
      if (status === 'FAILED') await this.#throwFailure(jobGraph.jobId);
    } finally {
      stopProgress?.();
    }
  }

  async #throwFailure(jobId: JobId): Promise<void> {
    const outcome = await this.#client.awaitOutcome(jobId);
    if (outcome.status !== 'SUCCEEDED') throw jobFailure(outcome);
  }

  async #tellOfMissingSlots(jobId: JobId): Promise<void> {
    const slots = await this.#client.missingSlots(jobId).catch(() => undefined);
    if (!slots || !this.#waitingFor.has(jobId)) return;
    this.#options.hint(
      `job ${jobId} waits for slots: the cluster has ${slots.total}, ${slots.available} of them free, in ${slots.taskManagers} TaskManager(s). ${this.#options.slotAdvice ?? defaultSlotAdvice}`,
    );
  }

  #startHeartbeat(jobId: JobId): () => void {
    const beat = (): void => {
      // A missed beat is no failure of the job: the cluster decides after heartbeatTimeoutMs.
      this.#client.heartbeat(jobId, Date.now() + this.#options.heartbeatTimeoutMs).catch(() => {});
    };
    beat();
    const timer = setInterval(beat, this.#options.heartbeatIntervalMs);
    return () => clearInterval(timer);
  }
}

/** Asking for more than the id throws. The getters do not travel: replays know no results either. */
export function detachedResult(jobId: JobId): JobExecutionResult {
  const refuse = (): never => {
    throw new UserError('DETACHED', {
      problem: 'Job was submitted in detached mode. Results of job execution, such as accumulators and runtime, are not available.',
      tryNext: ['Run without -d when the program uses the result of execute().'],
    });
  };
  const refused = { get: refuse, enumerable: false };
  return Object.defineProperties({ jobId }, { netRuntimeMs: refused, accumulators: refused }) as JobExecutionResult;
}

export function jobFailure(outcome: JobOutcome): JobExecutionException {
  if (outcome.status === 'CANCELED') return new JobCancellationException(`Job was cancelled (JobID: ${outcome.jobId}).`);
  const message = `Job failed (JobID: ${outcome.jobId}).`;
  return outcome.failure ? new JobExecutionException(message, { cause: remoteError(outcome.failure) }) : new JobExecutionException(message);
}

/** The error as it was in the cluster: its stack is the text that is shown. */
function remoteError(failure: { readonly className: string; readonly stackTrace: string }): Error {
  const error = new Error(failure.stackTrace.split('\n', 1)[0]);
  error.name = failure.className;
  error.stack = failure.stackTrace.trimEnd();
  return error;
}

/** REST gives values as text; JSON where they are more than text. */
function accumulatorRecord(accumulators: readonly AccumulatorValue[]): Record<string, unknown> {
  return Object.fromEntries(accumulators.map(({ name, value }) => [name, parsed(value)]));
}

function parsed(text: string): unknown {
  try {
    return fromTaggedJson(JSON.parse(text));
  } catch {
    return text;
  }
}
