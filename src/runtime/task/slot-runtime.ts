/**
 * The loop of one slot thread: mails first, then a bounded slice of each runnable task in turn, then the event loop. A slot
 * with nothing to do sleeps on one doorbell.
 */
import type { Configuration } from '../../config/configuration.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import type { ProgramLoader, ReplayableProgram } from '../../program/program.ts';
import { type SerializedError, serializeError, UserError } from '../../shared/errors.ts';
import type { ExecutionAttemptId, JobId, OperatorId } from '../../shared/ids.ts';
import type { Clock } from '../../shared/time.ts';
import type { CheckpointStreams } from '../../state/storage/checkpoint-streams.ts';
import type { CodecFactory } from '../../types/codec.ts';
import { reportThread } from '../metrics/thread-report.ts';
import type { NetworkUsage, SlotNetwork } from '../network/slot-network.ts';
import type { OperatorEvent, TaskDeploymentDescriptor } from '../rpc/gateways.ts';
import { HeapWatch } from './heap-watch.ts';
import { StreamTask } from './stream-task.ts';
import type { SharedChannels, SlotRuntimeGateway, SlotRuntimeListener } from './task-host.ts';

/** Longer slices delay timers; shorter ones cost turns. */
const sliceMs = 1;

export interface SlotRuntimeOptions {
  readonly config: Configuration;
  readonly network: SlotNetwork;
  readonly loadProgram: ProgramLoader;
  readonly listener: SlotRuntimeListener;
  readonly clock: Clock;
  /** For the log of the process. */
  readonly warn?: ((message: string) => void) | undefined;
  readonly codecs: CodecFactory;
  readonly streams: CheckpointStreams;
  /** What the objects of this thread may take; undefined: not watched. */
  readonly heapLimitBytes?: number | undefined;
}

interface LoadedJob {
  readonly jobGraph: JobGraph;
  readonly program: Promise<ReplayableProgram>;
}

/** What the slot holds now: nothing, when no job is there. */
export interface SlotUsage extends NetworkUsage {
  readonly tasks: number;
  readonly jobs: number;
}

export class SlotRuntime implements SlotRuntimeGateway {
  readonly #options: SlotRuntimeOptions;
  readonly #jobs = new Map<JobId, LoadedJob>();
  readonly #tasks = new Map<ExecutionAttemptId, StreamTask>();
  #turnScheduled = false;
  #sleeping = false;
  #closed = false;
  #stopFlushTimer: (() => void) | undefined;
  #onNoTasks: (() => void) | undefined;
  #stopReports: (() => void) | undefined;
  readonly #heap: HeapWatch | undefined;

  constructor(options: SlotRuntimeOptions) {
    this.#options = options;
    this.#heap = options.heapLimitBytes === undefined ? undefined : new HeapWatch(options.heapLimitBytes);
    this.#scheduleReport();
    this.#scheduleTurn();
  }

