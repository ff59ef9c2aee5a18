/**
 * What the compiler knows about streams. Never run: `npm run check` compiles it, and fails when a claim is wrong or when a line marked
 * with `@ts-expect-error` compiles.
 */
import {
  type Collector,
  type ConnectedStreams,
  DataGeneratorSource,
  type DataStream,
  FileSource,
  IntCounter,
  JsonLinesFormat,
  KeyedProcessFunction,
  type KeyedStream,
  OutputTag,
  RichMapFunction,
  type RuntimeContext,
  type SingleOutputStreamOperator,
  type StreamExecutionEnvironment,
  state,
  TextLineInputFormat,
  Time,
  Types,
  type ValueState,
  ValueStateDescriptor,
  WatermarkStrategy,
} from 'weir';
import { equal, type } from './assertions.ts';

interface Bid {
  readonly auction: number;
  readonly bidder: string;
  readonly price: bigint;
  readonly at: Date;
  readonly tags: readonly string[];
  readonly note?: string;
}

declare const env: StreamExecutionEnvironment;
declare const bids: DataStream<Bid>;
declare const pairs: DataStream<[string, number]>;
declare const words: DataStream<string>;
declare const lookup: (id: number) => Promise<string>;

// Sources
type(env.fromElements(1, 2)).is<SingleOutputStreamOperator<number>>();
type(env.fromCollection(['a', 'b'])).is<SingleOutputStreamOperator<string>>();
type(env.fromCollection(new Set([1n]))).is<SingleOutputStreamOperator<bigint>>();
type(
  env.fromCollection(async function* ({ signal }) {
    yield { aborted: signal.aborted };
  }),
).is<SingleOutputStreamOperator<{ aborted: boolean }>>();
type(env.fromSequence(1, 2)).is<SingleOutputStreamOperator<number>>();
type(env.readTextFile('x')).is<SingleOutputStreamOperator<string>>();
type(env.fromSource(new DataGeneratorSource((i) => ({ i })), WatermarkStrategy.noWatermarks(), 'x')).is<
  SingleOutputStreamOperator<{ i: number }>
>();
type(env.fromSource(FileSource.forRecordStreamFormat(new TextLineInputFormat(), 'x').build(), WatermarkStrategy.noWatermarks(), 'x')).is<
  SingleOutputStreamOperator<string>
>();
type(env.fromSource(FileSource.forRecordStreamFormat(new JsonLinesFormat<Bid>(), 'x').build(), WatermarkStrategy.noWatermarks(), 'x')).is<
  SingleOutputStreamOperator<Bid>
>();
// @ts-expect-error: a number is no iterable
env.fromCollection(5);
// @ts-expect-error: the strategy is for other records
env.fromSource(new DataGeneratorSource((i) => i), WatermarkStrategy.forMonotonousTimestamps<Bid>(), 'x');

// Transformations
type(bids.map((bid) => bid.price)).is<SingleOutputStreamOperator<bigint>>();
type(bids.map((bid): [string, number] => [bid.bidder, 1])).is<SingleOutputStreamOperator<[string, number]>>();
type(bids.flatMap((bid) => bid.tags)).is<SingleOutputStreamOperator<string>>();
type(bids.flatMap((bid) => [bid.bidder.length])).is<SingleOutputStreamOperator<number>>();
type(
  bids.flatMap(function* (bid) {
    for (const tag of bid.tags) yield { tag, bid };
  }),
).is<SingleOutputStreamOperator<{ tag: string; bid: Bid }>>();
type(bids.flatMap((bid, out: Collector<number>) => out.collect(bid.auction))).is<SingleOutputStreamOperator<number>>();
type(bids.filter((bid) => bid.auction > 1)).is<SingleOutputStreamOperator<Bid>>();
type(bids.filter((bid): bid is Bid & { note: string } => bid.note !== undefined)).is<SingleOutputStreamOperator<Bid & { note: string }>>();
type(env.fromElements<number | null>(1, null).filter((n) => n !== null)).is<SingleOutputStreamOperator<number>>();
type(bids.project('auction', 'price')).is<SingleOutputStreamOperator<Pick<Bid, 'auction' | 'price'>>>();
type(bids.union(bids)).is<DataStream<Bid>>();
type(words.union(bids, pairs)).is<DataStream<string | Bid | [string, number]>>();
type(bids.map({ map: (bid: Bid) => bid.auction, open: async () => {} })).is<SingleOutputStreamOperator<number>>();
class Doubling extends RichMapFunction<number, number> {
  override async open(context: RuntimeContext): Promise<void> {
    context.addAccumulator('seen', new IntCounter());
  }
  map(n: number): number {
    return n * 2;
  }
}
type(env.fromElements(1).map(new Doubling())).is<SingleOutputStreamOperator<number>>();
type(bids.map({ open: (context) => void context.jobId, map: (bid) => bid.price })).is<SingleOutputStreamOperator<bigint>>();
type(bids.flatMap({ flatMap: (bid, out: Collector<number>) => out.collect(bid.auction) })).is<SingleOutputStreamOperator<number>>();
type(bids.filter({ filter: (bid) => bid.auction > 1, close: async () => {} })).is<SingleOutputStreamOperator<Bid>>();
bids.keyBy('auction').reduce({ reduce: (a, b) => (a.at > b.at ? a : b) });
bids.addSink({ invoke: (bid, context) => void [bid.auction, context.timestamp()], close: async () => {} });
// @ts-expect-error: no such field
bids.map({ map: (bid) => bid.prise });
// @ts-expect-error: no such field
bids.map((bid) => bid.prise);
// @ts-expect-error: promises are not mapped
bids.map(async (bid) => lookup(bid.auction));
// @ts-expect-error: a mapper of numbers
bids.map(new Doubling());
// @ts-expect-error: a predicate is no text
bids.filter((bid) => bid.bidder);
// @ts-expect-error: no such field
bids.project('auction', 'seller');

