/**
 * Builds the program of a plan. Its functions misbehave as functions may: they change what they were given, what they have
 * emitted, and what they keep in state. Nobody else may see it.
 */
import {
  type Collector,
  type ConnectedStreams,
  type DataStream,
  type KeyedStream,
  OutputTag,
  type SingleOutputStreamOperator,
  type StreamExecutionEnvironment,
  state,
  Types,
  WatermarkStrategy,
} from 'weir';
import { sourceRecords } from './oracle.ts';
import type { KeyedNode, Plan, PlanNode, SourceNode, StatelessNode, Stream } from './plan.ts';
import { share } from './random.ts';
import { deepCopy, Point, type Rec, type TimedRecord } from './records.ts';
import { SplitSource } from './split-source.ts';
import {
  type Aggregate,
  aggregated,
  copies,
  copy,
  goesToMain,
  goesToSide,
  isLarge,
  kept,
  keyOf,
  largeResult,
  mapped,
  rollingResult,
  windowEnd,
  windowResult,
} from './steps.ts';

export interface Output {
  output: number;
  value: unknown;
}

export interface BuildOptions {
  /** Puts nodes into the slot sharing groups of the plan. */
  readonly spread: boolean;
}

const sideTag = new OutputTag<Rec>('side');

/** All outputs of the plan in one stream, each record with the number of its output. */
export function buildGraph(env: StreamExecutionEnvironment, plan: Plan, options: BuildOptions): DataStream<Output> {
  Types.register(Point, {
    name: 'Point',
    toPlain: ({ x, label }: Point) => [x, label],
    fromPlain: ([x, label]: [number, string]) => new Point(x, label),
  });
  env.setBufferTimeout(plan.bufferTimeoutMs as -1);
  env.getConfig().setAutoWatermarkInterval(1);
  const streams: SingleOutputStreamOperator<Rec>[] = [];
  const streamOf = ({ node, side }: Stream): DataStream<Rec> => {
    const main = streams[node] as SingleOutputStreamOperator<Rec>;
    return side ? main.getSideOutput(sideTag) : main;
  };
  for (const node of plan.nodes) {
    const made = node.kind === 'source' ? source(env, node) : step(node, node.inputs.map(streamOf));
    if (options.spread) made.slotSharingGroup(`group ${node.group}`);
    streams.push(made);
  }
  return united(
    plan.outputs.map((stream, output) =>
      streamOf(stream).map((value): Output => {
        const wrapped = { output, value: deepCopy(value) };
        spoil(value);
        return wrapped;
      }),
    ),
  );
}

/** Leaves nothing as it was; keeps the names of the fields, so that not every spoiled record is a new shape. */
function spoil(record: Rec | undefined): void {
  if (!record) return;
  if (Array.isArray(record['ids'])) (record['ids'] as number[]).push(-1);
  if (record.data instanceof Map || record.data instanceof Set) record.data.clear();
  else if (ArrayBuffer.isView(record.data)) (record.data as Uint8Array).fill(1);
  else if (record.data instanceof Date) record.data.setTime(77);
  else if (typeof record.data === 'object' && record.data !== null) (record.data as Record<string, unknown>)['spoiled'] = true;
  record.n = -12345;
  record.key = 'spoiled';
}

function source(env: StreamExecutionEnvironment, node: SourceNode): SingleOutputStreamOperator<Rec> {
  if (node.source === 'splits') {
    return env.fromSource(new SplitSource(node, spoil), watermarks<Rec>(node), 'splits').setParallelism(node.parallelism);
  }
  // Records travel with their time, which nothing else in the program knows.
  return plainSource(env, node)
    .assignTimestampsAndWatermarks(watermarks<TimedRecord>(node).withTimestampAssigner((record) => record.time))
    .map(({ value }) => value);
}

function plainSource(env: StreamExecutionEnvironment, node: SourceNode): SingleOutputStreamOperator<TimedRecord> {
  const records = (): TimedRecord[] => sourceRecords(node);
  switch (node.source) {
    case 'generator':
      return env.fromCollection(function* () {
        for (const record of records()) {
          yield record;
          spoil(record.value);
        }
      });
    case 'async generator':
      return env.fromCollection(async function* () {
        for (const record of records()) {
          if (share(record.time, node.salt, 20) === 0) await new Promise((resolve) => setImmediate(resolve));
          yield record;
          spoil(record.value);
        }
      });
    case 'source function':
      return env.addSource<TimedRecord>({
        async run(context) {
          for (const record of records()) {
            if (!context.collect(record)) await context.ready();
            spoil(record.value);
            if (context.signal.aborted) return;
          }
        },
        cancel() {},
      });
    default: {
      const array = records();
      const stream = env.fromCollection(array);
      for (const { value } of array) spoil(value);
      return stream;
    }
  }
}

