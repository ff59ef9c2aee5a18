/**
 * One attempt of one subtask: replays the program, wires its chain, and processes input in slices until the input ends, the
 * task is cancelled, or something fails. Single-threaded: mails and slices never overlap.
 *
 *   created → initializing → running → finishing → finished
 *        any of them → canceling → canceled
 *        any of them → failed
 */
import type { Accumulator } from '../../api/functions.ts';
import type { OperatorContext, SourceOperator, StreamOperator } from '../../api/operators.ts';
import { Configuration } from '../../config/configuration.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import type { StreamGraph, StreamNode } from '../../graph/stream-graph.ts';
import type { ReplayableProgram } from '../../program/program.ts';
import { BugError } from '../../shared/assert.ts';
import { serializeError, UserError } from '../../shared/errors.ts';
import { type Clock, MAX_WATERMARK, MIN_TIMESTAMP } from '../../shared/time.ts';
import { HeapKeyedStateBackend } from '../../state/keyed/heap-keyed-state-backend.ts';
import type { CodecFactory, DecodedBatch } from '../../types/codec.ts';
import { TaskMetrics } from '../metrics/task-metrics.ts';
import { type TaskActivity, TaskTimes } from '../metrics/task-times.ts';
import type { ChannelEvent, InputGate, PolledElement, ResultPartitionWriter } from '../network/channel.ts';
import type { SlotNetwork } from '../network/slot-network.ts';
import type { AccumulatorReport, OperatorEvent, TaskDeploymentDescriptor } from '../rpc/gateways.ts';
import { WatermarkValve } from '../time/watermark-valve.ts';
import { OperatorChain } from './operator-chain.ts';
import { locateKeyError } from './record-router.ts';
import { TaskRuntimeContext } from './runtime-context.ts';
import type { SharedChannels, SlotRuntimeListener } from './task-host.ts';

type TaskState = 'created' | 'initializing' | 'running' | 'finishing' | 'finished' | 'canceling' | 'canceled' | 'failed';
const terminal: readonly TaskState[] = ['finished', 'canceled', 'failed'];

/** Records between two looks at the clock. */
const recordsPerCheck = 128;

export interface StreamTaskOptions {
  readonly descriptor: TaskDeploymentDescriptor;
  readonly jobGraph: JobGraph;
  readonly program: ReplayableProgram;
  readonly channels: SharedChannels;
  readonly network: SlotNetwork;
  readonly codecs: CodecFactory;
  readonly listener: SlotRuntimeListener;
  readonly clock: Clock;
  /** The slot's loop has something to do for this task. */
  readonly wake: () => void;
  /** Called once, when the task is terminal and its resources are gone. */
  readonly onTerminal: (task: StreamTask) => void;
}

