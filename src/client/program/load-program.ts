/** The seam between the command line and a program: bundled once, run against an executor, or asked for its plan. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JobClient, JobExecutionResult, JobStatusName, RecordedJob } from '../../api/executor.ts';
import { unexecutedSteps } from '../../api/unexecuted-steps.ts';
import type { JobGraph, PinnedEnvironment, ProgramDescriptor } from '../../graph/job-graph.ts';
import { generateJobGraph } from '../../graph/job-graph-generator.ts';
import { generateStreamGraph } from '../../graph/stream-graph-generator.ts';
import { type ProgramRun, runProgram } from '../../program/recording.ts';
import { UserError } from '../../shared/errors.ts';
import { bundleProgram } from './bundle.ts';
import { packArtifact } from './pack.ts';
import { openProgramFile } from './program-file.ts';

export interface LoadProgramOptions {
  /** What the user wrote: a module, a package directory, a .tgz, a bundle. */
  readonly path: string;
  readonly entryClass?: string | undefined;
  readonly classpaths: readonly string[];
  readonly args: readonly string[];
  readonly configuration: Readonly<Record<string, string>>;
  /** For the artifact until the program is disposed of, and for what is unpacked; default: the system's temporary directory. */
  readonly temporaryDirectory?: string | undefined;
}

export type JobExecutionOutcome = JobExecutionResult;

/** What becomes of the jobs that the program executes. */
export interface ProgramExecutor {
  execute(jobGraph: JobGraph): Promise<JobExecutionOutcome>;
  executeAsync(jobGraph: JobGraph): Promise<{ readonly jobId: string }>;
  /** For what a program does with the handle of `executeAsync`. */
  readonly jobs?: JobControl | undefined;
}

/** What a {@link JobClient} needs of a cluster. */
export interface JobControl {
  status(jobId: string): Promise<JobStatusName>;
  cancel(jobId: string): Promise<void>;
  result(jobId: string): Promise<JobExecutionResult>;
  /** Records of `executeAndCollect` that are there now; `done` when no more will come. */
  collect(jobId: string, resultId: string): Promise<{ records: unknown[]; done: boolean }>;
}

export interface RunOptions {
  readonly parallelism?: number | undefined;
  readonly detached: boolean;
  readonly jobId?: string | undefined;
  readonly restore?: JobGraph['restore'];
}

export interface LoadedProgram {
  readonly artifactPath: string;
  readonly artifactHash: string;
  /** The artifact as a directory. */
  readonly artifactDirectory: string;
  /** Runs `main`; rejects with what it threw. */
  run(executor: ProgramExecutor, options: RunOptions): Promise<void>;
  /** The JobGraph of the first `execute` call, without running it. */
  plan(): Promise<JobGraph>;
  dispose(): void;
}

/** Throws UserError with the place of the fault. */
export async function loadProgram(options: LoadProgramOptions): Promise<LoadedProgram> {
  const file = await openProgramFile(options.path, options.temporaryDirectory);
  const directory = mkdtempSync(join(options.temporaryDirectory ?? tmpdir(), 'weir-artifact-'));
  try {
    const artifactDirectory = join(directory, 'artifact');
    const manifest = await bundleProgram(file, options.classpaths, artifactDirectory);
    const artifactPath = join(directory, 'artifact.tgz');
    const artifactHash = await packArtifact(artifactDirectory, artifactPath);
    return new BundledProgram(options, { artifactDirectory, artifactPath, artifactHash, entryModule: manifest.entryModule }, directory);
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  } finally {
    file.dispose();
  }
}

interface Artifact {
  readonly artifactDirectory: string;
  readonly artifactPath: string;
  readonly artifactHash: string;
  readonly entryModule: string;
}

class BundledProgram implements LoadedProgram {
  readonly artifactPath: string;
  readonly artifactHash: string;
  readonly artifactDirectory: string;
  readonly #options: LoadProgramOptions;
  readonly #artifact: Artifact;
  readonly #directory: string;

