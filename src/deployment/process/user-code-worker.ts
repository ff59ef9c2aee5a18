/** The JobManager's handle of a user-code thread: whatever user code does there, the JobManager goes on. */
import { Worker } from 'node:worker_threads';
import { watchedThreadLimits } from '../../config/memory/process-memory.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import type { BlobStore } from '../../runtime/dispatcher/blob-store.ts';
import type { Dispatcher } from '../../runtime/dispatcher/dispatcher.ts';
import type { JobResult } from '../../runtime/rpc/gateways.ts';
import type { JobUserCode, JobUserCodeListener } from '../../runtime/rpc/job-user-code.ts';
import { openPortRpc, type PortRpc } from '../../runtime/rpc/port.ts';
import { ExternalError, type SerializedError, serializeError } from '../../shared/errors.ts';
import type { BlobKey, OperatorId } from '../../shared/ids.ts';
import { ThreadHeap } from '../../shared/thread-heap.ts';
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
  collect: async () => ({ blocks: [], done: true }),
  triggerSavepoint: () => new Promise<never>(() => {}),
  stopWithSavepoint: () => new Promise<never>(() => {}),
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
    triggerSavepoint: (jobId, directory) => dispatcher.triggerSavepoint(jobId, { directory, cancelJob: false }),
    stopWithSavepoint: (jobId, options) => dispatcher.stopWithSavepoint(jobId, options),
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
      resourceLimits: watchedThreadLimits(heapLimitMb, 8),
    });
    let reason: string | undefined;
    const stopWatch = new ThreadHeap(this.#worker).watch(heapLimitMb * 2 ** 20, (bytes) => {
      reason = `It took ${Math.round(bytes / 2 ** 20)} MB of heap, and ${heapLimitMb} MB are allowed.`;
      void this.#worker.terminate();
    });
    this.#rpc = openPortRpc<Remote>(this.#worker, listener);
    this.#worker.on('error', (error) => {
      reason ??= (error as Error).message;
    });
    this.#worker.once('exit', (code) => {
      stopWatch();
      const cause = new ExternalError('USER_CODE_THREAD_DIED', {
        problem: `The thread of ${name} in the JobManager ended with code ${code}.`,
        found: reason,
        tryNext: ['A split enumerator or main that keeps much in memory needs a larger jobmanager.memory.process.size.'],
        retriable: true,
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

  async start(stored: ReadonlyMap<OperatorId, Uint8Array>): Promise<void> {
    const { jobId, program } = this.#jobGraph;
    const ifPresent =
      <A extends unknown[]>(tell: (...args: A) => void) =>
      (...args: A): void => {
        if (this.#worker === worker) tell(...args);
      };
    const worker: UserCodeWorker = new UserCodeWorker(this.#options, `job ${jobId}`, {
      sendEvent: ifPresent((...event) => this.#listener.sendEvent(...event)),
      snapshotTaken: ifPresent((...snapshot) => this.#listener.snapshotTaken(...snapshot)),
      snapshotFailed: ifPresent((...failure) => this.#listener.snapshotFailed(...failure)),
      fail: ifPresent((cause: SerializedError) => this.#listener.fail(cause)),
      ...noDispatcher,
    });
    this.#worker = worker;
    const artifactDirectory = await this.#blobs.unpack(program.artifact as BlobKey);
    await worker.remote.startCoordinators({ jobGraph: this.#jobGraph, artifactDirectory, stored });
  }

  handleEvent(...event: Parameters<JobUserCode['handleEvent']>): void {
    void this.#worker?.remote.handleEvent(...event).catch(() => {});
  }

  subtaskFailed(...subtask: Parameters<JobUserCode['subtaskFailed']>): void {
    void this.#worker?.remote.subtaskFailed(...subtask).catch(() => {});
  }

  subtaskReset(...subtask: Parameters<JobUserCode['subtaskReset']>): void {
    void this.#worker?.remote.subtaskReset(...subtask).catch(() => {});
  }

  snapshot(checkpointId: number): void {
    void this.#worker?.remote.snapshot(checkpointId).catch(() => {});
  }

  checkpointCompleted(checkpointId: number): void {
    void this.#worker?.remote.checkpointCompleted(checkpointId).catch(() => {});
  }

  async reset(stored: ReadonlyMap<OperatorId, Uint8Array>): Promise<void> {
    await this.close();
    await this.start(stored);
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}

/** For threads that run a `main`. */
export const noCoordinators: Omit<JobUserCodeListener, 'fail'> = { sendEvent() {}, snapshotTaken() {}, snapshotFailed() {} };
