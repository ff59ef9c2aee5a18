/**
 * What a task does with the barriers of its channels. No I/O and no clock of its own: the task tells what arrived, the
 * handler decides, and calls back.
 *
 * Rules: reference of fault tolerance, 1.7. Lightweight asynchronous snapshots after Carbone et al. 2015.
 */
import type { CheckpointDeclineReason, CheckpointOptions } from '../../rpc/gateways.ts';

export interface CheckpointBarrier {
  readonly checkpointId: number;
  /** When the JobManager triggered it, wall clock, ms. */
  readonly timestamp: number;
  readonly options: CheckpointOptions;
}

/** Milliseconds between the first and the last barrier on this task, and what was read meanwhile. */
export interface AlignmentMetrics {
  readonly startDelayMs: number;
  readonly alignmentMs: number;
  readonly processedBytes: number;
}

export interface BarrierListener {
  /** No element of this channel is wanted before {@link unblock}. */
  block(channel: number): void;
  unblock(channel: number): void;
  /** Every channel has shown its barrier: take the snapshot before anything else is processed. */
  snapshot(barrier: CheckpointBarrier, alignment: AlignmentMetrics): void;
  /** There will be no snapshot for this id: decline it, and tell downstream. */
  abort(checkpointId: number, reason: CheckpointDeclineReason): void;
  /** As {@link abort}, for an id that the JobManager gave up itself. */
  cancelled(checkpointId: number): void;
}

export interface BarrierHandler {
  barrier(channel: number, barrier: CheckpointBarrier): void;
  /** The producer of this channel took no snapshot for the id. */
  cancelMarker(channel: number, checkpointId: number): void;
  /** Nothing more comes on this channel. */
  endOfPartition(channel: number): void;
  /** A trigger for a task whose producers have all finished: their ends of partition are the barriers. */
  trigger(barrier: CheckpointBarrier): void;
  /** The JobManager gave the checkpoint up: nothing is blocked for it from here on. */
  aborted(checkpointId: number): void;
  /** Highest id seen. */
  readonly latestCheckpointId: number;
}

/** What the handlers measure time and traffic with. */
export interface BarrierClock {
  now(): number;
  monotonic(): number;
  bytesIn(): number;
}
