/** What a client asks a cluster: submit, list, cancel, wait for results, savepoints. One method per REST conversation. */
import type { CollectedBlocks } from '../api/executor.ts';
import type { JobGraph } from '../graph/job-graph.ts';
import { ExternalError } from '../shared/errors.ts';
import type { JobId } from '../shared/ids.ts';
import { multipartBody } from './multipart.ts';
import { RestClient, type RestClientOptions } from './rest-client.ts';

export interface JobRow {
  readonly jobId: JobId;
  readonly name: string;
  readonly state: string;
  readonly startTime: number;
  readonly endTime: number;
}

export interface JobOutcome {
  readonly jobId: JobId;
  readonly status: 'SUCCEEDED' | 'FAILED' | 'CANCELED';
  readonly netRuntimeMs: number;
  readonly failure?: { readonly className: string; readonly stackTrace: string } | undefined;
}

export interface AccumulatorValue {
  readonly name: string;
  readonly type: string;
  readonly value: string;
}

export type SavepointFormat = 'CANONICAL' | 'NATIVE';

/** Longest pause between two questions for a result. */
const longestPollMs = 500;

export class ClusterClient {
  readonly rest: RestClient;

  constructor(options: RestClientOptions) {
    this.rest = new RestClient(options);
  }

  /** Sends the graph with its program; resolves when the JobManager has accepted it. */
  async submitJob(jobGraph: JobGraph, artifact: { readonly path: string; readonly hash: string }): Promise<void> {
    const graphFile = `${jobGraph.jobId}.weir-jobgraph.json`;
    const artifactFile = `${artifact.hash}.weir-artifact.tgz`;
    const body = multipartBody([
      { name: 'request', json: { jobGraphFileName: graphFile, jobJarFileNames: [artifactFile], jobArtifactFileNames: [] } },
      { name: 'file_0', fileName: graphFile, bytes: Buffer.from(JSON.stringify(jobGraph)) },
      { name: 'file_1', fileName: artifactFile, path: artifact.path },
    ]);
    await this.rest.send('POST', '/jobs', body);
  }

  async listJobs(): Promise<JobRow[]> {
    const { jobs } = await this.rest.get<{ jobs: Record<string, unknown>[] }>('/jobs/overview');
    return jobs.map((row) => ({
      jobId: String(row['jid']),
      name: String(row['name']),
      state: String(row['state']),
      startTime: Number(row['start-time']),
      endTime: Number(row['end-time']),
    }));
  }

  async jobStatus(jobId: JobId): Promise<string> {
    return (await this.rest.get<{ status: string }>(`/jobs/${jobId}/status`)).status;
  }

  /** Waits until the job is initialised; gives the status it then has. */
  async awaitInitialised(jobId: JobId): Promise<string> {
    return pollUntil(async () => {
      const status = await this.jobStatus(jobId);
      return status === 'INITIALIZING' ? undefined : status;
    });
  }

  /** What a job lacks when all its tasks wait for slots; undefined when they do not. */
  async missingSlots(jobId: JobId): Promise<{ total: number; available: number; taskManagers: number } | undefined> {
    const job = await this.rest.get<{ 'status-counts': Record<string, number> }>(`/jobs/${jobId}`);
    const elsewhere = Object.entries(job['status-counts']).filter(([state, count]) => state !== 'SCHEDULED' && count > 0);
    if (elsewhere.length > 0) return undefined;
    const cluster = await this.rest.get<Record<string, number>>('/overview');
    const figure = (name: string): number => cluster[name] ?? 0;
    return { total: figure('slots-total'), available: figure('slots-available'), taskManagers: figure('taskmanagers') };
  }

  /** Resolves when cancelling has begun, not when the job has reached CANCELED. */
  async cancelJob(jobId: JobId): Promise<void> {
    await this.rest.patch(`/jobs/${jobId}?mode=cancel`);
  }

  /** Waits for the end of the job, however long that takes. */
  async awaitOutcome(jobId: JobId): Promise<JobOutcome> {
    return pollUntil(() => this.outcome(jobId));
  }

  /** Undefined while the job runs. */
  async outcome(jobId: JobId): Promise<JobOutcome | undefined> {
    const answer = await this.rest.get<ExecutionResultAnswer>(`/jobs/${jobId}/execution-result`);
    const result = answer['job-execution-result'];
    if (answer.status.id !== 'COMPLETED' || !result || result['application-status'] === 'UNKNOWN') return undefined;
    const cause = result['failure-cause'];
    return {
      jobId,
      status: result['application-status'],
      netRuntimeMs: result['net-runtime'],
      failure: cause ? { className: cause.class, stackTrace: cause['stack-trace'] } : undefined,
    };
  }

  async accumulators(jobId: JobId): Promise<AccumulatorValue[]> {
    const answer = await this.rest.get<{ 'user-task-accumulators'?: AccumulatorValue[] }>(`/jobs/${jobId}/accumulators`);
    return answer['user-task-accumulators'] ?? [];
  }

