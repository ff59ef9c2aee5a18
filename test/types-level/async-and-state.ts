/** What the compiler knows about asynchronous I/O, time to live, watermark strategies and test harnesses. Never run, see data-stream.ts. */
import {
  AsyncDataStream,
  type AsyncFunction,
  type DataStream,
  type ListState,
  ListStateDescriptor,
  RichAsyncFunction,
  type SingleOutputStreamOperator,
  StateTtlConfig,
  state,
  TimeUnit,
  type ValueState,
  ValueStateDescriptor,
  WatermarkStrategy,
} from 'weir';
import { type OperatorTestHarness, testOperator } from 'weir/testing';
import { type } from './assertions.ts';

interface Bid {
  readonly auction: number;
  readonly bidder: string;
}
declare const bids: DataStream<Bid>;
declare const lookup: (id: number, options: { signal: AbortSignal }) => Promise<Date>;

// Asynchronous I/O
type(bids.mapAsync(async (bid, { signal }) => lookup(bid.auction, { signal }))).is<SingleOutputStreamOperator<Date>>();
type(bids.mapAsync({ open: async () => {}, mapAsync: async (bid: Bid) => bid.bidder })).is<SingleOutputStreamOperator<string>>();
type(bids.flatMapAsync(async (bid) => [bid.auction])).is<SingleOutputStreamOperator<number>>();
type(
  bids.flatMapAsync(async function* (bid) {
    yield bid.bidder;
  }),
).is<SingleOutputStreamOperator<string>>();
type(bids.mapAsyncBatch(async (all) => all.map(({ auction }) => auction), { size: 10 })).is<SingleOutputStreamOperator<number>>();
bids.mapAsync(async (bid) => bid.auction, { timeout: '5s', onTimeout: (bid) => -bid.auction, retry: { attempts: 2, when: () => true } });
// @ts-expect-error: a result, not a promise, is no asynchronous call
bids.mapAsync((bid) => bid.auction);
// @ts-expect-error: no such order
bids.mapAsync(async (bid) => bid.auction, { order: 'sorted' });
// @ts-expect-error: no duration
bids.mapAsync(async (bid) => bid.auction, { timeout: 'soon' });
// @ts-expect-error: batches have a size
bids.mapAsyncBatch(async (all) => all, {});

declare const asyncFunction: AsyncFunction<Bid, string>;
class Lookup extends RichAsyncFunction<Bid, number> {
  override async asyncInvoke(bid: Bid): Promise<number[]> {
    return [bid.auction];
  }
}
type(AsyncDataStream.orderedWait(bids, asyncFunction, 1000, TimeUnit.MILLISECONDS, 100)).is<SingleOutputStreamOperator<string>>();
type(AsyncDataStream.unorderedWait(bids, new Lookup(), '1s')).is<SingleOutputStreamOperator<number>>();
type(AsyncDataStream.unorderedWait(bids, async (bid: Bid) => [bid.bidder], '1s', 5)).is<SingleOutputStreamOperator<string>>();
declare const numbers: DataStream<number>;
// @ts-expect-error: the function is for bids
AsyncDataStream.orderedWait(numbers, asyncFunction, '1s');

// Time to live
const ttl = StateTtlConfig.newBuilder('1h').updateTtlOnReadAndWrite().neverReturnExpired().cleanupIncrementally(10, false).build();
type(new ValueStateDescriptor<number>('n').enableTimeToLive(ttl)).is<ValueStateDescriptor<number>>();
bids.keyBy('bidder').process({
  state: { seen: state.value(() => 0).withTtl('1h'), last: state.list<Bid>().withTtl({ ttl: '7d', update: 'OnReadAndWrite' }) },
  processElement(_bid, context) {
    type(context.state.seen.value()).is<number>();
    type(context.state.last).is<ListState<Bid>>();
  },
});
// @ts-expect-error: no such update type
new ListStateDescriptor<Bid>('all').enableTimeToLive({ ttl: '1h', update: 'OnRead' });
// @ts-expect-error: no duration
state.value(() => 0).withTtl('an hour');

// Watermarks
type(WatermarkStrategy.forMonotonousTimestamps<Bid>().withWatermarkAlignment('bids', '30s', '1s')).is<WatermarkStrategy<Bid>>();
// @ts-expect-error: a drift is wanted
WatermarkStrategy.noWatermarks<Bid>().withWatermarkAlignment('bids');

// Harnesses
const harness = testOperator((input: DataStream<Bid>) => input.keyBy('bidder').map((bid) => bid.auction));
type(harness).is<Promise<OperatorTestHarness<number>>>();
harness.then((opened) => {
  type(opened.extractOutputValues()).is<number[]>();
  type(opened.getState('a', new ValueStateDescriptor<Date>('d'))).is<ValueState<Date>>();
});
// @ts-expect-error: a step gives a stream
testOperator((input: DataStream<Bid>) => input.print());
