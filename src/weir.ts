/// <reference lib="esnext.disposable" preserve="true" />
/** What `import … from 'weir'` gives: the programming interface, with its connectors and an embedded cluster behind it. */
import { installConnectors } from './api/connector-registry.ts';
import { installedPipelineExecutor, installLocalExecution, type PipelineExecutor, setPipelineExecutor } from './api/executor.ts';
import { unexecutedSteps } from './api/unexecuted-steps.ts';
import { builtInConnectors } from './connectors/built-in.ts';
import { generateStreamGraph } from './graph/stream-graph-generator.ts';
import { streamingPlan } from './graph/streaming-plan.ts';

export * from './api/index.ts';
export { DataGeneratorSource, type GeneratorFunction, RateLimiterStrategy } from './connectors/datagen/data-generator-source.ts';
export { DiscardingSink } from './connectors/discarding/discarding-sink.ts';
export {
  BasePathBucketAssigner,
  type BucketAssigner,
  DateTimeBucketAssigner,
} from './connectors/filesystem/file-sink/bucket-assigner.ts';
export {
  FileSink,
  type FileSinkBuilder,
  type FileSinkOptions,
  type RowEncoder,
  simpleStringEncoder,
} from './connectors/filesystem/file-sink/file-sink.ts';
export {
  DefaultRollingPolicy,
  type DefaultRollingPolicyOptions,
  OnCheckpointRollingPolicy,
  type RollingPolicy,
} from './connectors/filesystem/file-sink/rolling-policy.ts';
export {
  FileSource,
  type FileSourceBuilder,
  JsonLinesFormat,
  type StreamFormat,
  TextLineInputFormat,
} from './connectors/filesystem/file-source.ts';
export { NumberSequenceSource } from './connectors/sequence/number-sequence-source.ts';

installConnectors(builtInConnectors);
installLocalExecution({ createExecutor: embeddedExecutor, renderPlan: (job) => JSON.stringify(streamingPlan(generateStreamGraph(job))) });
if (!installedPipelineExecutor()) {
  setPipelineExecutor(embeddedExecutor());
  // With flink run, the command line says it.
  process.once('exit', warnOfUnexecutedSteps);
}

function warnOfUnexecutedSteps(): void {
  if (process.exitCode) return;
  const places = unexecutedSteps().map(({ name, location }) => (location ? `'${name}' at ${location}` : `'${name}'`));
  if (places.length > 0)
    console.error(`The program declares a job and never executes it: ${places.join(', ')}. Call: await env.execute('my job')`);
}

/** For programs run by themselves: the embedded cluster is loaded when the first job is executed. */
function embeddedExecutor(): PipelineExecutor {
  const load = async (): Promise<PipelineExecutor> => (await import('./deployment/local/mini-cluster-executor.ts')).miniClusterExecutor();
  return {
    configuration: {},
    execute: async (job) => (await load()).execute(job),
    executeAsync: async (job) => (await load()).executeAsync(job),
    collect: async function* (client, resultId) {
      yield* (await load()).collect(client, resultId);
    },
    once: async (name, evaluate) => (await load()).once(name, evaluate),
  };
}
