/**
 * The runtime contract of an operator. One instance per subtask attempt; every method runs on the task's thread, never
 * two at a time. The task calls, in this order:
 *
 *   setup → initializeState → open
 *     → (processElement | processWatermark | processWatermarkStatus | resume
 *        | prepareSnapshotPreBarrier → snapshotState | notifyCheckpointComplete | notifyCheckpointAborted)*
 *     → finish → (prepareSnapshotPreBarrier → snapshotState | notify…)* → close
 *
 * `close` is called in every case, also after a failure. Emission goes to `output`, synchronously, downstream operators
 * run inside the call. **After each emission `context.isPaused` may have become true** (an output is full, or an
 * operator downstream waits for a promise): an operator that has more to emit from the same call then stores where it
 * is, calls `context.resumeLater(this)` and returns; the task calls `resume()` when it may go on, most downstream first.
 */

import type { TypeInfo } from '../types/type-info.ts';
import type { KeySelectorFn, RuntimeContext, TaskOwnedLogs } from './functions.ts';
import type { OperatorStateStore, State, StateDescriptor } from './state.ts';

export interface Output {
  collect(value: unknown, timestamp: number): void;
  /** Records for `getSideOutput(tag)`. */
  collectSide(tag: string, value: unknown, timestamp: number): void;
  emitWatermark(timestamp: number): void;
  emitWatermarkStatus(idle: boolean): void;
}

export interface StreamOperator {
  setup(context: OperatorContext, output: Output): void;
  /** Operator state can be declared here and is filled when the task was restored; keyed state is restored already. */
  initializeState?(context: StateInitializationContext): void | Promise<void>;
  open?(): void | Promise<void>;
  /** Input 0, or the first input of two. `timestamp` is MIN_TIMESTAMP when the record has none. */
  processElement?(value: unknown, timestamp: number): void;
  processElement2?(value: unknown, timestamp: number): void;
  /** The combined watermark of all inputs advanced: fire timers, then forward it. Default: forward. */
  processWatermark?(timestamp: number): void;
  processWatermarkStatus?(idle: boolean): void;
  /** Goes on after `resumeLater`; true when the interrupted work is complete. */
  resume?(): boolean;
  /** End of all inputs, not called on cancel or failure: emit what is left. */
  finish?(): void | Promise<void>;
  /** Right before the barrier leaves, head first: may still emit. */
  prepareSnapshotPreBarrier?(checkpointId: number): void | Promise<void>;
  /** Behind the barrier, tail first: puts into operator state what is to be stored; emits nothing. */
  snapshotState?(context: StateSnapshotContext): void | Promise<void>;
  /** Tail first. May be missing, late, or skipped for a later one; an error fails the task. */
  notifyCheckpointComplete?(checkpointId: number): void | Promise<void>;
  notifyCheckpointAborted?(checkpointId: number): void | Promise<void>;
  close?(): void | Promise<void>;
  /** From the operator's coordinator (sources). */
  /** The coordinator has taken one of the events it was sent. Called at any time, also while the operator waits: emits nothing. */
  acknowledged?(): void;
  handleOperatorEvent?(event: { readonly type: string; readonly payload?: unknown }): void;
}

/** A head operator that makes records itself: called in slices until it says it has nothing now or is at its end. */
export interface SourceOperator extends StreamOperator {
  emitNext(): 'MORE_AVAILABLE' | 'NOTHING_AVAILABLE' | 'END_OF_INPUT';
  /** Settles when `emitNext` has something to do. */
  whenAvailable(): Promise<void>;
}

export interface StreamOperatorFactory {
  createOperator(): StreamOperator;
}

export interface StateInitializationContext {
  /** The checkpoint that was restored; undefined on a fresh start. */
  readonly restoredCheckpointId: number | undefined;
  readonly operatorState: OperatorStateStore;
  readonly taskOwnedLogs: TaskOwnedLogs;
}

export interface StateSnapshotContext {
  readonly checkpointId: number;
  /** When the JobManager triggered it, ms. */
  readonly checkpointTimestamp: number;
  readonly operatorState: OperatorStateStore;
}

