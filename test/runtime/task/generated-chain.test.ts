/**
 * Code generated for a chain does what plain calls do, whatever the functions in it do to the records: keep them, change them,
 * give out the same object twice. Both forms of random chains are fed the same records; everything that leaves is compared.
 */
import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { installConnectors } from '../../../src/api/connector-registry.ts';
import type { DataStream, KeyedStream } from '../../../src/api/data-stream.ts';
import { state } from '../../../src/api/declared-state.ts';
import type { RecordedJob } from '../../../src/api/executor.ts';
import type { Collector } from '../../../src/api/functions.ts';
import type { OperatorContext } from '../../../src/api/operators.ts';
import type { StateDescriptor } from '../../../src/api/state.ts';
import { StreamExecutionEnvironment } from '../../../src/api/stream-execution-environment.ts';
import { builtInConnectors } from '../../../src/connectors/built-in.ts';
import type { JobVertex } from '../../../src/graph/job-graph.ts';
import { generateJobGraph } from '../../../src/graph/job-graph-generator.ts';
import type { StreamGraph } from '../../../src/graph/stream-graph.ts';
import { generateStreamGraph } from '../../../src/graph/stream-graph-generator.ts';
import type { RecordWriter, ResultPartitionWriter } from '../../../src/runtime/network/channel.ts';
import { GatheredColumns } from '../../../src/runtime/network/gathered-columns.ts';
import { OperatorChain } from '../../../src/runtime/task/operator-chain.ts';
import { MIN_TIMESTAMP } from '../../../src/shared/time.ts';
import { HeapKeyedStateBackend } from '../../../src/state/keyed/heap-keyed-state-backend.ts';
import { cloneValue } from '../../../src/types/clone.ts';
import type { DecodedBatch } from '../../../src/types/codec.ts';
import { codecs } from '../../../src/types/codecs.ts';
import { recordAt } from '../../../src/types/columns/record-columns.ts';
import { ValuesBatch } from '../../../src/types/decoded-batch.ts';

type Any = any;

installConnectors(builtInConnectors);

