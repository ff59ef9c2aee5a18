/**
 * Plays the task for one keyed operator: manual time, outputs that are full when the test says so, and restores from a snapshot, also with
 * another parallelism.
 */
import type { KeySelectorFn } from '../../src/api/functions.ts';
import type { OperatorContext, StreamOperator } from '../../src/api/operators.ts';
import { MIN_TIMESTAMP } from '../../src/shared/time.ts';
import { HeapKeyedStateBackend } from '../../src/state/keyed/heap-keyed-state-backend.ts';
import { HeapOperatorStateBackend } from '../../src/state/operator/heap-operator-state-backend.ts';
import type { KeyedStateHandle, OperatorStateHandle } from '../../src/state/snapshot/handles.ts';
import { readKeyedStream } from '../../src/state/snapshot/keyed-stream-reader.ts';
import { keyGroupRange } from '../../src/types/key-groups.ts';
import { MemoryStream, readFromHandle } from './memory-streams.ts';

const maxParallelism = 128;

export interface Emitted {
  readonly value: unknown;
  readonly timestamp: number;
  readonly tag?: string;
}

export interface HarnessSettings {
  /** Asked after each result: is the output full? */
  readonly isFull?: () => boolean;
  readonly isSliceOver?: () => boolean;
}

interface Stored {
  readonly keyed: readonly KeyedStateHandle[];
  readonly operator: readonly OperatorStateHandle[];
}

export class OperatorHarness {
  readonly emitted: Emitted[] = [];
  readonly watermarks: number[] = [];
  now = 0;
  dropped = 0;
  readonly #create: () => StreamOperator;
  readonly #keySelectors: readonly KeySelectorFn[];
  readonly #settings: HarnessSettings;
  #operator!: StreamOperator;
  #keyed!: HeapKeyedStateBackend;
  #operatorState!: HeapOperatorStateBackend;
  #pending: StreamOperator[] = [];
  #timers: { timestamp: number; callback: (timestamp: number) => void }[] = [];
  #full = false;

  private constructor(create: () => StreamOperator, keySelectors: readonly KeySelectorFn[], settings: HarnessSettings) {
    this.#create = create;
    this.#keySelectors = keySelectors;
    this.#settings = settings;
  }

  static async open(
    create: () => StreamOperator,
    keySelectors: readonly KeySelectorFn[],
    settings: HarnessSettings = {},
  ): Promise<OperatorHarness> {
    const harness = new OperatorHarness(create, keySelectors, settings);
    await harness.#start(undefined);
    return harness;
  }

  element(value: unknown, timestamp = MIN_TIMESTAMP, input = 0): void {
    this.#keyed.setCurrentKey((this.#keySelectors[input] as KeySelectorFn)(value));
    if (input === 0) this.#operator.processElement?.(value, timestamp);
    else this.#operator.processElement2?.(value, timestamp);
    this.#settle();
  }

  watermark(timestamp: number): void {
    this.#operator.processWatermark?.(timestamp);
    this.#settle();
  }

  processingTime(now: number): void {
    this.now = now;
    for (;;) {
      const due = this.#timers.filter(({ timestamp }) => timestamp <= now).toSorted((a, b) => a.timestamp - b.timestamp)[0];
      if (!due) return;
      this.#timers.splice(this.#timers.indexOf(due), 1);
      due.callback(due.timestamp);
      this.#settle();
    }
  }

  /** What came out since the last call. */
  take(): Emitted[] {
    return this.emitted.splice(0);
  }

  /** Values and timers that the operator keeps. */
  async stateEntries(): Promise<number> {
    const { keyed } = await this.#snapshot();
    let entries = 0;
    for (const handle of keyed) for (const block of readKeyedStream(await readFromHandle(handle)).blocks()) entries += block.entries;
    return entries;
  }

  /** Stores everything, and goes on with a new operator that has it. */
  async restore(): Promise<void> {
    const stored = await this.#snapshot();
    await this.#operator.close?.();
    this.#keyed.close();
    this.#timers = [];
    await this.#start(stored);
  }

  async close(): Promise<void> {
    await this.#operator.close?.();
  }

  async #start(stored: Stored | undefined): Promise<void> {
    this.#operator = this.#create();
    const options = { operatorName: 'test', keyGroups: keyGroupRange(0, 1, maxParallelism), maxParallelism };
    this.#keyed = new HeapKeyedStateBackend(options);
    this.#operatorState = new HeapOperatorStateBackend('test');
    this.#operator.setup(this.#context(), {
      collect: (value, timestamp) => this.#emit({ value, timestamp }),
      collectSide: (tag, value, timestamp) => this.#emit({ value, timestamp, tag }),
      emitWatermark: (timestamp) => void this.watermarks.push(timestamp),
      emitWatermarkStatus: () => {},
    });
    if (stored) {
      await this.#keyed.restore(stored.keyed, readFromHandle);
      await this.#operatorState.restore(stored.operator, readFromHandle);
    }
    await this.#operator.initializeState?.({
      restoredCheckpointId: stored ? 1 : undefined,
      operatorState: this.#operatorState,
      taskOwnedLogs: undefined as never,
    });
    await this.#operator.open?.();
    this.processingTime(this.now);
  }

  async #snapshot(): Promise<Stored> {
    await this.#operator.snapshotState?.({ checkpointId: 1, checkpointTimestamp: 0, operatorState: this.#operatorState });
    const operator = await this.#operatorState.snapshot(new MemoryStream());
    const keyed = this.#keyed.snapshot(1, new MemoryStream());
    while (keyed.advance(Number.POSITIVE_INFINITY));
    const handle = await keyed.result;
    return { keyed: handle ? [handle] : [], operator: operator ? [operator] : [] };
  }

  #emit(emitted: Emitted): void {
    this.emitted.push(emitted);
    if (this.#settings.isFull?.()) this.#full = true;
  }

  #settle(): void {
    for (;;) {
      this.#full = false;
      const next = this.#pending.shift();
      if (!next) return;
      if (!next.resume?.()) this.#resumeLater(next);
    }
  }

  #resumeLater(operator: StreamOperator): void {
    if (!this.#pending.includes(operator)) this.#pending.push(operator);
  }

  #context(): OperatorContext {
    const harness = this;
    const counter = {
      inc: (by = 1) => {
        this.dropped += by;
      },
    };
    return {
      operatorName: 'test',
      configuration: {},
      keySelectors: this.#keySelectors,
      keyedState: this.#keyed,
      runtimeContext: { metrics: { counter: () => counter } },
      get isPaused() {
        return harness.#full;
      },
      isSliceOver: () => this.#settings.isSliceOver?.() ?? false,
      resumeLater: (operator: StreamOperator) => this.#resumeLater(operator),
      currentProcessingTime: () => this.now,
      registerProcessingTimer: (timestamp: number, callback: (timestamp: number) => void) => {
        const timer = { timestamp, callback };
        this.#timers.push(timer);
        return () => {
          const index = this.#timers.indexOf(timer);
          if (index >= 0) this.#timers.splice(index, 1);
        };
      },
    } as unknown as OperatorContext;
  }
}
