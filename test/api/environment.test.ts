/** Settings of the environment, its plan, and what it refuses before anything runs. */
import { expect, test, vi } from 'vitest';
import { RestartStrategies, StreamExecutionEnvironment, Time, WatermarkStrategy } from 'weir';
import { localEnvironment } from '../harness/local.ts';

test('setters are configuration keys, and getters read them back', () => {
  const env = localEnvironment({ 'parallelism.default': '3', 'execution.buffer-timeout': '40 ms' });
  expect(env.getParallelism()).toBe(3);
  expect(env.getMaxParallelism()).toBe(-1);
  expect(env.getBufferTimeout()).toBe(40);
  expect(env.isChainingEnabled()).toBe(true);
  expect([env.getCheckpointInterval(), env.getCheckpointConfig().isCheckpointingEnabled()]).toEqual([-1, false]);

  env.setParallelism(2).setMaxParallelism(256).setBufferTimeout(-1).disableOperatorChaining();
  expect([env.getParallelism(), env.getMaxParallelism(), env.getBufferTimeout(), env.isChainingEnabled()]).toEqual([2, 256, -1, false]);
  expect(env.setBufferTimeout(Time.seconds(1)).getBufferTimeout()).toBe(1000);

  env.enableCheckpointing('10s', 'AT_LEAST_ONCE');
  const checkpoints = env.getCheckpointConfig().setCheckpointTimeout('1min').setMaxConcurrentCheckpoints(2).enableUnalignedCheckpoints();
  expect([env.getCheckpointInterval(), env.getCheckpointingMode()]).toEqual([10_000, 'AT_LEAST_ONCE']);
  expect([checkpoints.getCheckpointTimeout(), checkpoints.getMaxConcurrentCheckpoints()]).toEqual([60_000, 2]);
  expect(checkpoints.isUnalignedCheckpointsEnabled()).toBe(true);

  env.setDefaultSavepointDirectory('file:///savepoints').setStateBackend('hashmap');
  expect(env.getDefaultSavepointDirectory()).toBe('file:///savepoints');
  expect(env.getConfiguration().get('state.backend.type')).toBe('hashmap');
});

test('restart strategies are those of the configuration', () => {
  const keysOf = (strategy: { configuration: object }): object => strategy.configuration;
  expect(keysOf(RestartStrategies.noRestart())).toEqual({ 'restart-strategy.type': 'none' });
  expect(keysOf(RestartStrategies.fallBackRestart())).toEqual({});
  const env = localEnvironment().setRestartStrategy(RestartStrategies.fixedDelayRestart(4, '3s'));
  expect(env.getConfiguration().get('restart-strategy.fixed-delay.attempts')).toBe(4);
  expect(env.getConfiguration().get('restart-strategy.fixed-delay.delay')).toBe(3000);
  env.setRestartStrategy(RestartStrategies.failureRateRestart(3, '5min', '10s'));
  expect(env.getConfiguration().get('restart-strategy.failure-rate.failure-rate-interval')).toBe(300_000);
  env.setRestartStrategy(RestartStrategies.exponentialDelayRestart(500, '1min', 1.5, '1h', 0.2));
  expect(env.getConfiguration().get('restart-strategy.exponential-delay.backoff-multiplier')).toBe(1.5);
});

test('the plan shows every step before chaining, and executes nothing', () => {
  const env = localEnvironment();
  env.setParallelism(2);
  const numbers = env.fromElements(1, 2, 3);
  numbers
    .union(env.fromSequence(1, 3))
    .map((n) => n)
    .setDescription('doubles nothing')
    .keyBy((n) => n)
    .reduce((a) => a)
    .print();
  const { nodes } = JSON.parse(env.getExecutionPlan()) as {
    nodes: { type: string; pact: string; contents: string; parallelism: number }[];
  };
  expect(nodes.map(({ type, pact, contents, parallelism }) => [type, pact, contents, parallelism])).toEqual([
    ['Source: Collection Source', 'Data Source', 'Source: Collection Source', 1],
    ['Source: Sequence Source', 'Data Source', 'Source: Sequence Source', 2],
    ['Map', 'Operator', 'doubles nothing', 2],
    ['Keyed Reduce', 'Operator', 'Keyed Reduce', 2],
    ['Sink: Print to Std. Out', 'Data Sink', 'Sink: Print to Std. Out', 2],
  ]);
  expect(env.getExecutionPlan()).toBe(JSON.stringify({ nodes }));
  expect(JSON.parse(env.getExecutionPlan()).nodes[2].predecessors.map((edge: { ship_strategy: string }) => edge.ship_strategy)).toEqual([
    'REBALANCE',
    'FORWARD',
  ]);
});

