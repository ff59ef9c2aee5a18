/** What a checkpoint consists of, by operator: the content of its `_metadata` file. Plain data. */
import type { JobId, OperatorId } from '../../../shared/ids.ts';
import { type OperatorSubtaskState, type StreamHandle, stateSizeBytes, streamHandlesOf } from '../../../state/snapshot/handles.ts';
import type { CheckpointProperties } from '../checkpoint-properties.ts';

export interface CheckpointMetadata {
  readonly checkpointId: number;
  readonly jobId: JobId;
  readonly jobName: string;
  /** When it was triggered, ms. */
  readonly timestamp: number;
  readonly weirVersion: string;
  readonly properties: CheckpointProperties;
  readonly operators: readonly CheckpointedOperator[];
}

/** The state of one operator over all its subtasks. */
export interface CheckpointedOperator {
  readonly operatorId: OperatorId;
  /** For people: an id says little in an error. */
  readonly name: string;
  readonly uid: string | undefined;
  readonly parallelism: number;
  readonly maxParallelism: number;
  /** Of its coordinator beside the JobManager: the split enumerator of a source. */
  readonly coordinatorState: Uint8Array | undefined;
  /** All subtasks had finished: no state is kept, and a restore deploys them as a stub. */
  readonly fullyFinished: boolean;
  /** By subtask index; subtasks without state are left out. */
  readonly subtasks: ReadonlyMap<number, CheckpointedSubtask>;
}

export interface CheckpointedSubtask extends OperatorSubtaskState {
  readonly finished: boolean;
}

export const emptySubtaskState: OperatorSubtaskState = { keyed: [], operator: [] };

export function hasState(operator: CheckpointedOperator): boolean {
  return operator.coordinatorState !== undefined || [...operator.subtasks.values()].some((subtask) => streamHandlesOf(subtask).length > 0);
}

export function* streamHandlesOfCheckpoint(operators: Iterable<CheckpointedOperator>): Generator<StreamHandle> {
  for (const operator of operators) for (const subtask of operator.subtasks.values()) yield* streamHandlesOf(subtask);
}

export function sizeOfCheckpoint(operators: Iterable<CheckpointedOperator>): number {
  let bytes = 0;
  for (const operator of operators) {
    bytes += operator.coordinatorState?.length ?? 0;
    for (const subtask of operator.subtasks.values()) bytes += stateSizeBytes(subtask);
  }
  return bytes;
}
