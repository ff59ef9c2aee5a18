/**
 * The Nexmark queries in the DataStream API. Streams are projected to what a query needs before they are shuffled. q6 cannot run in
 * Flink either; q7 keeps the highest bids of each window instead of all bids for ever.
 */
import {
  type AggregateFunction,
  type Collector,
  connectAll,
  type DataStream,
  EventTimeSessionWindows,
  SlidingEventTimeWindows,
  state,
  TumblingEventTimeWindows,
  TumblingProcessingTimeWindows,
} from 'weir';
import type { Auction, Bid, NexmarkEvent, Person } from './events.ts';
import {
  beats,
  channelIdOf,
  countOf,
  dayOf,
  directoriesOf,
  euros,
  isExpensive,
  isInTime,
  minuteOf,
  pairKey,
  tierOf,
  timeOfDay,
} from './functions.ts';

export interface Streams {
  readonly persons: DataStream<Person>;
  readonly auctions: DataStream<Auction>;
  readonly bids: DataStream<Bid>;
}

/** Each is made when it is asked for: a query has no steps that it does not need. */
export function streamsOf(events: DataStream<NexmarkEvent>): Streams {
  return {
    get persons() {
      return events.filter((event) => event.type === 0).map((event) => event.person as Person);
    },
    get auctions() {
      return events.filter((event) => event.type === 1).map((event) => event.auction as Auction);
    },
    get bids() {
      return events.filter((event) => event.type === 2).map((event) => event.bid as Bid);
    },
  };
}

const counting: AggregateFunction<unknown, number, number> = {
  createAccumulator: () => 0,
  add: (_, count) => count + 1,
  getResult: (count) => count,
  merge: (a, b) => a + b,
};

/** Bids unchanged, without channel and url. */
export const q0 = ({ bids }: Streams) =>
  bids.map(({ auction, bidder, price, dateTime, extra }) => ({ auction, bidder, price, dateTime, extra }));

/** Prices in euros. */
export const q1 = ({ bids }: Streams) =>
  bids.map(({ auction, bidder, price, dateTime, extra }) => ({ auction, bidder, price: euros(price), dateTime, extra }));

/** Bids on some auctions. */
export const q2 = ({ bids }: Streams) => bids.filter((bid) => bid.auction % 123 === 0).map(({ auction, price }) => ({ auction, price }));

/** Sellers in three states, with their auctions of category 10. */
export const q3 = ({ persons, auctions }: Streams) => {
  const sellers = persons
    .filter(({ state: of }) => of === 'OR' || of === 'ID' || of === 'CA')
    .map(({ id, name, city, state: of }) => ({ id, name, city, state: of }));
  const offers = auctions.filter(({ category }) => category === 10).map(({ id, seller }) => ({ id, seller }));
  return sellers
    .connect(offers)
    .keyBy('id', 'seller')
    .process({
      state: { sellers: state.list<{ name: string; city: string; state: string }>(), auctions: state.list<number>() },
      processElement1({ name, city, state: of }, context, out: Collector<{ name: string; city: string; state: string; id: number }>) {
        context.state.sellers.add({ name, city, state: of });
        for (const id of context.state.auctions.get()) out.collect({ name, city, state: of, id });
      },
      processElement2({ id }, context, out) {
        context.state.auctions.add(id);
        for (const seller of context.state.sellers.get()) out.collect({ ...seller, id });
      },
    })
    .name('sellers with auctions');
};

