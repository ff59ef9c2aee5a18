/** The entry point of every program: makes sources, holds settings, and hands the finished job to the installed executor. */
// biome-ignore-all lint/suspicious/noExplicitAny: the erased side of generic sources
import { Configuration } from '../config/configuration.ts';
import { UserError } from '../shared/errors.ts';
import { CheckpointConfig } from './checkpoint-config.ts';
import { connectors } from './connector-registry.ts';
import { type DataStream, positive, SingleOutputStreamOperator } from './data-stream.ts';
import { type Duration, durationMs } from './duration.ts';
import { ExecutionConfig } from './execution-config.ts';
import { installedPipelineExecutor, type JobClient, type JobExecutionResult, type PipelineExecutor, type RecordedJob } from './executor.ts';
import type { SourceFunction } from './functions.ts';
import { JobBuilder } from './job-builder.ts';
import type { ParameterTool } from './parameter-tool.ts';
import type { Source } from './source.ts';
import { rememberBuilder } from './unexecuted-steps.ts';
import { WatermarkStrategy } from './watermark-strategy.ts';

type Records<T> = Iterable<T> | AsyncIterable<T> | (() => Iterable<T> | AsyncIterable<T>);

/** AUTOMATIC is BATCH when every source is bounded. */
export type RuntimeExecutionMode = 'STREAMING' | 'BATCH' | 'AUTOMATIC';

export class StreamExecutionEnvironment {
  readonly builder = new JobBuilder();
  readonly #configuration: Record<string, string>;
  readonly #executor: PipelineExecutor | undefined;

  private constructor(configuration: Readonly<Record<string, string>>, executor: PipelineExecutor | undefined) {
    this.#configuration = { ...configuration };
    this.#executor = executor;
    rememberBuilder(this.builder);
  }

  /** Fits the way the program was started: submitted by `flink run`, or run by itself on an embedded cluster. */
  static getExecutionEnvironment(configuration: Readonly<Record<string, string | number | boolean>> = {}): StreamExecutionEnvironment {
    const base = installedPipelineExecutor()?.configuration ?? {};
    return new StreamExecutionEnvironment(Configuration.of({ ...base, ...configuration }).toRecord(), undefined);
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

  setMaxParallelism(maxParallelism: number): this {
    return this.configure({ 'pipeline.max-parallelism': positive(maxParallelism, 'setMaxParallelism', 32768) });
  }

  setBufferTimeout(timeout: Duration | -1): this {
    return this.configure({ 'execution.buffer-timeout': timeout === -1 ? -1 : durationMs(timeout, 'setBufferTimeout') });
  }

  disableOperatorChaining(): this {
    return this.configure({ 'pipeline.operator-chaining': false });
  }

  setRuntimeMode(mode: RuntimeExecutionMode): this {
    return this.configure({ 'execution.runtime-mode': mode });
  }

  enableCheckpointing(interval: Duration, mode: 'EXACTLY_ONCE' | 'AT_LEAST_ONCE' = 'EXACTLY_ONCE'): this {
    return this.configure({
      'execution.checkpointing.interval': durationMs(interval, 'enableCheckpointing'),
      'execution.checkpointing.mode': mode,
    });
  }

  fromElements<T>(...values: readonly T[]): SingleOutputStreamOperator<T> {
    return this.fromCollection(values);
  }

  fromData<T>(...values: readonly T[]): SingleOutputStreamOperator<T> {
    return this.fromCollection(values);
  }

  /** From an array, any iterable, or a (generator) function that makes one; iterables that are not arrays are read by one subtask. */
  fromCollection<T>(records: Records<T>): SingleOutputStreamOperator<T> {
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

  readTextFile(path: string, charset?: string): SingleOutputStreamOperator<string> {
    return this.fromSource(connectors().textFile(path, { charset }), WatermarkStrategy.noWatermarks(), `Text File: ${path}`);
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

  /** Evaluates `evaluate` once, in the client, and gives every replay of the program the same (plain data) result. */
  once<T>(name: string, evaluate: () => T | Promise<T>): Promise<T> {
    return this.#requireExecutor().once(name, evaluate) as Promise<T>;
  }

  /** Builds the graph, runs it, and waits for its end; rejects when the job failed or was cancelled. */
  async execute(jobName?: string): Promise<JobExecutionResult> {
    return this.#requireExecutor().execute(this.takeJob(jobName));
  }

  async executeAsync(jobName?: string): Promise<JobClient> {
    return this.#requireExecutor().executeAsync(this.takeJob(jobName));
  }

  /** Used by `executeAndCollect`. */
  async *collect(resultId: string, jobName?: string): AsyncGenerator<unknown, void, undefined> {
    const executor = this.#requireExecutor();
    const client = await executor.executeAsync(this.takeJob(jobName));
    yield* executor.collect(client, resultId);
  }

  /** What was recorded since the last call; the next `execute` starts with nothing. */
  takeJob(jobName?: string): RecordedJob {
    const transformations = [...this.builder.transformations];
    this.builder.clear();
    if (!transformations.some((transformation) => transformation.kind === 'physical')) {
      throw new UserError('EMPTY_JOB', {
        problem: 'No operators defined in streaming topology. Cannot execute.',
        tryNext: ['Add a source and a sink before execute(), and call execute() once per job.'],
      });
    }
    return { transformations, jobName, configuration: { ...this.#configuration } };
  }

  /** Parameters shown with the job and readable in every function. */
  setGlobalJobParameters(parameters: ParameterTool | Readonly<Record<string, string>>): this {
    this.getConfig().setGlobalJobParameters(parameters);
    return this;
  }

  #source<T>(name: string, spec: { readonly type: string; readonly [setting: string]: unknown }): SingleOutputStreamOperator<T> {
    return new SingleOutputStreamOperator<T>(this, this.builder.physical(`Source: ${name}`, spec, []));
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

/** Streams of records the compiler knows nothing about; kept for symmetry with `DataStream`. */
export type AnyDataStream = DataStream<unknown>;
