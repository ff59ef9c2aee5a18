/**
 * A program's run in the client: each `execute` becomes a JobGraph that carries what a worker needs to replay it, and goes to
 * the executor of the target. What the program was given is kept, because later jobs are replayed with it.
 */
import { createHash, randomBytes } from 'node:crypto';
import { isMainThread } from 'node:worker_threads';
import type { CollectedBlocks, JobClient, JobExecutionResult, JobStatusName, RecordedJob } from '../../api/executor.ts';
import type { JobGraph, PinnedEnvironment } from '../../graph/job-graph.ts';
import { generateJobGraph } from '../../graph/job-graph-generator.ts';
import { generateStreamGraph } from '../../graph/stream-graph-generator.ts';
import type { EarlierJob, ProgramRun } from '../../program/recording.ts';
import { shippedValue, shipValue } from '../../program/shipped-value.ts';
import { UserError } from '../../shared/errors.ts';
import { readValueBlock } from '../../types/value-block.ts';

/** What becomes of the jobs that the program executes. */
export interface ProgramExecutor {
  execute(jobGraph: JobGraph): Promise<JobExecutionResult>;
  executeAsync(jobGraph: JobGraph): Promise<{ readonly jobId: string }>;
  /** For what a program does with the handle of `executeAsync`. */
  readonly jobs?: JobControl | undefined;
}

/** What a {@link JobClient} needs of a cluster. */
export interface JobControl {
  status(jobId: string): Promise<JobStatusName>;
  cancel(jobId: string): Promise<void>;
  result(jobId: string): Promise<JobExecutionResult>;
  /** Records of `executeAndCollect` that are there now. */
  collect(jobId: string, resultId: string): Promise<CollectedBlocks>;
  /** Resolves with the savepoint's location; `directory` undefined: the configured one. */
  triggerSavepoint(jobId: string, directory: string | undefined): Promise<string>;
  /** Resolves with the savepoint's location when the job has finished. */
  stopWithSavepoint(jobId: string, options: { drain: boolean; directory: string | undefined }): Promise<string>;
}

export interface RunOptions {
  readonly parallelism?: number | undefined;
  readonly detached: boolean;
  readonly jobId?: string | undefined;
  readonly restore?: JobGraph['restore'];
}

/** What every JobGraph of the program says about it. */
export interface SubmittedProgram {
  readonly artifactHash: string;
  readonly entryModule: string;
  readonly entryClass?: string | undefined;
  readonly args: readonly string[];
  readonly configuration: Readonly<Record<string, string>>;
}

/** How long an `execute` may come after `main` has returned, when nothing shows that the program is at its end. */
const firstExecutePatienceMs = isMainThread ? 30_000 : 2000;
/** The same behind a job that `main` did not wait for. */
const nextExecutePatienceMs = 1000;

export class SubmittingRun implements ProgramRun {
  readonly configuration: Readonly<Record<string, string>>;
  readonly pinned: PinnedEnvironment;
  /** Environment variables the program read so far. */
  readonly environment: Record<string, string> = {};
  readonly #once = new Map<string, Promise<string>>();
  readonly #shippedOnce: Record<string, string> = {};
  /** By the index of the `execute` call. */
  readonly #earlier: EarlierJob[] = [];
  readonly #pending = new Set<Promise<unknown>>();
  readonly #program: SubmittedProgram;
  readonly #executor: ProgramExecutor;
  readonly #options: RunOptions;
  #onExecute: () => void = () => {};
  readonly #end = Promise.withResolvers<void>();
  #afterMain = false;
  executed = 0;

  constructor(program: SubmittedProgram, executor: ProgramExecutor, options: RunOptions) {
    this.#program = program;
    this.#executor = executor;
    this.#options = options;
    const { parallelism } = options;
    this.configuration =
      parallelism === undefined ? program.configuration : { ...program.configuration, 'parallelism.default': String(parallelism) };
    this.pinned = {
      timeMs: Date.now(),
      randomSeed: createHash('sha256').update(randomBytes(32)).digest('hex'),
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      workingDirectory: process.cwd(),
      environment: {},
      once: {},
      configuration: this.configuration,
    };
  }