  /** Records of `executeAndCollect`; waits while there are none. */
  async collect(jobId: JobId, resultId: string): Promise<CollectedBlocks> {
    const answer = await this.rest.get<{ blocks: string[]; done: boolean }>(`/jobs/${jobId}/collect/${resultId}`);
    return { blocks: answer.blocks.map((block) => Buffer.from(block, 'base64')), done: answer.done };
  }

  /** Tells the cluster that this client still waits; without it a job that depends on its client is cancelled. */
  async heartbeat(jobId: JobId, expiresAtMs: number): Promise<void> {
    await this.rest.patch(`/jobs/${jobId}/clientHeartbeat`, { expiredTimestamp: expiresAtMs });
  }

  /** Returns the trigger id. */
  async triggerSavepoint(
    jobId: JobId,
    request: { targetDirectory?: string | undefined; cancelJob: boolean; format: SavepointFormat },
  ): Promise<string> {
    const answer = await this.rest.post<TriggerAnswer>(`/jobs/${jobId}/savepoints`, {
      'target-directory': request.targetDirectory ?? null,
      'cancel-job': request.cancelJob,
      formatType: request.format,
      triggerId: null,
    });
    return answer['request-id'];
  }

  /** Returns the trigger id; the result is asked for as a savepoint's. */
  async triggerStop(
    jobId: JobId,
    request: { targetDirectory?: string | undefined; drain: boolean; format: SavepointFormat },
  ): Promise<string> {
    const answer = await this.rest.post<TriggerAnswer>(`/jobs/${jobId}/stop`, {
      targetDirectory: request.targetDirectory ?? null,
      drain: request.drain,
      formatType: request.format,
      triggerId: null,
    });
    return answer['request-id'];
  }

  /** Resolves with the savepoint's location. */
  async awaitSavepoint(jobId: JobId, triggerId: string, timeoutMs: number): Promise<string> {
    const operation = await this.#awaitOperation(`/jobs/${jobId}/savepoints/${triggerId}`, timeoutMs);
    return String(operation['location']);
  }

  async triggerCheckpoint(jobId: JobId, full: boolean): Promise<string> {
    const body = { checkpointType: full ? 'FULL' : 'CONFIGURED', triggerId: null };
    return (await this.rest.post<TriggerAnswer>(`/jobs/${jobId}/checkpoints`, body))['request-id'];
  }

  async awaitCheckpoint(jobId: JobId, triggerId: string, timeoutMs: number): Promise<number> {
    const operation = await this.#awaitOperation(`/jobs/${jobId}/checkpoints/${triggerId}`, timeoutMs);
    return Number(operation['checkpointId']);
  }

  async disposeSavepoint(path: string, timeoutMs: number): Promise<void> {
    const answer = await this.rest.post<TriggerAnswer>('/savepoint-disposal', { 'savepoint-path': path });
    await this.#awaitOperation(`/savepoint-disposal/${answer['request-id']}`, timeoutMs);
  }

  async shutDownCluster(): Promise<void> {
    await this.rest.call('DELETE', '/cluster');
  }

  async #awaitOperation(path: string, timeoutMs: number): Promise<Record<string, unknown>> {
    const deadline = performance.now() + timeoutMs;
    return pollUntil(async () => {
      const answer = await this.rest.get<OperationAnswer>(path);
      if (answer.status.id === 'COMPLETED') return operationResult(answer.operation ?? {});
      if (performance.now() > deadline) throw operationTimeout(path, timeoutMs);
      return undefined;
    });
  }
}

interface ExecutionResultAnswer {
  readonly status: { readonly id: string };
  readonly 'job-execution-result'?:
    | {
        readonly 'application-status': JobOutcome['status'] | 'UNKNOWN';
        readonly 'net-runtime': number;
        readonly 'failure-cause'?: { readonly class: string; readonly 'stack-trace': string } | null;
      }
    | null
    | undefined;
}

interface TriggerAnswer {
  readonly 'request-id': string;
}

interface OperationAnswer {
  readonly status: { readonly id: string };
  readonly operation?: Record<string, unknown> | null | undefined;
}

/** A failed operation is a success of HTTP with a cause inside. */
function operationResult(operation: Record<string, unknown>): Record<string, unknown> {
  const cause = (operation['failure-cause'] ?? operation['failureCause']) as { 'stack-trace'?: string } | undefined | null;
  if (!cause) return operation;
  throw new ExternalError('OPERATION_FAILED', { problem: String(cause['stack-trace'] ?? 'The operation failed.'), retriable: false });
}

function operationTimeout(path: string, timeoutMs: number): ExternalError {
  return new ExternalError('OPERATION_TIMEOUT', {
    problem: `There was no result within ${timeoutMs / 1000} s (client.timeout). The operation goes on in the cluster.`,
    tryNext: [`Ask for its result later: GET ${path}`, 'Wait longer: -Dclient.timeout=10min'],
    retriable: true,
  });
}

/** Asks until there is an answer; the pauses grow from 10 ms. */
async function pollUntil<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (let pauseMs = 10; ; pauseMs = Math.min(longestPollMs, pauseMs * 2)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise((resume) => setTimeout(resume, pauseMs));
  }
}
