/** One operator instance with the real state backends, and around it what a task would be: mails, pauses, timers. */
import type { Accumulator } from '../api/functions.ts';
import type { OperatorContext, Output, StreamOperator } from '../api/operators.ts';
import type { StreamNode } from '../graph/stream-graph.ts';
import { TaskMetrics } from '../runtime/metrics/task-metrics.ts';
import { buildOperator } from '../runtime/operators/registry.ts';
import { LocalFileCache } from '../runtime/task/local-file-cache.ts';
import { TaskRuntimeContext } from '../runtime/task/runtime-context.ts';
import { UserError } from '../shared/errors.ts';
import { HeapKeyedStateBackend } from '../state/keyed/heap-keyed-state-backend.ts';
import { HeapOperatorStateBackend } from '../state/operator/heap-operator-state-backend.ts';
import type { KeyedStateHandle, OperatorStateHandle } from '../state/snapshot/handles.ts';
import { keyGroupRange } from '../types/key-groups.ts';
import type { ManualClock } from './manual-clock.ts';
import { MemoryStream, readFromMemory } from './memory-stream.ts';

export interface SubtaskState {
  readonly keyed: readonly KeyedStateHandle[];
  readonly operator: readonly OperatorStateHandle[];
}

export interface SubtaskOptions {
  readonly node: StreamNode;
  readonly subtaskIndex: number;
  readonly parallelism: number;
  readonly attemptNumber: number;
  readonly configuration: Readonly<Record<string, string>>;
  readonly clock: ManualClock;
  readonly output: Output;
  readonly restore: { readonly checkpointId: number; readonly state: SubtaskState } | undefined;
}

export class SubtaskUnderTest {
  readonly operator: StreamOperator;
  readonly keyedState: HeapKeyedStateBackend | undefined;
  readonly operatorState: HeapOperatorStateBackend;
  readonly #options: SubtaskOptions;
  readonly #abort = new AbortController();
  readonly #mails: (() => void)[] = [];
  #interrupted = false;
  #waiting = 0;
  #isClosed = false;
  #hasEnded = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(options: SubtaskOptions) {
    this.#options = options;
    const { node, subtaskIndex, parallelism } = options;
    this.keyedState = node.keySelectors.some(Boolean)
      ? new HeapKeyedStateBackend({
          operatorName: node.name,
          keyGroups: keyGroupRange(subtaskIndex, parallelism, node.maxParallelism),
          maxParallelism: node.maxParallelism,
        })
      : undefined;
    this.operatorState = new HeapOperatorStateBackend(node.name);
    this.operator = buildOperator(node);
    this.operator.setup(this.#createContext(), options.output);
  }

  async open(): Promise<void> {
    const { restore } = this.#options;
    if (restore) {
      await this.keyedState?.restore(restore.state.keyed, readFromMemory);
      await this.operatorState.restore(restore.state.operator, readFromMemory);
    }
    const unsupported = async (): Promise<never> => {
      throw new UserError('NOT_IN_HARNESS', { problem: 'Logs of its own are not there in an operator harness; use a MiniCluster.' });
    };
    await this.operator.initializeState?.({
      restoredCheckpointId: restore?.checkpointId,
      operatorState: this.operatorState,
      taskOwnedLogs: { write: unsupported, read: unsupported, delete: unsupported },
    });
    await this.operator.open?.();
    await this.settle();
  }

  processElement(value: unknown, timestamp: number, inputIndex: number): void {
    const { node } = this.#options;
    const selector = node.keySelectors[inputIndex];
    if (selector) this.keyedState?.setCurrentKey(selector(value));
    const { operator } = this;
    if (inputIndex === 0) operator.processElement?.(value, timestamp);
    else if (inputIndex === 1) operator.processElement2?.(value, timestamp);
    else throw new UserError('NO_SUCH_INPUT', { problem: `'${node.name}' has no input ${inputIndex}.` });
  }

  processWatermark(timestamp: number): void {
    if (this.operator.processWatermark) this.operator.processWatermark(timestamp);
    else this.#options.output.emitWatermark(timestamp);
  }

  async finish(): Promise<void> {
    await this.operator.finish?.();
    await this.settle();
    this.#hasEnded = true;
  }

  /** Until the operator has said everything that it can say now. Throws what made the operator fail. */
  async settle(): Promise<void> {
    for (;;) {
      this.#throwFailure();
      const isQuiet = !this.#interrupted && this.#waiting === 0;
      const mail = isQuiet ? this.#mails.shift() : undefined;
      if (mail) mail();
      else if (this.#waiting > 0) await this.#change();
      else if (this.#interrupted) {
        this.#interrupted = false;
        if (!this.operator.resume?.()) this.#interrupted = true;
        if (this.#interrupted) await new Promise(setImmediate);
      } else break;
    }
  }

  async snapshot(checkpointId: number): Promise<SubtaskState> {
    await this.operator.prepareSnapshotPreBarrier?.(checkpointId);
    await this.settle();
    const { operatorState, keyedState } = this;
    await this.operator.snapshotState?.({ checkpointId, checkpointTimestamp: this.#options.clock.now(), operatorState });
    const operator = await operatorState.snapshot(new MemoryStream());
    const walk = keyedState?.snapshot(checkpointId, new MemoryStream());
    while (walk?.advance(Number.POSITIVE_INFINITY));
    const keyed = await walk?.result;
    return { keyed: keyed ? [keyed] : [], operator: operator ? [operator] : [] };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#abort.abort();
    await this.operator.close?.();
    this.keyedState?.close();
  }

  #createContext(): OperatorContext {
    const { node, subtaskIndex, parallelism, attemptNumber, configuration, clock } = this.#options;
    const subtask = this;
    const facts = {
      jobId: '0'.repeat(32),
      jobName: 'test',
      taskName: node.name,
      subtaskIndex,
      parallelism,
      maxParallelism: node.maxParallelism,
      attemptNumber,
      configuration,
      isCheckpointed: true,
    };
    const metrics = new TaskMetrics(() => clock.monotonic()).group('');
    const accumulators = new Map<string, Accumulator<unknown, unknown>>();
    const post = (mail: () => void): void => {
      this.#mails.push(() => {
        if (!this.#isClosed && !this.#hasEnded) mail();
      });
      this.#tellChange();
    };
    return {
      runtimeContext: new TaskRuntimeContext(
        facts,
        node.name,
        this.keyedState,
        accumulators,
        metrics,
        () => clock.now(),
        new LocalFileCache({}),
      ),
      operatorName: node.name,
      subtaskIndex,
      parallelism,
      maxParallelism: node.maxParallelism,
      configuration,
      keySelectors: node.keySelectors,
      get isPaused() {
        return subtask.#waiting > 0;
      },
      isSliceOver: () => false,
      resumeLater: () => {
        this.#interrupted = true;
      },
      waitFor: (promise) => this.#waitFor(promise),
      keyedState: this.keyedState,
      registerProcessingTimer: (timestamp, callback) => clock.schedule(timestamp - clock.now(), () => post(() => callback(timestamp))),
      postMail: post,
      schedule: (delayMs, callback) =>
        clock.schedule(delayMs, () => {
          if (!this.#isClosed) callback();
        }),
      currentProcessingTime: () => clock.now(),
      fail: (error) => this.#fail(error),
      sendEventToCoordinator: () => {},
      signal: this.#abort.signal,
    };
  }

  #waitFor(promise: Promise<unknown>): void {
    this.#waiting++;
    promise.then(
      () => {
        this.#waiting--;
        this.#tellChange();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#tellChange();
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #tellChange(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