/** Makers, because a function may keep things: each form of a chain gets functions of its own. */
const mappers: readonly (() => (value: Any) => unknown)[] = [
  () => (v) => ({ a: v.a, b: v.b, n: v.n }),
  () => (v) => ({ ...v, c: 1 }),
  () => (v) => ({ c: `${v.b}!`, ...v }),
  () => (v) => ({ a: v.a + 1, b: `${v.b}`, n: typeof v.n === 'number' }),
  () => (v) => v,
  () => (v) => v.n ?? 0,
  () => (v) => [v.a, v],
  () => (v) => {
    v.a = 100;
    return v;
  },
  () => {
    const same = { a: 0, b: 'same' };
    return (v) => {
      same.a = v.a;
      return same;
    };
  },
  () => {
    let last: Any = { a: -1 };
    return (v) => {
      const former = last;
      last = v;
      return { a: former.a, b: v.b, n: former.n };
    };
  },
  () => {
    const kept: Any[] = [];
    return (v) => {
      kept.push(v);
      for (const old of kept) if (typeof old === 'object') old.a = kept.length;
      return { a: v.a, n: v.n };
    };
  },
  () => {
    const shared = { x: 0 };
    return (v) => {
      shared.x++;
      return { a: v.a, b: v.b, n: shared };
    };
  },
  () => (v) => {
    if (v.a > 2) return { a: 1, b: 'big', n: null };
    return { a: v.a, b: v.b, n: v.n };
  },
];
const filters: readonly (() => (value: Any) => boolean)[] = [
  () => (v) => v.a !== 3,
  () => (v) => v.a % 2 === 0 || v.b === 'x',
  () => {
    let last: Any;
    return (v) => {
      const keep = last === undefined || last.a !== v.a;
      last = v;
      return keep;
    };
  },
  () => {
    const kept: Any[] = [];
    return (v) => {
      kept.push(v.n);
      for (const old of kept) if (typeof old === 'object' && old !== null) old.x = 7;
      return true;
    };
  },
  () => (v) => {
    v.touched = true;
    return true;
  },
];
const flatMaps: readonly (() => (value: Any, out: Collector<Any>) => Iterable<Any> | void)[] = [
  () => (v, out) => {
    out.collect({ a: v.a, b: v.b });
  },
  () => (v, out) => {
    out.collect({ a: v.a, n: v.n });
    out.collect({ a: 5, n: v.n });
  },
  () => (v, out) => {
    out.collect(v);
    v.a = 50;
    out.collect(v);
  },
  () => (v) => [v, v, { a: 9 }],
  () =>
    function* (v) {
      yield v;
      yield { a: v.a };
    },
  () => (v, out) => {
    const pass = out;
    pass.collect({ a: v.a });
  },
];
/** What may stand at the head of a chain. */
const heads: readonly ((stream: DataStream<Any>) => DataStream<Any>)[] = [
  (stream) => stream.rebalance().map((v) => v),
  (stream) => byA(stream).reduce((a, b) => ({ a: a.a, b: b.b, n: `${a.n}${b.n}` })),
  (stream) => byA(stream).reduce((a, b) => ({ ...a, n: b.n })),
  (stream) => byA(stream).reduce((a) => a),
  (stream) => byA(stream).reduce((_, b) => b),
  (stream) =>
    byA(stream).reduce((a, b) => {
      a.n = [a.n, b.n];
      return a;
    }),
  (stream) => byA(stream).reduce((a, b) => (b.n === null ? a : { a: a.a, b: a.b, n: 1 })),
  (stream) => byA(stream).sum('m'),
  (stream) => byA(stream).min('m'),
  (stream) => byA(stream).max('m'),
  (stream) => byA(stream).minBy('m'),
  (stream) => byA(stream).maxBy('m', false),
  (stream) => stream.keyBy('b').sum('m'),
  (stream) =>
    byA(stream).process({
      state: { last: state.value<Any>(() => ({ a: 'none' })) },
      processElement(v, context, out: Collector<Any>) {
        const last = context.state.last.value();
        out.collect({ a: v.a, b: `${context.getCurrentKey()}`, n: last.a });
        context.state.last.update(v);
        v.a++;
      },
    }),
];

function byA(stream: DataStream<Any>): KeyedStream<Any, Any> {
  return stream.keyBy((v: Any) => v.a);
}

/** Sinks report what they see at once and again at the end, in case it changed under them. */
const sinks: readonly ((seen: string[], late: (() => string)[]) => (value: Any) => void)[] = [
  (seen) => (v) => {
    seen.push(`${v.a} ${v.b}`);
  },
  (seen, late) => (v) => {
    seen.push(inspect(v));
    late.push(() => inspect(v));
  },
  (seen) => (v) => {
    seen.push(inspect(v));
    if (typeof v === 'object') v.a = 'changed by the sink';
  },
];

interface Step {
  readonly kind: 'map' | 'filter' | 'flatMap' | 'sink' | 'edge';
  readonly which: number;
  /** Which of the streams made so far it continues. */
  readonly from: number;
}

const step = fc.record<Step>({
  kind: fc.constantFrom<Step['kind']>('map', 'map', 'filter', 'flatMap', 'sink', 'edge'),
  which: fc.nat(),
  from: fc.nat(),
});
const record = fc.record(
  {
    a: fc.integer({ min: 0, max: 5 }),
    b: fc.constantFrom('x', 'y'),
    m: fc.integer({ min: 0, max: 9 }),
    n: fc.oneof(fc.integer(), fc.constant(null), fc.record({ x: fc.nat() }, { noNullPrototype: true })),
  },
  { noNullPrototype: true },
);
const anyInput = fc.oneof({ weight: 5, arbitrary: record }, { weight: 1, arbitrary: fc.oneof(fc.integer(), fc.constantFrom('x', '')) });
const inputs = fc
  .nat({ max: heads.length - 1 })
  .chain((head) => fc.record({ head: fc.constant(head), values: fc.array(head === 0 ? anyInput : record, { maxLength: 12 }) }));