/** The average closing price of each category: the highest bid of each auction, averaged over auctions as it changes. */
export const q4 = ({ auctions, bids }: Streams) => {
  const highest = auctions
    .map(({ id, category, dateTime, expires }) => ({ id, category, dateTime, expires }))
    .connect(bids.map(({ auction, price, dateTime }) => ({ auction, price, dateTime })))
    .keyBy('id', 'auction')
    .process({
      state: {
        auction: state.value<{ category: number; dateTime: number; expires: number }>(),
        early: state.list<{ price: number; dateTime: number }>(),
        highest: state.value(() => 0),
      },
      processElement1(auction, context, out: Collector<{ category: number; before: number; now: number }>) {
        context.state.auction.update({ category: auction.category, dateTime: auction.dateTime, expires: auction.expires });
        let highestBid = 0;
        for (const bid of context.state.early.get()) if (isInTime(bid.dateTime, auction)) highestBid = Math.max(highestBid, bid.price);
        context.state.early.clear();
        if (highestBid === 0) return;
        context.state.highest.update(highestBid);
        out.collect({ category: auction.category, before: 0, now: highestBid });
      },
      processElement2({ price, dateTime }, context, out) {
        const auction = context.state.auction.value();
        if (auction === null) {
          context.state.early.add({ price, dateTime });
          return;
        }
        const before = context.state.highest.value();
        if (price <= before || !isInTime(dateTime, auction)) return;
        context.state.highest.update(price);
        out.collect({ category: auction.category, before, now: price });
      },
    })
    .name('highest bids');
  return highest
    .keyBy('category')
    .process({
      state: { sum: state.value(() => 0), count: state.value(() => 0) },
      processElement({ category, before, now }, context, out: Collector<{ category: number; average: number }>) {
        const { sum, count } = context.state;
        sum.update(sum.value() - before + now);
        if (before === 0) count.update(count.value() + 1);
        out.collect({ category, average: Math.trunc(sum.value() / count.value()) });
      },
    })
    .name('averages');
};

/** The auctions with most bids in the last 10 seconds, every 2 seconds. */
export const q5 = ({ bids }: Streams) =>
  bids
    .map(({ auction }) => auction)
    .keyBy((auction) => auction)
    .window(SlidingEventTimeWindows.of('10s', '2s'))
    .aggregate(counting, (auction, { end }, [count]) => [{ auction, count, end }])
    .name('bids per auction')
    .keyBy('end')
    .process({
      state: { most: state.value(() => 0), auctions: state.list<number>() },
      processElement({ auction, count, end }, context) {
        const { most, auctions } = context.state;
        if (count < most.value()) return;
        if (count > most.value()) {
          if (most.value() === 0) context.timerService().registerEventTimeTimer(end - 1);
          most.update(count);
          auctions.clear();
        }
        auctions.add(auction);
      },
      onTimer(_timestamp, context, out: Collector<{ auction: number; count: number }>) {
        const count = context.state.most.value();
        for (const auction of context.state.auctions.get()) out.collect({ auction, count });
        context.state.most.clear();
        context.state.auctions.clear();
      },
    })
    .name('hot auctions');

interface TopBid {
  readonly auction: number;
  readonly bidder: number;
  readonly price: number;
  readonly dateTime: number;
}

/** The bids with the highest price, ties among them. */
const highestBids: AggregateFunction<TopBid, TopBid[], TopBid[]> = {
  createAccumulator: () => [],
  add: (bid, top) => {
    const [best] = top;
    if (best === undefined || bid.price > best.price) return [bid];
    if (bid.price === best.price) top.push(bid);
    return top;
  },
  getResult: (top) => top,
  merge: (a, b) => {
    const [first, second] = [a[0]?.price ?? 0, b[0]?.price ?? 0];
    if (first === second) return [...a, ...b];
    return first > second ? a : b;
  },
};

/** The highest bids of every 10 seconds. Pre-aggregated by bidder before they meet. */
export const q7 = ({ bids }: Streams) =>
  bids
    .map(({ auction, bidder, price, dateTime }) => ({ auction, bidder, price, dateTime }))
    .keyBy(({ bidder }) => bidder % 16)
    .window(TumblingEventTimeWindows.of('10s'))
    .aggregate(highestBids)
    .name('highest of some')
    .windowAll(TumblingEventTimeWindows.of('10s'))
    .reduce(highestBids.merge as (a: TopBid[], b: TopBid[]) => TopBid[])
    .flatMap(function* (top) {
      yield* top;
    })
    .name('highest of all');

/** Persons who opened an auction in the 10 seconds in which they came. */
export const q8 = ({ persons, auctions }: Streams) =>
  persons
    .map(({ id, name, dateTime }) => ({ id, name, dateTime }))
    .coGroup(auctions.map(({ seller }) => ({ seller })))
    .where('id')
    .equalTo('seller')
    .window(TumblingEventTimeWindows.of('10s'))
    .apply((found, offers) => {
      const [person] = found;
      if (person === undefined || [...offers].length === 0) return [];
      return [{ id: person.id, name: person.name, start: person.dateTime - (person.dateTime % 10_000) }];
    })
    .name('new sellers');

