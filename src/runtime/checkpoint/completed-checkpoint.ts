/** A checkpoint that counts: all acknowledged, its metadata published. Immutable. */
import type { OperatorId } from '../../shared/ids.ts';
import type { CheckpointProperties } from './checkpoint-properties.ts';
import type { CheckpointedOperator, CheckpointMetadata } from './metadata/checkpoint-metadata.ts';
import type { RestoredSnapshot } from './state-assignment.ts';

/** Where a published snapshot lies. */
export interface CheckpointPlace {
  /** Its own directory, a URI; undefined: in the JobManager's memory alone. */
  readonly directory: string | undefined;
  /** The metadata file, a URI. */
  readonly metadataFile: string | undefined;
  /** The directory is another's: only the files of the snapshot itself may be deleted, not what else lies there. */
  readonly foreign: boolean;
}

export interface CompletedCheckpoint {
  readonly metadata: CheckpointMetadata;
  readonly properties: CheckpointProperties;
  readonly place: CheckpointPlace;
  /** When it completed, ms. */
  readonly completedAt: number;
}

/** Flink's word for a checkpoint that no path leads to; its Kubernetes operator looks for it. */
const notAddressable = '<checkpoint-not-externally-addressable>';

/** What `flink run -s` takes. */
export function pointerOf({ place }: CompletedCheckpoint): string {
  return place.directory ?? place.metadataFile ?? notAddressable;
}

export function restoredSnapshotOf({ metadata, place }: CompletedCheckpoint): RestoredSnapshot {
  return { checkpointId: metadata.checkpointId, directory: place.directory, operators: metadata.operators };
}

export function operatorsById(checkpoint: CompletedCheckpoint): Map<OperatorId, CheckpointedOperator> {
  return new Map(checkpoint.metadata.operators.map((operator) => [operator.operatorId, operator]));
}