  async prepareJob({ jobGraph, artifactDirectory }: { jobGraph: JobGraph; artifactDirectory: string | undefined }): Promise<void> {
    if (this.#jobs.has(jobGraph.jobId)) return;
    const program = this.#options.loadProgram(jobGraph, artifactDirectory);
    program.catch(() => {});
    this.#jobs.set(jobGraph.jobId, { jobGraph, program });
  }

  get usage(): SlotUsage {
    return { tasks: this.#tasks.size, jobs: this.#jobs.size, ...this.#options.network.usage };
  }

  /** No task has anything to do, or is being started. */
  get isIdle(): boolean {
    return !this.#turnScheduled && !this.#anyRunnable() && ![...this.#tasks.values()].some((task) => task.isStarting);
  }

  /** The job is over, as far as this slot goes. */
  forgetJob(jobId: JobId): void {
    this.#jobs.delete(jobId);
  }

  async submitTask({ descriptor, channels }: { descriptor: TaskDeploymentDescriptor; channels: SharedChannels }): Promise<void> {
    const job = this.#jobs.get(descriptor.jobId);
    if (!job) throw new UserError('JOB_NOT_PREPARED', { problem: `The job ${descriptor.jobId} was not sent to this slot.` });
    const { network, codecs, streams, listener, clock } = this.#options;
    const task = new StreamTask({
      descriptor,
      jobGraph: job.jobGraph,
      program: { replay: async () => (await job.program).replay() },
      channels,
      network,
      codecs,
      streams,
      listener,
      clock,
      warn: this.#options.warn,
      wake: () => this.#scheduleTurn(),
      onTerminal: (ended) => {
        this.#tasks.delete(ended.attemptId);
        if (this.#tasks.size === 0) this.#onNoTasks?.();
      },
    });
    this.#tasks.set(descriptor.attemptId, task);
    void task.start();
  }

  cancelTask(attemptId: ExecutionAttemptId): void {
    this.#tasks.get(attemptId)?.cancel();
  }

  operatorEvent({ attemptId, operatorId, event }: { attemptId: ExecutionAttemptId; operatorId: OperatorId; event: OperatorEvent }): void {
    this.#tasks.get(attemptId)?.handleOperatorEvent(operatorId, event);
  }

  triggerCheckpoint({ attemptId, checkpointId, timestamp, options }: Parameters<SlotRuntimeGateway['triggerCheckpoint']>[0]): void {
    this.#tasks.get(attemptId)?.triggerCheckpoint({ checkpointId, timestamp, options });
  }

  notifyCheckpointComplete({ attemptId, checkpointId }: Parameters<SlotRuntimeGateway['notifyCheckpointComplete']>[0]): void {
    this.#tasks.get(attemptId)?.notifyCheckpointComplete(checkpointId);
  }

  notifyCheckpointAborted(request: Parameters<SlotRuntimeGateway['notifyCheckpointAborted']>[0]): void {
    this.#tasks.get(request.attemptId)?.notifyCheckpointAborted(request.checkpointId, request.latestCompletedId);
  }

  peerLost({ attemptIds, cause }: { attemptIds: readonly ExecutionAttemptId[]; cause: SerializedError }): void {
    this.#options.network.peerLost(attemptIds, cause);
  }

  /** Fails every task of the slot: something happened that no single one can be blamed for. */
  failAll(error: unknown): void {
    for (const task of this.#tasks.values()) task.fail(error);
  }

  report(): void {
    const tasks = [...this.#tasks.values()];
    this.#options.listener.report({
      accumulators: tasks.map((task) => task.accumulatorReport()),
      thread: reportThread(),
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stopReports?.();
    this.#stopFlushTimer?.();
    if (this.#tasks.size > 0) {
      const ended = new Promise<void>((resolve) => {
        this.#onNoTasks = resolve;
      });
      for (const task of [...this.#tasks.values()]) task.cancel();
      await ended;
    }
    await this.#options.network.close();
  }

  #scheduleTurn(): void {
    if (this.#turnScheduled || this.#closed) return;
    this.#turnScheduled = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#turnScheduled = false;
    if (this.#closed) return;
    const { network, clock } = this.#options;
    const begun = clock.monotonic();
    let ran = false;
    // Several rounds: tasks that feed each other take turns while what passes between them is still in the processor's cache.
    while (this.#runRound()) {
      ran = true;
      if (clock.monotonic() - begun >= sliceMs) break;
    }
    if (ran) this.#watchHeap();
    if (this.#closed) return;
    this.#flush(network.flushDue(clock.monotonic()));
    if (this.#anyRunnable()) this.#scheduleTurn();
    else this.#sleep();
  }

  /** A slice of each task that has something to do; false when none has. */
  #runRound(): boolean {
    const { network, clock } = this.#options;
    network.poll();
    let ran = false;
    for (const task of this.#tasks.values()) {
      if (!task.isRunnable) continue;
      ran = true;
      task.runSlice(clock.monotonic() + sliceMs);
    }
    return ran;
  }

  #anyRunnable(): boolean {
    for (const task of this.#tasks.values()) if (task.isRunnable) return true;
    return false;
  }

  /** One wait at a time: it stays outstanding while turns come and go for other reasons. */
  #sleep(): void {
    if (this.#sleeping) return;
    this.#sleeping = true;
    void this.#options.network.sleep().then(() => {
      this.#sleeping = false;
      this.#scheduleTurn();
    });
  }

  #flush(dueInMs: number): void {
    this.#stopFlushTimer?.();
    this.#stopFlushTimer = undefined;
    if (dueInMs === Number.POSITIVE_INFINITY) return;
    this.#stopFlushTimer = this.#options.clock.schedule(Math.ceil(dueInMs), () => this.#scheduleTurn());
  }

  /** What fills the heap may be out of every task's reach (globals of the program), so the whole thread has to go. */
  #watchHeap(): void {
    const error = this.#heap?.afterSlice();
    if (!error) return;
    this.#closed = true;
    this.#options.listener.slotFailed(serializeError(error));
  }

  #scheduleReport(): void {
    this.#stopReports = this.#options.clock.schedule(1000, () => {
      if (this.#closed) return;
      this.report();
      this.#scheduleReport();
    });
  }
}
