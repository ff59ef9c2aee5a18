/** From a program to its JobGraph: what is chained, how edges are named on both sides, and what is refused. */
import { describe, expect, test } from 'vitest';
import { installConnectors } from '../../src/api/connector-registry.ts';
import type { RecordedJob } from '../../src/api/executor.ts';
import { OutputTag } from '../../src/api/output-tag.ts';
import { StreamExecutionEnvironment } from '../../src/api/stream-execution-environment.ts';
import { builtInConnectors } from '../../src/connectors/built-in.ts';
import { couldChain } from '../../src/graph/chaining.ts';
import { requireSameGraph } from '../../src/graph/fingerprint.ts';
import type { JobGraph, JobVertex, ProgramDescriptor } from '../../src/graph/job-graph.ts';
import { generateJobGraph } from '../../src/graph/job-graph-generator.ts';
import { jsonPlan } from '../../src/graph/json-plan.ts';
import type { StreamGraph } from '../../src/graph/stream-graph.ts';
import { generateStreamGraph } from '../../src/graph/stream-graph-generator.ts';
import { buildGraph } from '../integration/random-graph/build.ts';
import { planGraph } from '../integration/random-graph/plan.ts';

installConnectors(builtInConnectors);

type Env = StreamExecutionEnvironment;

function record(build: (env: Env) => void, configuration: Readonly<Record<string, string>> = {}): RecordedJob {
  const env = StreamExecutionEnvironment.withExecutor({ configuration } as unknown as Parameters<
    typeof StreamExecutionEnvironment.withExecutor
  >[0]);
  build(env);
  return env.takeJob('test');
}

function graphs(build: (env: Env) => void, configuration?: Readonly<Record<string, string>>): { stream: StreamGraph; job: JobGraph } {
  const stream = generateStreamGraph(record(build, configuration));
  return { stream, job: generateJobGraph(stream, { program: {} as ProgramDescriptor }) };
}

const names = (job: JobGraph): string[] => job.vertices.map(({ name }) => name);

describe('chains', () => {
  test('a straight program is one vertex', () => {
    const { job } = graphs((env) =>
      env
        .fromSequence(1, 9)
        .map((n) => n)
        .filter(() => true)
        .print(),
    );
    expect(names(job)).toEqual(['Source: Sequence Source -> Map -> Filter -> Sink: Print to Std. Out']);
  });

  test('branches are named in brackets', () => {
    const { job } = graphs((env) => {
      const numbers = env.fromSequence(1, 9).map((n) => n);
      numbers.filter(() => true).print();
      numbers.print();
    });
    expect(names(job)).toEqual(['Source: Sequence Source -> Map -> (Filter -> Sink: Print to Std. Out, Sink: Print to Std. Out)']);
  });

  test.each<[string, (env: Env) => void, string[]]>([
    ['a shuffle', (env) => void env.fromSequence(1, 9).rebalance().print(), ['Source: Sequence Source', 'Sink: Print to Std. Out']],
    [
      'another parallelism',
      (env) =>
        void env
          .fromSequence(1, 9)
          .map((n) => n)
          .setParallelism(2)
          .print(),
      ['Source: Sequence Source', 'Map', 'Sink: Print to Std. Out'],
    ],
    [
      'another slot sharing group',
      (env) =>
        void env
          .fromSequence(1, 9)
          .map((n) => n)
          .slotSharingGroup('other')
          .print(),
      ['Source: Sequence Source', 'Map -> Sink: Print to Std. Out'],
    ],
    [
      'startNewChain()',
      (env) =>
        void env
          .fromSequence(1, 9)
          .map((n) => n)
          .startNewChain()
          .print(),
      ['Source: Sequence Source', 'Map -> Sink: Print to Std. Out'],
    ],
    [
      'disableChaining()',
      (env) =>
        void env
          .fromSequence(1, 9)
          .map((n) => n)
          .disableChaining()
          .print(),
      ['Source: Sequence Source', 'Map', 'Sink: Print to Std. Out'],
    ],
    [
      'two inputs',
      (env) => {
        const numbers = env.fromSequence(1, 9);
        numbers.union(numbers.map((n) => n)).print();
      },
      ['Source: Sequence Source -> Map', 'Sink: Print to Std. Out'],
    ],
  ])('end at %s', (_, build, expected) => expect(names(graphs(build).job)).toEqual(expected));

  test.each(['pipeline.operator-chaining', 'pipeline.operator-chaining.enabled'])('there are none with %s off', (key) => {
    const { job, stream } = graphs((env) => void env.fromSequence(1, 9).print(), { [key]: 'false' });
    expect(names(job)).toEqual(['Source: Sequence Source', 'Sink: Print to Std. Out']);
    expect(job.vertices.map(({ id }) => id)).toEqual(stream.nodes.map(({ operatorId }) => operatorId));
  });
});

