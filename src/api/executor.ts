/**
 * The seam between a program and what runs it. `env.execute()` knows no cluster: it hands the recorded job to the
 * executor that the command line, a slot's replay, or an embedded cluster installed.
 *
 * The installed executor is found through a global symbol, so that two copies of this module in one process (a test
 * runner's and the built one's) still share it.
 */
import { BugError } from '../shared/assert.ts';
import type { CachedFile } from './distributed-cache.ts';
import type { Transformation } from './transformation.ts';

/** What one `execute` call recorded. */
export interface RecordedJob {
  /** All transformations of the environment, in the order they were made. */
  readonly transformations: readonly Transformation[];
  readonly jobName: string | undefined;
  /** By name. */
  readonly cachedFiles: Readonly<Record<string, CachedFile>>;
  /** The environment's settings as configuration keys: conf file, -D, and what the program set, merged. */
  readonly configuration: Readonly<Record<string, string>>;
}

export interface JobExecutionResult {
  readonly jobId: string;
  readonly netRuntimeMs: number;
  /** Final accumulator values by name. */
  readonly accumulators: Readonly<Record<string, unknown>>;
}

export type JobStatusName =
  | 'INITIALIZING'
  | 'CREATED'
  | 'RUNNING'
  | 'FAILING'
  | 'FAILED'
  | 'CANCELLING'
  | 'CANCELED'
  | 'FINISHED'
  | 'RESTARTING'
  | 'SUSPENDED'
  | 'RECONCILING';

/** Handle of a running job; disposing cancels nothing, it only lets go. */
export interface JobClient extends AsyncDisposable {
  getJobID(): string;
  getJobStatus(): Promise<JobStatusName>;
  cancel(): Promise<void>;
  stopWithSavepoint(drain: boolean, directory?: string): Promise<string>;
  triggerSavepoint(directory?: string): Promise<string>;
  getAccumulators(): Promise<Readonly<Record<string, unknown>>>;
  /** Settles when the job ends; rejects when it failed or was cancelled. */
  getJobExecutionResult(): Promise<JobExecutionResult>;
}

/** Records of `executeAndCollect`, as blocks that `readValueBlock` reads where the program's classes are known. */
export interface CollectedBlocks {
  readonly blocks: readonly Uint8Array[];
  /** No more will come. */
  readonly done: boolean;
}

export interface PipelineExecutor {
  execute(job: RecordedJob): Promise<JobExecutionResult>;
  executeAsync(job: RecordedJob): Promise<JobClient>;
  /** Records of `executeAndCollect`, by the collect operator's result id, from a job started by `executeAsync`. */
  collect(client: JobClient, resultId: string): AsyncIterable<unknown>;
  /** `env.once(name, fn)`: evaluated in the client, given back in every replay. */
  once(name: string, evaluate: () => unknown): Promise<unknown>;
  /** Configuration a new environment starts from: the effective configuration of the command line. */
  readonly configuration: Readonly<Record<string, string>>;
}

/** What this process can do with a program besides running it where it was submitted. The composition root puts it in. */
export interface LocalExecution {
  /** An embedded cluster in this process. */
  createExecutor(): PipelineExecutor;
  /** The graph as JSON. */
  renderPlan(job: RecordedJob): string;
}

const localKey = Symbol.for('weir.local-execution');

export function installLocalExecution(local: LocalExecution): void {
  (globalThis as unknown as Record<symbol, LocalExecution>)[localKey] = local;
}

export function localPipelineExecutor(): PipelineExecutor {
  return requireLocalExecution().createExecutor();
}

export function renderPlan(job: RecordedJob): string {
  return requireLocalExecution().renderPlan(job);
}

function requireLocalExecution(): LocalExecution {
  const local = (globalThis as unknown as Record<symbol, LocalExecution | undefined>)[localKey];
  if (!local) throw new BugError('no local execution installed: import weir, not a part of it');
  return local;
}

const installedKey = Symbol.for('weir.pipeline-executor');
const registry = globalThis as unknown as Record<symbol, PipelineExecutor | undefined>;

/** Installs the executor of this process; returns a function that puts the former one back. */
export function setPipelineExecutor(executor: PipelineExecutor): () => void {
  const former = registry[installedKey];
  registry[installedKey] = executor;
  return () => {
    registry[installedKey] = former;
  };
}

export function installedPipelineExecutor(): PipelineExecutor | undefined {
  return registry[installedKey];
}