function watermarks<T>({ watermarks: kind, disorder }: SourceNode): WatermarkStrategy<T> {
  switch (kind) {
    case 'none':
      return WatermarkStrategy.noWatermarks();
    case 'periodic':
      return WatermarkStrategy.forBoundedOutOfOrderness(disorder);
    case 'punctuated':
      return WatermarkStrategy.forGenerator(() => {
        let largest = Number.NEGATIVE_INFINITY;
        return {
          onEvent: (_event, time, output) => {
            largest = Math.max(largest, time);
            output.emitWatermark(largest - disorder - 1);
          },
          onPeriodicEmit: () => {},
        };
      });
  }
}

function step(node: Exclude<PlanNode, SourceNode>, inputs: readonly DataStream<Rec>[]): SingleOutputStreamOperator<Rec> {
  return build(node, inputs).setParallelism(node.parallelism);
}

function build(node: Exclude<PlanNode, SourceNode>, inputs: readonly DataStream<Rec>[]): SingleOutputStreamOperator<Rec> {
  const [first, second] = inputs as [DataStream<Rec>, DataStream<Rec>];
  switch (node.kind) {
    case 'rolling':
      return roll(node, united(inputs).keyBy(keySelector(node)));
    case 'window':
      return united(inputs).keyBy(keySelector(node)).process(windowed(node));
    case 'co-window':
      return (first.connect(second).keyBy(keySelector(node), keySelector(node)) as ConnectedStreams<Rec, Rec, never>).process(
        coWindowed(node),
      );
    case 'co-map':
      return via(node, first)
        .connect(via(node, second))
        .map({ map1: (record) => change(node, record), map2: (record) => ({ ...record, second: true }) });
    case 'co-flat-map':
      return via(node, first)
        .connect(via(node, second))
        .flatMap({
          flatMap1: (record, out) => expand(node, record, out),
          flatMap2: (record) => (kept(node, record) ? [record] : []),
        });
    case 'map':
      return via(node, united(inputs)).map((record) => change(node, record));
    case 'filter':
      return via(node, united(inputs)).filter((record) => kept(node, record));
    case 'flat map':
      return via(node, united(inputs)).flatMap((record, out: Collector<Rec>) => expand(node, record, out));
    case 'split':
      return via(node, united(inputs)).process({
        processElement(record, context, out: Collector<Rec>) {
          if (goesToSide(node, record)) context.output(sideTag, record);
          if (goesToMain(node, record)) out.collect(record);
          spoil(record);
        },
      });
  }
}

function united<T>([first, ...others]: readonly DataStream<T>[]): DataStream<T> {
  return others.length === 0 ? (first as DataStream<T>) : (first as DataStream<T>).union(...others);
}

function via(node: StatelessNode, stream: DataStream<Rec>): DataStream<Rec> {
  switch (node.via) {
    case undefined:
      return stream;
    case 'custom':
      return stream.partitionCustom(
        (key: number, partitions) => ((key % partitions) + partitions) % partitions,
        (record) => record.n,
      );
    default:
      return stream[node.via]();
  }
}

let lastMapped: Rec | undefined;

function change(node: StatelessNode, record: Rec): Rec {
  const changed = mapped(node, deepCopy(record));
  spoil(record);
  spoil(lastMapped);
  lastMapped = changed;
  return changed;
}

function expand(node: StatelessNode, record: Rec, out: Collector<Rec>): Iterable<Rec> | void {
  const all = Array.from({ length: copies(node, record) }, (_, index) => copy(node, deepCopy(record), index));
  switch (node.style % 3) {
    case 0:
      return all;
    case 1:
      for (const each of all) {
        out.collect(each);
        spoil(each);
      }
      return;
    default:
      return spoilBehind(all);
  }
}

function* spoilBehind(records: readonly Rec[]): Generator<Rec> {
  for (const record of records) {
    yield record;
    spoil(record);
  }
}

function keySelector(node: KeyedNode): (record: Rec) => string {
  return keyOf.bind(undefined, node) as (record: Rec) => string;
}

