/** What the compiler knows about windows and joins. Never run: `npm run check` compiles it. */
import {
  type AllWindowedStream,
  CountEvictor,
  CountTrigger,
  connectAll,
  type DataStream,
  EventTimeSessionWindows,
  type GlobalWindow,
  GlobalWindows,
  type KeyedStream,
  OutputTag,
  type ProcessWindowContext,
  ProcessWindowFunction,
  type SingleOutputStreamOperator,
  state,
  Time,
  TimeEvictor,
  type TimeWindow,
  TumblingEventTimeWindows,
  type Window,
  type WindowedStream,
} from 'weir';
import { type } from './assertions.ts';

interface Bid {
  readonly auction: number;
  readonly bidder: string;
  readonly price: bigint;
}

interface Auction {
  readonly id: number;
  readonly seller: string;
}

declare const bids: DataStream<Bid>;
declare const auctions: DataStream<Auction>;
const byAuction = bids.keyBy('auction');
const tumbling = TumblingEventTimeWindows.of('10s');

// Windows
type(byAuction.window(tumbling)).is<WindowedStream<Bid, number, TimeWindow>>();
type(byAuction.window(EventTimeSessionWindows.withGap('1min'))).is<WindowedStream<Bid, number, TimeWindow>>();
type(byAuction.window(EventTimeSessionWindows.withDynamicGap((bid: Bid) => bid.auction))).is<WindowedStream<Bid, number, TimeWindow>>();
type(byAuction.window(GlobalWindows.create())).is<WindowedStream<Bid, number, GlobalWindow>>();
type(byAuction.timeWindow('1min', Time.seconds(5))).is<WindowedStream<Bid, number, TimeWindow>>();
type(byAuction.countWindow(10, 2)).is<WindowedStream<Bid, number, GlobalWindow>>();
type(bids.windowAll(tumbling)).is<AllWindowedStream<Bid, TimeWindow>>();
// @ts-expect-error: windows need keys
bids.window(tumbling);
// @ts-expect-error: a gap for other records
byAuction.window(EventTimeSessionWindows.withDynamicGap((auction: Auction) => auction.id));
// @ts-expect-error: no duration
TumblingEventTimeWindows.of('10 parsecs');
byAuction.window(tumbling).trigger(CountTrigger.of(5)).evictor(CountEvictor.of(1)).evictor(TimeEvictor.of('1s')).allowedLateness('5s');
byAuction.window(tumbling).sideOutputLateData(new OutputTag<Bid>('late'));
// @ts-expect-error: a tag for other records
byAuction.window(tumbling).sideOutputLateData(new OutputTag<{ seller: number }>('late'));

// What becomes of them
const count = { createAccumulator: () => 0, add: (_bid: Bid, n: number) => n + 1, getResult: (n: number) => `${n}` };
type(byAuction.window(tumbling).aggregate(count)).is<SingleOutputStreamOperator<string>>();
type(byAuction.window(tumbling).aggregate(count, (key, window, [n]) => [{ key, end: window.end, n }])).is<
  SingleOutputStreamOperator<{ key: number; end: number; n: string }>
>();
type(
  byAuction.window(tumbling).aggregate({
    createAccumulator: () => ({ n: 0, sum: 0n }),
    add: (bid, { n, sum }) => ({ n: n + 1, sum: sum + bid.price }),
    getResult: ({ n, sum }) => sum / BigInt(n),
  }),
).is<SingleOutputStreamOperator<bigint>>();
type(byAuction.window(tumbling).reduce((a, b) => (a.price > b.price ? a : b))).is<SingleOutputStreamOperator<Bid>>();
type(
  byAuction.window(tumbling).reduce(
    (a) => a,
    (key, window, [bid]) => [[key, window.start, bid.price] as const],
  ),
).is<SingleOutputStreamOperator<readonly [number, number, bigint]>>();
type(
  byAuction.window(tumbling).process(function* (key, context, elements) {
    for (const bid of elements) yield { key, bid, end: context.window().end };
  }),
).is<SingleOutputStreamOperator<{ key: number; bid: Bid; end: number }>>();
type(byAuction.window(GlobalWindows.create()).apply((_key, window, elements) => [[window.maxTimestamp(), [...elements].length]])).is<
  SingleOutputStreamOperator<number[]>
