/** How the failure of a job reads that no restart is tried for any more. */
import { type SerializedError, serializeError, UserError } from '../../shared/errors.ts';
import { type CompletedCheckpoint, pointerOf } from '../checkpoint/completed-checkpoint.ts';

/** The restart strategy allows no further attempt. */
export function recoverySuppressed(strategy: string, cause: SerializedError): SerializedError {
  const message = `Recovery is suppressed by ${strategy}`;
  return { name: 'JobException', message, stack: `JobException: ${message}`, cause };
}

/** The state to restart from is damaged. Going back silently would emit again what sinks have committed since. `newestFirst`: what there is. */
export function stateDamaged([newest, ...older]: readonly CompletedCheckpoint[], cause: SerializedError): SerializedError {
  const error = new UserError('CHECKPOINT_DAMAGED', {
    problem: `The job cannot be restored: ${newest ? `its newest completed checkpoint, ${pointerOf(newest)},` : 'its state'} is damaged.`,
    found: 'It is not replaced by an older one by itself: sinks have committed up to it, and would write twice.',
    tryNext: older.map((checkpoint) => `To go back all the same: flink run -s ${pointerOf(checkpoint)}`),
  });
  return { ...serializeError(error), cause };
}
