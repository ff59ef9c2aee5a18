/**
 * Removes what is over from keys that nobody asks for: with each access, some keys are looked at. A pass over all keys remembers
 * the oldest time it met, so that the next one begins only when there can be something to remove.
 */
import type { KeyedStateAccess } from '../../api/operators.ts';
import type { State } from '../../api/state.ts';
import type { StateTtlConfig } from '../../api/state-ttl-config.ts';
import type { TtlHandle } from './ttl-handles.ts';

export class IncrementalCleanup {
  readonly #keyedState: KeyedStateAccess;
  readonly #stateName: string;
  readonly #handle: TtlHandle<State>;
  readonly #ttl: StateTtlConfig;
  readonly #now: () => number;
  #keys: Iterator<unknown> | undefined;
  #oldest = 0;
  /** Nothing can be over before. */
  #nextPassAt = 0;

  constructor(keyedState: KeyedStateAccess, stateName: string, handle: TtlHandle<State>, ttl: StateTtlConfig, now: () => number) {
    this.#keyedState = keyedState;
    this.#stateName = stateName;
    this.#handle = handle;
    this.#ttl = ttl;
    this.#now = now;
  }

  start(): void {
    this.#handle.onAccess = () => this.#step();
  }

  #step(): void {
    const now = this.#now();
    if (this.#keys === undefined) {
      if (now < this.#nextPassAt) return;
      this.#keys = this.#keyedState.getKeys(this.#stateName)[Symbol.iterator]();
      // What is written from now on is younger.
      this.#oldest = now;
    }
    const key = this.#keyedState.getCurrentKey();
    try {
      this.#look(this.#keys, now);
    } finally {
      this.#keyedState.setCurrentKey(key);
    }
  }

  #look(keys: Iterator<unknown>, now: number): void {
    for (let left = this.#ttl.cleanupSize; left > 0; left--) {
      const next = keys.next();
      if (next.done) {
        this.#keys = undefined;
        this.#nextPassAt = this.#oldest + this.#ttl.ttlMs;
        return;
      }
      this.#keyedState.setCurrentKey(next.value);
      this.#oldest = Math.min(this.#oldest, this.#handle.sweep(now));
    }
  }
}
