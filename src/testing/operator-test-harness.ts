/**
 * Drives one step of a program by hand: elements, watermarks and time come when the test says so, and the step can be stopped, stored
 * and started again at any point, also at another parallelism. The operator and its state are those of a cluster.
 */
// biome-ignore-all lint/suspicious/noExplicitAny: records of any type come in
import { DataStream } from '../api/data-stream.ts';
import type { PipelineExecutor } from '../api/executor.ts';
import type { OutputTagLike } from '../api/functions.ts';
import type { Output } from '../api/operators.ts';
import type { MapStateDescriptor, StateDescriptor, StateOf } from '../api/state.ts';
import { StreamExecutionEnvironment } from '../api/stream-execution-environment.ts';
import type { StreamGraph, StreamNode } from '../graph/stream-graph.ts';
import { generateStreamGraph } from '../graph/stream-graph-generator.ts';
import { withOwnFunctions } from '../program/own-functions.ts';
import { redistributeOperatorState } from '../runtime/checkpoint/operator-state-redistribution.ts';
import { WatermarkValve } from '../runtime/time/watermark-valve.ts';
import { UserError } from '../shared/errors.ts';
import { MAX_WATERMARK, MIN_TIMESTAMP } from '../shared/time.ts';
import { openKeyedState } from '../state/ttl/ttl-state.ts';
import { codecs } from '../types/codecs.ts';
import { keyGroupOf, operatorIndexForKeyGroup } from '../types/key-groups.ts';
import { hashKey } from '../types/key-hash.ts';
import { ManualClock } from './manual-clock.ts';
import { type SubtaskState, SubtaskUnderTest } from './subtask-under-test.ts';

export interface HarnessOptions {
  readonly parallelism?: number;
  readonly maxParallelism?: number;
  readonly configuration?: Readonly<Record<string, string>>;
  /** Processing time at the beginning, ms. 0 if nothing is said. */
  readonly processingTime?: number;
  readonly restore?: OperatorSnapshot;
  /**
   * Stores and restores the step behind each call: nothing may depend on what is not in its state. Numbers are the parallelisms that it
   * goes through, over and over.
   */
  readonly restartAfterEachStep?: boolean | readonly number[];
}

/** What {@link OperatorTestHarness.snapshot} took: give it to another harness as `restore`. */
export interface OperatorSnapshot {
  readonly checkpointId: number;
  readonly subtasks: readonly SubtaskState[];
}

export interface OutputRecord<R> {
  readonly value: R;
  /** Null without one. */
  readonly timestamp: number | null;
}

/** The step between streams: `(bids: DataStream<Bid>) => bids.keyBy('auction').process(totals)`. */
type Step = (...inputs: DataStream<any>[]) => DataStream<any>;

export class OperatorTestHarness<R> implements AsyncDisposable {
  readonly #step: Step;
  readonly #options: HarnessOptions;
  readonly #clock: ManualClock;
  readonly #inputWatermarks: number[];
  readonly #outputs: OutputRecord<R>[] = [];
  readonly #watermarks: number[] = [];
  readonly #sides = new Map<string, OutputRecord<unknown>[]>();
  #subtasks: SubtaskUnderTest[] = [];
  #node!: StreamNode;
  #inputIds: readonly number[] = [];
  #valves: WatermarkValve[] = [];
  #outputValve!: WatermarkValve;
  #attempt = 0;
  #steps = 0;
  #nextCheckpointId = 1;
  #roundRobin = 0;

  private constructor(step: Step, options: HarnessOptions) {
    this.#step = step;
    this.#options = options;
    this.#clock = new ManualClock(options.processingTime ?? 0);
    this.#inputWatermarks = Array.from({ length: step.length }, () => MIN_TIMESTAMP);
  }

  static async open<R>(step: Step, options: HarnessOptions = {}): Promise<OperatorTestHarness<R>> {
    const harness = new OperatorTestHarness<R>(step, options);
    const parallelism = options.parallelism ?? 1;
    await harness.#start(parallelism, options.restore);
    return harness;
  }

