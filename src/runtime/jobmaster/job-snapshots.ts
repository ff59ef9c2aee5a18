/** Checkpoints and savepoints that somebody asks a running job for. */
import { UserError } from '../../shared/errors.ts';
import type { CheckpointCoordinator } from '../checkpoint/checkpoint-coordinator.ts';
import { pointerOf } from '../checkpoint/completed-checkpoint.ts';
import { type StopWithSavepoint, stopWithSavepoint } from './stop-with-savepoint.ts';

export interface SnapshottedJob extends Pick<StopWithSavepoint, 'jobId' | 'whenTerminal' | 'resume' | 'failGlobally'> {
  /** Throws UserError('JOB_NOT_RUNNING' | 'NO_CHECKPOINTS'). */
  requireCoordinator(): CheckpointCoordinator;
  /** The present attempts. */
  executions(): StopWithSavepoint['executions'];
  cancel(): void;
  /** Resolves when the job has ended. */
  whenDone(): Promise<unknown>;
}

interface Stop {
  readonly mode: StopWithSavepoint['mode'];
  readonly directory: string | undefined;
  readonly outcome: Promise<string>;
}

export class JobSnapshots {
  readonly #job: SnapshottedJob;
  #stopping: Stop | undefined;

  constructor(job: SnapshottedJob) {
    this.#job = job;
  }

  /** Resolves with the id of the completed checkpoint. */
  async checkpoint(options: { readonly full: boolean }): Promise<number> {
    return (await this.#job.requireCoordinator().triggerCheckpoint(options)).metadata.checkpointId;
  }

  /** Resolves with the savepoint's location; with `cancelJob` the job is being cancelled then. */
  async savepoint({ directory, cancelJob }: { readonly directory: string | undefined; readonly cancelJob: boolean }): Promise<string> {
    const coordinator = this.#job.requireCoordinator();
    if (cancelJob) coordinator.stopPeriodic();
    try {
      const savepoint = await coordinator.triggerSavepoint({ directory });
      if (cancelJob) this.#job.cancel();
      return pointerOf(savepoint);
    } catch (error) {
      if (cancelJob) this.#job.resume();
      throw error;
    }
  }

  /** Resolves with the savepoint's location when the job has finished. Asking for the same again gives the same answer. */
  async stop({ directory, drain }: { readonly directory: string | undefined; readonly drain: boolean }): Promise<string> {
    const mode = drain ? 'drain' : 'suspend';
    if (this.#stopping) {
      if (this.#stopping.mode === mode && this.#stopping.directory === directory) return this.#stopping.outcome;
      throw new UserError('STOP_IN_PROGRESS', { problem: `Job ${this.#job.jobId} is being stopped with a savepoint already.` });
    }
    const outcome = this.#stopNow(mode, directory).finally(() => {
      this.#stopping = undefined;
    });
    this.#stopping = { mode, directory, outcome };
    return outcome;
  }

  async #stopNow(mode: StopWithSavepoint['mode'], directory: string | undefined): Promise<string> {
    const { jobId, whenTerminal, resume, failGlobally } = this.#job;
    const savepoint = await stopWithSavepoint({
      jobId,
      coordinator: this.#job.requireCoordinator(),
      directory,
      mode,
      executions: this.#job.executions(),
      whenTerminal,
      resume,
      failGlobally,
    });
    await this.#job.whenDone();
    return pointerOf(savepoint);
  }
}
