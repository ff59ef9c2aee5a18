/**
 * The classic push source: runs `run(context)` beside the task; what it emits waits in a queue until the task takes it. Values
 * are fixed when they are given: what the function does to one afterwards does not show.
 */
import type { SourceFunctionContext } from '../../api/functions.ts';
import type { SourceFunctionSpec } from '../../api/operator-specs.ts';
import type { OperatorContext, Output, SourceOperator, StateInitializationContext, StateSnapshotContext } from '../../api/operators.ts';
import type { ListState } from '../../api/state.ts';
import { Configuration } from '../../config/configuration.ts';
import { UserError } from '../../shared/errors.ts';
import { MAX_WATERMARK, MIN_TIMESTAMP } from '../../shared/time.ts';
import { cloneValue } from '../../types/clone.ts';
import { roughBytes } from '../../types/rough-size.ts';
import {
  closeFunction,
  initializeFunction,
  openFunction,
  snapshotFunction,
  tellFunctionAborted,
  tellFunctionCompleted,
} from '../operators/user-function.ts';

/** Elements a function may be ahead of the task before `collect` asks it to wait. */
const queueLimit = 1024;
const elementsPerCall = 128;

/** Plain data: what waits is part of a snapshot. */
interface Queued {
  readonly element: 'record' | 'watermark' | 'idle';
  readonly value?: unknown;
  readonly timestamp: number;
}

export class SourceFunctionOperator implements SourceOperator {
  readonly #spec: SourceFunctionSpec;
  #queue: Queued[] = [];
  #taken = 0;
  /** Of records beyond the limit, given by a function that does not wait when it is asked to. */
  #overflowBytes = 0;
  #overflowLimitBytes = 0;
  #queued!: ListState<Queued>;
  #context!: OperatorContext;
  #output!: Output;
  #copy: (value: unknown) => unknown = cloneValue;
  #idle = false;
  #done = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;
  #ready: (() => void)[] = [];

  constructor(spec: SourceFunctionSpec) {
    this.#spec = spec;
  }

  setup(context: OperatorContext, output: Output): void {
    this.#context = context;
    this.#output = output;
    const configuration = Configuration.of(context.configuration);
    this.#overflowLimitBytes = configuration.get('weir.output.overflow-limit');
    if (configuration.get('pipeline.object-reuse')) this.#copy = (value) => value;
  }

  /** What the function has emitted and the task has not taken belongs to the snapshot: the function counts it as done. */
  async initializeState(context: StateInitializationContext): Promise<void> {
    this.#queued = context.operatorState.getListState<Queued>({ kind: 'list', name: 'SourceFunctionQueue' });
    this.#queue.push(...this.#queued.get());
    await initializeFunction(this.#spec.function, this.#context.runtimeContext, context);
  }

  async snapshotState(context: StateSnapshotContext): Promise<void> {
    this.#queued.update(this.#queue.slice(this.#taken));
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
    if (this.#failure) throw this.#failure.error;
    for (let emitted = 0; emitted < elementsPerCall && this.#waiting > 0; emitted++) {
      this.#emit(this.#queue[this.#taken++] as Queued);
      if (this.#context.isPaused) break;
    }
    if (this.#waiting === 0) this.#clear();
    if (this.#waiting < queueLimit / 2) this.#release();
    if (this.#waiting > 0) return 'MORE_AVAILABLE';
    return this.#done ? 'END_OF_INPUT' : 'NOTHING_AVAILABLE';
  }

  whenAvailable(): Promise<void> {
    if (this.#waiting > 0 || this.#done) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  processWatermark(timestamp: number): void {
    if (timestamp !== MAX_WATERMARK) return;
    this.#setIdle(false);
    this.#output.emitWatermark(timestamp);
  }

  async close(): Promise<void> {
    if (!this.#done) this.#spec.function.cancel();
    this.#release();
    await closeFunction(this.#spec.function);
  }

  get #waiting(): number {
    return this.#queue.length - this.#taken;
  }

  #emit({ element, value, timestamp }: Queued): void {
    this.#setIdle(element === 'idle');
    if (element === 'record') this.#output.collect(value, timestamp);
    else if (element === 'watermark') this.#output.emitWatermark(timestamp);
  }

  #setIdle(idle: boolean): void {
    if (idle === this.#idle) return;
    this.#idle = idle;
    this.#output.emitWatermarkStatus(idle);
  }

  #clear(): void {
    this.#queue = [];
    this.#taken = 0;
    this.#overflowBytes = 0;
  }

  async #run(): Promise<void> {
    try {
      await this.#spec.function.run(this.#functionContext());
    } catch (error) {
      this.#failure = { error };
    }
    this.#done = true;
    this.#wake?.();
  }

  #functionContext(): SourceFunctionContext<unknown> {
    const record = (value: unknown, timestamp: number): boolean => {
      const copy = this.#copy(value);
      if (this.#waiting >= queueLimit) this.#meter(copy);
      return this.#push({ element: 'record', value: copy, timestamp });
    };
    return {
      collect: (value) => record(value, MIN_TIMESTAMP),
      collectWithTimestamp: record,
      emitWatermark: (timestamp) => void this.#push({ element: 'watermark', timestamp }),
      markAsTemporarilyIdle: () => void this.#push({ element: 'idle', timestamp: MIN_TIMESTAMP }),
      ready: () =>
        this.#waiting < queueLimit || this.#context.signal.aborted
          ? Promise.resolve()
          : new Promise((resolve) => this.#ready.push(resolve)),
      signal: this.#context.signal,
    };
  }

  #push(queued: Queued): boolean {
    this.#queue.push(queued);
    this.#wake?.();
    this.#wake = undefined;
    return this.#waiting < queueLimit;
  }

  #meter(value: unknown): void {
    this.#overflowBytes += roughBytes(value);
    if (this.#overflowBytes <= this.#overflowLimitBytes) return;
    throw new UserError('OUTPUT_OVERFLOW', {
      problem: `The source '${this.#context.operatorName}' emitted ${this.#overflowBytes} bytes more than the job could take meanwhile.`,
      tryNext: [
        'Await context.ready() whenever collect() returns false: if (!context.collect(record)) await context.ready();',
        'Use fromCollection() with a generator, which is asked for its next record when there is room.',
      ],
    });
  }

  #release(): void {
    const waiting = this.#ready;
    this.#ready = [];
    for (const resolve of waiting) resolve();
  }
}