  constructor(options: LoadProgramOptions, artifact: Artifact, directory: string) {
    this.artifactPath = artifact.artifactPath;
    this.artifactHash = artifact.artifactHash;
    this.artifactDirectory = artifact.artifactDirectory;
    this.#options = options;
    this.#artifact = artifact;
    this.#directory = directory;
    // A signal ends the command without a word to anyone.
    process.once('exit', this.#removeDirectory);
  }

  async run(executor: ProgramExecutor, options: RunOptions): Promise<void> {
    const run = new SubmittingRun(this.#options, this.#artifact, executor, options);
    await this.#runMain(run);
    if (run.executed === 0) refuseForgottenExecute(this.#options.path);
  }

  plan(): Promise<JobGraph> {
    return new Promise((resolve, reject) => {
      const planned: ProgramExecutor = {
        execute: (jobGraph) => {
          resolve(jobGraph);
          return new Promise(() => {});
        },
        executeAsync: (jobGraph) => {
          resolve(jobGraph);
          return new Promise(() => {});
        },
      };
      const run = new SubmittingRun(this.#options, this.#artifact, planned, { detached: false });
      this.#runMain(run)
        .then(() => {
          refuseForgottenExecute(this.#options.path);
          throw new UserError('NO_JOB', {
            problem: "The program didn't contain a Flink job. Perhaps you forgot to call execute() on the execution environment.",
          });
        })
        .catch(reject);
    });
  }

  dispose(): void {
    process.off('exit', this.#removeDirectory);
    this.#removeDirectory();
  }

  readonly #removeDirectory = (): void => rmSync(this.#directory, { recursive: true, force: true });

  #runMain(run: SubmittingRun): Promise<void> {
    return runProgram(
      {
        artifactDirectory: this.artifactDirectory,
        entryClass: this.#options.entryClass,
        args: this.#options.args,
        pinned: run.pinned,
        observer: {
          environmentRead: (name, value) => {
            if (value !== undefined) run.environment[name] = value;
          },
        },
      },
      run,
    );
  }
}

/** Turns each `execute` into a JobGraph that carries what a worker needs to replay it. */
class SubmittingRun implements ProgramRun {
  readonly configuration: Readonly<Record<string, string>>;
  readonly pinned: PinnedEnvironment;
  /** Environment variables the program read so far. */
  readonly environment: Record<string, string> = {};
  readonly #once: Record<string, unknown> = {};
  readonly #results: unknown[] = [];
  readonly #load: LoadProgramOptions;
  readonly #artifact: Artifact;
  readonly #executor: ProgramExecutor;
  readonly #options: RunOptions;
  executed = 0;

  constructor(load: LoadProgramOptions, artifact: Artifact, executor: ProgramExecutor, options: RunOptions) {
    this.#load = load;
    this.#artifact = artifact;
    this.#executor = executor;
    this.#options = options;
    this.configuration =
      options.parallelism === undefined
        ? load.configuration
        : { ...load.configuration, 'parallelism.default': String(options.parallelism) };
    this.pinned = {
      timeMs: Date.now(),
      randomSeed: createHash('sha256').update(randomBytes(32)).digest('hex'),
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      environment: {},
      once: {},
      configuration: this.configuration,
    };
  }

  async execute(job: RecordedJob): Promise<JobExecutionResult> {
    const result = await this.#executor.execute(this.#jobGraph(job));
    this.#results.push(result);
    return result;
  }

  async executeAsync(job: RecordedJob): Promise<JobClient> {
    const { jobId } = await this.#executor.executeAsync(this.#jobGraph(job));
    this.#results.push({ jobId, netRuntimeMs: 0, accumulators: {} });
    return new SubmittedJobClient(jobId, this.#executor.jobs);
  }

  async *collect(client: JobClient, resultId: string): AsyncGenerator<unknown, void, undefined> {
    const jobs = requireControl(this.#executor.jobs, 'executeAndCollect()');
    let finished = false;
    try {
      for (;;) {
        const { records, done } = await jobs.collect(client.getJobID(), resultId);
        yield* records;
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
    if (!(name in this.#once)) this.#once[name] = await evaluate();
    return this.#once[name];
  }

  #jobGraph(job: RecordedJob): JobGraph {
    const program: ProgramDescriptor = {
      artifact: this.#artifact.artifactHash,
      entryModule: this.#artifact.entryModule,
      entryClass: this.#load.entryClass,
      args: this.#load.args,
      executeIndex: this.executed++,
      earlierResults: [...this.#results],
      pinned: { ...this.pinned, environment: { ...this.environment }, once: { ...this.#once } },
    };
    return generateJobGraph(generateStreamGraph(job), {
      program,
      jobId: this.executed === 1 ? this.#options.jobId : undefined,
      restore: this.#options.restore,
    });
  }
}

class SubmittedJobClient implements JobClient {
  readonly #jobId: string;
  readonly #jobs: JobControl | undefined;

  constructor(jobId: string, jobs: JobControl | undefined) {
    this.#jobId = jobId;
    this.#jobs = jobs;
  }

  getJobID(): string {
    return this.#jobId;
  }

  async getJobStatus(): Promise<JobStatusName> {
    return requireControl(this.#jobs, 'getJobStatus()').status(this.#jobId);
  }

  async cancel(): Promise<void> {
    await requireControl(this.#jobs, 'cancel()').cancel(this.#jobId);
  }

  async stopWithSavepoint(): Promise<string> {
    throw noSavepoints();
  }

  async triggerSavepoint(): Promise<string> {
    throw noSavepoints();
  }

  async getAccumulators(): Promise<Readonly<Record<string, unknown>>> {
    return (await this.getJobExecutionResult()).accumulators;
  }

  async getJobExecutionResult(): Promise<JobExecutionResult> {
    return requireControl(this.#jobs, 'getJobExecutionResult()').result(this.#jobId);
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

function noSavepoints(): UserError {
  return new UserError('SAVEPOINT_NOT_AVAILABLE', { problem: 'Savepoints are not there yet in this version of Weir.' });
}

function refuseForgottenExecute(path: string): void {
  const forgotten = unexecutedSteps();
  if (forgotten.length === 0) return;
  throw new UserError('FORGOTTEN_EXECUTE', {
    problem: `${path} declares a job and never executes it.`,
    found: forgotten.map((step) => `'${step.name}'${step.location ? ` at ${step.location}` : ''}`).join(', '),
    tryNext: ["await env.execute('my job') at the end of main."],
  });
}