test('a side output is an edge of its own', () => {
  const late = new OutputTag<number>('late');
  const { job } = graphs((env) => {
    const main = env.fromSequence(1, 9).process({ processElement: (n, context) => context.output(late, n) });
    main.getSideOutput(late).rebalance().print('late');
    main.print('main');
  });
  const [first] = job.vertices as [JobVertex];
  expect(first.outputs).toMatchObject([{ outputTag: 'late', partitioner: 'rebalance' }]);
  expect(first.chainEdges).toEqual([
    { from: 0, to: 1 },
    { from: 1, to: 2 },
  ]);
});

test('a slot sharing group is inherited where all inputs agree', () => {
  const { stream } = graphs((env) => {
    const one = env.fromSequence(1, 9).slotSharingGroup('a');
    const two = one.map((n) => n);
    two.union(env.fromSequence(1, 2)).print();
  });
  expect(stream.nodes.map(({ slotSharingGroup }) => slotSharingGroup)).toEqual(['a', 'a', 'default', 'default']);
});

test('AUTOMATIC is BATCH where every source ends, for the graph and for those who read the configuration', () => {
  const bounded = graphs((env) => void env.setRuntimeMode('AUTOMATIC').fromSequence(1, 9).print());
  expect([bounded.job.jobType, bounded.job.configuration['execution.runtime-mode']]).toEqual(['BATCH', 'BATCH']);
  const unbounded = graphs((env) => void env.setRuntimeMode('AUTOMATIC').socketTextStream('localhost', 1).print());
  expect([unbounded.job.jobType, unbounded.job.configuration['execution.runtime-mode']]).toEqual(['STREAMING', 'STREAMING']);
  expect(() => graphs((env) => void env.setRuntimeMode('BATCH').socketTextStream('localhost', 1).print())).toThrow(/unbounded source/);
});

test.each<[string, (env: Env) => void, RegExp]>([
  [
    'forward() between different parallelisms',
    (env) =>
      void env
        .fromSequence(1, 9)
        .forward()
        .map((n) => n)
        .name('narrow')
        .setParallelism(2),
    /'Source: Sequence Source' runs 1 times, 'narrow' 2 times/,
  ],
  [
    'a parallelism above the max parallelism',
    (env) =>
      void env
        .fromSequence(1, 9)
        .map((n) => n)
        .name('wide')
        .setParallelism(9)
        .setMaxParallelism(8),
    /'wide' has parallelism 9/,
  ],
  [
    'a missing uid where uids are not made',
    (env) => {
      env.configure({ 'pipeline.auto-generate-uids': false });
      env.fromSequence(1, 9).uid('source').print();
    },
    /no UID or hash has been assigned to operator Sink: Print/,
  ],
])('%s is refused with its place', (_, build, message) => {
  expect(() => graphs(build)).toThrow(message);
  expect(() => graphs(build)).toThrow(/job-graphs\.test\.ts:\d+/);
});

