/** A program that is the purpose of its cluster: its `main` runs in a thread beside the Dispatcher, from start to end. */
import type { Configuration } from '../../config/configuration.ts';
import { highAvailabilityMode } from '../../config/high-availability/leader-files.ts';
import type { Dispatcher } from '../../runtime/dispatcher/dispatcher.ts';
import { ExternalError, type SerializedError, UserError } from '../../shared/errors.ts';
import type { JobId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/logger.ts';
import type { ApplicationOutcome, ApplicationRequest } from './user-code-thread.ts';
import { embeddedDispatcher, noCoordinators, UserCodeWorker, type UserCodeWorkerOptions } from './user-code-worker.ts';

export interface ApplicationOptions {
  readonly userCode: UserCodeWorkerOptions;
  readonly dispatcher: Dispatcher;
  readonly log: Logger;
  /** Under high availability: the program's only job. Where it was submitted by an earlier run of `main`, this one attaches to it. */
  readonly onlyJob: JobId | undefined;
  /** A job of the program was accepted. */
  submitted(): void;
}

export class Application {
  readonly #worker: UserCodeWorker;
  readonly #log: Logger;
  #closed = false;
  #hasEnded = false;
  /** Settles when the thread dies, or when the program does what no call of it can be blamed for. */
  readonly #broken: Promise<ApplicationOutcome>;

  constructor({ userCode, dispatcher, log, onlyJob, submitted }: ApplicationOptions) {
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
        const { jobId } = jobGraph;
        if (onlyJob !== undefined && jobId !== onlyJob) throw secondJob();
        if (onlyJob === undefined || !dispatcher.hasJob(jobId)) await embedded.submitJob(jobGraph, artifactPath);
        else log.info(`Job ${jobId} was submitted before; main goes on with it.`);
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
    this.#hasEnded = true;
    if (status === 'SUCCEEDED') this.#log.info('The application has ended: SUCCEEDED.');
    else this.#log.error(`The application has ended: ${status}.\n${failure ?? ''}`);
    return outcome;
  }

  /** `main` and its jobs came to their end, whatever that was; nobody ended them with the process. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.#worker.terminate();
  }
}

/**
 * The id of an application's job is the cluster's: a restarted `main` finds it again. Flink's way to make one. Undefined without
 * high availability.
 */
export function jobIdOfCluster(config: Configuration): JobId | undefined {
  if (highAvailabilityMode(config) === 'none') return undefined;
  let hash = 0;
  for (const unit of config.get('high-availability.cluster-id').split('')) hash = (Math.imul(31, hash) + unit.charCodeAt(0)) | 0;
  return BigInt.asUintN(64, BigInt(hash)).toString(16).padStart(16, '0') + '0'.repeat(16);
}

function secondJob(): UserError {
  return new UserError('SECOND_JOB', {
    problem: 'Cannot have more than one execute() or executeAsync() call in a single environment.',
    found: 'With high availability, main is run again by the next leader, and finds its job by the one id that the cluster has.',
    tryNext: ['Give each job an application of its own, or submit them to a session cluster.'],
  });
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
