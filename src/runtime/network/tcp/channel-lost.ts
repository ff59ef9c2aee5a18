/**
 * A connection that ended too early. Most often it is the echo of a failure that the JobManager hears of by itself, and
 * whose cause says more: the task at the other end failed, or its process died. So it becomes a failure of its own only
 * when nobody has stopped this task after a while.
 */
import { ExternalError } from '../../../shared/errors.ts';

const patienceMs = 2000;

export class ChannelLoss {
  readonly #onError: (error: Error) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(onError: (error: Error) => void) {
    this.#onError = onError;
  }

  report(problem: string): void {
    this.#timer ??= setTimeout(() => {
      this.#onError(
        new ExternalError('CHANNEL_LOST', { problem, found: 'Its TaskManager or slot died, or the network failed.', retriable: true }),
      );
    }, patienceMs);
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}
