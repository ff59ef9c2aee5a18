/**
 * One attempt of one subtask: replays the program, wires its chain, and processes input in slices until the input ends, the
 * task is cancelled, or something fails. Single-threaded: mails and slices never overlap. Long because it is one state machine:
 * what is allowed at each call (a record, a barrier, a mail, an end) depends on the state below and on what is awaited.
 *
 *   created → initializing → running → finishing → draining → closing → finished
 *        any of them → canceling → canceled
 *        any of them → failing → failed
 *
 * A task is reported as over when its user code is: what is under way gets some time to come back, and is then closed.
 * `draining`: all records are out and operators have finished; the task still takes part in checkpoints until the one that
 * covers its last records is complete.
 */
import type { Accumulator } from '../../api/functions.ts';
import type { OperatorContext, SourceOperator, StreamOperator } from '../../api/operators.ts';
import { Configuration } from '../../config/configuration.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import type { StreamGraph, StreamNode } from '../../graph/stream-graph.ts';
import type { ReplayableProgram } from '../../program/program.ts';
import { BugError } from '../../shared/assert.ts';
import { type SerializedError, serializeError, UserError } from '../../shared/errors.ts';
import { failpoint } from '../../shared/failpoint.ts';
import { type Clock, MAX_WATERMARK, MIN_TIMESTAMP } from '../../shared/time.ts';
import { HeapKeyedStateBackend } from '../../state/keyed/heap-keyed-state-backend.ts';
import { HeapOperatorStateBackend } from '../../state/operator/heap-operator-state-backend.ts';
import type { StreamHandle } from '../../state/snapshot/handles.ts';
import type { CheckpointStreams } from '../../state/storage/checkpoint-streams.ts';
import { StreamedTaskOwnedLogs } from '../../state/storage/task-owned-logs.ts';
import type { CodecFactory, DecodedBatch } from '../../types/codec.ts';
import { keyGroupRange } from '../../types/key-groups.ts';
import { TaskMetrics } from '../metrics/task-metrics.ts';
import { type TaskActivity, TaskTimes } from '../metrics/task-times.ts';
import { AlignedBarriers } from '../network/barrier/aligned-barriers.ts';
import type { AlignmentMetrics, BarrierHandler, BarrierListener, CheckpointBarrier } from '../network/barrier/barrier-handler.ts';
import { TrackedBarriers } from '../network/barrier/tracked-barriers.ts';
import type { ChannelEvent, InputGate, PolledElement, ResultPartitionWriter } from '../network/channel.ts';
import type { SlotNetwork } from '../network/slot-network.ts';
import type { AccumulatorReport, OperatorEvent, TaskDeploymentDescriptor, TaskRestore } from '../rpc/gateways.ts';
import { WatermarkValve } from '../time/watermark-valve.ts';
import { WatermarkWatchdog } from '../time/watermark-watchdog.ts';
import type { EmissionFlow } from './chain-driver.ts';
import { LocalFileCache } from './local-file-cache.ts';
import { OperatorChain } from './operator-chain.ts';
import { TaskRuntimeContext } from './runtime-context.ts';
import { type OperatorStates, SubtaskCheckpoints } from './subtask-checkpoint.ts';
import type { SharedChannels, SlotRuntimeListener } from './task-host.ts';
import { TaskMailbox } from './task-mailbox.ts';

type TaskState =
  | 'created'
  | 'initializing'
  | 'running'
  | 'finishing'
  | 'draining'
  | 'closing'
  | 'finished'
  | 'canceling'
  | 'canceled'
  | 'failing'
  | 'failed';
const terminal: readonly TaskState[] = ['finished', 'canceled', 'failed'];

/** Records between two looks at the clock. */
const recordsPerCheck = 128;
/** What a snapshot's walk may take of each slice. */
const walkSliceMs = 1;
/** What a resumed operator may take at the end of the input, where no slot hands out slices. */
const finishSliceMs = 1;
/** How long a call into user code may take to come back when the task is cancelled or has failed. */
const lastCallPatienceMs = 5000;

export interface StreamTaskOptions {
  readonly descriptor: TaskDeploymentDescriptor;
  readonly jobGraph: JobGraph;
  readonly program: ReplayableProgram;
  readonly channels: SharedChannels;
  readonly network: Pick<SlotNetwork, 'createResultPartition' | 'createInputGate'>;
  readonly codecs: CodecFactory;
  readonly streams: CheckpointStreams;
  readonly listener: SlotRuntimeListener;
  readonly clock: Clock;
  /** For the log of the process. */
  readonly warn?: ((message: string) => void) | undefined;
  /** The slot's loop has something to do for this task. */
  readonly wake: () => void;
  /** Called once, when the task is terminal and its resources are gone. */
  readonly onTerminal: (task: StreamTask) => void;
}

