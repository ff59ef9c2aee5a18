/** Runs a program of the test's own functions on an embedded cluster. */

import { installConnectors } from '../../src/api/connector-registry.ts';
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