// Keys
type(bids.keyBy('auction')).is<KeyedStream<Bid, number>>();
type(bids.keyBy((bid) => bid.bidder)).is<KeyedStream<Bid, string>>();
type(bids.keyBy((bid) => [bid.auction, bid.bidder] as const)).is<KeyedStream<Bid, readonly [number, string]>>();
type(bids.keyBy((bid) => ({ who: bid.bidder }))).is<KeyedStream<Bid, { who: string }>>();
type(pairs.keyBy(0)).is<KeyedStream<[string, number], string>>();
type(pairs.keyBy((pair) => pair[0])).is<KeyedStream<[string, number], string>>();
// @ts-expect-error: no such field
bids.keyBy('auktion');
// @ts-expect-error: a tuple of two
pairs.keyBy(2);
// @ts-expect-error: a map is no key
bids.keyBy((bid) => new Map([[bid.auction, bid]]));
// @ts-expect-error: a function is no key
bids.keyBy((bid) => () => bid);

// Rolling aggregates
type(bids.keyBy('auction').sum('price')).is<SingleOutputStreamOperator<Bid>>();
type(pairs.keyBy(0).sum(1)).is<SingleOutputStreamOperator<[string, number]>>();
type(bids.keyBy('auction').maxBy('bidder')).is<SingleOutputStreamOperator<Bid>>();
type(bids.keyBy('auction').reduce((a, b) => (a.price > b.price ? a : b))).is<SingleOutputStreamOperator<Bid>>();
// @ts-expect-error: a text cannot be added
bids.keyBy('auction').sum('bidder');
// @ts-expect-error: the first of a pair is a text
pairs.keyBy(0).sum(0);
// @ts-expect-error: no such field
bids.keyBy('auction').max('prise');
// @ts-expect-error: reduces to something else
bids.keyBy('auction').reduce((a) => a.price);