export class StreamTask {
  readonly #options: StreamTaskOptions;
  readonly #config: Configuration;
  /** Periodic checkpoints are taken. */
  readonly #isCheckpointed: boolean;
  readonly #metrics: TaskMetrics;
  readonly #times = new TaskTimes();
  readonly #accumulators = new Map<string, Accumulator<unknown, unknown>>();
  readonly #abort = new AbortController();
  readonly #mailbox: TaskMailbox;
  readonly #states = new Map<StreamOperator, OperatorStates>();
  readonly #pending: StreamOperator[] = [];
  readonly #chainPosition = new Map<StreamOperator, number>();
  #state: TaskState = 'created';
  #chain: OperatorChain | undefined;
  #gate: InputGate | undefined;
  #partitions: ResultPartitionWriter[] = [];
  #valve: WatermarkValve | undefined;
  #cachedFiles = new LocalFileCache({});
  #watchdog: WatermarkWatchdog | undefined;
  #keyedHead: HeapKeyedStateBackend | undefined;
  #barriers: BarrierHandler | undefined;
  #checkpoints: SubtaskCheckpoints | undefined;
  /** A stop with savepoint whose outcome is awaited: no record is processed behind its barrier. */
  #stopping: CheckpointBarrier | undefined;
  #isSuspended = false;
  /** The first checkpoint that covers everything this task ever emitted. */
  #finalCheckpointId: number | undefined;
  #finalCheckpointCompleted = false;
  #highestCompletedId: number;
  #drains = true;
  /** A stop with drain: its barrier follows the last record. */
  #triggerBehindTheEnd: CheckpointBarrier | undefined;
  /** Promises that operators wait for: what a write or a call of theirs began. */
  #waitingFor = 0;
  /** Snapshots and notifications whose operators take time. */
  #lifeCycleCalls = 0;
  #deadline = 0;
  readonly #changeWaiters: (() => void)[] = [];
  readonly #calls = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;
  readonly #flow: EmissionFlow = { paused: false, interrupted: 0 };
  #batch: DecodedBatch | undefined;
  #batchIndex = 0;
  #batchInput = 0;
  #sourceIdle = false;
  #endsOfData = 0;
  #inputEnded = false;
  #recordsIn = 0;

  constructor(options: StreamTaskOptions) {
    this.#options = options;
    this.#config = Configuration.of(options.jobGraph.configuration);
    this.#isCheckpointed = (this.#config.getOptional('execution.checkpointing.interval') ?? 0) > 0;
    this.#highestCompletedId = options.descriptor.restore?.checkpointId ?? -1;
    this.#metrics = new TaskMetrics(() => options.clock.monotonic());
    this.#mailbox = new TaskMailbox(
      { isQuiet: () => this.#isQuiet, isAwaiting: () => this.#isAwaiting, isEnding: () => this.#isEnding() },
      options.wake,
    );
  }

  get attemptId(): string {
    return this.#options.descriptor.attemptId;
  }

