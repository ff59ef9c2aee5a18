/**
 * Where a written piece of state lies, and what is in it. Plain data: handles travel in acknowledgements and stand in the
 * checkpoint's metadata. They never name a program's types; those are inside the streams (docs/formats/keyed-state.md).
 */
import type { OperatorId } from '../../shared/ids.ts';
import type { KeyGroupRange } from '../../types/key-groups.ts';

/** A written stream of bytes. `checksum` is the CRC-32 of all its bytes, verified before a task starts from it. */
export type StreamHandle =
  /** Beside `_metadata`, in the checkpoint's own directory: resolved against wherever that was found. */
  | { readonly kind: 'relative'; readonly name: string; readonly size: number; readonly checksum: number }
  /** Absolute: in `shared/` or `taskowned/`, or in the directory of a claimed snapshot. */
  | { readonly kind: 'file'; readonly path: string; readonly size: number; readonly checksum: number }
  /** Small: the bytes are in the handle. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly checksum: number };

/** Keyed state and timers of one operator subtask; its stream has an index by key group. */
export interface KeyedStateHandle {
  readonly kind: 'keyed';
  /** The key groups inside; a restoring subtask reads those of them that are its own. */
  readonly keyGroups: KeyGroupRange;
  readonly stream: StreamHandle;
}

/** How the elements of an operator state find their subtask at a restore. */
export type RedistributionMode = 'SPLIT' | 'UNION' | 'BROADCAST';

/** Operator state of one subtask: per state name the positions of its elements in the stream. */
export interface OperatorStateHandle {
  readonly kind: 'operator';
  readonly states: Readonly<Record<string, { readonly mode: RedistributionMode; readonly offsets: readonly number[] }>>;
  readonly stream: StreamHandle;
}

/** What one subtask of one operator wrote, or is to restore: then each list may have several entries, from several old subtasks. */
export interface OperatorSubtaskState {
  readonly keyed: readonly KeyedStateHandle[];
  readonly operator: readonly OperatorStateHandle[];
}

/** The snapshot of one task: its operators' states. Operators without state are left out. */
export type TaskStateSnapshot = Readonly<Record<OperatorId, OperatorSubtaskState>>;

export function streamHandlesOf(state: OperatorSubtaskState): StreamHandle[] {
  return [...state.keyed, ...state.operator].map((handle) => handle.stream);
}

export function stateSizeBytes(state: OperatorSubtaskState): number {
  return streamHandlesOf(state).reduce((sum, handle) => sum + (handle.kind === 'bytes' ? handle.bytes.length : handle.size), 0);
}
