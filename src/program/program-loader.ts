/** Replays programs in a slot's (or coordinator's) thread: `main` again, in the pinned world, up to the submitted `execute`. */
import type { JobClient, JobExecutionResult, RecordedJob } from '../api/executor.ts';
import { requireSameGraph } from '../graph/fingerprint.ts';
import type { JobGraph } from '../graph/job-graph.ts';
import type { StreamGraph } from '../graph/stream-graph.ts';
import { generateStreamGraph } from '../graph/stream-graph-generator.ts';
import { BugError } from '../shared/assert.ts';
import { UserError } from '../shared/errors.ts';
import type { ProgramLoader, ReplayableProgram } from './program.ts';
import { type ProgramRun, runProgram } from './recording.ts';

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
    const job = await new Promise<RecordedJob>((resolve, reject) => {
      const run = new ReplayRun(this.#jobGraph, resolve);
      runProgram(
        {
          artifactDirectory: this.#artifactDirectory,
          entryClass: program.entryClass,
          args: program.args,
          pinned: program.pinned,
          observer: { ioNoticed: (what) => this.#noticeIo(what) },
        },
        run,
      ).then(() => reject(this.#endedEarly(run.executed)), reject);
    });
    const graph = generateStreamGraph(job);
    requireSameGraph(fingerprint, graph);
    return graph;
  }

  #noticeIo(what: string): void {
    if (this.#warned.has(what)) return;
    this.#warned.add(what);
    this.#warn(`main reads ${what} outside env.once: a worker may see something else than the client did.`);
  }

  #endedEarly(executed: number): UserError {
    return new UserError('GRAPH_MISMATCH', {
      problem: 'The program ended in the worker before it came to the job that was submitted.',
      found: `It executed ${executed} job(s), and job ${this.#jobGraph.program.executeIndex + 1} was submitted.`,
      tryNext: ['Make main depend on its arguments and configuration only; use env.once(name, fn) for what it reads from outside.'],
    });
  }
}

/** Earlier jobs give their recorded results; the submitted one is handed over and never settles. */
class ReplayRun implements ProgramRun {
  readonly configuration: Readonly<Record<string, string>>;
  readonly #jobGraph: JobGraph;
  readonly #found: (job: RecordedJob) => void;
  executed = 0;

  constructor(jobGraph: JobGraph, found: (job: RecordedJob) => void) {
    this.#jobGraph = jobGraph;
    this.#found = found;
    this.configuration = jobGraph.program.pinned.configuration;
  }

  execute(job: RecordedJob): Promise<JobExecutionResult> {
    return this.#next(job) as Promise<JobExecutionResult>;
  }

  async executeAsync(job: RecordedJob): Promise<JobClient> {
    const result = (await this.#next(job)) as JobExecutionResult;
    const gone = async (): Promise<never> => {
      throw new BugError('a job of an earlier execute call cannot be controlled from a worker');
    };
    return {
      getJobID: () => result.jobId,
      getJobStatus: async () => 'FINISHED',
      cancel: async () => {},
      stopWithSavepoint: gone,
      triggerSavepoint: gone,
      getAccumulators: async () => result.accumulators,
      getJobExecutionResult: async () => result,
      [Symbol.asyncDispose]: async () => {},
    };
  }

  async *collect(): AsyncGenerator<unknown> {
    await new Promise(() => {});
  }

  async once(name: string): Promise<unknown> {
    const { once } = this.#jobGraph.program.pinned;
    if (name in once) return once[name];
    throw new UserError('ONCE_NOT_RECORDED', { problem: `env.once('${name}', …) was not called when the job was submitted.` });
  }

  #next(job: RecordedJob): Promise<unknown> {
    const index = this.executed++;
    const { executeIndex, earlierResults } = this.#jobGraph.program;
    if (index < executeIndex) return Promise.resolve(earlierResults[index]);
    if (index === executeIndex) this.#found(job);
    return new Promise(() => {});
  }
}