/** What the engine gives to an operator. */
export interface OperatorContext {
  readonly runtimeContext: RuntimeContext;
  readonly operatorName: string;
  readonly subtaskIndex: number;
  readonly parallelism: number;
  readonly maxParallelism: number;
  readonly configuration: Readonly<Record<string, string>>;
  /** Key selectors per input; set when the operator's inputs are keyed. */
  readonly keySelectors: readonly (KeySelectorFn | undefined)[];
  /** True while nothing more may be emitted. A plain field read. */
  readonly isPaused: boolean;
  /** True when this call has had the thread long enough: one with much to emit then stops as for {@link isPaused}. Reads the clock. */
  isSliceOver(): boolean;
  resumeLater(operator: StreamOperator): void;
  /** The task takes no further element until the promise settles; a rejection fails the task. */
  waitFor(promise: Promise<unknown>): void;
  /** Keyed state, undefined on non-keyed inputs. */
  readonly keyedState: KeyedStateAccess | undefined;
  /** Processing-time callback as a mail of this task; returns a cancel function. */
  registerProcessingTimer(timestamp: number, callback: (timestamp: number) => void): () => void;
  /** Calls back on the task between two elements, when it may emit; not at all once its input has ended. */
  postMail(callback: () => void): void;
  /** Calls back after this time, also while the task waits: emits nothing. Returns a cancel function. */
  schedule(delayMs: number, callback: () => void): () => void;
  currentProcessingTime(): number;
  /** Fails the task from outside a call of the contract (rejections, callbacks). */
  fail(error: unknown): void;
  sendEventToCoordinator(event: { readonly type: string; readonly payload?: unknown }): void;
  /** Aborted when the task is cancelled or fails. */
  readonly signal: AbortSignal;
}

/**
 * State with a value per key and namespace. A number or string as namespace (a window's start) is much faster than an object.
 * Clearing a namespace leaves nothing of it behind.
 */
export type NamespacedState<S extends State = State> = S & {
  setNamespace(namespace: unknown): void;
  /** List, reducing and aggregating state: moves what the sources hold to the target, in their order; sets the namespace to the target. */
  mergeNamespaces(target: unknown, sources: Iterable<unknown>): void;
};

/** Keyed state of one operator. The current key must be set before any state of the operator is touched. */
export interface KeyedStateAccess {
  setCurrentKey(key: unknown): void;
  getCurrentKey(): unknown;
  /** From here on there is no key: using state is an error until one is set. */
  clearCurrentKey(): void;
  /** A handle bound to the backend: it always reads the current key. The same name gives the same state. */
  getState(descriptor: StateDescriptor, namespace?: unknown): unknown;
  /** A handle of its own whose namespace is set before each use: for the state of windows. */
  getNamespacedState<S extends State>(descriptor: StateDescriptor): NamespacedState<S>;
  getKeys(stateName: string): Iterable<unknown>;
  /** The type with which a restored (or declared) state is stored; undefined when it has none. */
  storedTypeOf(stateName: string): TypeInfo | undefined;
  /** Snapshots leave out values, list elements and map entries for which `keeps` is false. */
  filterSnapshots(stateName: string, keeps: (stored: unknown) => boolean): void;
  /** The timers of one service of the operator, kept with its keyed state. */
  timers(serviceName: string): TimerQueues;
}

export interface TimerQueues {
  readonly event: TimerQueueAccess;
  readonly processing: TimerQueueAccess;
}

/** Timers of one time domain. A timer is a (timestamp, key, namespace); adding one twice is once. */
export interface TimerQueueAccess {
  add(timestamp: number, key: unknown, namespace?: unknown): void;
  delete(timestamp: number, key: unknown, namespace?: unknown): void;
  /** Earliest timestamp that has a timer, or Infinity. */
  readonly next: number;
  /** Removes one timer that is due at `now`, or undefined. */
  takeDue(now: number): { readonly timestamp: number; readonly key: unknown; readonly namespace: unknown } | undefined;
  readonly size: number;
}