>();
type(byAuction.window(tumbling).maxBy('price')).is<SingleOutputStreamOperator<Bid>>();
type(bids.windowAll(tumbling).apply((window, elements) => [`${window.start} ${[...elements].length}`])).is<
  SingleOutputStreamOperator<string>
>();
class Prices extends ProcessWindowFunction<Bid, bigint, number, TimeWindow> {
  *process(_key: number, _context: ProcessWindowContext<TimeWindow>, elements: Iterable<Bid>): Generator<bigint> {
    for (const { price } of elements) yield price;
  }
}
type(byAuction.window(tumbling).process(new Prices())).is<SingleOutputStreamOperator<bigint>>();
// @ts-expect-error: no number
byAuction.window(tumbling).sum('bidder');
// @ts-expect-error: no such field
byAuction.window(tumbling).reduce((a, b) => (a.prise > b.price ? a : b));
// @ts-expect-error: a window of the whole stream has no start
byAuction.window(GlobalWindows.create()).apply((_key, window) => [window.start]);
// @ts-expect-error: promises are not folded
byAuction.window(tumbling).reduce(async (a) => a);

// Joins
const equal = bids.join(auctions).where('auction').equalTo('id');
type(equal.window(tumbling).apply((bid, auction) => ({ ...bid, seller: auction.seller }))).is<
  SingleOutputStreamOperator<{ seller: string; auction: number; bidder: string; price: bigint }>
>();
type(equal.window(tumbling).apply((bid, auction) => [bid.auction, auction.seller] as const)).is<
  SingleOutputStreamOperator<readonly [number, string]>
>();
type(
  equal.window(tumbling).apply<string>((bid, auction, out) => {
    if (bid.price > 10n) out.collect(auction.seller);
  }),
).is<SingleOutputStreamOperator<string>>();
type(
  equal.window(tumbling).apply(function* (bid) {
    yield bid.bidder;
  }),
).is<SingleOutputStreamOperator<string>>();
type(
  bids
    .coGroup(auctions)
    .where((bid) => bid.bidder)
    .equalTo('seller')
    .window(tumbling)
    .apply((a, b) => [[[...a].length, [...b]] as const]),
).is<SingleOutputStreamOperator<readonly [number, readonly Auction[]]>>();
type(
  byAuction
    .intervalJoin(auctions.keyBy('id'))
    .between('-5s', '1h')
    .process((bid, auction, context) => [{ bid, auction, at: context.getTimestamp() }]),
).is<SingleOutputStreamOperator<{ bid: Bid; auction: Auction; at: number }>>();
// @ts-expect-error: keys of two types
bids.join(auctions).where('auction').equalTo('seller');
// @ts-expect-error: keys of two types
byAuction.intervalJoin(auctions.keyBy('seller'));
// @ts-expect-error: no such field
bids.join(auctions).where('auktion');

// Any number of streams
type(
  connectAll({ bids: byAuction, auctions: auctions.keyBy('id') }).process({
    state: { best: state.value(() => 0n) },
    on: {
      *bids(bid, context) {
        context.state.best.update(bid.price);
        yield context.getCurrentKey();
      },
      auctions(auction) {
        return [auction.id];
      },
    },
  }),
).is<SingleOutputStreamOperator<number>>();
// @ts-expect-error: a handler is missing
connectAll({ bids, auctions }).process({ on: { bids: () => [] } });

declare const keyed: KeyedStream<Bid, string>;
declare function anyWindows<W extends Window>(stream: WindowedStream<Bid, string, W>): void;
anyWindows(keyed.window(tumbling));
