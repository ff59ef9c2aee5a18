/** Job-wide settings with Flink's setter names; each is a configuration key underneath. */
import { type Duration, durationMs } from './duration.ts';
import { ParameterTool } from './parameter-tool.ts';

export class ExecutionConfig {
  readonly #configuration: Record<string, string>;

  constructor(configuration: Record<string, string>) {
    this.#configuration = configuration;
  }

  setParallelism(parallelism: number): this {
    return this.#set('parallelism.default', parallelism);
  }

  setMaxParallelism(maxParallelism: number): this {
    return this.#set('pipeline.max-parallelism', maxParallelism);
  }

  /** Hands objects over between chained operators without a copy; safe when no function keeps or changes what it emitted. */
  enableObjectReuse(): this {
    return this.#set('pipeline.object-reuse', true);
  }

  disableObjectReuse(): this {
    return this.#set('pipeline.object-reuse', false);
  }

  isObjectReuseEnabled(): boolean {
    return this.#configuration['pipeline.object-reuse'] === 'true';
  }

  setAutoWatermarkInterval(interval: Duration): this {
    return this.#set('pipeline.auto-watermark-interval', durationMs(interval, 'setAutoWatermarkInterval'));
  }

  setLatencyTrackingInterval(interval: Duration): this {
    return this.#set('metrics.latency.interval', durationMs(interval, 'setLatencyTrackingInterval'));
  }

  disableGenericTypes(): this {
    return this.#set('pipeline.generic-types', false);
  }

  setGlobalJobParameters(parameters: ParameterTool | Readonly<Record<string, string>>): void {
    const map = parameters instanceof ParameterTool ? parameters.toMap() : parameters;
    const quote = (text: string): string => (/[,:'"]/.test(text) ? `'${text.replaceAll("'", "''")}'` : text);
    this.#set(
      'pipeline.global-job-parameters',
      Object.entries(map)
        .map(([key, value]) => `${quote(key)}:${quote(value)}`)
        .join(','),
    );
  }

  #set(key: string, value: string | number | boolean): this {
    this.#configuration[key] = String(value);
    return this;
  }
}
