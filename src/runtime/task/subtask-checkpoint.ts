/**
 * The task's side of checkpoints: the synchronous part of a snapshot between two elements, the walks that write keyed state
 * beside the stream, and the acknowledgement when all of it is durable.
 *
 * Keeps true: the barrier leaves before anything emitted behind it; nothing is processed between the barrier and the end of
 * the synchronous part; each checkpoint is acknowledged or declined at most once, and never after its abort was heard of.
 */
import type { StateSnapshotContext, StreamOperator } from '../../api/operators.ts';
import { ExternalError, serializeError } from '../../shared/errors.ts';
import { failpoint } from '../../shared/failpoint.ts';
import type { ExecutionAttemptId, JobId, OperatorId } from '../../shared/ids.ts';
import type { Clock } from '../../shared/time.ts';
import type { KeyedStateBackend, StateSnapshot } from '../../state/keyed/keyed-state-backend.ts';
import type { OperatorStateBackend } from '../../state/operator/operator-state-backend.ts';
import { type OperatorSubtaskState, stateSizeBytes, type TaskStateSnapshot } from '../../state/snapshot/handles.ts';
import type { CheckpointOutputStream, CheckpointStreams } from '../../state/storage/checkpoint-streams.ts';
import { AbortedCheckpoints } from '../network/barrier/aborted-checkpoints.ts';
import type { AlignmentMetrics, CheckpointBarrier } from '../network/barrier/barrier-handler.ts';
import type { ChannelEvent } from '../network/channel.ts';
import type { CheckpointDeclineReason } from '../rpc/gateways.ts';
import type { SlotRuntimeListener } from './task-host.ts';

/** The state of one operator of the chain. */
export interface OperatorStates {
  readonly keyedState: KeyedStateBackend | undefined;
  readonly operatorState: OperatorStateBackend;
}

interface CheckpointedOperator extends OperatorStates {
  readonly operatorId: OperatorId;
  readonly operator: StreamOperator;
}

export interface SubtaskCheckpointsOptions {
  readonly jobId: JobId;
  readonly attemptId: ExecutionAttemptId;
  readonly isRestored: boolean;
  /** Chain order; the head first. */
  readonly operators: readonly CheckpointedOperator[];
  readonly streams: CheckpointStreams;
  readonly clock: Clock;
  readonly listener: Pick<SlotRuntimeListener, 'acknowledgeCheckpoint' | 'declineCheckpoint'>;
  /** To every output, behind what was emitted before. */
  broadcast(event: ChannelEvent): void;
  /** An operator is interrupted in the middle of what it emits. */
  hasInterruptedOperators(): boolean;
  emitInterrupted(): Promise<void>;
  /** A walk may go on. */
  wake(): void;
  /** Fails the task: the synchronous part of a snapshot threw. */
  fail(error: unknown): void;
}

export class SubtaskCheckpoints {
  readonly #options: SubtaskCheckpointsOptions;
  readonly #running = new Map<number, RunningSnapshot>();
  readonly #aborted = new AbortedCheckpoints();
  #lastSnapshotId = -1;
  /** Nothing was restored, and no snapshot was taken. */
  #isFirst: boolean;

  constructor(options: SubtaskCheckpointsOptions) {
    this.#options = options;
    this.#isFirst = !options.isRestored;
  }

