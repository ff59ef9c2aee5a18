/** What the compiler knows about declared state, side outputs and broadcast state. Never run, see data-stream.ts. */
import {
  type BroadcastConnectedStream,
  type BroadcastState,
  type BroadcastStream,
  type Collector,
  type ConnectedStreams,
  type DataStream,
  KeyedBroadcastProcessFunction,
  MapStateDescriptor,
  type ReadOnlyBroadcastState,
  type SingleOutputStreamOperator,
  side,
  state,
  Types,
  type ValueState,
  ValueStateDescriptor,
} from 'weir';
import { equal, type } from './assertions.ts';

interface Bid {
  readonly auction: number;
  readonly bidder: string;
}
interface Rule {
  readonly name: string;
}
declare const bids: DataStream<Bid>;
declare const rules: DataStream<Rule>;

// Declared side outputs
const split = bids.process({
  side: { large: side<Bid>(), texts: side(Types.STRING) },
  processElement(bid, context, out: Collector<number>) {
    context.side.large(bid);
    context.side.texts(bid.bidder);
    // @ts-expect-error: bids are wanted
    context.side.large('x');
    // @ts-expect-error: not declared
    context.side.small(bid);
    out.collect(bid.auction);
  },
});
const mainOutput: SingleOutputStreamOperator<number> = split;
void mainOutput;
type(split.side.large).is<DataStream<Bid>>();
type(split.uid('x').side.texts).is<DataStream<string>>();
// @ts-expect-error: not declared
void split.side.small;

const keyed = bids.keyBy('bidder').process({
  state: { n: state.value(() => 0) },
  side: { late: side<Date>() },
  processElement(bid, context, out: Collector<string>) {
    type(context.state.n.value()).is<number>();
    type(context.getCurrentKey()).is<string>();
    context.side.late(new Date(bid.auction));
    out.collect(bid.bidder);
  },
  onTimer(_at, context) {
    context.side.late(new Date());
    // @ts-expect-error: not declared
    void context.state.m;
  },
});
type(keyed.side.late).is<DataStream<Date>>();
const keyedOnly = bids.keyBy('bidder').process({
  side: { late: side<number>() },
  *processElement(bid, context) {
    context.side.late(bid.auction);
    yield bid.auction;
  },
});
type(keyedOnly.side.late).is<DataStream<number>>();
keyedOnly.map((n) => n.toFixed());

// @ts-expect-error: state wants a key
bids.process({ state: { n: state.value(() => 0) }, side: { a: side<number>() }, processElement: (_bid, context) => context.state.n });

// Connected streams keep the key that both have
type(bids.keyBy('bidder').connect(rules.keyBy('name'))).is<ConnectedStreams<Bid, Rule, string>>();
type(bids.keyBy('auction').connect(rules)).is<ConnectedStreams<Bid, Rule>>();

// Broadcast
const descriptor = new MapStateDescriptor<string, Rule>('rules');
type(rules.broadcast()).is<DataStream<Rule>>();
type(rules.broadcast(descriptor)).is<BroadcastStream<Rule>>();
type(bids.connect(rules.broadcast(descriptor))).is<BroadcastConnectedStream<Bid, Rule>>();
// @ts-expect-error: broadcast states are maps
rules.broadcast(new ValueStateDescriptor<number>('n'));
// @ts-expect-error: broadcast states are maps
rules.broadcast({ n: state.value<number>() });
type(
  bids.connect(rules.broadcast(descriptor)).process({
    processElement(bid, context, out: Collector<string>) {
      const read = context.getBroadcastState(descriptor);
      equal<typeof read, ReadOnlyBroadcastState<string, Rule>>();
      // @ts-expect-error: read only on this side
      read.put('x', { name: 'x' });
      out.collect(bid.bidder);
    },
    processBroadcastElement(rule, context) {
      context.getBroadcastState(descriptor).put(rule.name, rule);
      // @ts-expect-error: rules are stored under their names
      context.getBroadcastState(descriptor).put(1, rule);
      // @ts-expect-error: there is no key on this side
      context.getCurrentKey();
    },
  }),
).is<SingleOutputStreamOperator<string>>();
const declared = bids
  .keyBy('auction')
  .connect(rules.broadcast({ byName: state.map<string, Rule>() }))
  .process({
    state: { seen: state.value(() => 0) },
    side: { missed: side<Bid>() },
    processElement(bid, context, out: Collector<boolean>) {
      type(context.broadcast.byName).is<ReadOnlyBroadcastState<string, Rule>>();
      type(context.getCurrentKey()).is<number>();
      type(context.state.seen.value()).is<number>();
      context.side.missed(bid);
      out.collect(context.broadcast.byName.contains(bid.bidder));
    },
    processBroadcastElement(rule, context) {
      type(context.broadcast.byName).is<BroadcastState<string, Rule>>();
      context.broadcast.byName.put(rule.name, rule);
      context.applyToKeyedState('seen', (key, seen) => {
        type(key).is<number>();
        seen.update(0);
      });
      context.applyToKeyedState(new ValueStateDescriptor<Date>('since'), (_key, since) => type(since).is<ValueState<Date>>());
      // @ts-expect-error: not declared
      context.applyToKeyedState('unseen', () => {});
    },
  });
type(declared.side.missed).is<DataStream<Bid>>();
declared.filter((found) => found);

class Matching extends KeyedBroadcastProcessFunction<number, Bid, Rule, string> {
  override processElement(bid: Bid): string[] {
    return [bid.bidder];
  }
  override processBroadcastElement(): void {}
}
type(bids.keyBy('auction').connect(rules.broadcast(descriptor)).process(new Matching())).is<SingleOutputStreamOperator<string>>();