export class StreamTask {
  readonly #options: StreamTaskOptions;
  readonly #config: Configuration;
  readonly #metrics: TaskMetrics;
  readonly #times = new TaskTimes();
  readonly #accumulators = new Map<string, Accumulator<unknown, unknown>>();
  readonly #abort = new AbortController();
  readonly #mails: (() => void)[] = [];
  readonly #pending: StreamOperator[] = [];
  readonly #chainPosition = new Map<StreamOperator, number>();
  #state: TaskState = 'created';
  #chain: OperatorChain | undefined;
  #gate: InputGate | undefined;
  #partitions: ResultPartitionWriter[] = [];
  #valve: WatermarkValve | undefined;
  #keyedHead: HeapKeyedStateBackend | undefined;
  #waitingFor = 0;
  #deadline = 0;
  #paused = false;
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
    this.#metrics = new TaskMetrics(() => options.clock.monotonic());
  }

  get attemptId(): string {
    return this.#options.descriptor.attemptId;
  }

  get isTerminal(): boolean {
    return terminal.includes(this.#state);
  }

  /** Anything for the slot's loop to do now? */
  get isRunnable(): boolean {
    if (this.#mails.length > 0) return true;
    if (this.#state !== 'running') return false;
    if (this.#paused) return false;
    if (this.#pending.length > 0 || this.#batch !== undefined || this.#inputEnded) return true;
    return this.#gate && this.#gate.channelCount > 0 ? this.#gate.hasData || this.#gate.isFinished : !this.#sourceIdle;
  }

  /** Replay, wiring, open. Failures are reported, not thrown. */
  async start(): Promise<void> {
    try {
      this.#become('initializing');
      this.#report('INITIALIZING');
      const graph = await this.#options.program.replay();
      if (this.#isEnding()) return;
      this.#wire(graph);
      await this.#open();
      if (this.#isEnding()) return;
      this.#become('running');
      this.#times.become('idle', this.#options.clock.monotonic());
      this.#report('RUNNING');
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
      this.#runMails();
      while (this.#state === 'running' && !this.#paused) {
        if (!this.#step() || clock.monotonic() >= deadline) break;
      }
    } catch (error) {
      this.fail(error);
    }
    this.#times.become(this.#activity(), clock.monotonic());
  }

  /** A task that awaits a promise is busy with it. */
  #activity(): TaskActivity {
    if (this.#waitingFor > 0 || this.#state === 'finishing' || this.isRunnable) return 'busy';
    return this.#paused ? 'backPressured' : 'idle';
  }

  /** Control actions run between slices, in order. */
  post(mail: () => void): void {
    this.#mails.push(mail);
    this.#options.wake();
  }

  handleOperatorEvent(operatorId: string, event: OperatorEvent): void {
    this.post(() => {
      const chained = this.#chain?.operators.find(({ node }) => node.operatorId === operatorId);
      chained?.operator.handleOperatorEvent?.(event);
      this.#sourceIdle = false;
    });
  }

  cancel(): void {
    if (this.isTerminal || this.#state === 'canceling') return;
    const was = this.#state;
    this.#become('canceling');
    this.#abort.abort();
    void this.#close().then(() => this.#end('canceled', 'CANCELED'));
    void was;
  }

  fail(error: unknown): void {
    if (this.isTerminal) return;
    if (this.#state === 'canceling') return;
    this.#become('failed');
    this.#abort.abort(error);
    const located = this.#locate(error);
    this.#options.listener.taskStateChanged({
      jobId: this.#options.descriptor.jobId,
      attemptId: this.attemptId,
      state: 'FAILED',
      error: serializeError(located),
      accumulators: this.accumulatorReport(),
    });
    void this.#close().then(() => this.#options.onTerminal(this));
  }

  accumulatorReport(): AccumulatorReport {
    const user: Record<string, { type: string; value: unknown }> = {};
    for (const [name, accumulator] of this.#accumulators) user[name] = { type: accumulator.type, value: accumulator.toJson() };
    return {
      attemptId: this.attemptId,
      user,
      metrics: this.#metrics.dump(),
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
    return this.#state === 'canceling' || this.isTerminal;
  }

  #become(state: TaskState): void {
    if (this.isTerminal) throw new BugError(`task ${this.#state} → ${state}`);
    this.#state = state;
  }

  #report(state: 'INITIALIZING' | 'RUNNING'): void {
    this.#options.listener.taskStateChanged({ jobId: this.#options.descriptor.jobId, attemptId: this.attemptId, state });
  }

  #runMails(): void {
    for (let mail = this.#mails.shift(); mail; mail = this.#mails.shift()) {
      if (!this.#isEnding()) mail();
    }
  }

  /** One unit of progress; false when there is nothing to do now. */
  #step(): boolean {
    if (this.#mails.length > 0) {
      this.#runMails();
      return true;
    }
    if (this.#pending.length > 0) return this.#resumePending();
    if (this.#batch) return this.#processBatch();
    if (this.#inputEnded) {
      this.#beginFinish();
      return false;
    }
    if (!this.#gate || this.#gate.channelCount === 0) return this.#pullSource();
    const polled = this.#gate.poll();
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
    if (!operator.resume?.()) this.#resumeLater(operator);
    return true;
  }

  #positionOf(index: number): number {
    return this.#chainPosition.get(this.#pending[index] as StreamOperator) ?? 0;
  }

  #resumeLater(operator: StreamOperator): void {
    if (!this.#pending.includes(operator)) this.#pending.push(operator);
  }

  #processBatch(): boolean {
    const batch = this.#batch as DecodedBatch;
    const head = (this.#chain as OperatorChain).head;
    const { values, timestamps } = batch;
    const end = Math.min(values.length, this.#batchIndex + recordsPerCheck);
    const keyed = this.#keyedHead;
    const selector = keyed ? this.#keySelector(this.#batchInput) : undefined;
    let index = this.#batchIndex;
    try {
      while (index < end) {
        const value = values[index];
        const timestamp = timestamps === undefined ? MIN_TIMESTAMP : (timestamps[index] as number);
        index++;
        if (selector) this.#setKey(keyed as HeapKeyedStateBackend, selector, value);
        if (this.#batchInput === 0) (head.processElement as NonNullable<StreamOperator['processElement']>)(value, timestamp);
        else (head.processElement2 as NonNullable<StreamOperator['processElement2']>)(value, timestamp);
        if (this.#paused || this.#pending.length > 0) break;
      }
    } finally {
      this.#recordsIn += index - this.#batchIndex;
      this.#batchIndex = index;
    }
    if (index === values.length) this.#batch = undefined;
    return true;
  }

  #setKey(keyed: HeapKeyedStateBackend, selector: (value: never) => unknown, value: unknown): void {
    try {
      keyed.setCurrentKey((selector as (value: unknown) => unknown)(value));
    } catch (error) {
      throw locateKeyError(error, this.#headNode().name, value);
    }
  }

  #keySelector(input: number): ((value: never) => unknown) | undefined {
    return this.#headNode().keySelectors[input];
  }

  #headNode(): StreamNode {
    return (this.#chain as OperatorChain).operators[0]?.node as StreamNode;
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
        if (this.#endsOfData === (this.#gate as InputGate).channelCount) this.#inputEnded = true;
        return;
      case 'end-of-partition':
        return;
      case 'barrier':
      case 'cancel-barrier':
        throw new BugError(`a ${event.kind} arrived, and checkpointing is not part of this task`);
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
    if (!this.#gate || this.#gate.channelCount === 0) this.#chain?.head.processWatermark?.(MAX_WATERMARK);
    this.#become('finishing');
    this.#finish().catch((error: unknown) => this.fail(error));
  }

  /** finish() of each operator in chain order, everything it leaves to resume included, then the end markers. */
  async #finish(): Promise<void> {
    await this.#quiet();
    for (const { operator } of (this.#chain as OperatorChain).operators) {
      await operator.finish?.();
      await this.#quiet();
    }
    if (this.#isEnding()) return;
    for (const partition of this.#partitions) {
      partition.broadcastEvent({ kind: 'end-of-data', drain: true });
      partition.broadcastEvent({ kind: 'end-of-partition' });
    }
    await this.#untilSent();
    await this.#close();
    if (!this.#isEnding()) this.#end('finished', 'FINISHED');
  }

  /** Until nothing is interrupted, paused or awaited any more. */
  async #quiet(): Promise<void> {
    while (!this.#isEnding()) {
      this.#runMails();
      if (!this.#paused && this.#pending.length === 0) return;
      if (!this.#paused) this.#resumePending();
      else await this.#turn();
    }
  }

  /** The partitions' frames must be in the channels before they close. */
  async #untilSent(): Promise<void> {
    while (!this.#isEnding() && this.#partitions.some((partition) => !partition.isAvailable)) await this.#turn();
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#onUnpaused = resolve;
      // Room can also appear without this task being told while it finishes.
      setTimeout(resolve, 5);
    });
  }

  #onUnpaused: (() => void) | undefined;

  #wire(graph: StreamGraph): void {
    const { descriptor, network, codecs, channels, jobGraph } = this.#options;
    const { vertex } = descriptor;
    const onError = (error: Error): void => this.fail(error);
    const objectReuse = this.#config.get('pipeline.object-reuse');
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
          this.#paused = true;
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
      createContext: (node, operator) => this.#createContext(node, operator),
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
  }

  #createContext(node: StreamNode, operator: StreamOperator): OperatorContext {
    const task = this;
    const { descriptor, clock, jobGraph, listener } = this.#options;
    this.#chainPosition.set(operator, this.#chainPosition.size);
    const keyed = node.keySelectors.some(Boolean) ? new HeapKeyedStateBackend(node.name) : undefined;
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
    };
    return {
      runtimeContext: new TaskRuntimeContext(
        facts,
        node.name,
        keyed,
        this.#accumulators,
        this.#metrics.group(`${node.name.replace(/[ .,:]/g, '_')}.`),
      ),
      operatorName: node.name,
      subtaskIndex: descriptor.subtaskIndex,
      parallelism: descriptor.vertex.parallelism,
      maxParallelism: descriptor.vertex.maxParallelism,
      configuration: jobGraph.configuration,
      keySelectors: node.keySelectors,
      get isPaused() {
        return task.#paused;
      },
      isSliceOver: () => clock.monotonic() >= task.#deadline,
      resumeLater: (interrupted) => task.#resumeLater(interrupted),
      waitFor: (promise) => task.#waitFor(promise),
      keyedState: keyed,
      registerProcessingTimer: (timestamp, callback) =>
        clock.schedule(timestamp - clock.now() + 1, () => {
          if (!task.#isEnding()) task.post(() => callback(timestamp));
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

  #waitFor(promise: Promise<unknown>): void {
    this.#waitingFor++;
    this.#paused = true;
    promise.then(
      () => {
        this.#waitingFor--;
        this.#updatePaused();
      },
      (error: unknown) => this.fail(error),
    );
  }

  #updatePaused(): void {
    const paused = this.#waitingFor > 0 || this.#partitions.some((partition) => !partition.isAvailable);
    this.#paused = paused;
    if (paused) return;
    this.#onUnpaused?.();
    this.#onUnpaused = undefined;
    this.#options.wake();
  }

  /** Tail first: an operator may emit as soon as it is open. */
  async #open(): Promise<void> {
    const { operators } = this.#chain as OperatorChain;
    for (const { operator } of [...operators].reverse()) {
      await operator.open?.();
      if (this.#isEnding()) return;
    }
  }

  /** Always, also after a failure; a close that fails cannot fail the task again. */
  async #close(): Promise<void> {
    for (const { operator } of this.#chain?.operators ?? []) {
      try {
        await operator.close?.();
      } catch (error) {
        if (this.#state === 'finishing') this.fail(error);
      }
    }
    for (const partition of this.#partitions) partition.close();
    this.#gate?.close();
  }

  #end(state: 'finished' | 'canceled', reported: 'FINISHED' | 'CANCELED'): void {
    if (this.isTerminal) return;
    this.#become(state);
    this.#options.listener.taskStateChanged({
      jobId: this.#options.descriptor.jobId,
      attemptId: this.attemptId,
      state: reported,
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
