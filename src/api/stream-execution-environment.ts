/** The entry point of every program: makes sources, holds settings, and hands the finished job to the installed executor. */
// biome-ignore-all lint/suspicious/noExplicitAny: the erased side of generic sources
import { readFile } from 'node:fs/promises';
import { Configuration } from '../config/configuration.ts';
import { UserError } from '../shared/errors.ts';
import { CheckpointConfig, type CheckpointingMode } from './checkpoint-config.ts';
import { connectors } from './connector-registry.ts';
import { type DataStream, positive, SingleOutputStreamOperator } from './data-stream.ts';
import type { CachedFile } from './distributed-cache.ts';
import { type Duration, durationMs } from './duration.ts';
import { ExecutionConfig } from './execution-config.ts';
import {
  installedPipelineExecutor,
  type JobClient,
  type JobExecutionResult,
  localPipelineExecutor,
  type PipelineExecutor,
  type RecordedJob,
  renderPlan,
} from './executor.ts';
import type { SourceFunction } from './functions.ts';
import { ignoredTimestamps } from './ignored-timestamps.ts';
import { JobBuilder } from './job-builder.ts';
import type { ParameterTool } from './parameter-tool.ts';
import { programPath } from './program-path.ts';
import type { RestartStrategyConfiguration } from './restart-strategies.ts';
import type { Source } from './source.ts';
import { WatermarkStrategy } from './watermark-strategy.ts';

type Records<T> = Iterable<T> | AsyncIterable<T> | ((context: IterationContext) => Iterable<T> | AsyncIterable<T>);

/** What a function that makes an iterable gets. */
export interface IterationContext {
  /** Aborted when the job is cancelled or fails: pass it to what the iteration waits for. */
  readonly signal: AbortSignal;
}

/** Each method may be missing; the other argument is undefined. */
export interface JobListener {
  onJobSubmitted?(client: JobClient | undefined, error: unknown): void | Promise<void>;
  onJobExecuted?(result: JobExecutionResult | undefined, error: unknown): void | Promise<void>;
}

/** AUTOMATIC is BATCH when every source is bounded. */
export type RuntimeExecutionMode = 'STREAMING' | 'BATCH' | 'AUTOMATIC';

export class StreamExecutionEnvironment {
  readonly builder: JobBuilder;
  readonly #configuration: Record<string, string>;
  readonly #executor: PipelineExecutor | undefined;
  readonly #listeners: JobListener[] = [];
  readonly #cachedFiles = new Map<string, { readonly path: string; readonly executable: boolean }>();
  /** Who waits for the next job's handle. */
  readonly #collecting: ((client: JobClient) => void)[] = [];

  private constructor(configuration: Readonly<Record<string, string>>, executor: PipelineExecutor | undefined) {
    this.#configuration = { ...configuration };
    this.#executor = executor;
    this.builder = new JobBuilder(executor === undefined);
  }

  /** Fits the way the program was started: submitted by `flink run`, or run by itself on an embedded cluster. */
  static getExecutionEnvironment(configuration: Readonly<Record<string, string | number | boolean>> = {}): StreamExecutionEnvironment {
    const base = installedPipelineExecutor()?.configuration ?? {};
    return new StreamExecutionEnvironment(Configuration.of({ ...base, ...configuration }).toRecord(), undefined);
  }

  /** Runs its jobs on an embedded cluster in this process, on one thread, however the program was started. */
  static createLocalEnvironment(
    parallelism = 1,
    configuration: Readonly<Record<string, string | number | boolean>> = {},
  ): StreamExecutionEnvironment {
    const environment = new StreamExecutionEnvironment(Configuration.of({ ...configuration }).toRecord(), localPipelineExecutor());
    return environment.setParallelism(parallelism);
  }

  /** With an executor of its own, whatever is installed; tests and embedded clusters use it. */
  static withExecutor(executor: PipelineExecutor): StreamExecutionEnvironment {
    return new StreamExecutionEnvironment(executor.configuration, executor);
  }

