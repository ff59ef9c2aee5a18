/** The two operators that make records: a split reader (FLIP-27) and the classic push function. */
// biome-ignore-all lint/suspicious/noExplicitAny: split and record types are the source's own
import type { SourceFunctionContext } from '../../api/functions.ts';
import type { SourceFunctionSpec, SourceSpec } from '../../api/operator-specs.ts';
import type {
  OperatorContext,
  Output,
  SourceOperator,
  StateInitializationContext,
  StateSnapshotContext,
  StreamOperator,
} from '../../api/operators.ts';
import type { ReaderOutput, SourceReader, SourceReaderContext, SourceSplit } from '../../api/source.ts';
import type { ListState } from '../../api/state.ts';
import type { WatermarkGenerator } from '../../api/watermark.ts';
import { MAX_WATERMARK, MIN_TIMESTAMP } from '../../shared/time.ts';
import { type FusibleOperator, type Fusion, userCall } from '../operators/fusion.ts';
import {
  closeFunction,
  initializeFunction,
  openFunction,
  snapshotFunction,
  tellFunctionAborted,
  tellFunctionCompleted,
} from '../operators/user-function.ts';
import { SourceWatermarks } from './source-watermarks.ts';

export class SplitSourceOperator implements SourceOperator, FusibleOperator {
  readonly #spec: SourceSpec;
  #context!: OperatorContext;
  #reader!: SourceReader<unknown, SourceSplit>;
  #output!: SplitOutput;
  #watermarks!: SourceWatermarks;
  #splits!: ListState<SourceSplit>;

  constructor(spec: SourceSpec) {
    this.#spec = spec;
  }

  setup(context: OperatorContext, output: Output): void {
    this.#context = context;
    this.#watermarks = new SourceWatermarks(this.#spec.watermarks, context, output);
    this.#output = new SplitOutput(context, output, this.#watermarks, this.#watermarks.mainGenerator, this.#spec.source.recordAt);
  }

