/**
 * The chaos job on an embedded cluster, in a thread of its own: bundled with a bug planted into the sources, or without one, and
 * started by {@link runBundle}. Failures strike one after another at the places that it is told; then the job may end.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { workerData } from 'node:worker_threads';
import { installConnectors } from '../../src/api/connector-registry.ts';
import { StreamExecutionEnvironment } from '../../src/api/stream-execution-environment.ts';
import { builtInConnectors } from '../../src/connectors/built-in.ts';
import { miniClusterExecutor } from '../../src/deployment/local/mini-cluster-executor.ts';
import type { Failpoint } from '../../src/shared/failpoint.ts';
import { type Armed, Failpoints } from './failpoints.ts';
import { buildChaosJob, type ChaosParameters } from './program.ts';

export interface Strike extends Partial<Armed> {
  readonly name: Failpoint;
}

export interface InProcessRun extends Omit<ChaosParameters, 'gate' | 'output'> {
  readonly directory: string;
  readonly strikes: readonly Strike[];
  readonly configuration?: Readonly<Record<string, string>> | undefined;
}

await run(workerData as InProcessRun);

async function run({ directory, strikes, configuration, ...job }: InProcessRun): Promise<void> {
  installConnectors(builtInConnectors);
  const env = StreamExecutionEnvironment.withExecutor(
    miniClusterExecutor({
      'execution.checkpointing.interval': '20 ms',
      'execution.checkpointing.tolerable-failed-checkpoints': '0',
      'state.checkpoints.dir': join(directory, 'checkpoints'),
      'state.storage.fs.memory-threshold': '0 kb',
      'restart-strategy.type': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': '40',
      'restart-strategy.fixed-delay.delay': '1 ms',
      ...configuration,
    }),
  );
  const gate = join(directory, 'gate');
  buildChaosJob(env, { ...job, gate, output: join(directory, 'out') });
  const struck = strikeInTurn(new Failpoints(join(directory, 'failpoints')), strikes).then(() => writeFileSync(gate, ''));
  await Promise.all([env.execute('chaos'), struck]);
}

async function strikeInTurn(failpoints: Failpoints, strikes: readonly Strike[]): Promise<void> {
  for (const { name, ...armed } of strikes) {
    const before = failpoints.hits(name).length;
    failpoints.arm(name, { action: 'throw', ...armed });
    while (failpoints.hits(name).length === before) await new Promise((resume) => setTimeout(resume, 5));
  }
}