  /** The synchronous part. A promise when an operator's part takes time: the task processes nothing until it settles. */
  take(barrier: CheckpointBarrier, alignment: AlignmentMetrics): void | Promise<void> {
    const id = barrier.checkpointId;
    if (id <= this.#lastSnapshotId) return undefined;
    this.#lastSnapshotId = id;
    if (this.#aborted.has(id)) {
      this.#options.broadcast({ kind: 'cancel-barrier', checkpointId: id });
      return undefined;
    }
    return this.#synchronousPart(barrier, alignment);
  }

  /** No snapshot for this id from here. */
  decline(checkpointId: number, reason: CheckpointDeclineReason, error?: unknown): void {
    this.#options.broadcast({ kind: 'cancel-barrier', checkpointId });
    this.#sayNo(checkpointId, reason, error);
  }

  /** News from the JobManager: the checkpoint will not complete. */
  aborted(checkpointId: number): void {
    this.#aborted.add(checkpointId);
    this.#drop(checkpointId);
  }

  /** Walks the keyed state of snapshots under way, oldest first, until `deadline` (monotonic). */
  advance(deadline: number): void {
    for (const [checkpointId, snapshot] of this.#running) {
      for (const walk of snapshot.walks) {
        if (walk.done || !walk.output.isReady) continue;
        if (!walk.state.advance(deadline)) walk.done = true;
        else this.#awaitRoom(checkpointId, walk);
        if (this.#options.clock.monotonic() >= deadline) return;
      }
    }
  }

  /** True while {@link advance} has something to do now. */
  get canAdvance(): boolean {
    for (const snapshot of this.#running.values()) {
      for (const walk of snapshot.walks) if (!walk.done && walk.output.isReady) return true;
    }
    return false;
  }

  /** The task ends: what is half written goes. */
  close(): void {
    for (const id of [...this.#running.keys()]) this.#drop(id);
  }

  /** Resolves when everything that was begun is acknowledged, declined or dropped. */
  async whenIdle(): Promise<void> {
    await Promise.all([...this.#running.values()].map((snapshot) => snapshot.settled));
  }

  async #synchronousPart(barrier: CheckpointBarrier, alignment: AlignmentMetrics): Promise<void> {
    const { operators, broadcast, clock, hasInterruptedOperators, emitInterrupted } = this.#options;
    const { checkpointId, timestamp, options } = barrier;
    const begun = clock.monotonic();
    try {
      if (this.#isFirst) failpoint('task.first-snapshot');
      this.#isFirst = false;
      for (const { operator } of operators) {
        const preparing = operator.prepareSnapshotPreBarrier?.(checkpointId);
        if (preparing) await preparing;
        if (hasInterruptedOperators()) await emitInterrupted();
      }
      broadcast({ kind: 'barrier', checkpointId, timestamp, options });
      const parts: Promise<readonly [string, OperatorSubtaskState]>[] = [];
      const snapshot: RunningSnapshot = { outputs: [], walks: [], settled: Promise.resolve() };
      this.#running.set(checkpointId, snapshot);
      for (const chained of [...operators].reverse()) {
        const context: StateSnapshotContext = {
          checkpointId,
          checkpointTimestamp: timestamp,
          operatorState: chained.operatorState,
        };
        const snapshotting = chained.operator.snapshotState?.(context);
        if (snapshotting) await snapshotting;
        const part = this.#snapshotOperator(chained, barrier, snapshot);
        // It may fail while the next operator's part is awaited; the failure is taken up below.
        part.catch(ignore);
        parts.push(part);
      }
      const synchronousEnd = clock.monotonic();
      snapshot.settled = Promise.all(parts).then(
        (states) => this.#acknowledge(barrier, alignment, Object.fromEntries(states), begun, synchronousEnd),
        (error: unknown) => this.#asynchronousPartFailed(checkpointId, error),
      );
      for (const walk of snapshot.walks) this.#awaitRoom(checkpointId, walk);
      this.#options.wake();
    } catch (error) {
      this.#drop(checkpointId);
      this.#options.fail(error);
    }
  }

  #snapshotOperator(
    { operatorId, keyedState, operatorState }: CheckpointedOperator,
    { checkpointId, options }: CheckpointBarrier,
    snapshot: RunningSnapshot,
  ): Promise<readonly [string, OperatorSubtaskState]> {
    const operatorOutput = this.#output(options.location, snapshot);
    const operatorPart = operatorState.snapshot(operatorOutput);
    let keyedPart: StateSnapshot['result'] = Promise.resolve(undefined);
    if (keyedState) {
      const output = this.#output(options.location, snapshot);
      const state = keyedState.snapshot(checkpointId, output);
      snapshot.walks.push({ state, output, done: false });
      keyedPart = state.result;
    }
    return Promise.all([operatorPart, keyedPart]).then(([operator, keyed]) => {
      failpoint('task.acknowledge');
      return [operatorId, { keyed: keyed ? [keyed] : [], operator: operator ? [operator] : [] }];
    });
  }

  #output(location: CheckpointBarrier['options']['location'], snapshot: RunningSnapshot): CheckpointOutputStream {
    const output = this.#options.streams.create(location);
    snapshot.outputs.push(output);
    return output;
  }

  #acknowledge(
    { checkpointId }: CheckpointBarrier,
    alignment: AlignmentMetrics,
    states: TaskStateSnapshot,
    begun: number,
    synchronousEnd: number,
  ): void {
    if (!this.#running.delete(checkpointId)) return;
    const { jobId, attemptId, listener, clock } = this.#options;
    const state = Object.fromEntries(Object.entries(states).filter(([, { keyed, operator }]) => keyed.length + operator.length > 0));
    const bytes = Object.values(state).reduce((sum, part) => sum + stateSizeBytes(part), 0);
    listener.acknowledgeCheckpoint({
      jobId,
      attemptId,
      checkpointId,
      state,
      metrics: {
        startDelayMs: alignment.startDelayMs,
        alignmentMs: alignment.alignmentMs,
        processedDuringAlignmentBytes: alignment.processedBytes,
        syncMs: synchronousEnd - begun,
        asyncMs: clock.monotonic() - synchronousEnd,
        checkpointedBytes: bytes,
        fullBytes: bytes,
      },
    });
  }

  /** A full output calls the walk on when it has written; one that failed never will. */
  #awaitRoom(checkpointId: number, { done, output }: Walk): void {
    if (done || output.isReady) return;
    output.whenReady().then(
      () => this.#options.wake(),
      (error: unknown) => this.#asynchronousPartFailed(checkpointId, error),
    );
  }

  #asynchronousPartFailed(checkpointId: number, error: unknown): void {
    if (!this.#running.has(checkpointId)) return;
    this.#drop(checkpointId);
    this.#sayNo(checkpointId, error instanceof ExternalError ? 'IO_EXCEPTION' : 'CHECKPOINT_ASYNC_EXCEPTION', error);
  }

  #sayNo(checkpointId: number, reason: CheckpointDeclineReason, error: unknown): void {
    const { jobId, attemptId, listener } = this.#options;
    listener.declineCheckpoint({
      jobId,
      attemptId,
      checkpointId,
      reason,
      cause: error === undefined ? undefined : serializeError(error),
    });
  }

  #drop(checkpointId: number): void {
    const snapshot = this.#running.get(checkpointId);
    if (!snapshot) return;
    this.#running.delete(checkpointId);
    for (const { state } of snapshot.walks) state.abort();
    for (const output of snapshot.outputs) output.abort().catch(ignore);
  }
}

interface Walk {
  readonly state: StateSnapshot;
  readonly output: CheckpointOutputStream;
  done: boolean;
}

interface RunningSnapshot {
  readonly outputs: CheckpointOutputStream[];
  readonly walks: Walk[];
  settled: Promise<void>;
}

function ignore(): void {}
