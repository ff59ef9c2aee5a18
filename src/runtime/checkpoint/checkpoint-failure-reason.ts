/**
 * Why a checkpoint did not complete: a closed list. Each reason has its sentence, and says whether such a failure counts
 * against `execution.checkpointing.tolerable-failed-checkpoints`.
 */
import type { CheckpointDeclineReason } from '../rpc/gateways.ts';

interface ReasonFacts {
  readonly sentence: string;
  readonly counts: boolean;
}

export const checkpointFailureReasons = {
  // Before anything was sent to a task.
  TOO_MANY_CHECKPOINT_REQUESTS: { sentence: 'Too many checkpoint requests are waiting.', counts: false },
  MINIMUM_TIME_BETWEEN_CHECKPOINTS: {
    sentence: 'The minimum pause between checkpoints (execution.checkpointing.min-pause) has not passed yet.',
    counts: false,
  },
  NOT_ALL_REQUIRED_TASKS_RUNNING: { sentence: 'Not all required tasks are currently running.', counts: false },
  TRIGGER_CHECKPOINT_FAILURE: { sentence: 'The checkpoint could not be triggered.', counts: false },
  IO_EXCEPTION: { sentence: 'Reading or writing failed while the checkpoint was taken.', counts: true },
  OPERATOR_COORDINATOR_FAILURE: { sentence: 'The coordinator of an operator could not give its state.', counts: true },
  // While tasks took it.
  CHECKPOINT_EXPIRED: { sentence: 'Checkpoint expired before completing.', counts: true },
  CHECKPOINT_SUBSUMED: { sentence: 'A newer checkpoint completed first.', counts: false },
  CHECKPOINT_ASYNC_EXCEPTION: { sentence: 'A task failed to write its part of the checkpoint.', counts: true },
  CHECKPOINT_DECLINED: { sentence: 'A task declined the checkpoint.', counts: true },
  CHECKPOINT_DECLINED_TASK_NOT_READY: { sentence: 'A task was not ready for the checkpoint.', counts: false },
  CHECKPOINT_DECLINED_TASK_CLOSING: { sentence: 'A task was closing and declined the checkpoint.', counts: false },
  CHECKPOINT_DECLINED_SUBSUMED: { sentence: 'A task saw the barrier of a newer checkpoint first.', counts: false },
  CHECKPOINT_DECLINED_ON_CANCELLATION_BARRIER: { sentence: 'A task was told by another one that there is no snapshot.', counts: false },
  CHECKPOINT_DECLINED_INPUT_END_OF_STREAM: { sentence: 'An input of a task ended before its barrier came.', counts: false },
  // From outside.
  CHECKPOINT_COORDINATOR_SHUTDOWN: { sentence: 'The checkpoint coordinator is shut down: the job has ended.', counts: false },
  CHECKPOINT_COORDINATOR_SUSPEND: { sentence: 'The checkpoint coordinator is suspended: the job does not run.', counts: false },
  TASK_FAILURE: { sentence: 'A task failed before it had acknowledged the checkpoint.', counts: false },
  // At its end.
  PARTIAL_FINISH_NOT_SUPPORTED: {
    sentence: 'An operator that keeps union list state has finished in some of its subtasks and not in others.',
    counts: false,
  },
  FINALIZE_CHECKPOINT_FAILURE: { sentence: 'The checkpoint could not be completed.', counts: true },
} as const satisfies Record<string, ReasonFacts>;

export type CheckpointFailureReason = keyof typeof checkpointFailureReasons;

/** Decisions are made on `reason`; the message is for people. */
export class CheckpointFailure extends Error {
  override readonly name = 'CheckpointException';
  readonly reason: CheckpointFailureReason;

  constructor(reason: CheckpointFailureReason, options: { readonly detail?: string | undefined; readonly cause?: unknown } = {}) {
    const { sentence } = checkpointFailureReasons[reason];
    super(options.detail ? `${sentence} ${options.detail}` : sentence, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
  }
}

const declines: Readonly<Record<CheckpointDeclineReason, CheckpointFailureReason>> = {
  TASK_NOT_READY: 'CHECKPOINT_DECLINED_TASK_NOT_READY',
  TASK_CLOSING: 'CHECKPOINT_DECLINED_TASK_CLOSING',
  DECLINED_SUBSUMED: 'CHECKPOINT_DECLINED_SUBSUMED',
  DECLINED_ON_CANCELLATION_BARRIER: 'CHECKPOINT_DECLINED_ON_CANCELLATION_BARRIER',
  INPUT_END_OF_STREAM: 'CHECKPOINT_DECLINED_INPUT_END_OF_STREAM',
  CHECKPOINT_DECLINED: 'CHECKPOINT_DECLINED',
  CHECKPOINT_ASYNC_EXCEPTION: 'CHECKPOINT_ASYNC_EXCEPTION',
  IO_EXCEPTION: 'IO_EXCEPTION',
};

export function reasonOfDecline(reason: CheckpointDeclineReason): CheckpointFailureReason {
  return declines[reason] ?? 'CHECKPOINT_DECLINED';
}
