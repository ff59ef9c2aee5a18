/** The JobManager's handle of a user-code thread: whatever user code does there, the JobManager goes on. */
import { Worker } from 'node:worker_threads';
import type { JobGraph } from '../../graph/job-graph.ts';
import type { BlobStore } from '../../runtime/dispatcher/blob-store.ts';
import type { Dispatcher } from '../../runtime/dispatcher/dispatcher.ts';
import type { JobUserCode, JobUserCodeListener } from '../../runtime/jobmaster/job-master.ts';
import type { JobResult, OperatorEvent } from '../../runtime/rpc/gateways.ts';
import { openPortRpc, type PortRpc } from '../../runtime/rpc/port.ts';
import { ExternalError, type SerializedError, serializeError } from '../../shared/errors.ts';
import type { BlobKey, OperatorId } from '../../shared/ids.ts';
import type { EmbeddedDispatcher } from '../embedded-executor.ts';
import type { UserCodeGateway, UserCodeThreadData, UserCodeThreadListener } from './user-code-thread.ts';

export interface UserCodeWorkerOptions {
  /** The module that the thread runs. */
  readonly entry: string;
  readonly heapLimitMb: number;
  readonly logFile?: string | undefined;
  readonly logLevel: string;
}

/** Of a thread that submits no jobs. */
const noDispatcher = {
  submitJob: async () => {},
  jobStatus: async () => 'FAILED',
  cancelJob: async () => {},
  jobResult: () => new Promise<never>(() => {}),
  collect: async () => ({ records: [], done: true }),
} as const satisfies EmbeddedDispatcher;

/** The Dispatcher of this process, as a program's thread reaches it. */
export function embeddedDispatcher(dispatcher: Dispatcher): EmbeddedDispatcher {
  return {
    submitJob: async (jobGraph, artifactPath) => {
      await dispatcher.putBlob(artifactPath);
      await dispatcher.submitJob(jobGraph);
    },
    jobStatus: async (jobId) => (await dispatcher.requestJob(jobId)).status,
    cancelJob: (jobId) => dispatcher.cancelJob(jobId),
    jobResult: async (jobId) => (await dispatcher.master(jobId)?.whenDone()) ?? ((await dispatcher.requestJobResult(jobId)) as JobResult),
    collect: (jobId, resultId) => dispatcher.takeCollected(jobId, resultId),
  };
}

type Remote = {
  [K in keyof UserCodeGateway]: (...args: Parameters<UserCodeGateway[K]>) => Promise<Awaited<ReturnType<UserCodeGateway[K]>>>;
};

export class UserCodeWorker {
  readonly #worker: Worker;
  readonly #rpc: PortRpc<Remote>;
  #terminated = false;

  constructor(options: UserCodeWorkerOptions, name: string, listener: UserCodeThreadListener) {
    const { entry, heapLimitMb, logFile, logLevel } = options;
    this.#worker = new Worker(entry, {
      name,
      workerData: { name, logFile, logLevel } satisfies UserCodeThreadData,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: heapLimitMb, maxYoungGenerationSizeMb: 8, codeRangeSizeMb: 16, stackSizeMb: 4 },
    });
    this.#rpc = openPortRpc<Remote>(this.#worker, listener);
    let failure: Error | undefined;
    this.#worker.on('error', (error) => {
      failure = error as Error;
    });
    this.#worker.once('exit', (code) => {
      const cause = new ExternalError('USER_CODE_THREAD_DIED', {
        problem: `The thread of ${name} in the JobManager ended with code ${code}.`,
        found: failure?.message,
        tryNext: ['A split enumerator or main that keeps much in memory needs a larger jobmanager.memory.process.size.'],
        retriable: true,
        cause: failure,
      });
      this.#rpc.close(cause);
      if (!this.#terminated) listener.fail(serializeError(cause));
    });
  }

  get remote(): Remote {
    return this.#rpc.remote;
  }

  async terminate(): Promise<void> {
    this.#terminated = true;
    await this.#worker.terminate();
  }
}

/** The coordinators of one job's sources, in a thread of their own. A reset starts a new thread. */
export class JobUserCodeThread implements JobUserCode {
  readonly #options: UserCodeWorkerOptions;
  readonly #blobs: BlobStore;
  readonly #jobGraph: JobGraph;
  readonly #listener: JobUserCodeListener;
  #worker: UserCodeWorker | undefined;

  constructor(options: UserCodeWorkerOptions, blobs: BlobStore, jobGraph: JobGraph, listener: JobUserCodeListener) {
    this.#options = options;
    this.#blobs = blobs;
    this.#jobGraph = jobGraph;
    this.#listener = listener;
  }

  async start(): Promise<void> {
    const worker = new UserCodeWorker(this.#options, `job ${this.#jobGraph.jobId}`, {
      sendEvent: (operatorId, subtaskIndex, event) => this.#listener.sendEvent(operatorId, subtaskIndex, event),
      fail: (cause: SerializedError) => this.#listener.fail(cause),
      ...noDispatcher,
    });
    this.#worker = worker;
    const artifactDirectory = await this.#blobs.unpack(this.#jobGraph.program.artifact as BlobKey);
    await worker.remote.startCoordinators({ jobGraph: this.#jobGraph, artifactDirectory });
  }

  handleEvent(operatorId: OperatorId, subtaskIndex: number, event: OperatorEvent): void {
    void this.#worker?.remote.handleEvent(operatorId, subtaskIndex, event).catch(() => {});
  }

  subtaskFailed(operatorId: OperatorId, subtaskIndex: number): void {
    void this.#worker?.remote.subtaskFailed(operatorId, subtaskIndex).catch(() => {});
  }

  async reset(): Promise<void> {
    await this.close();
    await this.start();
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}