test.each([
  ['no step at all', () => localEnvironment().takeJob(), 'No operators defined'],
  ['a parallelism of 0', () => localEnvironment().setParallelism(0), 'setParallelism(0)'],
  ['more subtasks than key groups', () => step().setMaxParallelism(2).setParallelism(3), 'more than its max parallelism 2'],
  ['a parallel step that cannot be', () => step().forceNonParallel().setParallelism(2), "'Map' cannot run in parallel"],
  ['no duration', () => localEnvironment().enableCheckpointing('soon' as '1s'), "'soon' is no duration"],
  ['an id that is none', () => step().setUidHash('abc'), '32 hexadecimal digits'],
  ['an empty sequence', () => localEnvironment().fromSequence(2, 1), 'fromSequence(2, 1)'],
  ['something that is no iterable', () => localEnvironment().fromCollection(5 as never), 'wants an array'],
  ['an async mapper', () => step().map((async () => 1) as never), 'async function'],
  ['a mapper that is none', () => step().map(undefined as never), 'wants a function'],
  ['a field that is no selector', () => step().keyBy({} as never), 'field name'],
  ['a missing path', () => localEnvironment().readTextFile('hdfs:///x').print(), "scheme 'hdfs'"],
])('refused: %s', (_what, act, says) => {
  const plan = (): unknown => {
    const made = act() as { getExecutionEnvironment?: () => StreamExecutionEnvironment };
    return made.getExecutionEnvironment?.().getExecutionPlan();
  };
  expect(plan).toThrow(says as string);
});

function step() {
  return localEnvironment()
    .fromElements(1)
    .map((n) => n);
}

test('two steps with one uid, and an uneven forward, are refused with their places', () => {
  const env = localEnvironment();
  env
    .fromElements(1)
    .map((n) => n)
    .uid('twice')
    .filter(() => true)
    .uid('twice');
  expect(() => env.getExecutionPlan()).toThrow(/non-unique ID/);

  const uneven = localEnvironment();
  uneven
    .fromSequence(1, 2)
    .setParallelism(2)
    .forward()
    .map((n) => n)
    .setParallelism(3);
  expect(() => uneven.getExecutionPlan()).toThrow(/'Source: Sequence Source' runs 2 times, 'Map' 3 times/);
});

test('timestamps that nobody uses are told', () => {
  const warnings: string[] = [];
  const warn = vi.spyOn(console, 'warn').mockImplementation((line: string) => void warnings.push(line));
  const env = localEnvironment();
  const numbers = env.fromElements(1);
  numbers.assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps());
  numbers.assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps()).rebalance().print();
  env.takeJob();
  warn.mockRestore();
  expect(warnings).toEqual([
    expect.stringMatching(/^WARNING: assignTimestampsAndWatermarks\(\) at .*environment\.test\.ts:\d+:\d+ has no effect/),
  ]);
});

test('listeners hear of submission and end, with the failure if there is one', async () => {
  const heard: string[] = [];
  const env = localEnvironment();
  env.registerJobListener({
    onJobSubmitted: (client, error) => void heard.push(`submitted ${client?.getJobID().length} ${String(error)}`),
    onJobExecuted: (result, error) => void heard.push(`executed ${result?.jobId.length} ${error instanceof Error}`),
  });
  env.fromElements(1).addSink(() => {});
  await env.execute();
  env.fromElements(1).addSink(() => {
    throw new Error('no');
  });
  await expect(env.execute()).rejects.toThrow('Job execution failed');
  expect(heard).toEqual(['submitted 32 undefined', 'executed 32 false', 'submitted 32 undefined', 'executed undefined true']);
});

test('a job handle tells status and result, and cancels', async () => {
  const env = localEnvironment();
  env
    .fromSequence(1, Number.MAX_SAFE_INTEGER - 1)
    .filter(() => false)
    .print();
  const client = await env.executeAsync('endless');
  expect(['CREATED', 'RUNNING', 'INITIALIZING']).toContain(await client.getJobStatus());
  await client.cancel();
  await expect(client.getJobExecutionResult()).rejects.toThrow('cancelled');
  expect(await client.getJobStatus()).toBe('CANCELED');
});

test('a local environment runs here whatever is installed', async () => {
  localEnvironment();
  const env = StreamExecutionEnvironment.createLocalEnvironment(2, { 'pipeline.name': 'local' });
  expect(env.getParallelism()).toBe(2);
  const seen: number[] = [];
  env
    .fromSequence(1, 10)
    .assignTimestampsAndWatermarks(WatermarkStrategy.noWatermarks())
    .addSink((n) => void seen.push(n));
  await env.execute();
  expect(seen.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test('iterations are refused with the reason', () => {
  expect(() => localEnvironment().fromElements(1).iterate()).toThrow(/feedback edge[\s\S]*process function/);
});