/** The winning bid of each auction, told each time it changes. */
export const q9 = ({ auctions, bids }: Streams) =>
  auctions
    .connect(bids.map(({ auction, bidder, price, dateTime, extra }) => ({ auction, bidder, price, dateTime, extra })))
    .keyBy('id', 'auction')
    .process({
      state: {
        auction: state.value<Auction>(),
        early: state.list<Omit<Bid, 'channel' | 'url'>>(),
        best: state.value<{ price: number; dateTime: number }>(),
      },
      processElement1(auction, context, out: Collector<Auction & { bidder: number; price: number; bidTime: number; bidExtra: string }>) {
        context.state.auction.update(auction);
        let best: Omit<Bid, 'channel' | 'url'> | undefined;
        for (const bid of context.state.early.get()) if (isInTime(bid.dateTime, auction) && (!best || beats(bid, best))) best = bid;
        context.state.early.clear();
        if (!best) return;
        context.state.best.update({ price: best.price, dateTime: best.dateTime });
        out.collect({ ...auction, bidder: best.bidder, price: best.price, bidTime: best.dateTime, bidExtra: best.extra });
      },
      processElement2(bid, context, out) {
        const auction = context.state.auction.value();
        if (auction === null) {
          context.state.early.add(bid);
          return;
        }
        const best = context.state.best.value();
        if (!isInTime(bid.dateTime, auction) || (best !== null && !beats(bid, best))) return;
        context.state.best.update({ price: bid.price, dateTime: bid.dateTime });
        out.collect({ ...auction, bidder: bid.bidder, price: bid.price, bidTime: bid.dateTime, bidExtra: bid.extra });
      },
    })
    .name('winning bids');

/** Bids with the day and minute that a partitioned sink writes them by. */
export const q10 = ({ bids }: Streams) =>
  bids.map(({ auction, bidder, price, dateTime, extra }) => ({
    auction,
    bidder,
    price,
    dateTime,
    extra,
    dt: new Date(dateTime).toISOString().slice(0, 10),
    hm: minuteOf(dateTime),
  }));

/** Bids of each bidder's session. */
export const q11 = ({ bids }: Streams) =>
  bids
    .map(({ bidder }) => bidder)
    .keyBy((bidder) => bidder)
    .window(EventTimeSessionWindows.withGap('10s'))
    .aggregate(counting, (bidder, { start, end }, [count]) => [{ bidder, count, start, end }])
    .name('sessions');

/** Bids of each bidder in every 10 seconds of the clock. */
export const q12 = ({ bids }: Streams) =>
  bids
    .map(({ bidder }) => bidder)
    .keyBy((bidder) => bidder)
    .window(TumblingProcessingTimeWindows.of('10s'))
    .aggregate(counting, (bidder, { start, end }, [count]) => [{ bidder, count, start, end }])
    .name('bids per bidder');

/** Bids with the row of a small table. */
export const q13 = ({ bids }: Streams) => {
  const table = new Map<number, string>();
  return bids
    .map({
      open() {
        for (let key = 0; key < 10_000; key++) table.set(key, String(key));
      },
      map: ({ auction, bidder, price, dateTime }) => ({ auction, bidder, price, dateTime, value: table.get(auction % 10_000) as string }),
    })
    .name('with side table');
};

/** Bids in a range of prices, with the time of day, and how often the letter c is in their text. */
export const q14 = ({ bids }: Streams) =>
  bids
    .filter(({ price }) => isExpensive(price))
    .map(({ auction, bidder, price, dateTime, extra }) => ({
      auction,
      bidder,
      price: euros(price),
      bidTimeType: timeOfDay(dateTime),
      dateTime,
      extra,
      count: countOf('c', extra),
    }));

/** Bids, bidders and auctions: of all, and of each of three tiers of prices. */
export interface Distinct {
  readonly bids: readonly number[];
  readonly bidders: readonly number[];
  readonly auctions: readonly number[];
}

const distinctState = {
  bids: state.value(() => [0, 0, 0, 0]),
  bidders: state.value(() => [0, 0, 0, 0]),
  auctions: state.value(() => [0, 0, 0, 0]),
  /** Bit 0: seen; bit 1 to 3: seen in this tier. */
  seenBidders: state.map<number, number>(),
  seenAuctions: state.map<number, number>(),
};