function roll(node: KeyedNode, stream: KeyedStream<Rec, unknown>): SingleOutputStreamOperator<Rec> {
  return stream
    .map((record) => ({ id: 1, key: 'x', n: record.n, of: keyOf(node, record) }) as Rec)
    .setParallelism(node.parallelism)
    .keyBy((record) => record['of'] as string)
    .reduce((sum, record) => {
      // The state itself, changed.
      sum.id++;
      sum.n = (sum.n + record.n) | 0;
      spoil(record);
      return sum;
    })
    .setParallelism(node.parallelism)
    .map((sum) => rollingResult(sum['of'], sum.id));
}

type Windows = Record<string, Aggregate>;

/** Adds to and takes from the windows of the current key, in whichever kind of state. */
interface Panes {
  readonly value: { value(): Windows; update(windows: Windows): void };
  readonly list: {
    get(): Iterable<{ end: number; record: Rec }>;
    add(element: { end: number; record: Rec }): void;
    update(elements: { end: number; record: Rec }[]): void;
  };
  readonly map: { get(end: number): Aggregate | undefined; put(end: number, aggregate: Aggregate): void; remove(end: number): void };
}

const panes = {
  value: state.value<Windows>(() => ({})),
  list: state.list<{ end: number; record: Rec }>(),
  map: state.map<number, Aggregate>(),
};

function add(node: KeyedNode, states: Panes, record: Rec, end: number): void {
  switch (node.state) {
    case 'value': {
      const windows = states.value.value();
      windows[`w${end}`] = aggregated(record, windows[`w${end}`]);
      states.value.update(windows);
      return;
    }
    case 'list':
      states.list.add({ end, record: { id: record.id, key: '', n: record.n } });
      return;
    case 'map': {
      const aggregate = states.map.get(end) ?? aggregated(record);
      if (states.map.get(end)) Object.assign(aggregate, aggregated(record, aggregate));
      states.map.put(end, aggregate);
    }
  }
}

function take(node: KeyedNode, states: Panes, end: number): Aggregate {
  switch (node.state) {
    case 'value': {
      const { [`w${end}`]: found, ...others } = states.value.value();
      states.value.update(others);
      return found as Aggregate;
    }
    case 'list': {
      const all = [...states.list.get()];
      states.list.update(all.filter((element) => element.end !== end));
      return all
        .filter((element) => element.end === end)
        .reduce<Aggregate | undefined>((sum, { record }) => aggregated(record, sum), undefined) as Aggregate;
    }
    case 'map': {
      const found = states.map.get(end) as Aggregate;
      states.map.remove(end);
      return found;
    }
  }
}

interface Time {
  timestamp(): number | null;
  timerService(): { currentWatermark(): number; registerEventTimeTimer(time: number): void };
  readonly state: Panes;
}

function arrive(node: KeyedNode, record: Rec, context: Time, out: Collector<Rec>): void {
  const end = windowEnd(node, context.timestamp() as number);
  // With right watermarks nothing is late, wherever the tasks are.
  if (context.timerService().currentWatermark() >= end) out.collect({ id: -1, key: 'late', n: end });
  add(node, context.state, record, end);
  context.timerService().registerEventTimeTimer(end);
  spoil(record);
}

function windowed(node: KeyedNode) {
  return {
    state: panes,
    processElement: (record: Rec, context: Time, out: Collector<Rec>): void => arrive(node, record, context, out),
    onTimer(
      end: number,
      context: Time & { getCurrentKey(): unknown; output(tag: OutputTag<Rec>, value: Rec): void },
      out: Collector<Rec>,
    ): Iterable<Rec> | void {
      const aggregate = take(node, context.state, end);
      const key = context.getCurrentKey();
      if (isLarge(aggregate)) context.output(sideTag, largeResult(key, end, aggregate));
      const result = windowResult(key, end, aggregate);
      if (node.style % 2 === 0) return [result];
      out.collect(result);
      spoil(result);
    },
  };
}

function coWindowed(node: KeyedNode) {
  return {
    state: panes,
    processElement1: (record: Rec, context: Time, out: Collector<Rec>): void => arrive(node, record, context, out),
    processElement2: (record: Rec, context: Time, out: Collector<Rec>): void => arrive(node, { ...record, n: record.n * 3 }, context, out),
    *onTimer(end: number, context: Time & { getCurrentKey(): unknown }): Generator<Rec> {
      yield windowResult(context.getCurrentKey(), end, take(node, context.state, end));
    },
  };
}
