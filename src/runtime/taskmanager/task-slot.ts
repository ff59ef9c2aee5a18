/**
 * One slot of a TaskManager: its allocation, the attempts that live in it, and the thread they live on. A thread that ran a
 * job is never given to another one; it is replaced by a fresh thread when the slot is freed.
 */
import { type SerializedError, serializeError, UserError } from '../../shared/errors.ts';
import type { AllocationId, ExecutionAttemptId, JobId } from '../../shared/ids.ts';
import type { AccumulatorReport, TaskExecutionStateUpdate } from '../rpc/gateways.ts';
import type { SlotRuntimeListener } from '../task/task-host.ts';
import { answerPatienceMs, type SlotThread, terminationPatienceMs } from './slot-thread.ts';

export interface SlotAllocation {
  readonly allocationId: AllocationId;
  readonly jobId: JobId;
}

interface LiveAttempt {
  readonly jobId: JobId;
  readonly taskName: string;
  canceling: boolean;
}

export interface TaskSlotListener {
  taskStateChanged(update: TaskExecutionStateUpdate): void;
  operatorEvent: SlotRuntimeListener['operatorEvent'];
  acknowledgeCheckpoint: SlotRuntimeListener['acknowledgeCheckpoint'];
  declineCheckpoint: SlotRuntimeListener['declineCheckpoint'];
  reported(reports: readonly AccumulatorReport[]): void;
  /** The attempt is over, however it ended: its shared memory can go. */
  attemptEnded(attemptId: ExecutionAttemptId, finished: boolean): void;
  /** Its thread died under an allocation; all its attempts have been reported. */
  slotLost(slot: TaskSlot, allocation: SlotAllocation, cause: SerializedError): void;
  /** The thread cannot be ended; only the death of the process helps. */
  unkillable(slot: TaskSlot): void;
}

export class TaskSlot {
  readonly index: number;
  readonly #startThread: (listener: SlotRuntimeListener, onDeath: (cause: SerializedError) => void) => SlotThread;
  readonly #listener: TaskSlotListener;
  readonly #attempts = new Map<ExecutionAttemptId, LiveAttempt>();
  readonly #prepared = new Set<JobId>();
  #thread: SlotThread;
  #used = false;
  #renewal: Promise<void> = Promise.resolve();
  allocation: SlotAllocation | undefined;
  accumulators: readonly AccumulatorReport[] = [];

  constructor(
    index: number,
    startThread: (listener: SlotRuntimeListener, onDeath: (cause: SerializedError) => void) => SlotThread,
    listener: TaskSlotListener,
  ) {
    this.index = index;
    this.#startThread = startThread;
    this.#listener = listener;
    this.#thread = this.#newThread();
  }

  get thread(): SlotThread {
    return this.#thread;
  }