interface Counted {
  value(): number[];
  update(counts: number[]): void;
}

interface Seen {
  get(id: number): number | undefined;
  put(id: number, bits: number): void;
}

function countDistinct(id: number, tier: number, seen: Seen, counted: Counted): number[] {
  const before = seen.get(id) ?? 0;
  const bits = before | 1 | (2 << tier);
  const counts = counted.value();
  if (bits === before) return counts;
  seen.put(id, bits);
  const next = counts.map((count, index) => count + (((bits & ~before) >> index) & 1));
  counted.update(next);
  return next;
}

function countBid({ auction, bidder, price }: Pick<Bid, 'auction' | 'bidder' | 'price'>, handles: DistinctHandles): Distinct {
  const tier = tierOf(price);
  const bids = handles.bids.value().map((count, index) => count + (index === 0 || index === tier + 1 ? 1 : 0));
  handles.bids.update(bids);
  const bidders = countDistinct(bidder, tier, handles.seenBidders, handles.bidders);
  const auctions = countDistinct(auction, tier, handles.seenAuctions, handles.auctions);
  return { bids, bidders, auctions };
}

interface DistinctHandles {
  readonly bids: Counted;
  readonly bidders: Counted;
  readonly auctions: Counted;
  readonly seenBidders: Seen;
  readonly seenAuctions: Seen;
}

/** For each day. */
export const q15 = ({ bids }: Streams) =>
  bids
    .map(({ auction, bidder, price, dateTime }) => ({ auction, bidder, price, day: dayOf(dateTime) }))
    .keyBy('day')
    .process({
      state: distinctState,
      processElement(bid, context, out: Collector<Distinct & { day: number }>) {
        out.collect({ day: bid.day, ...countBid(bid, context.state) });
      },
    })
    .name('statistics of the day');

/** For each channel and day, with its last minute. */
export const q16 = ({ bids }: Streams) =>
  bids
    .map(({ auction, bidder, price, channel, dateTime }) => ({
      auction,
      bidder,
      price,
      channel,
      day: dayOf(dateTime),
      minute: minuteOf(dateTime),
    }))
    .keyBy(({ channel, day }) => `${channel} ${day}`)
    .process({
      state: { ...distinctState, minute: state.value(() => '') },
      processElement(bid, context, out: Collector<Distinct & { channel: string; day: number; minute: string }>) {
        if (bid.minute > context.state.minute.value()) context.state.minute.update(bid.minute);
        out.collect({ channel: bid.channel, day: bid.day, minute: context.state.minute.value(), ...countBid(bid, context.state) });
      },
    })
    .name('statistics of channels');

/** Bids and prices of each auction and day. */
export const q17 = ({ bids }: Streams) =>
  bids
    .map(({ auction, price, dateTime }) => ({ auction, price, day: dayOf(dateTime) }))
    .keyBy(({ auction, day }) => pairKey(day, auction))
    .process({
      state: { totals: state.value<PriceTotals>() },
      processElement({ auction, price, day }, context, out: Collector<PriceTotals & { average: number }>) {
        const before = context.state.totals.value();
        const now = addPrice(before ?? { auction, day, bids: 0, low: 0, middle: 0, high: 0, min: price, max: price, sum: 0 }, price);
        context.state.totals.update(now);
        out.collect({ ...now, average: Math.trunc(now.sum / now.bids) });
      },
    })
    .name('prices of auctions');

export interface PriceTotals {
  readonly auction: number;
  readonly day: number;
  readonly bids: number;
  readonly low: number;
  readonly middle: number;
  readonly high: number;
  readonly min: number;
  readonly max: number;
  readonly sum: number;
}

export function addPrice({ auction, day, bids, low, middle, high, min, max, sum }: PriceTotals, price: number): PriceTotals {
  const tier = tierOf(price);
  return {
    auction,
    day,
    bids: bids + 1,
    low: low + (tier === 0 ? 1 : 0),
    middle: middle + (tier === 1 ? 1 : 0),
    high: high + (tier === 2 ? 1 : 0),
    min: price < min ? price : min,
    max: price > max ? price : max,
    sum: sum + price,
  };
}