// Process functions
const late = new OutputTag<string>('late');
const totals = bids.keyBy('bidder').process({
  state: { total: state.value(() => 0n), last: state.value<Bid>(), seen: state.map<number, Date>(), all: state.list<string>() },
  processElement(bid, context, out: Collector<{ who: string; total: bigint }>) {
    type(context.state.total.value()).is<bigint>();
    type(context.state.last.value()).is<Bid | null>();
    type(context.state.seen.get(1)).is<Date | undefined>();
    type(context.state.all.get()).is<Iterable<string>>();
    type(context.getCurrentKey()).is<string>();
    type(context.timestamp()).is<number | null>();
    context.output(late, bid.bidder);
    // @ts-expect-error: the tag is for texts
    context.output(late, 5);
    // @ts-expect-error: the state holds bigints
    context.state.total.update(1);
    // @ts-expect-error: no such state
    context.state.average;
    out.collect({ who: context.getCurrentKey(), total: context.state.total.value() });
    // @ts-expect-error: another result
    out.collect({ who: 1 });
  },
  onTimer(timestamp, context, out) {
    type(timestamp).is<number>();
    type(context.timeDomain()).is<'EVENT_TIME' | 'PROCESSING_TIME'>();
    out.collect({ who: 'nobody', total: 0n });
  },
});
type(totals).is<SingleOutputStreamOperator<{ who: string; total: bigint }>>();
type(totals.getSideOutput(late)).is<DataStream<string>>();
class Sums extends KeyedProcessFunction<string, Bid, bigint> {
  #sum: ValueState<bigint> | undefined;
  override open(): void {
    this.#sum = this.getRuntimeContext().getState(new ValueStateDescriptor<bigint>('sum'));
  }
  processElement(
    bid: Bid,
    context: Parameters<KeyedProcessFunction<string, Bid, bigint>['processElement']>[1],
    out: Collector<bigint>,
  ): void {
    type(context.getCurrentKey()).is<string>();
    out.collect((this.#sum?.value() ?? 0n) + bid.price);
  }
}
type(bids.keyBy('bidder').process(new Sums())).is<SingleOutputStreamOperator<bigint>>();
// @ts-expect-error: keyed by numbers
bids.keyBy('auction').process(new Sums());
bids.process({
  processElement(bid, context, out: Collector<number>) {
    // @ts-expect-error: there is no key
    type(context.getCurrentKey()).is<string>();
    out.collect(bid.auction);
  },
});

// Connected streams
type(bids.connect(words)).is<ConnectedStreams<Bid, string>>();
type(bids.connect(pairs).keyBy('bidder', 0)).is<ConnectedStreams<Bid, [string, number], string>>();
type(
  bids.connect(pairs).keyBy(
    (bid) => bid.bidder,
    (pair) => pair[0],
  ),
).is<ConnectedStreams<Bid, [string, number], string>>();
type(bids.connect(words).map({ map1: (bid) => bid.auction, map2: (word) => word.length })).is<SingleOutputStreamOperator<number>>();
type(
  bids
    .connect(pairs)
    .keyBy('bidder', 0)
    .process({
      state: { count: state.value(() => 0) },
      processElement1(bid, context, out: Collector<string>) {
        type(context.getCurrentKey()).is<string>();
        context.state.count.update(context.state.count.value() + bid.auction);
        out.collect(bid.bidder);
      },
      processElement2([word, n], context, out) {
        context.state.count.update(n);
        out.collect(word);
      },
    }),
).is<SingleOutputStreamOperator<string>>();
// @ts-expect-error: no such field on the second stream
bids.connect(pairs).keyBy('bidder', 2);
// @ts-expect-error: keys of different types
bids.connect(pairs).keyBy('auction', 0);
bids.connect(pairs).keyBy(
  (bid) => bid.auction,
  // @ts-expect-error: keys of different types
  (pair) => pair[0],
);
interface Address {
  readonly street: string;
  readonly since?: Date;
}
declare const people: DataStream<{ address: Address; friends: Map<string, Address>; nick?: string; age: number | null }>;
type(people.keyBy('address')).is<
  KeyedStream<{ address: Address; friends: Map<string, Address>; nick?: string; age: number | null }, Address>
>();
people.keyBy((person) => person.address);
people.keyBy('age');
people.connect(bids).keyBy('age', 'auction');
// @ts-expect-error: a map is no key
people.keyBy('friends');
// @ts-expect-error: undefined is no key
people.keyBy('nick');
// @ts-expect-error: undefined is no key
people.keyBy((person) => person.nick);

// Partitioning and settings
type(bids.shuffle()).is<DataStream<Bid>>();
type(bids.partitionCustom((key, n) => key % n, 'auction')).is<DataStream<Bid>>();
type(
  bids.partitionCustom(
    (key: number, n) => key % n,
    (bid) => bid.auction,
  ),
).is<DataStream<Bid>>();
type(
  bids
    .map((bid) => bid.auction)
    .name('x')
    .uid('y')
    .setParallelism(2)
    .slotSharingGroup('g'),
).is<SingleOutputStreamOperator<number>>();
// @ts-expect-error: what is not a step has no uid
bids.shuffle().uid('x');
// @ts-expect-error: no such field
bids.partitionCustom((_key, n) => n, 'auktion');
// @ts-expect-error: the key is a number
bids.partitionCustom((_key: string, n) => n, 'auction');

// Time
bids.assignTimestampsAndWatermarks(
  WatermarkStrategy.forBoundedOutOfOrderness<Bid>('5s')
    .withTimestampAssigner((bid) => bid.at.getTime())
    .withIdleness(Time.minutes(1)),
);
WatermarkStrategy.forBoundedOutOfOrderness<Bid>('2 min').withTimestampAssigner({ extractTimestamp: (bid) => bid.at.getTime() });
// @ts-expect-error: no unit of time
WatermarkStrategy.forBoundedOutOfOrderness<Bid>('10 parsecs');
// @ts-expect-error: a timestamp is a number
WatermarkStrategy.noWatermarks<Bid>().withTimestampAssigner((bid) => bid.at);
// @ts-expect-error: no unit of time
env.enableCheckpointing('10 minutes of fame');

// Sinks and results
bids.print('prefix').name('x').uid('y');
bids.addSink(async (bid) => void (await lookup(bid.auction)));
words.writeToSocket('localhost', 1, (word) => word);
type(bids.executeAndCollect()).is<AsyncGenerator<Bid, void, undefined>>();
type(bids.executeAndCollect(10)).is<Promise<Bid[]>>();
type(bids.executeAndCollect('name', 10)).is<Promise<Bid[]>>();
type(bids.collectAsync()).is<AsyncGenerator<Bid, void, undefined>>();
type(bids.map((bid) => bid.auction).returns(Types.INT)).is<SingleOutputStreamOperator<number>>();
// @ts-expect-error: the sink is for texts
bids.sinkTo({ createWriter: () => ({ write: (word: string) => void word, flush: () => {} }) });
// @ts-expect-error: the function is for texts
bids.addSink((word: string) => void word);
// @ts-expect-error: the records are not texts
bids.map((bid) => bid.auction).returns(Types.STRING);
equal<Awaited<ReturnType<typeof env.execute>>['jobId'], string>();
