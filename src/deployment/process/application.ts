/** A program that is the purpose of its cluster: its `main` runs in a thread beside the Dispatcher, from start to end. */
import type { Dispatcher } from '../../runtime/dispatcher/dispatcher.ts';
import { ExternalError, type SerializedError, UserError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import type { ApplicationOutcome, ApplicationRequest } from './user-code-thread.ts';
import { embeddedDispatcher, noCoordinators, UserCodeWorker, type UserCodeWorkerOptions } from './user-code-worker.ts';

export interface ApplicationOptions {
  readonly userCode: UserCodeWorkerOptions;
  readonly dispatcher: Dispatcher;
  readonly log: Logger;
  /** A job of the program was accepted. */
  submitted(): void;
}

export class Application {
  readonly #worker: UserCodeWorker;
  readonly #log: Logger;
  #closed = false;
  /** Settles when the thread dies, or when the program does what no call of it can be blamed for. */
  readonly #broken: Promise<ApplicationOutcome>;

  constructor({ userCode, dispatcher, log, submitted }: ApplicationOptions) {
    const embedded = embeddedDispatcher(dispatcher);
    this.#log = log;
    let broken: (outcome: ApplicationOutcome) => void = () => {};
    this.#broken = new Promise((resolve) => {
      broken = resolve;
    });
    this.#worker = new UserCodeWorker(userCode, 'the application', {
      ...noCoordinators,
      fail: (cause) => broken({ status: 'FAILED', failure: textOf(cause) }),
      ...embedded,
      submitJob: async (jobGraph, artifactPath) => {
        await embedded.submitJob(jobGraph, artifactPath);
        submitted();
      },
    });
  }

  /** Throws UserError when the program cannot be run at all. */
  async load(request: ApplicationRequest): Promise<void> {
    await this.#worker.remote.loadApplication(request).catch((error: unknown) => {
      throw knownError(error);
    });
  }

  /** Resolves when `main` and all its jobs have ended; never rejects. */
  async run(): Promise<ApplicationOutcome> {
    const ended = this.#worker.remote.runApplication().catch((error: unknown): ApplicationOutcome => {
      return { status: 'FAILED', failure: String(error) };
    });
    const outcome = await Promise.race([ended, this.#broken]);
    const { status, failure } = outcome;
    if (this.#closed) return { status: 'CANCELED' };
    if (status === 'SUCCEEDED') this.#log.info('The application has ended: SUCCEEDED.');
    else this.#log.error(`The application has ended: ${status}.\n${failure ?? ''}`);
    return outcome;
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.#worker.terminate();
  }
}

/** What the thread threw, as an error of this thread: it is told apart by its class. */
function knownError(error: unknown): unknown {
  const { name, message, code } = error as { name?: string; message?: string; code?: string };
  if (name === 'UserError') return new UserError(code ?? 'PROGRAM_FAILED', { problem: String(message), cause: error });
  if (name === 'ExternalError') return new ExternalError(code ?? 'PROGRAM_FAILED', { problem: String(message), retriable: false });
  return error;
}

function textOf(cause: SerializedError): string {
  return cause.cause ? `${cause.message}\nCaused by: ${cause.cause.stack}` : cause.message;
}
