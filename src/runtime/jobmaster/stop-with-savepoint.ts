/**
 * Ends a job with a savepoint: the savepoint first, then all tasks finish behind its barrier. When the savepoint fails the job
 * goes on; when it is there and a task does not finish, the whole job restarts from it.
 */
import { ExternalError } from '../../shared/errors.ts';
import type { CheckpointCoordinator } from '../checkpoint/checkpoint-coordinator.ts';
import { type CompletedCheckpoint, pointerOf } from '../checkpoint/completed-checkpoint.ts';
import type { Execution } from '../executiongraph/execution-graph.ts';

export interface StopWithSavepoint {
  readonly jobId: string;
  readonly coordinator: CheckpointCoordinator;
  readonly directory: string | undefined;
  readonly mode: 'suspend' | 'drain';
  /** The present attempts. */
  readonly executions: readonly Execution[];
  readonly whenTerminal: (executions: readonly Execution[]) => Promise<void>;
  /** The job goes on: periodic checkpoints as before. */
  readonly resume: () => void;
  readonly failGlobally: (cause: Error) => void;
}

/** Resolves when all tasks have finished. */
export async function stopWithSavepoint(stop: StopWithSavepoint): Promise<CompletedCheckpoint> {
  const { coordinator, directory, mode, executions, whenTerminal, resume } = stop;
  // Nothing but the savepoint's own cut is committed from here on.
  coordinator.stopPeriodic();
  let savepoint: CompletedCheckpoint;
  try {
    savepoint = await coordinator.triggerSavepoint({ directory, stop: mode });
  } catch (error) {
    resume();
    throw error;
  }
  await whenTerminal(executions);
  const unfinished = [...new Set(executions.map(({ state }) => state).filter((state) => state !== 'FINISHED'))];
  if (unfinished.length === 0) return savepoint;
  stop.failGlobally(
    new ExternalError('INCONSISTENT_STOP', {
      problem:
        'Inconsistent execution state after stopping with savepoint. At least one execution is still in one of the following states: ' +
        `${unfinished.join(', ')}. A global fail-over is triggered to recover the job ${stop.jobId}.`,
      retriable: true,
    }),
  );
  throw new ExternalError('FAILED_WHILE_STOPPING', {
    problem: `A savepoint has been created at: ${pointerOf(savepoint)}, but the corresponding job ${stop.jobId} failed during stopping.`,
    found: 'The savepoint is consistent, but might have uncommitted transactions.',
    tryNext: [`To commit them, start a job from it: flink run -s ${pointerOf(savepoint)}`],
    retriable: false,
  });
}