  /** An element of the first input. */
  processElement(value: unknown, timestamp?: number): Promise<void> {
    return this.#element(0, value, timestamp);
  }

  processElement1(value: unknown, timestamp?: number): Promise<void> {
    return this.#element(0, value, timestamp);
  }

  processElement2(value: unknown, timestamp?: number): Promise<void> {
    return this.#element(1, value, timestamp);
  }

  /** An element of the second input, which is broadcast. */
  processBroadcastElement(value: unknown, timestamp?: number): Promise<void> {
    return this.#element(1, value, timestamp);
  }

  async processElements(values: Iterable<unknown>): Promise<void> {
    for (const value of values) await this.processElement(value);
  }

  /** Of every input. */
  async processWatermark(timestamp: number): Promise<void> {
    for (const input of this.#inputWatermarks.keys()) this.#watermark(input, timestamp);
    await this.#over();
  }

  async processWatermark1(timestamp: number): Promise<void> {
    this.#watermark(0, timestamp);
    await this.#over();
  }

  async processWatermark2(timestamp: number): Promise<void> {
    this.#watermark(1, timestamp);
    await this.#over();
  }

  getProcessingTime(): number {
    return this.#clock.now();
  }

  /** Moves the clock: what is due up to this time happens, in order. */
  async setProcessingTime(time: number): Promise<void> {
    await this.#clock.advanceTo(time, () => this.#settle());
    await this.#over();
  }

  advanceProcessingTime(ms: number): Promise<void> {
    return this.setProcessingTime(this.#clock.now() + ms);
  }

  /** All inputs are at their end: the last watermark comes, and the operator finishes. */
  async endInput(): Promise<void> {
    for (const input of this.#inputWatermarks.keys()) this.#watermark(input, MAX_WATERMARK);
    await this.#settle();
    for (const subtask of this.#subtasks) await subtask.finish();
  }

  /** For answers that come from outside: until there are so many records on the main output. */
  async waitForOutput(count: number): Promise<void> {
    while (this.#outputs.length < count) {
      await this.#settle();
      await new Promise(setImmediate);
    }
  }

  /** Records of the main output. */
  getOutput(): readonly OutputRecord<R>[] {
    return [...this.#outputs];
  }

  extractOutputValues(): R[] {
    return this.#outputs.map(({ value }) => value);
  }

  /** The values that came out since the last call. */
  takeOutputValues(): R[] {
    return this.#outputs.splice(0).map(({ value }) => value);
  }

  getSideOutput<X>(tag: OutputTagLike<X> | string): X[] {
    return (this.#sides.get(typeof tag === 'string' ? tag : tag.id) ?? []).map(({ value }) => value as X);
  }

  /** Ascending. */
  getWatermarks(): readonly number[] {
    return [...this.#watermarks];
  }

  /** Timers of all keys, and of windows. */
  numEventTimeTimers(): number {
    return this.#subtasks.reduce((sum, { keyedState }) => sum + (keyedState?.timerCounts().event ?? 0), 0);
  }

  numProcessingTimeTimers(): number {
    return this.#subtasks.reduce((sum, { keyedState }) => sum + (keyedState?.timerCounts().processing ?? 0), 0);
  }

  /** Keys that have a value in this state. */
  keysWithState(stateName: string): unknown[] {
    return this.#subtasks.flatMap(({ keyedState }) => [...(keyedState?.getKeys(stateName) ?? [])]);
  }

  numKeyedStateEntries(stateName: string): number {
    return this.keysWithState(stateName).length;
  }

  /** The state of one key; a handle is good until the next call of the harness. */
  getState<D extends StateDescriptor>(key: unknown, descriptor: D): StateOf<D> {
    const { keyedState } = this.#subtaskOf(key);
    if (!keyedState) throw new UserError('NOT_KEYED', { problem: `'${this.#node.name}' has no keyed state.` });
    keyedState.setCurrentKey(key);
    return openKeyedState(keyedState, descriptor, () => this.#clock.now()) as StateOf<D>;
  }

  getBroadcastState<K, V>(descriptor: MapStateDescriptor<K, V>, subtask = 0): Map<K, V> {
    return new Map((this.#subtasks[subtask] as SubtaskUnderTest).operatorState.getBroadcastState(descriptor).entries());
  }

  async snapshot(checkpointId = this.#nextCheckpointId): Promise<OperatorSnapshot> {
    this.#nextCheckpointId = checkpointId + 1;
    const subtasks: SubtaskState[] = [];
    for (const subtask of this.#subtasks) subtasks.push(await subtask.snapshot(checkpointId));
    return { checkpointId, subtasks };
  }

  async notifyOfCompletedCheckpoint(checkpointId: number): Promise<void> {
    for (const { operator } of this.#subtasks) await operator.notifyCheckpointComplete?.(checkpointId);
    await this.#settle();
  }

  /** Stores the step and starts new instances of it from that, as after a failure right behind a checkpoint. */
  async restart(parallelism: number = this.#subtasks.length): Promise<void> {
    const snapshot = await this.snapshot();
    await this.close();
    await this.#start(parallelism, snapshot);
    // Sources would say it again.
    for (const [input, watermark] of this.#inputWatermarks.entries())
      if (watermark !== MIN_TIMESTAMP) this.#sendWatermark(input, watermark);
    await this.#settle();
  }

  async close(): Promise<void> {
    for (const subtask of this.#subtasks) await subtask.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #start(parallelism: number, restore: OperatorSnapshot | undefined): Promise<void> {
    const clone = codecs.createCloner({ operatorName: 'harness' });
    this.#outputValve = new WatermarkValve(parallelism);
    this.#valves = Array.from({ length: parallelism }, () => new WatermarkValve(this.#inputWatermarks.length));
    const keyed = restore?.subtasks.flatMap((subtask) => subtask.keyed) ?? [];
    const operator =
      restore &&
      redistributeOperatorState(
        restore.subtasks.map((subtask) => subtask.operator),
        parallelism,
      );
    this.#subtasks = [];
    for (let subtaskIndex = 0; subtaskIndex < parallelism; subtaskIndex++) {
      // Each instance has functions of its own, as in a cluster.
      const { graph, inputIds } = recordStep(this.#step, parallelism, this.#options);
      this.#node = theOneStep(graph, inputIds);
      this.#inputIds = inputIds;
      this.#subtasks.push(
        new SubtaskUnderTest({
          node: this.#node,
          subtaskIndex,
          parallelism,
          attemptNumber: this.#attempt,
          configuration: graph.configuration,
          clock: this.#clock,
          output: this.#outputOf(subtaskIndex, clone),
          restore: restore && { checkpointId: restore.checkpointId, state: { keyed, operator: operator?.[subtaskIndex] ?? [] } },
        }),
      );
    }
    this.#attempt++;
    for (const subtask of this.#subtasks) await subtask.open();
  }

  /** What is emitted is fixed then, as on a cluster. */
  #outputOf(subtaskIndex: number, clone: (value: unknown) => unknown): Output {
    const record = <T>(value: unknown, timestamp: number): OutputRecord<T> => ({
      value: clone(value) as T,
      timestamp: timestamp === MIN_TIMESTAMP ? null : timestamp,
    });
    return {
      collect: (value, timestamp) => void this.#outputs.push(record(value, timestamp)),
      collectSide: (tag, value, timestamp) => {
        const side = this.#sides.get(tag) ?? [];
        side.push(record(value, timestamp));
        this.#sides.set(tag, side);
      },
      emitWatermark: (timestamp) => {
        if (!this.#outputValve.advance(subtaskIndex, timestamp)) return;
        if (this.#outputValve.current > (this.#watermarks.at(-1) ?? MIN_TIMESTAMP)) this.#watermarks.push(this.#outputValve.current);
      },
      emitWatermarkStatus: () => {},
    };
  }

  async #element(input: number, value: unknown, timestamp: number = MIN_TIMESTAMP): Promise<void> {
    for (const subtask of this.#targetsOf(input, value))
      subtask.processElement(codecs.createCloner({ operatorName: this.#node.name })(value), timestamp, input);
    await this.#over();
  }

  #targetsOf(input: number, value: unknown): SubtaskUnderTest[] {
    const edge = this.#node.inputs.find(({ sourceId }) => sourceId === this.#inputIds[input]);
    if (!edge) throw new UserError('NO_SUCH_INPUT', { problem: `'${this.#node.name}' has no input number ${input + 1}.` });
    const { partitioner } = edge;
    if (partitioner.kind === 'broadcast') return this.#subtasks;
    if (partitioner.kind === 'hash') return [this.#subtaskOf((partitioner.keySelector as (value: unknown) => unknown)(value))];
    return [this.#subtasks[this.#roundRobin++ % this.#subtasks.length] as SubtaskUnderTest];
  }

  #subtaskOf(key: unknown): SubtaskUnderTest {
    const { maxParallelism } = this.#node;
    const index = operatorIndexForKeyGroup(keyGroupOf(hashKey(key), maxParallelism), this.#subtasks.length, maxParallelism);
    return this.#subtasks[index] as SubtaskUnderTest;
  }

  #watermark(input: number, timestamp: number): void {
    if (timestamp <= (this.#inputWatermarks[input] as number)) return;
    this.#inputWatermarks[input] = timestamp;
    this.#sendWatermark(input, timestamp);
  }

  #sendWatermark(input: number, timestamp: number): void {
    for (const [index, subtask] of this.#subtasks.entries()) {
      const valve = this.#valves[index] as WatermarkValve;
      if (valve.advance(input, timestamp)) subtask.processWatermark(valve.current);
    }
  }

  async #settle(): Promise<void> {
    for (const subtask of this.#subtasks) await subtask.settle();
  }

  /** Behind each call of the test. */
  async #over(): Promise<void> {
    await this.#settle();
    const { restartAfterEachStep = false } = this.#options;
    if (restartAfterEachStep === false) return;
    const parallelisms = restartAfterEachStep === true ? [this.#subtasks.length] : restartAfterEachStep;
    await this.restart(parallelisms[this.#steps++ % parallelisms.length]);
  }
}

const noExecutor: PipelineExecutor = {
  configuration: {},
  execute: () => notHere(),
  executeAsync: () => notHere(),
  collect: () => {
    throw new UserError('NOT_IN_HARNESS', { problem: 'A step in a test harness executes nothing.' });
  },
  once: () => notHere(),
};

async function notHere(): Promise<never> {
  throw new UserError('NOT_IN_HARNESS', { problem: 'A step in a test harness executes nothing.' });
}

function recordStep(step: Step, parallelism: number, options: HarnessOptions): { graph: StreamGraph; inputIds: number[] } {
  const env = StreamExecutionEnvironment.withExecutor(noExecutor);
  env.configure({ ...options.configuration, 'parallelism.default': parallelism });
  env.setMaxParallelism(options.maxParallelism ?? 128);
  const inputs = Array.from({ length: step.length }, (_, index) =>
    env.addSource({ run: () => {}, cancel: () => {} }, `input ${index + 1}`, { parallel: true }),
  );
  const result = step(...inputs);
  if (!(result instanceof DataStream)) {
    throw new UserError('NOT_A_STEP', {
      problem: 'A test harness wants a function from its input streams to the stream of one step.',
      tryNext: ["testOperator((bids: DataStream<Bid>) => bids.keyBy('auction').process(totals))"],
    });
  }
  const program = { transformations: [...env.builder.transformations], jobName: 'test', configuration: env.getConfiguration().toRecord() };
  return { graph: withOwnFunctions(generateStreamGraph(program)), inputIds: inputs.map((input) => input.getId()) };
}

function theOneStep(graph: StreamGraph, inputIds: readonly number[]): StreamNode {
  const steps = graph.nodes.filter(({ id }) => !inputIds.includes(id));
  const [only] = steps;
  if (only && steps.length === 1) return only;
  throw new UserError('ONE_STEP', {
    problem: `A test harness drives one step; this makes ${steps.length}${steps.length > 0 ? `: ${steps.map(({ name }) => `'${name}'`).join(', ')}` : ''}.`,
    tryNext: ['Test them one by one, or all together on a MiniCluster.'],
  });
}
