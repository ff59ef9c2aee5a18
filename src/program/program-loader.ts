/** Replays programs in a slot's (or coordinator's) thread: `main` again, in the pinned world, up to the submitted `execute`. */
import type { JobClient, JobExecutionResult, JobStatusName, RecordedJob } from '../api/executor.ts';
import { requireSameGraph } from '../graph/fingerprint.ts';
import type { JobGraph } from '../graph/job-graph.ts';
import type { StreamGraph } from '../graph/stream-graph.ts';
import { generateStreamGraph } from '../graph/stream-graph-generator.ts';
import { BugError } from '../shared/assert.ts';
import { UserError } from '../shared/errors.ts';
import type { ProgramLoader, ReplayableProgram } from './program.ts';
import { type EarlierJob, type ProgramRun, runProgram } from './recording.ts';
import { shippedValue } from './shipped-value.ts';

export function createProgramLoader(warn: (message: string) => void): ProgramLoader {
  return async (jobGraph, artifactDirectory) => {
    if (artifactDirectory === undefined) throw new BugError('a program without an artifact cannot be replayed in another thread');
    return new ArtifactProgram(jobGraph, artifactDirectory, warn);
  };
}

class ArtifactProgram implements ReplayableProgram {
  readonly #jobGraph: JobGraph;
  readonly #artifactDirectory: string;
  readonly #warn: (message: string) => void;
  readonly #warned = new Set<string>();

  constructor(jobGraph: JobGraph, artifactDirectory: string, warn: (message: string) => void) {
    this.#jobGraph = jobGraph;
    this.#artifactDirectory = artifactDirectory;
    this.#warn = warn;
  }

  async replay(): Promise<StreamGraph> {
    const { program, fingerprint } = this.#jobGraph;
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    if (timeZone !== program.pinned.timeZone) {
      this.#warnOnce(`The time zone here is ${timeZone}, and was ${program.pinned.timeZone} in the client: local times in main differ.`);
    }
    const { promise: found, resolve, reject } = Promise.withResolvers<RecordedJob>();
    const run = new ReplayRun(this.#jobGraph, resolve);
    try {
      runProgram(
        {
          artifactDirectory: this.#artifactDirectory,
          entryClass: program.entryClass,
          args: program.args,
          pinned: program.pinned,
          observer: { ioNoticed: (what) => this.#noticeIo(what) },
        },
        run,
      ).then(() => this.#mainReturned(run, reject), reject);
      const graph = generateStreamGraph(await found);
      requireSameGraph(fingerprint, graph);
      return graph;
    } finally {
      run.end();
    }
  }

  /** Right for a program that does not wait for its own `main`; else it took another way than in the client. */
  #mainReturned(run: ReplayRun, reject: (error: unknown) => void): void {
    const { afterMain, executeIndex } = this.#jobGraph.program;
    const patienceMs = afterMain ? lateExecutePatienceMs : 0;
    setTimeout(() => {
      if (run.executed <= executeIndex) reject(this.#endedEarly(run.executed));
    }, patienceMs);
  }

  #noticeIo(what: string): void {
    this.#warnOnce(`main reads ${what} outside env.once: a worker may see something else than the client did.`);
  }

  #warnOnce(message: string): void {
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    this.#warn(message);
  }

  #endedEarly(executed: number): UserError {
    return new UserError('GRAPH_MISMATCH', {
      problem: 'The program ended in the worker before it came to the job that was submitted.',
      found: `It executed ${executed} job(s), and job ${this.#jobGraph.program.executeIndex + 1} was submitted.`,
      tryNext: ['Make main depend on its arguments and configuration only; use env.once(name, fn) for what it reads from outside.'],
    });
  }
}

/** How long after `main` a job may come that the client saw after `main`, too. */
const lateExecutePatienceMs = 30_000;

/** Earlier jobs give their recorded results; the submitted one is handed over and never settles. */
class ReplayRun implements ProgramRun {
  readonly silent = true;
  readonly ended: Promise<void>;
  readonly end: () => void;
  readonly configuration: Readonly<Record<string, string>>;
  readonly #jobGraph: JobGraph;
  readonly #found: (job: RecordedJob) => void;
  executed = 0;

  constructor(jobGraph: JobGraph, found: (job: RecordedJob) => void) {
    this.#jobGraph = jobGraph;
    this.#found = found;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.end = resolve;
    this.configuration = jobGraph.program.pinned.configuration;
  }

  async execute(job: RecordedJob): Promise<JobExecutionResult> {
    return (await this.#next(job)).result;
  }

  async executeAsync(job: RecordedJob): Promise<JobClient> {
    return new EarlierJobClient(await this.#next(job));
  }

  async *collect(client: JobClient): AsyncGenerator<unknown, void, undefined> {
    const { collected } = (client as EarlierJobClient).earlier;
    if (collected) yield* collected;
    else await never();
  }

  async once(name: string): Promise<unknown> {
    const shipped = this.#jobGraph.program.pinned.once[name];
    if (shipped !== undefined) return shippedValue(shipped);
    throw new UserError('ONCE_NOT_RECORDED', { problem: `env.once('${name}', …) was not called when the job was submitted.` });
  }

  #next(job: RecordedJob): Promise<EarlierJob> {
    const index = this.executed++;
    const { executeIndex, earlierResults } = this.#jobGraph.program;
    if (index < executeIndex) return Promise.resolve(shippedValue(earlierResults[index] as string) as EarlierJob);
    if (index === executeIndex) this.#found(job);
    return never();
  }
}

/** A job of the program that the client had executed before: it gives back what it gave there. */
class EarlierJobClient implements JobClient {
  readonly earlier: EarlierJob;

  constructor(earlier: EarlierJob) {
    this.earlier = earlier;
  }

  getJobID(): string {
    return this.earlier.result.jobId;
  }

  async getJobStatus(): Promise<JobStatusName> {
    return this.earlier.status ?? 'FINISHED';
  }

  async cancel(): Promise<void> {}

  async stopWithSavepoint(): Promise<string> {
    return this.#refuse('stopWithSavepoint');
  }

  async triggerSavepoint(): Promise<string> {
    return this.#refuse('triggerSavepoint');
  }

  async getAccumulators(): Promise<Readonly<Record<string, unknown>>> {
    return this.earlier.result.accumulators;
  }

  async getJobExecutionResult(): Promise<JobExecutionResult> {
    return this.earlier.result;
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #refuse(call: string): never {
    throw new UserError('NOT_IN_REPLAY', {
      problem: `${call}() of an earlier job came before a later execute(), and a worker that runs main again cannot repeat it.`,
      tryNext: ['Put the two jobs into programs of their own.'],
    });
  }
}

function never(): Promise<never> {
  return new Promise(() => {});
}