  fusion(): Fusion | undefined {
    const { recordAt } = this.#spec.source;
    if (!recordAt) return undefined;
    const { assigner, mainGenerator } = this.#watermarks;
    return {
      kind: 'source',
      user: userCall(recordAt, 'recordAt'),
      assigner,
      onEvent: mainGenerator && ((event, timestamp) => this.#watermarks.onEvent(mainGenerator, event, timestamp)),
      output: this.#output,
    };
  }

  initializeState({ operatorState }: StateInitializationContext): void {
    this.#splits = operatorState.getListState<SourceSplit>({ kind: 'list', name: 'SourceReaderState' });
  }

  async open(): Promise<void> {
    const readerContext: SourceReaderContext = {
      indexOfSubtask: this.#context.subtaskIndex,
      parallelism: this.#context.parallelism,
      configuration: this.#context.configuration,
      sendSplitRequest: () => this.#context.sendEventToCoordinator({ type: 'split-request' }),
      sendSourceEventToCoordinator: (payload) => this.#context.sendEventToCoordinator({ type: 'source-event', payload }),
      signal: this.#context.signal,
    };
    this.#reader = this.#spec.source.createReader(readerContext) as SourceReader<unknown, SourceSplit>;
    await this.#reader.start();
    const restored = [...this.#splits.get()];
    if (restored.length > 0) this.#reader.addSplits(restored);
    this.#watermarks.start();
    this.#context.sendEventToCoordinator({ type: 'reader-registered' });
  }

  emitNext(): 'MORE_AVAILABLE' | 'NOTHING_AVAILABLE' | 'END_OF_INPUT' {
    const status = this.#reader.pollNext(this.#output);
    if (status === 'END_OF_INPUT') this.#watermarks.emitNow();
    return status;
  }

  whenAvailable(): Promise<void> {
    return this.#reader.isAvailable();
  }

  handleOperatorEvent(event: { readonly type: string; readonly payload?: unknown }): void {
    if (event.type === 'add-splits') this.#reader.addSplits(event.payload as SourceSplit[]);
    else if (event.type === 'no-more-splits') this.#reader.notifyNoMoreSplits();
    else this.#reader.handleSourceEvent?.(event.payload);
  }

  snapshotState({ checkpointId }: StateSnapshotContext): void {
    this.#splits.update(this.#reader.snapshotState(checkpointId));
  }

  notifyCheckpointComplete(checkpointId: number): void | Promise<void> {
    return this.#reader.notifyCheckpointComplete?.(checkpointId);
  }

  processWatermark(timestamp: number): void {
    this.#watermarks.finish(timestamp);
  }

  async close(): Promise<void> {
    this.#watermarks?.stop();
    await this.#reader?.close?.();
  }
}

class SplitOutput implements ReaderOutput<unknown> {
  /** Replaced by code of its own where the chain is generated. */
  collectRange: (from: number, end: number) => number;
  readonly #context: OperatorContext;
  readonly #downstream: Output;
  readonly #watermarks: SourceWatermarks;
  readonly #generator: WatermarkGenerator<unknown> | undefined;
  readonly #assign: ((event: unknown, recordTimestamp: number) => number) | undefined;
  readonly #recordAt: ((index: number) => unknown) | undefined;
  readonly #splits = new Map<string, SplitOutput>();

  constructor(
    context: OperatorContext,
    downstream: Output,
    watermarks: SourceWatermarks,
    generator: WatermarkGenerator<unknown> | undefined,
    recordAt?: ((index: number) => unknown) | undefined,
  ) {
    this.#recordAt = recordAt;
    this.collectRange = (from, end) => this.#collectRange(from, end, recordAt as (index: number) => unknown);
    this.#context = context;
    this.#downstream = downstream;
    this.#watermarks = watermarks;
    this.#generator = generator;
    this.#assign = watermarks.assigner;
  }

  get isFull(): boolean {
    return this.#context.isPaused;
  }

  collect(record: unknown, timestamp: number = MIN_TIMESTAMP): void {
    const assigned = this.#assign ? this.#assign(record, timestamp) : timestamp;
    this.#downstream.collect(record, assigned);
    if (this.#generator) this.#watermarks.onEvent(this.#generator, record, assigned);
  }

  #collectRange(from: number, end: number, recordAt: (index: number) => unknown): number {
    let index = from;
    while (index < end) {
      this.collect(recordAt(index++));
      if (this.isFull) break;
    }
    return index;
  }

  emitWatermark(timestamp: number): void {
    this.#downstream.emitWatermark(timestamp);
  }

  markIdle(): void {
    this.#downstream.emitWatermarkStatus(true);
  }

  markActive(): void {
    this.#downstream.emitWatermarkStatus(false);
  }

  createOutputForSplit(splitId: string): ReaderOutput<unknown> {
    let output = this.#splits.get(splitId);
    if (!output) {
      output = new SplitOutput(
        this.#context,
        this.#downstream,
        this.#watermarks,
        this.#watermarks.generatorForSplit(splitId),
        this.#recordAt,
      );
      this.#splits.set(splitId, output);
    }
    return output;
  }

  releaseOutputForSplit(splitId: string): void {
    this.#splits.delete(splitId);
    this.#watermarks.releaseSplit(splitId);
  }
}

interface Queued {
  readonly value: unknown;
  readonly timestamp: number;
  readonly watermark: number | undefined;
}

/** Runs `run(context)`; its records wait in a bounded queue until the task takes them. */
export class SourceFunctionOperator implements SourceOperator {
  static readonly #queueLimit = 1024;
  readonly #spec: SourceFunctionSpec;
  readonly #queue: Queued[] = [];
  #queued!: ListState<Queued>;
  #context!: OperatorContext;
  #output!: Output;
  #done = false;
  #failure: unknown;
  #wake: (() => void) | undefined;
  #ready: (() => void)[] = [];

  constructor(spec: SourceFunctionSpec) {
    this.#spec = spec;
  }

  setup(context: OperatorContext, output: Output): void {
    this.#context = context;
    this.#output = output;
  }

  /** What the function has emitted and the task has not taken belongs to the snapshot: the function counts it as done. */
  async initializeState(context: StateInitializationContext): Promise<void> {
    this.#queued = context.operatorState.getListState<Queued>({ kind: 'list', name: 'SourceFunctionQueue' });
    this.#queue.push(...this.#queued.get());
    await initializeFunction(this.#spec.function, this.#context.runtimeContext, context);
  }

  async snapshotState(context: StateSnapshotContext): Promise<void> {
    this.#queued.update(this.#queue);
    await snapshotFunction(this.#spec.function, context);
  }

  notifyCheckpointComplete(checkpointId: number): void | Promise<void> {
    return tellFunctionCompleted(this.#spec.function, checkpointId);
  }

  notifyCheckpointAborted(checkpointId: number): void | Promise<void> {
    return tellFunctionAborted(this.#spec.function, checkpointId);
  }

  async open(): Promise<void> {
    await openFunction(this.#spec.function, this.#context.runtimeContext);
    this.#context.signal.addEventListener('abort', () => this.#spec.function.cancel());
    // Started behind open(), so that a source that emits at once finds a running task.
    queueMicrotask(() => void this.#run());
  }

  emitNext(): 'MORE_AVAILABLE' | 'NOTHING_AVAILABLE' | 'END_OF_INPUT' {
    if (this.#failure !== undefined) throw this.#failure;
    for (let taken = 0; taken < 128; taken++) {
      const next = this.#queue.shift();
      if (!next) break;
      if (next.watermark === undefined) this.#output.collect(next.value, next.timestamp);
      else this.#output.emitWatermark(next.watermark);
      if (this.#context.isPaused) return 'MORE_AVAILABLE';
    }
    if (this.#queue.length < SourceFunctionOperator.#queueLimit / 2) this.#release();
    if (this.#queue.length > 0) return 'MORE_AVAILABLE';
    return this.#done ? 'END_OF_INPUT' : 'NOTHING_AVAILABLE';
  }

  whenAvailable(): Promise<void> {
    if (this.#queue.length > 0 || this.#done || this.#failure !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  processWatermark(timestamp: number): void {
    if (timestamp === MAX_WATERMARK) this.#output.emitWatermark(timestamp);
  }

  async close(): Promise<void> {
    if (!this.#done) this.#spec.function.cancel();
    this.#release();
    await closeFunction(this.#spec.function);
  }

  async #run(): Promise<void> {
    try {
      await this.#spec.function.run(this.#functionContext());
    } catch (error) {
      this.#failure = error;
    }
    this.#done = true;
    this.#wake?.();
  }

  #functionContext(): SourceFunctionContext<unknown> {
    const push = (value: unknown, timestamp: number, watermark?: number): boolean => {
      this.#queue.push({ value, timestamp, watermark });
      this.#wake?.();
      this.#wake = undefined;
      return this.#queue.length < SourceFunctionOperator.#queueLimit;
    };
    return {
      collect: (value) => push(value, MIN_TIMESTAMP),
      collectWithTimestamp: (value, timestamp) => push(value, timestamp),
      emitWatermark: (timestamp) => void push(undefined, MIN_TIMESTAMP, timestamp),
      markAsTemporarilyIdle: () => this.#output.emitWatermarkStatus(true),
      ready: () =>
        this.#queue.length < SourceFunctionOperator.#queueLimit || this.#context.signal.aborted
          ? Promise.resolve()
          : new Promise((resolve) => this.#ready.push(resolve)),
      signal: this.#context.signal,
    };
  }

  #release(): void {
    const waiting = this.#ready;
    this.#ready = [];
    for (const resolve of waiting) resolve();
  }
}

export const sourceOperatorBuilders: Readonly<Record<string, (spec: any) => StreamOperator>> = {
  source: (spec: SourceSpec) => new SplitSourceOperator(spec),
  'source-function': (spec: SourceFunctionSpec) => new SourceFunctionOperator(spec),
};