const pick = <T>(from: readonly T[], which: number): T => from[which % from.length] as T;

/** What leaves a random chain. */
async function run(
  head: number,
  steps: readonly Step[],
  given: readonly unknown[],
  generated: boolean,
  objectReuse: boolean,
  byColumns = false,
): Promise<string[]> {
  const seen: string[] = [];
  const late: (() => string)[] = [];
  const { vertex, graph } = describeChain(head, steps, seen, late);
  const keyedState = new HeapKeyedStateBackend({ operatorName: 'test', keyGroups: { start: 0, end: 127 }, maxParallelism: 128 });
  const context = {
    configuration: {},
    isPaused: false,
    isSliceOver: () => false,
    keyedState,
    runtimeContext: { getState: (descriptor: StateDescriptor) => keyedState.getState(descriptor) },
  };
  const chain = new OperatorChain({
    vertex,
    graph,
    partitions: vertex.outputs.map((_, index) => new TakingPartition(`edge ${index}`, seen, objectReuse ? undefined : late)),
    targetMaxParallelism: vertex.outputs.map(() => 128),
    codecs,
    objectReuse,
    flow: { paused: false, interrupted: 0 },
    codeName: generated ? `test-${counter++}` : undefined,
    createContext: (node) => ({ ...context, operatorName: node.name }) as unknown as OperatorContext,
    headState: () => (head > 0 ? keyedState : undefined),
  });
  for (const { operator } of chain.operators) await operator.open?.();
  const values = given.map((value) => cloneValue(value));
  let index = 0;
  try {
    const batch = byColumns ? asColumns(values) : new ValuesBatch(values, undefined);
    while (index < values.length) index = chain.driver.process(0, batch, index, values.length);
  } catch (error) {
    seen.push(`failed: ${(error as Error).message}`);
  }
  return [...seen, ...late.map((look) => look())];
}

let counter = 0;

/** As they come out of a channel that has seen all of them before, in one layout. */
function asColumns(values: readonly unknown[]): DecodedBatch {
  const encoder = codecs.createEncoder({ operatorName: 'test' });
  const decoder = codecs.createDecoder({ operatorName: 'test' });
  const send = (): DecodedBatch => {
    for (const value of values) encoder.add(value, MIN_TIMESTAMP);
    return decoder.decode(encoder.take());
  };
  send();
  return send();
}

/** The vertex behind a rebalanced source: the steps that chain. */
function describeChain(
  head: number,
  steps: readonly Step[],
  seen: string[],
  late: (() => string)[],
): { vertex: JobVertex; graph: StreamGraph } {
  let recorded: RecordedJob | undefined;
  const env = StreamExecutionEnvironment.withExecutor({
    configuration: {},
    execute: (job: RecordedJob) => {
      recorded = job;
      return new Promise(() => {});
    },
  } as unknown as Parameters<typeof StreamExecutionEnvironment.withExecutor>[0]);
  env.setParallelism(2);
  const streams: DataStream<Any>[] = [pick(heads, head)(env.fromElements<Any>(1))];
  for (const { kind, which, from } of steps) {
    const stream = pick(streams, from);
    if (kind === 'map') streams.push(stream.map(pick(mappers, which)()));
    else if (kind === 'filter') streams.push(stream.filter(pick(filters, which)()));
    else if (kind === 'flatMap') streams.push(stream.flatMap(pick(flatMaps, which)()));
    else if (kind === 'sink') stream.addSink(pick(sinks, which)(seen, late));
    else pick(edgesFrom(stream, head > 0), which)();
  }
  void env.execute();
  const graph = generateStreamGraph(recorded as RecordedJob);
  const vertices = generateJobGraph(graph, { program: {} as never }).vertices;
  return { vertex: vertices[1] as JobVertex, graph };
}