  get taskNames(): string[] {
    return [...this.#attempts.values()].map((attempt) => attempt.taskName);
  }

  hasAttempt(attemptId: ExecutionAttemptId): boolean {
    return this.#attempts.has(attemptId);
  }

  /** Resolves with the data port once a fresh thread listens. */
  async ready(): Promise<number> {
    await this.#renewal;
    return this.#thread.ready();
  }

  /** True the first time for a job on this thread. */
  markPrepared(jobId: JobId): boolean {
    if (this.#prepared.has(jobId)) return false;
    this.#prepared.add(jobId);
    return true;
  }

  attemptSubmitted(attemptId: ExecutionAttemptId, jobId: JobId, taskName: string): void {
    this.#used = true;
    this.#attempts.set(attemptId, { jobId, taskName, canceling: false });
  }

  /** False for an attempt that is gone; one whose cancellation was asked for before its thread knew of it ends here. */
  canStart(attemptId: ExecutionAttemptId): boolean {
    const attempt = this.#attempts.get(attemptId);
    if (attempt?.canceling) this.#ended(attemptId, attempt, undefined);
    return attempt !== undefined && !attempt.canceling;
  }

  /** The thread never took it. */
  attemptRefused(attemptId: ExecutionAttemptId, cause: SerializedError): void {
    const attempt = this.#attempts.get(attemptId);
    if (attempt) this.#ended(attemptId, attempt, cause);
  }

  /**
   * Asks the attempt to stop. Ends the thread when it does not answer for a while, at most half of `timeoutMs`, or when the
   * attempt outlives `timeoutMs`. With 0 the process is never ended for a thread that cannot be, and no attempt for its age.
   */
  async cancel(attemptId: ExecutionAttemptId, timeoutMs: number): Promise<void> {
    const attempt = this.#attempts.get(attemptId);
    if (!attempt || attempt.canceling) return;
    attempt.canceling = true;
    const thread = this.#thread;
    void thread.gateway.cancelTask(attemptId).catch(() => {});
    const halfMs = timeoutMs > 0 ? timeoutMs / 2 : Number.POSITIVE_INFINITY;
    if (!(await thread.answers(Math.min(answerPatienceMs, halfMs))) && this.#attempts.has(attemptId)) {
      await this.kill(stuck(attempt.taskName), timeoutMs > 0 ? Math.min(terminationPatienceMs, halfMs) : halfMs);
      return;
    }
    if (timeoutMs > 0) this.#watch(attemptId, attempt.taskName, timeoutMs);
  }

  /** Ends the thread at once. Its attempts are reported: cancelled where that was asked for, else failed with `cause`. */
  async kill(cause: SerializedError, patienceMs = terminationPatienceMs): Promise<void> {
    const thread = this.#thread;
    if (!(await thread.terminate(patienceMs))) {
      this.#listener.unkillable(this);
      return;
    }
    if (thread === this.#thread) this.#died(cause);
  }

  /** Frees the slot; a thread that has run anything is replaced. */
  async free(): Promise<void> {
    this.allocation = undefined;
    if (!this.#used) return;
    const thread = this.#thread;
    this.#renewal = this.#renew(thread, [...this.#attempts.keys()]);
    await this.#renewal;
  }

  async close(): Promise<void> {
    this.allocation = undefined;
    await this.#renewal;
    await this.#thread.terminate();
  }

  async #renew(old: SlotThread, attempts: readonly ExecutionAttemptId[]): Promise<void> {
    for (const attemptId of attempts) this.#attempts.delete(attemptId);
    if (!(await old.terminate())) {
      this.#listener.unkillable(this);
      return;
    }
    // Not before: their memory is given to others.
    for (const attemptId of attempts) this.#listener.attemptEnded(attemptId, false);
    this.#replaceThread();
  }

  #newThread(): SlotThread {
    const listener: SlotRuntimeListener = {
      taskStateChanged: (update) => this.#taskStateChanged(update),
      operatorEvent: (request) => this.#listener.operatorEvent(request),
      acknowledgeCheckpoint: (ack) => this.#listener.acknowledgeCheckpoint(ack),
      declineCheckpoint: (decline) => this.#listener.declineCheckpoint(decline),
      report: ({ accumulators }) => {
        this.accumulators = accumulators;
        this.#listener.reported(accumulators);
      },
      slotFailed: (cause) => {
        if (thread === this.#thread) void this.kill(cause);
      },
    };
    const thread = this.#startThread(listener, (cause) => {
      if (thread === this.#thread) this.#died(cause);
    });
    return thread;
  }

  #replaceThread(): void {
    this.#used = false;
    this.#prepared.clear();
    this.accumulators = [];
    this.#thread = this.#newThread();
  }

  #taskStateChanged(update: TaskExecutionStateUpdate): void {
    const over = update.state === 'FINISHED' || update.state === 'CANCELED' || update.state === 'FAILED';
    if (over && this.#attempts.delete(update.attemptId)) this.#listener.attemptEnded(update.attemptId, update.state === 'FINISHED');
    this.#listener.taskStateChanged(update);
  }

  #died(cause: SerializedError): void {
    const names = this.taskNames;
    const located = names.length === 0 ? cause : locate(cause, names);
    for (const [attemptId, attempt] of [...this.#attempts]) this.#ended(attemptId, attempt, located);
    const { allocation } = this;
    this.allocation = undefined;
    this.#replaceThread();
    if (allocation) this.#listener.slotLost(this, allocation, located);
  }

  #forget(attemptId: ExecutionAttemptId): void {
    this.#attempts.delete(attemptId);
    this.#listener.attemptEnded(attemptId, false);
  }

  /** Without its thread having said so: cancelled where that was asked for, else failed with `cause`. */
  #ended(attemptId: ExecutionAttemptId, { jobId, canceling }: LiveAttempt, cause: SerializedError | undefined): void {
    this.#forget(attemptId);
    const state = canceling ? 'CANCELED' : 'FAILED';
    this.#listener.taskStateChanged({ jobId, attemptId, state, error: canceling ? undefined : cause });
  }

  #watch(attemptId: ExecutionAttemptId, taskName: string, timeoutMs: number): void {
    const thread = this.#thread;
    const timer = setTimeout(() => {
      if (thread === this.#thread && this.#attempts.has(attemptId)) void this.kill(stuck(taskName));
    }, timeoutMs);
    timer.unref();
  }
}

function stuck(taskName: string): SerializedError {
  return serializeError(
    new UserError('TASK_STUCK', {
      problem: `The task ${taskName} did not react to its cancellation: its code does not return. Its slot's thread was ended.`,
    }),
  );
}

/** The death of a thread names no operator by itself. */
function locate(cause: SerializedError, taskNames: readonly string[]): SerializedError {
  const running = `In this slot ran: ${taskNames.join(', ')}.`;
  return { ...cause, message: `${cause.message}\n${running}`, stack: `${cause.name}: ${cause.message}\n${running}` };
}