  execute(job: RecordedJob): Promise<JobExecutionResult> {
    const index = this.executed;
    return this.#keepPending(async () => {
      const result = await this.#executor.execute(this.#jobGraph(job));
      this.#earlier[index] = { result };
      return result;
    });
  }

  executeAsync(job: RecordedJob): Promise<JobClient> {
    const index = this.executed;
    return this.#keepPending(async () => {
      const { jobId } = await this.#executor.executeAsync(this.#jobGraph(job));
      this.#earlier[index] = { result: { jobId, netRuntimeMs: 0, accumulators: {} } };
      return new SubmittedJobClient(jobId, this.#executor.jobs, (news) => {
        this.#earlier[index] = { ...(this.#earlier[index] as EarlierJob), ...news };
      });
    });
  }

  async *collect(client: JobClient, resultId: string): AsyncGenerator<unknown, void, undefined> {
    const jobs = requireControl(this.#executor.jobs, 'executeAndCollect()');
    const collected: unknown[] = [];
    (client as SubmittedJobClient).learn({ collected });
    let finished = false;
    try {
      for (;;) {
        const { blocks, done } = await jobs.collect(client.getJobID(), resultId);
        for (const record of blocks.flatMap(readValueBlock)) {
          collected.push(record);
          yield record;
        }
        if (done) break;
      }
      finished = true;
    } finally {
      // The program stopped reading: nobody wants the rest.
      if (!finished) await jobs.cancel(client.getJobID());
    }
    await client.getJobExecutionResult();
  }

  async once(name: string, evaluate: () => unknown): Promise<unknown> {
    let shipped = this.#once.get(name);
    if (!shipped) {
      shipped = Promise.resolve(evaluate()).then((value) => shipValue(value, `The result of env.once('${name}')`));
      this.#once.set(name, shipped);
    }
    const text = await shipped;
    this.#shippedOnce[name] = text;
    // The program sees here what its replays will see.
    return shippedValue(text);
  }

  get ended(): Promise<void> {
    return this.#end.promise;
  }

  /** Nothing of the program is wanted any more. */
  end(): void {
    this.#end.resolve();
  }

  /** Called when `main` has returned: waits for jobs that it did not wait for, and for those that come behind them. */
  async awaitUnawaited(): Promise<void> {
    this.#afterMain = true;
    if (this.executed > 0 && this.#pending.size === 0) return;
    do {
      await Promise.all(this.#pending);
    } while (await this.#anotherExecute(this.executed === 0 ? firstExecutePatienceMs : nextExecutePatienceMs));
  }

  /** True when something executes a job; false when nothing in this process can any more, or nothing did for so long. */
  async #anotherExecute(patienceMs: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const giveUp = (): void => resolve(false);
    const timer = setTimeout(giveUp, patienceMs);
    if (isMainThread) timer.unref();
    process.once('beforeExit', giveUp);
    this.#onExecute = () => resolve(true);
    try {
      return this.#pending.size > 0 || (await promise);
    } finally {
      clearTimeout(timer);
      process.off('beforeExit', giveUp);
    }
  }

  #keepPending<T>(submit: () => Promise<T>): Promise<T> {
    this.#onExecute();
    const submitted = submit();
    this.#pending.add(submitted);
    const settled = (): void => {
      this.#pending.delete(submitted);
    };
    submitted.then(settled, settled);
    return submitted;
  }

  #jobGraph(job: RecordedJob): JobGraph {
    const { artifactHash, entryModule, entryClass, args } = this.#program;
    const executeIndex = this.executed++;
    return generateJobGraph(generateStreamGraph(job), {
      program: {
        artifact: artifactHash,
        entryModule,
        entryClass,
        args,
        executeIndex,
        earlierResults: Array.from({ length: executeIndex }, (_, index) =>
          shipValue(this.#earlier[index], `What the program got from its job number ${index + 1}`),
        ),
        ...(this.#afterMain ? { afterMain: true } : {}),
        pinned: { ...this.pinned, environment: { ...this.environment }, once: { ...this.#shippedOnce } },
      },
      jobId: executeIndex === 0 ? this.#options.jobId : undefined,
      restore: this.#options.restore,
    });
  }
}

class SubmittedJobClient implements JobClient {
  readonly #jobId: string;
  readonly #jobs: JobControl | undefined;
  /** Keeps what the program was told. */
  readonly learn: (news: Partial<EarlierJob>) => void;

  constructor(jobId: string, jobs: JobControl | undefined, learn: (news: Partial<EarlierJob>) => void) {
    this.#jobId = jobId;
    this.#jobs = jobs;
    this.learn = learn;
  }

  getJobID(): string {
    return this.#jobId;
  }

  async getJobStatus(): Promise<JobStatusName> {
    const status = await requireControl(this.#jobs, 'getJobStatus()').status(this.#jobId);
    this.learn({ status });
    return status;
  }

  async cancel(): Promise<void> {
    await requireControl(this.#jobs, 'cancel()').cancel(this.#jobId);
  }

  async stopWithSavepoint(drain: boolean, directory?: string): Promise<string> {
    return requireControl(this.#jobs, 'stopWithSavepoint()').stopWithSavepoint(this.#jobId, { drain, directory });
  }

  async triggerSavepoint(directory?: string): Promise<string> {
    return requireControl(this.#jobs, 'triggerSavepoint()').triggerSavepoint(this.#jobId, directory);
  }

  async getAccumulators(): Promise<Readonly<Record<string, unknown>>> {
    return (await this.getJobExecutionResult()).accumulators;
  }

  async getJobExecutionResult(): Promise<JobExecutionResult> {
    const result = await requireControl(this.#jobs, 'getJobExecutionResult()').result(this.#jobId);
    this.learn({ result });
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function requireControl(jobs: JobControl | undefined, call: string): JobControl {
  if (jobs) return jobs;
  throw new UserError('DETACHED', {
    problem: `Job was submitted in detached mode. ${call} is not available then.`,
    tryNext: ['Run without -d.'],
  });
}