/** A key selector that changes records would change the state of a keyed head by plain calls: that is not tried. */
function edgesFrom(stream: DataStream<Any>, isKeyed: boolean): (() => void)[] {
  const end = (to: DataStream<Any>): void => void to.map((v) => v).addSink(() => {});
  return [
    () => end(stream.broadcast()),
    () => end(stream.global()),
    () => end(stream.keyBy((v: Any) => `${v.a}`)),
    () => {
      const kept: Any[] = [];
      end(
        stream.keyBy((v: Any) => {
          kept.push(v);
          for (const old of kept) if (typeof old === 'object' && !isKeyed) old.b = kept.length;
          return `${v.a}`;
        }),
      );
    },
    () =>
      end(
        stream.partitionCustom(
          (key: number, count) => (Number.isInteger(key) ? key : 0) % count,
          (v: Any) => v.a,
        ),
      ),
  ];
}

/** Changes what it was given to own, as a consumer may, and looks at the end that nobody else did; not so with object reuse. */
class TakingPartition implements ResultPartitionWriter {
  readonly isAvailable = true;
  readonly recordsOut = 0;
  readonly poolUsage = 0;
  readonly bytesOut = 0;
  readonly writers: readonly RecordWriter[];

  constructor(name: string, seen: string[], late: (() => string)[] | undefined) {
    this.writers = [0, 1].map((subpartition) => ({
      columns: new GatheredColumns({
        began: () => {
          const { columns } = this.writers[subpartition] as RecordWriter;
          seen.push(`${name}[${subpartition}] ${inspect(recordAt(columns, 0))}`);
          columns.beginFrame(columns.columns);
        },
        filled: () => {},
      }),
      add: (value) => void seen.push(`${name}[${subpartition}] ${inspect(value)}`),
      addOwned: (value, _timestamp, fields) => {
        if (fields) expect(Object.keys(value as object)).toEqual(fields);
        seen.push(`${name}[${subpartition}] ${inspect(value)}`);
        if (!late) return;
        poison(value);
        const poisoned = inspect(value);
        late.push(() => {
          expect(inspect(value)).toBe(poisoned);
          return '';
        });
      },
    }));
  }

  emit(value: unknown, timestamp: number, subpartition: number): void {
    this.writers[subpartition]?.add(value, timestamp);
  }

  broadcast(value: unknown, timestamp: number): void {
    for (const writer of this.writers) writer.add(value, timestamp);
  }

  broadcastEvent(): void {}
  flush(): void {}
  close(): void {}
}

function poison(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const field of Object.values(value)) poison(field);
  (value as Record<string, unknown>)['poison'] = true;
}

const withoutLateMarks = (lines: readonly string[]): string[] => lines.filter((line) => line !== '');

test.each([
  { name: 'copying', objectReuse: false },
  { name: 'with object reuse', objectReuse: true },
])('random chains, $name', async ({ objectReuse }) => {
  await fc.assert(
    fc.asyncProperty(inputs, fc.array(step, { minLength: 1, maxLength: 12 }), async ({ head, values }, steps) => {
      const called = await run(head, steps, values, false, objectReuse);
      expect(withoutLateMarks(await run(head, steps, values, true, objectReuse))).toEqual(withoutLateMarks(called));
    }),
    { numRuns: 300 },
  );
});

test('random chains, fed by columns', async () => {
  const anyHead = fc.nat({ max: heads.length - 1 });
  const alike = fc.array(record, { minLength: 1, maxLength: 6 }).map((values) => Array.from({ length: 40 }, (_, i) => pick(values, i)));
  await fc.assert(
    fc.asyncProperty(anyHead, alike, fc.array(step, { minLength: 1, maxLength: 12 }), async (head, values, steps) => {
      expect(asColumns(values).columns).toBeDefined();
      const called = await run(head, steps, values, false, false);
      expect(withoutLateMarks(await run(head, steps, values, true, false, true))).toEqual(withoutLateMarks(called));
    }),
    { numRuns: 150 },
  );
});