  getConfig(): ExecutionConfig {
    return new ExecutionConfig(this.#configuration);
  }

  getCheckpointConfig(): CheckpointConfig {
    return new CheckpointConfig(this.#configuration);
  }

  getConfiguration(): Configuration {
    return Configuration.of(this.#configuration);
  }

  configure(configuration: Readonly<Record<string, string | number | boolean>>): this {
    for (const [key, value] of Object.entries(configuration)) this.#configuration[key] = String(value);
    return this;
  }

  setParallelism(parallelism: number): this {
    return this.configure({ 'parallelism.default': positive(parallelism, 'setParallelism', 32768) });
  }

  getParallelism(): number {
    return this.getConfiguration().get('parallelism.default');
  }

  /** -1 when it follows from the parallelism. */
  getMaxParallelism(): number {
    return this.getConfiguration().get('pipeline.max-parallelism');
  }

  setMaxParallelism(maxParallelism: number): this {
    return this.configure({ 'pipeline.max-parallelism': positive(maxParallelism, 'setMaxParallelism', 32768) });
  }

  setBufferTimeout(timeout: Duration | -1): this {
    if (timeout === -1) return this.configure({ 'execution.buffer-timeout.enabled': false });
    const interval = `${durationMs(timeout, 'setBufferTimeout')} ms`;
    return this.configure({ 'execution.buffer-timeout.enabled': true, 'execution.buffer-timeout.interval': interval });
  }

  /** Milliseconds; -1 when buffers leave only when they are full. */
  getBufferTimeout(): number {
    const configuration = this.getConfiguration();
    return configuration.get('execution.buffer-timeout.enabled') ? configuration.get('execution.buffer-timeout.interval') : -1;
  }

  disableOperatorChaining(): this {
    return this.configure({ 'pipeline.operator-chaining.enabled': false });
  }

  isChainingEnabled(): boolean {
    return this.getConfiguration().get('pipeline.operator-chaining.enabled');
  }

  setRuntimeMode(mode: RuntimeExecutionMode): this {
    return this.configure({ 'execution.runtime-mode': mode });
  }

  enableCheckpointing(interval: Duration, mode: CheckpointingMode = 'EXACTLY_ONCE'): this {
    return this.configure({
      'execution.checkpointing.interval': durationMs(interval, 'enableCheckpointing'),
      'execution.checkpointing.mode': mode,
    });
  }

  /** Milliseconds; -1 without periodic checkpoints. */
  getCheckpointInterval(): number {
    return this.getCheckpointConfig().getCheckpointInterval();
  }

  getCheckpointingMode(): CheckpointingMode {
    return this.getCheckpointConfig().getCheckpointingMode();
  }

  /** What happens after a failure: `RestartStrategies.fixedDelayRestart(3, '10s')`. */
  setRestartStrategy(strategy: RestartStrategyConfiguration): this {
    return this.configure(strategy.configuration);
  }

  setStateBackend(backend: 'hashmap' | 'rocksdb'): this {
    return this.configure({ 'state.backend.type': backend });
  }

  /** Where savepoints go when none is named. */
  setDefaultSavepointDirectory(directory: string): this {
    return this.configure({ 'state.savepoints.dir': directory });
  }

  getDefaultSavepointDirectory(): string | undefined {
    return this.getConfiguration().getOptional('state.savepoints.dir');
  }

  /** Told in the client what becomes of the jobs of this environment. */
  registerJobListener(listener: JobListener): this {
    this.#listeners.push(listener);
    return this;
  }

  clearJobListeners(): this {
    this.#listeners.length = 0;
    return this;
  }

  fromElements<T>(...values: readonly T[]): SingleOutputStreamOperator<T> {
    return this.fromCollection(values);
  }

  fromData<T>(...values: readonly T[]): SingleOutputStreamOperator<T> {
    return this.fromCollection(values);
  }

  /** From an array, any iterable, or a (generator) function that makes one; iterables that are not arrays are read by one subtask. */
  fromCollection<T>(records: Records<T>): SingleOutputStreamOperator<T> {
    if (!isIterable(records)) {
      throw new UserError('NOT_ITERABLE', { problem: 'fromCollection() wants an array, an iterable, or a function that makes one.' });
    }
    const source = Array.isArray(records)
      ? connectors().collection(records as T[])
      : connectors().iterable(typeof records === 'function' ? records : () => records);
    const stream = this.fromSource<T>(source, WatermarkStrategy.noWatermarks(), 'Collection Source');
    return Array.isArray(records) && records.length > 0 && source.maxSourceParallelism !== 1 ? stream : stream.setParallelism(1);
  }

  /** Whole numbers, both ends included. */
  fromSequence(from: number, to: number): SingleOutputStreamOperator<number> {
    return this.fromSource(connectors().numberSequence(from, to), WatermarkStrategy.noWatermarks(), 'Sequence Source');
  }

  /** The older name of {@link fromSequence}. */
  generateSequence(from: number, to: number): SingleOutputStreamOperator<number> {
    return this.fromSequence(from, to);
  }

  readTextFile(path: string, charset?: string): SingleOutputStreamOperator<string> {
    return this.fromSource(connectors().textFile(programPath(path), { charset }), WatermarkStrategy.noWatermarks(), `Text File: ${path}`);
  }

  socketTextStream(host: string, port: number, delimiter = '\n', maxRetry = 0): SingleOutputStreamOperator<string> {
    return this.fromSource(
      connectors().socketText({ host, port, delimiter, maxRetry }),
      WatermarkStrategy.noWatermarks(),
      'Socket Stream',
    ).setParallelism(1);
  }

  fromSource<T>(source: Source<T, any, any>, watermarks: WatermarkStrategy<T>, name: string): SingleOutputStreamOperator<T> {
    const stream = this.#source<T>(name, { type: 'source', source, watermarks: watermarks.spec });
    return source.maxSourceParallelism === 1 ? stream.setParallelism(1) : stream;
  }

  addSource<T>(source: SourceFunction<T>, name = 'Custom Source', options: { parallel?: boolean } = {}): SingleOutputStreamOperator<T> {
    const stream = this.#source<T>(name, { type: 'source-function', function: source, parallel: options.parallel ?? false });
    return options.parallel ? stream : stream.setParallelism(1);
  }

  /**
   * A file of the client that functions find by `getRuntimeContext().getDistributedCache().getFile(name)`. It is read when the job is
   * executed and travels with it: large data belongs where workers can read it.
   */
  registerCachedFile(path: string, name: string, executable = false): this {
    this.#cachedFiles.set(name, { path: programPath(path), executable });
    return this;
  }

  /** Evaluates `evaluate` once, in the client, and gives every replay of the program the same (plain data) result. */
  once<T>(name: string, evaluate: () => T | Promise<T>): Promise<T> {
    return this.#requireExecutor().once(name, evaluate) as Promise<T>;
  }

  /** Builds the graph, runs it, and waits for its end; rejects when the job failed or was cancelled. */
  async execute(jobName?: string): Promise<JobExecutionResult> {
    const collecting = this.#takeCollecting();
    const taken = this.takeJob(jobName);
    const job = this.#cachedFiles.size === 0 ? taken : await this.#withCachedFiles(taken);
    if (collecting.length > 0 || this.#listeners.length > 0) {
      const client = await this.#submit(job, collecting);
      return this.#tellListeners('onJobExecuted', client.getJobExecutionResult());
    }
    return this.#requireExecutor().execute(job);
  }

  /** Starts the job and returns its handle. */
  async executeAsync(jobName?: string): Promise<JobClient> {
    const collecting = this.#takeCollecting();
    const taken = this.takeJob(jobName);
    return this.#submit(this.#cachedFiles.size === 0 ? taken : await this.#withCachedFiles(taken), collecting);
  }

  /** Used by `executeAndCollect`. */
  async *collect(resultId: string, jobName?: string): AsyncGenerator<unknown, void, undefined> {
    const executor = this.#requireExecutor();
    const client = await this.executeAsync(jobName);
    yield* executor.collect(client, resultId);
  }

  /** Used by `collectAsync`: the records of a job that is executed later. */
  collectLater(resultId: string): AsyncGenerator<unknown, void, undefined> {
    const { promise: client, resolve } = Promise.withResolvers<JobClient>();
    this.#collecting.push(resolve);
    const executor = this.#requireExecutor();
    return (async function* () {
      yield* executor.collect(await client, resultId);
    })();
  }

  /** The graph as JSON, for people and drawing tools. Nothing is executed. */
  getExecutionPlan(): string {
    return renderPlan(this.#recordedJob(undefined));
  }

  /** What was recorded since the last call; the next `execute` starts with nothing. */
  takeJob(jobName?: string): RecordedJob {
    const job = this.#recordedJob(jobName);
    this.builder.clear();
    for (const warning of ignoredTimestamps(job.transformations)) console.warn(`WARNING: ${warning}`);
    return job;
  }

  #recordedJob(jobName: string | undefined): RecordedJob {
    const transformations = [...this.builder.transformations];
    if (!transformations.some((transformation) => transformation.kind === 'physical')) {
      throw new UserError('EMPTY_JOB', {
        problem: 'No operators defined in streaming topology. Cannot execute.',
        tryNext: ['Add a source and a sink before execute(), and call execute() once per job.'],
      });
    }
    return { transformations, jobName, configuration: { ...this.#configuration }, cachedFiles: {} };
  }

  /** Read in the client; every replay of the program has the same. */
  async #withCachedFiles(job: RecordedJob): Promise<RecordedJob> {
    const cachedFiles: Record<string, CachedFile> = {};
    for (const [name, { path, executable }] of this.#cachedFiles) {
      const bytes = (await this.#requireExecutor().once(`cached file '${name}'`, () => readCachedFile(path, name))) as Uint8Array;
      cachedFiles[name] = { bytes, executable };
    }
    return { ...job, cachedFiles };
  }

  /** Parameters shown with the job and readable in every function. */
  setGlobalJobParameters(parameters: ParameterTool | Readonly<Record<string, string>>): this {
    this.getConfig().setGlobalJobParameters(parameters);
    return this;
  }

  #source<T>(name: string, spec: { readonly type: string; readonly [setting: string]: unknown }): SingleOutputStreamOperator<T> {
    return new SingleOutputStreamOperator<T>(this, this.builder.physical(`Source: ${name}`, spec, []));
  }

  async #submit(job: RecordedJob, collecting: readonly ((client: JobClient) => void)[]): Promise<JobClient> {
    const client = await this.#tellListeners('onJobSubmitted', this.#requireExecutor().executeAsync(job));
    for (const resolve of collecting) resolve(client);
    return client;
  }

  #takeCollecting(): ((client: JobClient) => void)[] {
    return this.#collecting.splice(0);
  }

  async #tellListeners<R>(event: 'onJobSubmitted' | 'onJobExecuted', outcome: Promise<R>): Promise<R> {
    const settled = await outcome.then(
      (value) => ({ value, error: undefined }),
      (error: unknown) => ({ value: undefined, error }),
    );
    for (const listener of this.#listeners)
      await (listener[event] as ((value?: R, error?: unknown) => unknown) | undefined)?.call(listener, settled.value, settled.error);
    return outcome;
  }

  #requireExecutor(): PipelineExecutor {
    const executor = this.#executor ?? installedPipelineExecutor();
    if (executor) return executor;
    throw new UserError('NO_EXECUTOR', {
      problem: 'No ExecutorFactory found to execute the application.',
      tryNext: ["Import from 'weir', and run the program with flink run or node."],
    });
  }
}

async function readCachedFile(path: string, name: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    throw new UserError('CACHED_FILE_UNREADABLE', {
      problem: `The file '${name}' for the distributed cache cannot be read: ${path}`,
      found: error instanceof Error ? error.message : String(error),
      tryNext: ['Register single files, of a size that can travel with the job; pack directories into an archive.'],
    });
  }
}

function isIterable(records: unknown): boolean {
  if (typeof records === 'function' || typeof records === 'string') return true;
  return typeof records === 'object' && records !== null && (Symbol.iterator in records || Symbol.asyncIterator in records);
}

/** Streams of records the compiler knows nothing about; kept for symmetry with `DataStream`. */
export type AnyDataStream = DataStream<unknown>;