  get isTerminal(): boolean {
    return terminal.includes(this.#state);
  }

  /** Not running yet. */
  get isStarting(): boolean {
    return this.#state === 'created' || this.#state === 'initializing';
  }

  /** Anything for the slot's loop to do now? */
  get isRunnable(): boolean {
    if (this.#isEnding()) return false;
    if (this.#mailbox.hasRunnable || this.#checkpoints?.canAdvance) return true;
    if (this.#flow.paused || this.#stopping) return false;
    if (this.#state === 'draining') return this.#pending.length > 0 || this.#canEnd || this.#readsInput;
    if (this.#state !== 'running') return false;
    if (this.#pending.length > 0 || this.#batch !== undefined || this.#inputEnded) return true;
    return this.#hasInputs ? this.#readsInput : !this.#sourceIdle;
  }

  get #hasInputs(): boolean {
    return this.#gate !== undefined && this.#gate.channelCount > 0;
  }

  get #readsInput(): boolean {
    return this.#hasInputs && (this.#gate as InputGate).hasData;
  }

  get #isQuiet(): boolean {
    const isBusy = this.#state === 'created' || this.#state === 'initializing' || this.#state === 'finishing';
    return this.#pending.length === 0 && !this.#isAwaiting && this.#stopping === undefined && !isBusy;
  }

  /** Operators may emit of their own accord: not behind the end, and not behind the savepoint that the job was stopped with. */
  get #mayEmit(): boolean {
    return this.#state === 'running' && !this.#isSuspended;
  }

  get #isAwaiting(): boolean {
    return this.#waitingFor > 0 || this.#lifeCycleCalls > 0;
  }

  /** Replay, wiring, open. Failures are reported, not thrown. */
  async start(): Promise<void> {
    try {
      this.#become('initializing');
      this.#report('INITIALIZING');
      const graph = await this.#options.program.replay();
      if (this.#isEnding()) return;
      this.#wire(graph);
      const finished = this.#options.descriptor.restore?.finished === true;
      if (!finished) await this.#tracked(this.#open());
      if (this.#isEnding()) return;
      this.#become('running');
      this.#times.become('idle', this.#options.clock.monotonic());
      this.#report('RUNNING');
      if (finished) this.#passOnTheEnd();
      this.#options.wake();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Runs until `deadline` (clock.monotonic) or until there is nothing to do; errors fail the task. */
  runSlice(deadline: number): void {
    const { clock } = this.#options;
    this.#times.become('busy', clock.monotonic());
    this.#deadline = deadline;
    try {
      this.#mailbox.run();
      while ((this.#state === 'running' || this.#state === 'draining') && !this.#flow.paused && !this.#stopping) {
        if (!this.#step() || clock.monotonic() >= deadline) break;
      }
      if (this.#checkpoints?.canAdvance) this.#checkpoints.advance(clock.monotonic() + walkSliceMs);
    } catch (error) {
      this.fail(error);
    }
    this.#times.become(this.#activity(), clock.monotonic());
  }

  /** A task that awaits a promise is busy with it. */
  #activity(): TaskActivity {
    if (this.#waitingFor > 0 || this.#state === 'finishing' || this.isRunnable) return 'busy';
    return this.#flow.paused ? 'backPressured' : 'idle';
  }

  handleOperatorEvent(operatorId: string, event: OperatorEvent): void {
    if (event.type === 'acknowledge') {
      this.#operator(operatorId)?.acknowledged?.();
      return;
    }
    // Behind a trigger that came before it: a split that arrives after the barrier must not be in the snapshot.
    this.#mailbox.post(() => {
      this.#operator(operatorId)?.handleOperatorEvent?.(event);
      this.#sourceIdle = false;
    });
  }

  #operator(operatorId: string): StreamOperator | undefined {
    return this.#chain?.operators.find(({ node }) => node.operatorId === operatorId)?.operator;
  }

  /** From the JobManager: to sources, and to tasks whose producers have all finished. */
  triggerCheckpoint(barrier: CheckpointBarrier): void {
    if (this.#state === 'created' || this.#state === 'initializing') {
      this.#options.listener.declineCheckpoint({
        jobId: this.#options.descriptor.jobId,
        attemptId: this.attemptId,
        checkpointId: barrier.checkpointId,
        reason: 'TASK_NOT_READY',
        cause: undefined,
      });
      return;
    }
    this.#mailbox.post(() => this.#trigger(barrier));
  }

  notifyCheckpointComplete(checkpointId: number): void {
    this.#mailbox.postUrgent(() => this.#completed(checkpointId));
  }

  /** `latestCompletedId` stands in for a notification that was lost. */
  notifyCheckpointAborted(checkpointId: number, latestCompletedId: number | undefined): void {
    this.#mailbox.postUrgent(() => {
      if (latestCompletedId !== undefined) this.#completed(latestCompletedId);
      this.#aborted(checkpointId);
    });
  }

  cancel(): void {
    if (this.#isEnding()) return;
    failpoint('task.cancel');
    this.#become('canceling');
    this.#abort.abort();
    void this.#closeInTime().then(() => this.#end('canceled', 'CANCELED'));
  }

  fail(error: unknown): void {
    if (this.#isEnding()) return;
    this.#become('failing');
    this.#abort.abort(error);
    const located = serializeError(this.#locate(error));
    void this.#closeInTime().then(() => this.#end('failed', 'FAILED', located));
  }

  accumulatorReport(): AccumulatorReport {
    this.#watchdog?.check(this.#options.clock.monotonic());
    const user: Record<string, { type: string; value: unknown }> = {};
    for (const [name, accumulator] of this.#accumulators) user[name] = { type: accumulator.type, value: accumulator.toJson() };
    return {
      attemptId: this.attemptId,
      user,
      metrics: {
        ...this.#metrics.dump(),
        'Shuffle.Netty.Input.Buffers.inPoolUsage': this.#gate?.poolUsage ?? 0,
        'Shuffle.Netty.Output.Buffers.outPoolUsage': Math.max(0, ...this.#partitions.map(({ poolUsage }) => poolUsage)),
      },
      io: {
        recordsIn: this.#recordsIn,
        recordsOut: this.#partitions.reduce((sum, partition) => sum + partition.recordsOut, 0),
        bytesIn: this.#gate?.bytesIn ?? 0,
        bytesOut: this.#partitions.reduce((sum, partition) => sum + partition.bytesOut, 0),
        ...this.#times.report(this.#options.clock.monotonic()),
        watermark: this.#valve?.current ?? MIN_TIMESTAMP,
      },
    };
  }

  #isEnding(): boolean {
    return this.#state === 'canceling' || this.#state === 'failing' || this.isTerminal;
  }

  #become(state: TaskState): void {
    if (this.isTerminal) throw new BugError(`task ${this.#state} → ${state}`);
    this.#state = state;
  }

  #report(state: 'INITIALIZING' | 'RUNNING'): void {
    this.#options.listener.taskStateChanged({ jobId: this.#options.descriptor.jobId, attemptId: this.attemptId, state });
  }

  /** One unit of progress; false when there is nothing to do now. */
  #step(): boolean {
    if (this.#mailbox.hasRunnable) {
      this.#mailbox.run();
      return true;
    }
    if (this.#pending.length > 0) return this.#resumePending();
    if (this.#batch) return this.#processBatch();
    if (this.#state === 'draining' && this.#canEnd) {
      this.#endOfTask().catch((error: unknown) => this.fail(error));
      return false;
    }
    if (this.#inputEnded) {
      this.#beginFinish();
      return false;
    }
    if (!this.#hasInputs) return this.#state === 'running' && this.#pullSource();
    const polled = (this.#gate as InputGate).poll();
    if (!polled) return false;
    this.#accept(polled);
    return true;
  }

  /** The most downstream interrupted operator goes on first: what it still has to say is older. */
  #resumePending(): boolean {
    let deepest = 0;
    for (let i = 1; i < this.#pending.length; i++) {
      if (this.#positionOf(i) > this.#positionOf(deepest)) deepest = i;
    }
    const operator = this.#pending.splice(deepest, 1)[0] as StreamOperator;
    this.#flow.interrupted = this.#pending.length;
    if (!operator.resume?.()) this.#resumeLater(operator);
    return true;
  }

  #positionOf(index: number): number {
    return this.#chainPosition.get(this.#pending[index] as StreamOperator) ?? 0;
  }

  #resumeLater(operator: StreamOperator): void {
    if (!this.#pending.includes(operator)) this.#pending.push(operator);
    this.#flow.interrupted = this.#pending.length;
  }

  #processBatch(): boolean {
    const batch = this.#batch as DecodedBatch;
    const from = this.#batchIndex;
    const end = Math.min(batch.count, from + recordsPerCheck);
    const next = (this.#chain as OperatorChain).driver.process(this.#batchInput, batch, from, end);
    this.#recordsIn += next - from;
    this.#batchIndex = next;
    if (next === batch.count) this.#batch = undefined;
    return true;
  }

  #accept(polled: PolledElement): void {
    if (polled.batch) {
      this.#batch = polled.batch;
      this.#batchIndex = 0;
      this.#batchInput = (this.#gate as InputGate).inputIndexOf(polled.channel);
      return;
    }
    this.#handleEvent(polled.event as ChannelEvent, polled.channel);
  }

  #handleEvent(event: ChannelEvent, channel: number): void {
    const valve = this.#valve as WatermarkValve;
    const head = (this.#chain as OperatorChain).head;
    switch (event.kind) {
      case 'watermark':
        if (valve.advance(channel, event.timestamp)) head.processWatermark?.(valve.current);
        return;
      case 'watermark-status': {
        const change = valve.setIdle(channel, event.idle);
        if (change.advanced) head.processWatermark?.(valve.current);
        if (change.statusChanged) head.processWatermarkStatus?.(valve.isIdle);
        return;
      }
      case 'end-of-data':
        this.#endsOfData++;
        this.#drains &&= event.drain;
        if (this.#endsOfData === (this.#gate as InputGate).channelCount && this.#state === 'running') this.#inputEnded = true;
        return;
      case 'end-of-partition':
        this.#barriers?.endOfPartition(channel);
        return;
      case 'barrier':
        this.#barriers?.barrier(channel, event);
        return;
      case 'cancel-barrier':
        this.#barriers?.cancelMarker(channel, event.checkpointId);
        return;
    }
  }

  #pullSource(): boolean {
    const source = (this.#chain as OperatorChain).head as SourceOperator;
    switch (source.emitNext()) {
      case 'MORE_AVAILABLE':
        return true;
      case 'END_OF_INPUT':
        this.#inputEnded = true;
        return true;
      case 'NOTHING_AVAILABLE':
        this.#sourceIdle = true;
        source.whenAvailable().then(
          () => {
            this.#sourceIdle = false;
            this.#options.wake();
          },
          (error: unknown) => this.fail(error),
        );
        return false;
    }
  }

  #beginFinish(): void {
    this.#inputEnded = false;
    if (!this.#hasInputs && this.#drains) this.#chain?.head.processWatermark?.(MAX_WATERMARK);
    this.#become('finishing');
    this.#tracked(this.#finish()).catch((error: unknown) => this.fail(error));
  }

  /** finish() of each operator in chain order, everything it leaves to resume included, then the marker behind the last record. */
  async #finish(): Promise<void> {
    await this.#quiet();
    if (this.#drains) {
      for (const { operator } of (this.#chain as OperatorChain).operators) {
        await operator.finish?.();
        await this.#quiet();
      }
    }
    if (this.#isEnding()) return;
    this.#broadcast({ kind: 'end-of-data', drain: this.#drains });
    this.#become('draining');
    const barrier = this.#triggerBehindTheEnd;
    if (barrier) this.#mailbox.post(() => this.#trigger(barrier));
    this.#options.wake();
  }

  /** A task that was restored as finished: it has nothing to say but that. */
  #passOnTheEnd(): void {
    this.#broadcast({ kind: 'watermark', timestamp: MAX_WATERMARK });
    this.#broadcast({ kind: 'end-of-data', drain: true });
    this.#finalCheckpointCompleted = true;
    this.#become('draining');
  }

  /**
   * Its last records are covered by a completed checkpoint (where there are checkpoints, and unless it was stopped by a
   * savepoint, which covered them), and every producer has said that nothing more comes.
   */
  get #canEnd(): boolean {
    if (this.#hasInputs && !(this.#gate as InputGate).isFinished) return false;
    return this.#finalCheckpointCompleted || !this.#drains || !this.#isCheckpointed;
  }

  async #endOfTask(): Promise<void> {
    this.#become('closing');
    this.#broadcast({ kind: 'end-of-partition' });
    await this.#untilSent();
    await this.#checkpoints?.whenIdle();
    await this.#close();
    if (!this.#isEnding()) this.#end('finished', 'FINISHED');
  }

  #broadcast(event: ChannelEvent): void {
    for (const partition of this.#partitions) partition.broadcastEvent(event);
  }

  /** Behind the end of a partition there is nothing: nobody reads it, and it would fill the channel for ever. */
  #broadcastMarker(event: ChannelEvent): void {
    if (this.#state !== 'closing') this.#broadcast(event);
  }

  #trigger(barrier: CheckpointBarrier): void {
    const { stop } = barrier.options;
    if ((this.#state !== 'running' && this.#state !== 'draining') || (this.#state === 'draining' && stop === 'suspend')) {
      (this.#checkpoints as SubtaskCheckpoints).decline(barrier.checkpointId, 'TASK_CLOSING');
    } else if (this.#hasInputs) {
      (this.#barriers as BarrierHandler).trigger(barrier);
    } else if (stop === 'drain' && this.#state === 'running') {
      // Everything flows out first.
      this.#triggerBehindTheEnd = barrier;
      this.#inputEnded = true;
    } else {
      const startDelayMs = Math.max(0, this.#options.clock.now() - barrier.timestamp);
      this.#snapshot(barrier, { startDelayMs, alignmentMs: 0, processedBytes: 0 });
    }
  }

  #snapshot(barrier: CheckpointBarrier, alignment: AlignmentMetrics): void {
    if (this.#state === 'draining') this.#finalCheckpointId ??= barrier.checkpointId;
    if (barrier.options.stop !== undefined) this.#stopping = barrier;
    this.#awaitLifeCycle(() => (this.#checkpoints as SubtaskCheckpoints).take(barrier, alignment));
  }

  #completed(checkpointId: number): void {
    if (checkpointId <= this.#highestCompletedId || !this.#chain) return;
    this.#highestCompletedId = checkpointId;
    this.#awaitLifeCycle(async () => {
      await this.#tellOperators((operator) => operator.notifyCheckpointComplete?.(checkpointId));
      this.#afterCompletion(checkpointId);
    });
  }

  #afterCompletion(checkpointId: number): void {
    if (this.#finalCheckpointId !== undefined && checkpointId >= this.#finalCheckpointId) this.#finalCheckpointCompleted = true;
    const stopped = this.#stopping;
    if (stopped?.checkpointId !== checkpointId) return;
    this.#stopping = undefined;
    if (stopped.options.stop === 'suspend') this.#isSuspended = true;
    if (stopped.options.stop === 'suspend' && !this.#hasInputs && this.#state === 'running') {
      this.#drains = false;
      this.#inputEnded = true;
    }
  }

  #aborted(checkpointId: number): void {
    this.#barriers?.aborted(checkpointId);
    this.#checkpoints?.aborted(checkpointId);
    const stopped = this.#stopping;
    if (stopped?.checkpointId === checkpointId) {
      this.#stopping = undefined;
      if (stopped.options.stop === 'drain') throw new Error('Stop-with-savepoint --drain failed.');
    }
    if (this.#finalCheckpointId === checkpointId) this.#finalCheckpointId = undefined;
    this.#awaitLifeCycle(() => this.#tellOperators((operator) => operator.notifyCheckpointAborted?.(checkpointId)));
  }

  /** Tail first. */
  async #tellOperators(tell: (operator: StreamOperator) => void | Promise<void>): Promise<void> {
    for (const { operator } of [...(this.#chain?.operators ?? [])].reverse()) {
      const told = tell(operator);
      if (told) await told;
    }
  }

  /** Until nothing is interrupted, paused or awaited any more. */
  async #quiet(): Promise<void> {
    while (!this.#isEnding()) {
      this.#mailbox.run();
      if (!this.#flow.paused && this.#pending.length === 0) return;
      if (this.#flow.paused) await this.#change();
      else await this.#resumeSlice();
    }
  }

  /** Lets interrupted operators say the rest of what they emit, as the outputs have room. */
  async #emitInterrupted(): Promise<void> {
    while (!this.#isEnding() && this.#pending.length > 0) {
      if (this.#waitingFor > 0 || this.#isOutputFull) await this.#change();
      else await this.#resumeSlice();
    }
  }

  /** The partitions' frames must be in the channels before they close. */
  async #untilSent(): Promise<void> {
    while (!this.#isEnding() && this.#isOutputFull) await this.#change();
  }

  async #resumeSlice(): Promise<void> {
    this.#deadline = this.#options.clock.monotonic() + finishSliceMs;
    this.#resumePending();
    await new Promise((resolve) => setImmediate(resolve));
  }

  get #isOutputFull(): boolean {
    return this.#partitions.some((partition) => !partition.isAvailable);
  }

  /** Resolves when an output has room again, a promise has settled, or the task ends. */
  #change(): Promise<void> {
    return new Promise((resolve) => this.#changeWaiters.push(resolve));
  }

  #tellChange(): void {
    for (const resolve of this.#changeWaiters.splice(0)) resolve();
  }

  #wire(graph: StreamGraph): void {
    const { descriptor, network, codecs, channels, jobGraph } = this.#options;
    this.#cachedFiles = new LocalFileCache(graph.cachedFiles);
    const { vertex } = descriptor;
    const onError = (error: Error): void => this.fail(error);
    const objectReuse = this.#config.get('pipeline.object-reuse') && !this.#config.get('weir.codec.everywhere');
    this.#partitions = descriptor.resultPartitions.map((partition, index) => {
      const output = vertex.outputs[index] as (typeof vertex.outputs)[number];
      return network.createResultPartition({
        descriptor: partition,
        producerAttemptId: descriptor.attemptId,
        operatorName: vertex.operators[output.operatorIndex]?.name ?? vertex.name,
        bufferTimeoutMs: output.bufferTimeoutMs,
        objectReuse,
        channels,
        onUnavailable: () => {
          this.#flow.paused = true;
        },
        onAvailable: () => this.#updatePaused(),
        onError,
      });
    });
    this.#chain = new OperatorChain({
      vertex,
      graph,
      partitions: this.#partitions,
      targetMaxParallelism: vertex.outputs.map(
        (output) => jobGraph.vertices.find((target) => target.id === output.targetVertexId)?.maxParallelism ?? 128,
      ),
      codecs,
      objectReuse,
      flow: this.#flow,
      codeName: this.#generatesCode ? `${jobGraph.name}/${vertex.name}/${descriptor.attemptId}` : undefined,
      onCode: this.#config.get('weir.chain.print-code') ? (text) => console.log(text) : undefined,
      createContext: (node, operator) => this.#createContext(node, operator),
      headState: () => this.#keyedHead,
    });
    this.#gate = network.createInputGate({
      descriptors: descriptor.inputGates,
      consumerAttemptId: descriptor.attemptId,
      operatorName: vertex.name,
      channels,
      onData: () => this.#options.wake(),
      onError,
    });
    this.#valve = new WatermarkValve(this.#gate.channelCount);
    this.#watch(this.#valve);
    this.#checkpoints = new SubtaskCheckpoints({
      jobId: descriptor.jobId,
      attemptId: descriptor.attemptId,
      isRestored: descriptor.restore !== undefined,
      operators: this.#chain.operators.map(({ node, operator }) => ({
        operatorId: node.operatorId,
        operator,
        ...(this.#states.get(operator) as OperatorStates),
      })),
      streams: this.#options.streams,
      clock: this.#options.clock,
      listener: this.#options.listener,
      broadcast: (event) => this.#broadcastMarker(event),
      hasInterruptedOperators: () => this.#pending.length > 0,
      emitInterrupted: () => this.#emitInterrupted(),
      wake: () => this.#options.wake(),
      fail: (error) => this.fail(error),
    });
    this.#barriers = this.#createBarrierHandler(this.#gate);
  }

  /** Says which input event time waits for: as a metric, and in the log when it takes long. */
  #watch(valve: WatermarkValve): void {
    const { descriptor, jobGraph, warn = () => {} } = this.#options;
    const { vertex, subtaskIndex } = descriptor;
    if (valve.channelCount < 2) return;
    const producers = descriptor.inputGates.flatMap(({ channels }, index) => {
      const source = jobGraph.vertices.find(({ id }) => id === vertex.inputs[index]?.sourceVertexId);
      return channels.map(({ producerSubtask }) => `'${source?.name}' (${producerSubtask + 1}/${source?.parallelism})`);
    });
    const watchdog = new WatermarkWatchdog({
      valve,
      inputName: (channel) => producers[channel] as string,
      taskName: `'${vertex.name}' (${subtaskIndex + 1}/${vertex.parallelism})`,
      patienceMs: this.#config.get('weir.watermark.watchdog-timeout'),
      warn,
    });
    this.#watchdog = watchdog;
    this.#metrics.group('').gauge('watermarkHeldBackBy', () => watchdog.heldBackBy);
  }

  /** Where every value is to go through its codec, none may be handed over as it is. */
  get #generatesCode(): boolean {
    return this.#config.get('weir.chain.generate-code') && !this.#config.get('weir.codec.everywhere');
  }

  #createBarrierHandler(gate: InputGate): BarrierHandler {
    const { clock } = this.#options;
    const checkpoints = this.#checkpoints as SubtaskCheckpoints;
    const listener: BarrierListener = {
      block: (channel) => gate.blockChannel(channel),
      unblock: (channel) => gate.unblockChannel(channel),
      snapshot: (barrier, alignment) => this.#snapshot(barrier, alignment),
      abort: (checkpointId, reason) => checkpoints.decline(checkpointId, reason),
      cancelled: (checkpointId) => this.#broadcastMarker({ kind: 'cancel-barrier', checkpointId }),
    };
    const measures = { now: () => clock.now(), monotonic: () => clock.monotonic(), bytesIn: () => gate.bytesIn };
    const Handler = this.#config.get('execution.checkpointing.mode') === 'AT_LEAST_ONCE' ? TrackedBarriers : AlignedBarriers;
    return new Handler(gate.channelCount, listener, measures);
  }

  #createContext(node: StreamNode, operator: StreamOperator): OperatorContext {
    const task = this;
    const { descriptor, clock, jobGraph, listener } = this.#options;
    this.#chainPosition.set(operator, this.#chainPosition.size);
    const keyed = node.keySelectors.some(Boolean)
      ? new HeapKeyedStateBackend({
          operatorName: node.name,
          keyGroups: keyGroupRange(descriptor.subtaskIndex, descriptor.vertex.parallelism, descriptor.vertex.maxParallelism),
          maxParallelism: descriptor.vertex.maxParallelism,
        })
      : undefined;
    this.#states.set(operator, { keyedState: keyed, operatorState: new HeapOperatorStateBackend(node.name) });
    if (keyed && this.#chainPosition.size === 1) this.#keyedHead = keyed;
    const facts = {
      jobId: descriptor.jobId,
      jobName: jobGraph.name,
      taskName: descriptor.vertex.name,
      subtaskIndex: descriptor.subtaskIndex,
      parallelism: descriptor.vertex.parallelism,
      maxParallelism: descriptor.vertex.maxParallelism,
      attemptNumber: descriptor.attemptNumber,
      configuration: jobGraph.configuration,
      isCheckpointed: this.#isCheckpointed,
    };
    return {
      runtimeContext: new TaskRuntimeContext(
        facts,
        node.name,
        keyed,
        this.#accumulators,
        this.#metrics.group(`${node.name.replace(/[ .,:]/g, '_')}.`),
        () => clock.now(),
        this.#cachedFiles,
      ),
      operatorName: node.name,
      subtaskIndex: descriptor.subtaskIndex,
      parallelism: descriptor.vertex.parallelism,
      maxParallelism: descriptor.vertex.maxParallelism,
      configuration: jobGraph.configuration,
      keySelectors: node.keySelectors,
      get isPaused() {
        return task.#flow.paused;
      },
      isSliceOver: () => clock.monotonic() >= task.#deadline,
      resumeLater: (interrupted) => task.#resumeLater(interrupted),
      waitFor: (promise) => task.#waitFor(promise),
      keyedState: keyed,
      registerProcessingTimer: (timestamp, callback) =>
        clock.schedule(timestamp - clock.now() + (clock.isExact ? 0 : 1), () =>
          task.#mailbox.post(() => {
            if (task.#mayEmit) callback(timestamp);
          }),
        ),
      postMail: (callback) =>
        task.#mailbox.post(() => {
          if (task.#mayEmit) callback();
        }),
      schedule: (delayMs, callback) =>
        clock.schedule(delayMs, () => {
          if (!task.#isEnding()) task.#guarded(callback);
        }),
      currentProcessingTime: () => clock.now(),
      fail: (error) => task.fail(error),
      sendEventToCoordinator: (event) =>
        listener.operatorEvent({
          jobId: descriptor.jobId,
          attemptId: descriptor.attemptId,
          operatorId: node.operatorId,
          subtaskIndex: descriptor.subtaskIndex,
          event,
        }),
      signal: this.#abort.signal,
    };
  }

  /** Nothing else is processed before the call is done; other tasks of the slot go on. */
  #awaitLifeCycle(call: () => void | Promise<void>): void {
    this.#lifeCycleCalls++;
    const over = (): void => {
      this.#lifeCycleCalls--;
      this.#updatePaused();
    };
    const pending = call();
    if (!pending) {
      over();
      return;
    }
    this.#flow.paused = true;
    this.#tracked(pending).then(over, (error: unknown) => this.fail(error));
  }

  #waitFor(promise: Promise<unknown>): void {
    this.#waitingFor++;
    this.#flow.paused = true;
    this.#tracked(promise).then(
      () => {
        this.#waitingFor--;
        this.#updatePaused();
      },
      (error: unknown) => this.fail(error),
    );
  }

  #guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.fail(error);
    }
  }

  #updatePaused(): void {
    this.#flow.paused = this.#isAwaiting || this.#isOutputFull;
    this.#tellChange();
    if (!this.#flow.paused) this.#options.wake();
  }

  /** Calls into user code that are under way: they are waited for, for a while, before anything is closed. */
  #tracked<T>(call: Promise<T>): Promise<T> {
    this.#calls.add(call);
    const over = (): void => void this.#calls.delete(call);
    call.then(over, over);
    return call;
  }

  /** Tail first: an operator may emit as soon as it is open. */
  async #open(): Promise<void> {
    const { streams, jobGraph, descriptor } = this.#options;
    const { restore } = descriptor;
    const taskOwnedLogs = new StreamedTaskOwnedLogs(streams, descriptor.jobId, jobGraph.configuration);
    for (const { node, operator } of [...(this.#chain as OperatorChain).operators].reverse()) {
      const states = this.#states.get(operator) as OperatorStates;
      if (restore) await this.#restore(node, states, restore);
      await operator.initializeState?.({
        restoredCheckpointId: restore?.checkpointId,
        operatorState: states.operatorState,
        taskOwnedLogs,
      });
      await operator.open?.();
      if (this.#isEnding()) return;
    }
  }

  async #restore(node: StreamNode, { keyedState, operatorState }: OperatorStates, restore: TaskRestore): Promise<void> {
    const stored = restore.operators[node.operatorId];
    if (!stored) return;
    const read = (handle: { readonly stream: StreamHandle }): Promise<Uint8Array> =>
      this.#options.streams.read(handle.stream, restore.directory);
    await keyedState?.restore(stored.keyed, read);
    await operatorState.restore(stored.operator, read);
    failpoint('task.restore');
  }

  /** For cancel and failure. Neither a call that does not come back nor a close that does not end keeps the task for ever. */
  async #closeInTime(): Promise<void> {
    this.#tellChange();
    let stopWaiting: () => void = () => {};
    const patience = new Promise<void>((resolve) => {
      stopWaiting = this.#options.clock.schedule(lastCallPatienceMs, resolve);
    });
    await Promise.race([Promise.allSettled([...this.#calls]).then(() => this.#close()), patience]);
    stopWaiting();
    void this.#close();
    this.#closeChannels();
  }

  #close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  /** Always, also after a failure; a close that fails cannot fail the task again. */
  async #closeAll(): Promise<void> {
    for (const { operator } of this.#chain?.operators ?? []) {
      try {
        await operator.close?.();
      } catch (error) {
        if (this.#state === 'closing') this.fail(error);
      }
    }
    this.#checkpoints?.close();
    for (const { keyedState } of this.#states.values()) keyedState?.close();
    this.#closeChannels();
  }

  #closeChannels(): void {
    for (const partition of this.#partitions) partition.close();
    this.#gate?.close();
  }

  #end(state: 'finished' | 'canceled' | 'failed', reported: 'FINISHED' | 'CANCELED' | 'FAILED', error?: SerializedError): void {
    if (this.isTerminal) return;
    this.#become(state);
    this.#options.listener.taskStateChanged({
      jobId: this.#options.descriptor.jobId,
      attemptId: this.attemptId,
      state: reported,
      error,
      accumulators: this.accumulatorReport(),
    });
    this.#options.onTerminal(this);
  }

  /** The task's name in front of an error that came out of user code. */
  #locate(error: unknown): unknown {
    const { vertex, subtaskIndex } = this.#options.descriptor;
    const where = `${vertex.name} (${subtaskIndex + 1}/${vertex.parallelism})`;
    if (error instanceof UserError) return error;
    const located = new Error(`The task '${where}' failed: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    located.stack = `Error: ${located.message}`;
    return located;
  }
}
