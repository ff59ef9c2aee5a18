/** The contract between a task and the operator state of one of its operators. */
import type { OperatorStateStore } from '../../api/state.ts';
import type { OperatorStateHandle } from '../snapshot/handles.ts';
import type { CheckpointOutputStream } from '../storage/checkpoint-streams.ts';

export interface OperatorStateBackend extends OperatorStateStore {
  /** Before `initializeState`, at most once: the elements at the handles' offsets. */
  restore(handles: readonly OperatorStateHandle[], read: (handle: OperatorStateHandle) => Promise<Uint8Array>): Promise<void>;
  /** Encodes at once; the bytes leave behind the call. Undefined when there is no state. */
  snapshot(output: CheckpointOutputStream): Promise<OperatorStateHandle | undefined>;
}
