/** The seam between the command line and a program: bundled once, run against an executor, or asked for its plan. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { unexecutedSteps } from '../../api/unexecuted-steps.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import type { EntryPoint } from '../../program/entry-point.ts';
import { runProgram } from '../../program/recording.ts';
import { UserError } from '../../shared/errors.ts';
import { bundleProgram } from './bundle.ts';
import { packArtifact } from './pack.ts';
import { openProgramFile } from './program-file.ts';
import { type ProgramExecutor, type RunOptions, type SubmittedProgram, SubmittingRun } from './submitting-run.ts';

export type { JobControl, ProgramExecutor, RunOptions } from './submitting-run.ts';

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

export interface LoadedProgram {
  readonly artifactPath: string;
  readonly artifactHash: string;
  /** The artifact as a directory. */
  readonly artifactDirectory: string;
  /** Runs `main` and what it started without waiting; rejects with what it threw. */
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
    const run = new SubmittingRun(this.#submitted, executor, options);
    try {
      await failingWithStrayErrors(async () => {
        const entry = await this.#runMain(run);
        await run.awaitUnawaited();
        if (run.executed === 0) this.#refuseIdle(entry);
      });
    } finally {
      run.end();
    }
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
      const run = new SubmittingRun(this.#submitted, planned, { detached: false });
      this.#runMain(run)
        .then(async (entry) => {
          if (run.executed === 0) await run.awaitUnawaited();
          if (run.executed > 0) return;
          this.#refuseIdle(entry);
          throw new UserError('NO_JOB', {
            problem: "The program didn't contain a Flink job. Perhaps you forgot to call execute() on the execution environment.",
          });
        })
        .catch(reject)
        .finally(() => run.end());
    });
  }

  /** A program that executed nothing: most often something was forgotten. */
  #refuseIdle(entry: EntryPoint): void {
    const { path } = this.#options;
    const forgotten = unexecutedSteps();
    if (forgotten.length > 0) {
      throw new UserError('FORGOTTEN_EXECUTE', {
        problem: `${path} declares a job and never executes it.`,
        found: forgotten.map((step) => `'${step.name}'${step.location ? ` at ${step.location}` : ''}`).join(', '),
        tryNext: ["await env.execute('my job') at the end of main."],
      });
    }
    if (entry.kind === 'module' && entry.callable.length > 0) {
      throw new UserError('NO_ENTRY_POINT', {
        problem: `${path} does not say what to run: it has neither a default export nor one called main, and executes no job by itself.`,
        found: `It exports: ${entry.callable.join(', ')}.`,
        tryNext: [`-c ${entry.callable[0]}`],
      });
    }
  }

  get #submitted(): SubmittedProgram {
    const { artifactHash, entryModule } = this.#artifact;
    const { entryClass, args, configuration } = this.#options;
    return { artifactHash, entryModule, entryClass, args, configuration };
  }

  dispose(): void {
    process.off('exit', this.#removeDirectory);
    this.#removeDirectory();
  }

  readonly #removeDirectory = (): void => rmSync(this.#directory, { recursive: true, force: true });

  #runMain(run: SubmittingRun): Promise<EntryPoint> {
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

/** What a program throws where nobody can catch it fails its run. Threads of user code see to that themselves. */
async function failingWithStrayErrors(run: () => Promise<void>): Promise<void> {
  if (!isMainThread) return run();
  const { promise: strayError, reject } = Promise.withResolvers<never>();
  process.on('unhandledRejection', reject);
  process.on('uncaughtException', reject);
  try {
    await Promise.race([run(), strayError]);
  } finally {
    process.off('unhandledRejection', reject);
    process.off('uncaughtException', reject);
  }
}
