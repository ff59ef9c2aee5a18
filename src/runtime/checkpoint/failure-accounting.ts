/**
 * What a failed checkpoint means for the job: nothing, or its failure. Failures of the JobManager's side never count for
 * savepoints; a stop that a task spoiled always fails the job; the others count against what is tolerated in a row.
 */
import { UserError } from '../../shared/errors.ts';
import type { ExecutionAttemptId } from '../../shared/ids.ts';
import { CheckpointFailureCounter } from './checkpoint-failure-counter.ts';
import type { CheckpointFailure } from './checkpoint-failure-reason.ts';
import type { CheckpointProperties } from './checkpoint-properties.ts';
import type { CheckpointSettings } from './checkpoint-settings.ts';

export interface FailedCheckpoint {
  /** Undefined: it never got one. */
  readonly checkpointId: number | undefined;
  readonly properties: CheckpointProperties;
  readonly failure: CheckpointFailure;
  /** The attempt that spoiled it; undefined: the JobManager's side did. */
  readonly attemptId: ExecutionAttemptId | undefined;
}

export class FailureAccounting {
  readonly #settings: CheckpointSettings;
  readonly #counter: CheckpointFailureCounter;

  constructor(settings: CheckpointSettings) {
    this.#settings = settings;
    this.#counter = new CheckpointFailureCounter(settings.tolerableFailures);
  }

  succeeded(checkpointId: number): void {
    this.#counter.succeeded(checkpointId);
  }

  /** Why the job has to be failed; undefined: it goes on. */
  failed({ checkpointId, properties, failure, attemptId }: FailedCheckpoint): UserError | undefined {
    if (attemptId !== undefined && properties.stop !== undefined)
      return new UserError('STOP_WITH_SAVEPOINT_FAILED', { problem: 'Stopping with a savepoint failed in a task.', cause: failure });
    if (attemptId === undefined && properties.kind === 'savepoint') return undefined;
    return this.#counter.failed(failure.reason, checkpointId) ? this.#tooMany(failure) : undefined;
  }

  #tooMany(failure: CheckpointFailure): UserError {
    const { tolerableFailures, timeoutMs } = this.#settings;
    return new UserError('CHECKPOINT_FAILURES', {
      problem: 'Exceeded checkpoint tolerable failure threshold.',
      found: `The last failure: ${failure.message}`,
      tryNext: [
        `Allow more in a row: execution.checkpointing.tolerable-failed-checkpoints (it is ${tolerableFailures})`,
        `When checkpoints expire: execution.checkpointing.timeout (it is ${timeoutMs} ms)`,
      ],
      cause: failure,
    });
  }
}