test('a replay that differs is named by its first operator', () => {
  const program = (factor: number, name: string) => (env: Env) => {
    const stream = env.fromSequence(1, 9);
    if (factor === 2) stream.map((n) => n * 2).name(name);
    else stream.map((n) => n * 3).name(name);
  };
  const { job } = graphs(program(2, 'times'));
  const replayed = (factor: number, name: string) => () => requireSameGraph(job.fingerprint, graphs(program(factor, name)).stream);
  expect(replayed(2, 'times')).not.toThrow();
  expect(replayed(3, 'times')).toThrow(/submitted operator \d+ 'times'/);
  expect(replayed(2, 'other')).toThrow(/'times'[\s\S]*'other'/);
});

test('the JSON plan escapes what the program named', () => {
  const { job } = graphs(
    (env) =>
      void env
        .fromSequence(1, 9)
        .map((n) => n)
        .name(`<b> & "c" 'd' \\`)
        .rebalance()
        .print(),
  );
  const plan = jsonPlan(job);
  expect(plan.nodes.map(({ description }) => description)).toEqual([
    'Sink: Print to Std. Out',
    'Source: Sequence Source<br/>+- &lt;b&gt; &amp; &quot;c&quot; &#39;d&#39; &#92;',
  ]);
  expect(plan.nodes[0]?.inputs).toMatchObject([{ num: 0, id: job.vertices[0]?.id, ship_strategy: 'REBALANCE' }]);
});

describe('of random programs', () => {
  test.each(Array.from({ length: 60 }, (_, seed) => seed))('seed %i', (seed) => {
    const build = (env: Env) => buildGraph(env, planGraph(seed), { spread: seed % 2 === 0 }).print();
    const { stream, job } = graphs((env) => void build(env));
    expect(graphs((env) => void build(env)).job.vertices).toEqual(job.vertices);
    expectWhole(stream, job);
    const { job: unchained } = graphs((env) => void build(env), { 'pipeline.operator-chaining.enabled': 'false' });
    expect(unchained.vertices.flatMap(({ operators }) => operators.map(({ streamNodeId }) => streamNodeId))).toHaveLength(
      stream.nodes.length,
    );
    for (const vertex of unchained.vertices) expect(vertex.operators).toHaveLength(1);
  });
});

/** Every node is in one vertex, every edge in one place, and both ends of it agree. */
function expectWhole(stream: StreamGraph, job: JobGraph): void {
  const byId = new Map(stream.nodes.map((node) => [node.id, node]));
  const placed = job.vertices.flatMap(({ operators }) => operators.map(({ streamNodeId }) => streamNodeId));
  expect(placed.toSorted((a, b) => a - b)).toEqual(stream.nodes.map(({ id }) => id).toSorted((a, b) => a - b));
  const edges = job.vertices.reduce((sum, { chainEdges, inputs }) => sum + chainEdges.length + inputs.length, 0);
  expect(edges).toBe(stream.nodes.reduce((sum, { inputs }) => sum + inputs.length, 0));
  const seen = new Set<string>();
  for (const vertex of job.vertices) {
    for (const { from, to } of vertex.chainEdges) {
      const [source, target] = [from, to].map((index) => byId.get(vertex.operators[index]?.streamNodeId ?? -1));
      if (!source || !target) throw new Error('a chain edge leads nowhere');
      expect(from).toBeLessThan(to);
      expect(couldChain(target, source, true)).toBe(true);
    }
    for (const input of vertex.inputs) {
      expect(seen).toContain(input.sourceVertexId);
      const producer = job.vertices.find(({ id }) => id === input.sourceVertexId);
      expect(producer?.outputs[input.sourceOutputIndex]).toMatchObject({
        edgeId: input.edgeId,
        targetVertexId: vertex.id,
        partitioner: input.partitioner,
      });
    }
    seen.add(vertex.id);
  }
}