/** The last bid of each bidder for each auction. */
export const q18 = ({ bids }: Streams) =>
  bids
    .keyBy(({ bidder, auction }) => pairKey(bidder, auction))
    .process({
      state: { last: state.value(() => 0) },
      processElement(bid, context, out: Collector<Bid>) {
        if (bid.dateTime < context.state.last.value()) return;
        context.state.last.update(bid.dateTime);
        out.collect(bid);
      },
    })
    .name('last bids');

export type RankedBid = Bid & { readonly rank: number };

/** The ten highest bids of each auction, with their ranks: every bid whose rank changes is told. */
export const q19 = ({ bids }: Streams) =>
  bids
    .keyBy('auction')
    .process({
      state: { top: state.value<Bid[]>() },
      processElement(bid, context, out: Collector<RankedBid>) {
        const top = context.state.top.value() ?? [];
        let rank = top.length;
        while (rank > 0 && (top[rank - 1] as Bid).price < bid.price) rank--;
        if (rank >= 10) return;
        top.splice(rank, 0, bid);
        if (top.length > 10) top.pop();
        context.state.top.update(top);
        for (let index = rank; index < top.length; index++) out.collect({ ...(top[index] as Bid), rank: index + 1 });
      },
    })
    .name('top bids');

/** Bids with their auctions of category 10. */
export const q20 = ({ auctions, bids }: Streams) =>
  auctions
    .filter(({ category }) => category === 10)
    .connect(bids)
    .keyBy('id', 'auction')
    .process({
      state: { auctions: state.list<Auction>(), bids: state.list<Bid>() },
      processElement1(auction, context, out: Collector<{ bid: Bid; auction: Auction }>) {
        context.state.auctions.add(auction);
        for (const bid of context.state.bids.get()) out.collect({ bid, auction });
      },
      processElement2(bid, context, out) {
        context.state.bids.add(bid);
        for (const auction of context.state.auctions.get()) out.collect({ bid, auction });
      },
    })
    .name('bids with auctions');

/** Bids with the id of their channel. */
export const q21 = ({ bids }: Streams) =>
  bids.flatMap((bid) => {
    const channelId = channelIdOf(bid);
    return channelId === undefined ? [] : [{ auction: bid.auction, bidder: bid.bidder, price: bid.price, channel: bid.channel, channelId }];
  });

/** The directories of each bid's url. */
export const q22 = ({ bids }: Streams) =>
  bids.map(({ auction, bidder, price, channel, url }) => {
    const [dir1, dir2, dir3] = directoriesOf(url);
    return { auction, bidder, price, channel, dir1, dir2, dir3 };
  });

interface Triple {
  readonly bid: Bid;
  readonly person: Person;
  readonly auction: Auction;
}

/** Bids with their bidder, and with each auction that the bidder sells. */
export const q23 = ({ persons, auctions, bids }: Streams) =>
  connectAll({ persons: persons.keyBy('id'), auctions: auctions.keyBy('seller'), bids: bids.keyBy('bidder') })
    .process({
      state: { person: state.value<Person>(), auctions: state.list<Auction>(), bids: state.list<Bid>() },
      on: {
        persons(person, context, out: Collector<Triple>) {
          context.state.person.update(person);
          for (const auction of context.state.auctions.get())
            for (const bid of context.state.bids.get()) out.collect({ bid, person, auction });
        },
        auctions(auction, context, out: Collector<Triple>) {
          context.state.auctions.add(auction);
          const person = context.state.person.value();
          if (person !== null) for (const bid of context.state.bids.get()) out.collect({ bid, person, auction });
        },
        bids(bid, context, out: Collector<Triple>) {
          context.state.bids.add(bid);
          const person = context.state.person.value();
          if (person !== null) for (const auction of context.state.auctions.get()) out.collect({ bid, person, auction });
        },
      },
    })
    .name('bids with bidders and their auctions');

export const queries = {
  q0,
  q1,
  q2,
  q3,
  q4,
  q5,
  q7,
  q8,
  q9,
  q10,
  q11,
  q12,
  q13,
  q14,
  q15,
  q16,
  q17,
  q18,
  q19,
  q20,
  q21,
  q22,
  q23,
} as const;

export type QueryName = keyof typeof queries;
