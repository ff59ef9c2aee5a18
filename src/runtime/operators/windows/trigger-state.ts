/** What a trigger may ask and remember while it looks at a window; the operator sets which one. */
import type { KeyedStateAccess } from '../../../api/operators.ts';
import type { StateDescriptor } from '../../../api/state.ts';
import type { OnMergeContext } from '../../../api/windows/trigger.ts';
import type { KeyedTimerService } from '../../time/timer-service.ts';
import { NamespacedStateStore } from './window-call.ts';

export class TriggerState implements OnMergeContext {
  /** Of the window. */
  namespace: unknown;
  /** Namespaces of the windows that were merged into it. */
  merged: readonly unknown[] = [];
  readonly #timers: KeyedTimerService;
  readonly #states: NamespacedStateStore;

  constructor(keyedState: KeyedStateAccess, timers: KeyedTimerService) {
    this.#timers = timers;
    this.#states = new NamespacedStateStore(keyedState, () => this.namespace);
  }

  getCurrentProcessingTime(): number {
    return this.#timers.currentProcessingTime();
  }

  getCurrentWatermark(): number {
    return this.#timers.currentWatermark();
  }

  registerEventTimeTimer(timestamp: number): void {
    this.#timers.registerEventTimeTimer(timestamp, this.namespace);
  }

  registerProcessingTimeTimer(timestamp: number): void {
    this.#timers.registerProcessingTimeTimer(timestamp, this.namespace);
  }

  deleteEventTimeTimer(timestamp: number): void {
    this.#timers.deleteEventTimeTimer(timestamp, this.namespace);
  }

  deleteProcessingTimeTimer(timestamp: number): void {
    this.#timers.deleteProcessingTimeTimer(timestamp, this.namespace);
  }

  getPartitionedState = (descriptor: StateDescriptor): never => this.#states.handle(descriptor) as never;

  mergePartitionedState(descriptor: StateDescriptor): void {
    this.#states.handle(descriptor).mergeNamespaces(this.namespace, this.merged);
  }
}
