/**
 * The chaos job on an embedded cluster, in this process. Bundled by itself, with or without a bug planted into its sources, so it
 * imports whatever it needs from them and shares nothing with the test that runs it.
 */
import { join } from 'node:path';
import { installConnectors } from '../../src/api/connector-registry.ts';
import { StreamExecutionEnvironment } from '../../src/api/stream-execution-environment.ts';
import { builtInConnectors } from '../../src/connectors/built-in.ts';
import { miniClusterExecutor } from '../../src/deployment/local/mini-cluster-executor.ts';
import { buildChaosJob } from './program.ts';

export interface InProcessRun {
  readonly directory: string;
  readonly ranges: number;
  readonly stages: number;
  readonly perSplit: number;
  readonly recordsPerSecond: number;
  readonly configuration?: Readonly<Record<string, string>>;
}

/** Resolves when the job has finished. */
export async function runInProcess({ directory, configuration, ...job }: InProcessRun): Promise<void> {
  installConnectors(builtInConnectors);
  const env = StreamExecutionEnvironment.withExecutor(
    miniClusterExecutor({
      'execution.checkpointing.interval': '20 ms',
      'state.checkpoints.dir': join(directory, 'checkpoints'),
      'state.storage.fs.memory-threshold': '0 kb',
      'restart-strategy.type': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': '30',
      'restart-strategy.fixed-delay.delay': '1 ms',
      ...configuration,
    }),
  );
  buildChaosJob(env, { ...job, gate: join(directory, 'gate'), output: join(directory, 'out') });
  await env.execute('chaos');
}
