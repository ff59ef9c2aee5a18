/** Runs a program of the test's own functions on an embedded cluster. */

import { installConnectors } from '../../src/api/connector-registry.ts';
import type { RecordedJob } from '../../src/api/executor.ts';
import { StreamExecutionEnvironment } from '../../src/api/stream-execution-environment.ts';
import { builtInConnectors } from '../../src/connectors/built-in.ts';
import { miniClusterExecutor } from '../../src/deployment/local/mini-cluster-executor.ts';

export function localEnvironment(configuration: Readonly<Record<string, string>> = {}): StreamExecutionEnvironment {
  installConnectors(builtInConnectors);
  return StreamExecutionEnvironment.withExecutor(miniClusterExecutor(configuration));
}

export async function collect<T>(records: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const record of records) all.push(record);
  return all;
}

/** What a program would submit, for a cluster that the test has started itself. */
export async function recordJob(
  configuration: Readonly<Record<string, string>>,
  program: (env: StreamExecutionEnvironment) => void,
): Promise<RecordedJob> {
  installConnectors(builtInConnectors);
  let recorded: RecordedJob | undefined;
  const executor = miniClusterExecutor(configuration);
  const env = StreamExecutionEnvironment.withExecutor({
    configuration,
    collect: (client, resultId) => executor.collect(client, resultId),
    once: (name, evaluate) => executor.once(name, evaluate),
    executeAsync: async () => Promise.reject(new Error('use execute()')),
    execute: async (job) => {
      recorded = job;
      return { jobId: '', netRuntimeMs: 0, accumulators: {} };
    },
  });
  program(env);
  await env.execute();
  return recorded as unknown as RecordedJob;
}

/** The messages of a failure and of all its causes; empty when there is none. */
export async function failureOf(job: Promise<unknown>): Promise<string> {
  try {
    await job;
    return '';
  } catch (error) {
    const messages: string[] = [];
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) messages.push(cause.message);
    return messages.join('\n');
  }
}
