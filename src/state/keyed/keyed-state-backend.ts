/** The contract between a task and the keyed state of one of its operators; the heap backend and RocksDB implement it. */
import type { KeyedStateAccess } from '../../api/operators.ts';
import type { KeyGroupRange } from '../../types/key-groups.ts';
import type { KeyedStateHandle } from '../snapshot/handles.ts';
import type { CheckpointOutputStream } from '../storage/checkpoint-streams.ts';

export interface KeyedStateBackendOptions {
  readonly operatorName: string;
  /** The task's own; a key outside it fails the snapshot, naming the key selector. */
  readonly keyGroups: KeyGroupRange;
  readonly maxParallelism: number;
}

export interface KeyedStateBackend extends KeyedStateAccess {
  /** Before `open`, at most once. `read` gives the whole, verified stream of a handle. Only own key groups are taken. */
  restore(handles: readonly KeyedStateHandle[], read: (handle: KeyedStateHandle) => Promise<Uint8Array>): Promise<void>;
  /**
   * The synchronous part of a snapshot: from here on it holds the state of this moment, whatever the program does next.
   * Timers are captured in this call, everything else as {@link StateSnapshot.advance} walks. Several may be under way.
   */
  snapshot(checkpointId: number, output: CheckpointOutputStream): StateSnapshot;
  close(): void;
}

/** One snapshot under way. */
export interface StateSnapshot {
  /**
   * Walks on, on the task's thread between two records, until `deadline` (performance.now) or until the output is not ready;
   * also while the task is back-pressured or idle. False when nothing is left to walk (or the snapshot failed or was aborted).
   */
  advance(deadline: number): boolean;
  /** Settles when all is durable; undefined when there is no state. Rejects when the walk or the writing failed. */
  readonly result: Promise<KeyedStateHandle | undefined>;
  abort(): void;
}
