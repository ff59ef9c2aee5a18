/** One slot's worker thread as the TaskManager's main thread sees it: started warm, called over its port, and killable. */
import { Worker } from 'node:worker_threads';
import type { SlotLimits } from '../../config/memory/process-memory.ts';
import { ExternalError, type SerializedError, serializeError } from '../../shared/errors.ts';
import type { TaskManagerId } from '../../shared/ids.ts';
import { ThreadHeap, type ThreadMemory } from '../../shared/thread-heap.ts';
import { within } from '../../shared/time.ts';
import { type CpuProfile, profileWorker } from '../metrics/cpu-profile.ts';
import type { ThreadReport } from '../metrics/thread-report.ts';
import type { SlotMemory } from '../network/memory/segments.ts';
import { openPortRpc } from '../rpc/port.ts';
import { slotOutOfMemory } from '../task/heap-watch.ts';
import type { SlotRuntimeGateway, SlotRuntimeListener } from '../task/task-host.ts';

/** `workerData` of a slot's thread. */
export interface SlotThreadData {
  readonly configuration: Readonly<Record<string, string>>;
  readonly taskManagerId: TaskManagerId;
  readonly slotIndex: number;
  /** Where other TaskManagers reach this one; its slots listen on `bindHost`. Undefined: there are no others. */
  readonly host: string;
  readonly bindHost?: string | undefined;
  readonly dataPort: number;
  readonly memory: SlotMemory;
  readonly heapLimitBytes?: number | undefined;
  readonly logFile?: string | undefined;
  readonly logLevel: string;
}

/** What the thread answers besides its tasks' calls. */
export interface SlotThreadGateway extends SlotRuntimeGateway {
  /** Answers as soon as the thread's event loop turns. */
  ping(): Promise<void>;
}

/** What the thread says besides its tasks' news. */
export interface SlotThreadListener extends SlotRuntimeListener {
  /** The data plane listens. */
  ready(dataPort: number): void;
}

type Remote<T> = { [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never };

export interface SlotThreadOptions {
  /** The module that the thread runs. */
  readonly entry: string;
  readonly data: SlotThreadData;
  /** Undefined: V8's own. */
  readonly limits?: SlotLimits['resourceLimits'] | undefined;
  readonly listener: SlotRuntimeListener;
  /** The thread ended without having been asked to. Called at most once. */
  readonly onDeath: (cause: SerializedError) => void;
}

/** A busy thread still answers between two slices; one that does not for so long is stuck in user code. */
export const answerPatienceMs = 5000;
/** `terminate` ends loops and waits in milliseconds, but not a thread inside a blocking system call. */
export const terminationPatienceMs = 10_000;

export class SlotThread {
  readonly #options: SlotThreadOptions;
  readonly #worker: Worker;
  readonly #rpc: { remote: Remote<SlotThreadGateway>; close(error: Error): void };
  readonly #ready: Promise<number>;
  readonly #ended: Promise<void>;
  readonly #heap: ThreadHeap;
  #terminating = false;
  #dead = false;
  /** What the thread said last about its heap. */
  report: ThreadReport | undefined;

  constructor(options: SlotThreadOptions) {
    this.#options = options;
    const { limits, data, listener } = options;
    this.#worker = new Worker(options.entry, {
      name: `slot ${data.slotIndex}`,
      workerData: data,
      execArgv: [],
      trackUnmanagedFds: true,
      ...(limits ? { resourceLimits: limits } : {}),
    });
    this.#heap = new ThreadHeap(this.#worker);
    let markReady: (port: number) => void = () => {};
    let failReady: (error: Error) => void = () => {};
    this.#ready = new Promise<number>((resolve, reject) => {
      markReady = resolve;
      failReady = reject;
    });
    this.#ready.catch(() => {});
    const handlers: SlotThreadListener = {
      ready: (port) => markReady(port),
      taskStateChanged: (update) => listener.taskStateChanged(update),
      operatorEvent: (request) => listener.operatorEvent(request),
      acknowledgeCheckpoint: (ack) => listener.acknowledgeCheckpoint(ack),
      declineCheckpoint: (decline) => listener.declineCheckpoint(decline),
      report: (report) => {
        this.report = report.thread;
        listener.report(report);
      },
      slotFailed: (cause) => listener.slotFailed(cause),
    };
    this.#rpc = openPortRpc<Remote<SlotThreadGateway>>(this.#worker, handlers);
    let failure: unknown;
    this.#worker.on('error', (error) => {
      failure = error;
    });
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#dead = true;
        const cause = this.#describeDeath(failure, code);
        failReady(cause);
        this.#rpc.close(cause);
        resolve();
        if (!this.#terminating) options.onDeath(serializeError(cause));
      });
    });
  }

  /** Resolves with the port of the slot's data listener. */
  ready(): Promise<number> {
    return this.#ready;
  }

  get gateway(): Remote<SlotThreadGateway> {
    return this.#rpc.remote;
  }

  memory(): Promise<ThreadMemory | undefined> {
    return this.#heap.read();
  }

  /** Where it spends its time, for so long; undefined when it does not take part. */
  profile(durationMs: number): Promise<CpuProfile | undefined> {
    return profileWorker(this.#worker, durationMs);
  }

  get isDead(): boolean {
    return this.#dead;
  }

  /** False when the thread does not come to its event loop for so long. */
  async answers(patienceMs = answerPatienceMs): Promise<boolean> {
    const answer = this.#rpc.remote.ping().then(
      () => true,
      () => this.#dead,
    );
    return (await within(patienceMs, answer)) ?? false;
  }

  /** False when the thread could not be ended: it sits in a system call, and only the end of the process frees it. */
  async terminate(patienceMs = terminationPatienceMs): Promise<boolean> {
    this.#terminating = true;
    void this.#worker.terminate();
    const ended = this.#ended.then(() => true);
    return patienceMs === Number.POSITIVE_INFINITY ? ended : ((await within(patienceMs, ended)) ?? false);
  }

  #describeDeath(failure: unknown, code: number): Error {
    const { slotIndex, heapLimitBytes } = this.#options.data;
    if ((failure as { code?: string } | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY') return slotOutOfMemory(undefined, heapLimitBytes);
    return new ExternalError('SLOT_DIED', {
      problem: `The thread of slot ${slotIndex} ended with code ${code}.`,
      found: failure instanceof Error ? failure.message : undefined,
      retriable: true,
      cause: failure,
    });
  }
}
