/**
 * The queries once more, as plain loops over the events with Maps and direct calls: what the Weir queries are checked and measured
 * against. Each takes what is done with a result, and gives what is done with an event, and at the end.
 */
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
  tierOf,
  timeOfDay,
} from './functions.ts';

type Emit = (record: object) => void;
export interface PlainQuery {
  event(event: NexmarkEvent): void;
  end?(): void;
}

function overBids(take: (bid: Bid) => void, end?: () => void): PlainQuery {
  const event = ({ bid }: NexmarkEvent): void => {
    if (bid !== null) take(bid);
  };
  return end ? { event, end } : { event };
}

function entryOf<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = create();
    map.set(key, value);
  }
  return value;
}

/** Calls back with each auction's bids in time, also those that came before it. */
function biddingOn(onBid: (auction: Auction, bid: Bid) => void): PlainQuery {
  const auctions = new Map<number, Auction>();
  const early = new Map<number, Bid[]>();
  return {
    event({ auction, bid }) {
      if (auction !== null) {
        auctions.set(auction.id, auction);
        for (const waiting of early.get(auction.id) ?? []) if (isInTime(waiting.dateTime, auction)) onBid(auction, waiting);
        early.delete(auction.id);
      } else if (bid !== null) {
        const known = auctions.get(bid.auction);
        if (known === undefined) entryOf(early, bid.auction, () => []).push(bid);
        else if (isInTime(bid.dateTime, known)) onBid(known, bid);
      }
    },
  };
}

function q3(emit: Emit): PlainQuery {
  const sellers = new Map<number, Person[]>();
  const offers = new Map<number, number[]>();
  return {
    event({ person, auction }) {
      if (person !== null) {
        const { id, name, city, state } = person;
        if (state !== 'OR' && state !== 'ID' && state !== 'CA') return;
        entryOf(sellers, id, () => []).push(person);
        for (const offer of offers.get(id) ?? []) emit({ name, city, state, id: offer });
      } else if (auction?.category === 10) {
        entryOf(offers, auction.seller, () => []).push(auction.id);
        for (const { name, city, state } of sellers.get(auction.seller) ?? []) emit({ name, city, state, id: auction.id });
      }
    },
  };
}

function q4(emit: Emit): PlainQuery {
  const highest = new Map<number, number>();
  const categories = new Map<number, { sum: number; count: number }>();
  return biddingOn(({ id, category }, { price }) => {
    const before = highest.get(id) ?? 0;
    if (price <= before) return;
    highest.set(id, price);
    const totals = entryOf(categories, category, () => ({ sum: 0, count: 0 }));
    totals.sum += price - before;
    if (before === 0) totals.count++;
    emit({ category, average: Math.trunc(totals.sum / totals.count) });
  });
}

function q5(emit: Emit): PlainQuery {
  const slideMs = 2000;
  const panes = new Map<number, Map<number, number>>();
  let next = Number.NaN;
  const close = (until: number): void => {
    for (; next <= until; next += slideMs) {
      const counts = new Map<number, number>();
      for (let pane = next - 5 * slideMs; pane < next; pane += slideMs) {
        for (const [auction, count] of panes.get(pane) ?? []) counts.set(auction, (counts.get(auction) ?? 0) + count);
      }
      let most = 0;
      for (const count of counts.values()) if (count > most) most = count;
      for (const [auction, count] of counts) if (count === most) emit({ auction, count });
      panes.delete(next - 5 * slideMs);
    }
  };
  let last = 0;
  return overBids(
    ({ auction, dateTime }) => {
      if (Number.isNaN(next)) next = dateTime - (dateTime % slideMs) + slideMs;
      close(dateTime);
      last = dateTime;
      const counts = entryOf(panes, dateTime - (dateTime % slideMs), () => new Map<number, number>());
      counts.set(auction, (counts.get(auction) ?? 0) + 1);
    },
    () => close(last - (last % slideMs) + 5 * slideMs),
  );
}

function q7(emit: Emit): PlainQuery {
  let window = -1;
  let top: Bid[] = [];
  const close = (): void => {
    for (const { auction, bidder, price, dateTime } of top) emit({ auction, bidder, price, dateTime });
    top = [];
  };
  return overBids((bid) => {
    const of = Math.floor(bid.dateTime / 10_000);
    if (of !== window) close();
    window = of;
    const best = top[0]?.price ?? 0;
    if (bid.price > best) top = [bid];
    else if (bid.price === best) top.push(bid);
  }, close);
}

function q8(emit: Emit): PlainQuery {
  let window = -1;
  let persons = new Map<number, string>();
  let sellers = new Set<number>();
  const close = (): void => {
    for (const [id, name] of persons) if (sellers.has(id)) emit({ id, name, start: window * 10_000 });
    persons = new Map();
    sellers = new Set();
  };
  return {
    event({ person, auction }) {
      const event = person ?? auction;
      if (event === null) return;
      const of = Math.floor(event.dateTime / 10_000);
      if (of !== window) close();
      window = of;
      if (person !== null) persons.set(person.id, person.name);
      if (auction !== null) sellers.add(auction.seller);
    },
    end: close,
  };
}

function q9(emit: Emit): PlainQuery {
  const best = new Map<number, Bid>();
  return biddingOn((auction, bid) => {
    const before = best.get(auction.id);
    if (before !== undefined && !beats(bid, before)) return;
    best.set(auction.id, bid);
    emit({ ...auction, bidder: bid.bidder, price: bid.price, bidTime: bid.dateTime, bidExtra: bid.extra });
  });
}

function q11(emit: Emit): PlainQuery {
  const gapMs = 10_000;
  const sessions = new Map<number, { start: number; last: number; count: number }>();
  const close = (bidder: number, { start, last, count }: { start: number; last: number; count: number }): void =>
    emit({ bidder, count, start, end: last + gapMs });
  return overBids(
    ({ bidder, dateTime }) => {
      const session = sessions.get(bidder);
      if (session !== undefined && dateTime <= session.last + gapMs) {
        session.last = dateTime;
        session.count++;
        return;
      }
      if (session !== undefined) close(bidder, session);
      sessions.set(bidder, { start: dateTime, last: dateTime, count: 1 });
    },
    () => {
      for (const [bidder, session] of sessions) close(bidder, session);
    },
  );
}

function q12(emit: Emit): PlainQuery {
  const counts = new Map<number, number>();
  let start = Date.now();
  return overBids(({ bidder }) => {
    counts.set(bidder, (counts.get(bidder) ?? 0) + 1);
    const now = Date.now();
    if (now - start < 10_000) return;
    for (const [of, count] of counts) emit({ bidder: of, count, start, end: start + 10_000 });
    counts.clear();
    start = now;
  });
}

class DistinctCounts {
  readonly #bids = [0, 0, 0, 0];
  readonly #bidders = [0, 0, 0, 0];
  readonly #auctions = [0, 0, 0, 0];
  readonly #seenBidders = new Map<number, number>();
  readonly #seenAuctions = new Map<number, number>();
  minute = '';

  add({ auction, bidder, price }: Bid): object {
    const tier = tierOf(price);
    this.#bids[0] = (this.#bids[0] as number) + 1;
    this.#bids[tier + 1] = (this.#bids[tier + 1] as number) + 1;
    count(bidder, tier, this.#seenBidders, this.#bidders);
    count(auction, tier, this.#seenAuctions, this.#auctions);
    return { bids: [...this.#bids], bidders: [...this.#bidders], auctions: [...this.#auctions] };
  }
}

function count(id: number, tier: number, seen: Map<number, number>, counts: number[]): void {
  const before = seen.get(id) ?? 0;
  const bits = before | 1 | (2 << tier);
  if (bits === before) return;
  seen.set(id, bits);
  for (let index = 0; index < 4; index++) counts[index] = (counts[index] as number) + (((bits & ~before) >> index) & 1);
}

function q15(emit: Emit): PlainQuery {
  const days = new Map<number, DistinctCounts>();
  return overBids((bid) => {
    const day = dayOf(bid.dateTime);
    emit({ day, ...entryOf(days, day, () => new DistinctCounts()).add(bid) });
  });
}

function q16(emit: Emit): PlainQuery {
  const channels = new Map<string, DistinctCounts>();
  return overBids((bid) => {
    const { channel } = bid;
    const day = dayOf(bid.dateTime);
    const counts = entryOf(channels, `${channel} ${day}`, () => new DistinctCounts());
    const minute = minuteOf(bid.dateTime);
    if (minute > counts.minute) counts.minute = minute;
    emit({ channel, day, minute: counts.minute, ...counts.add(bid) });
  });
}

function q17(emit: Emit): PlainQuery {
  const totals = new Map<string, { bids: number; low: number; middle: number; high: number; min: number; max: number; sum: number }>();
  return overBids(({ auction, price, dateTime }) => {
    const day = dayOf(dateTime);
    const total = entryOf(totals, `${auction} ${day}`, () => ({ bids: 0, low: 0, middle: 0, high: 0, min: price, max: price, sum: 0 }));
    total.bids++;
    const tier = tierOf(price);
    if (tier === 0) total.low++;
    else if (tier === 1) total.middle++;
    else total.high++;
    if (price < total.min) total.min = price;
    if (price > total.max) total.max = price;
    total.sum += price;
    emit({ auction, day, ...total, average: Math.trunc(total.sum / total.bids) });
  });
}

function q18(emit: Emit): PlainQuery {
  const last = new Map<string, number>();
  return overBids((bid) => {
    const key = `${bid.bidder} ${bid.auction}`;
    if (bid.dateTime < (last.get(key) ?? 0)) return;
    last.set(key, bid.dateTime);
    emit(bid);
  });
}

function q19(emit: Emit): PlainQuery {
  const tops = new Map<number, Bid[]>();
  return overBids((bid) => {
    const top = entryOf(tops, bid.auction, () => []);
    const rank = top.findIndex(({ price }) => price < bid.price);
    const at = rank < 0 ? top.length : rank;
    if (at >= 10) return;
    top.splice(at, 0, bid);
    top.length = Math.min(top.length, 10);
    for (let index = at; index < top.length; index++) emit({ ...(top[index] as Bid), rank: index + 1 });
  });
}

function q20(emit: Emit): PlainQuery {
  const auctions = new Map<number, Auction>();
  const bids = new Map<number, Bid[]>();
  return {
    event({ auction, bid }) {
      if (bid !== null) {
        entryOf(bids, bid.auction, () => []).push(bid);
        const known = auctions.get(bid.auction);
        if (known !== undefined) emit({ bid, auction: known });
      } else if (auction?.category === 10) {
        auctions.set(auction.id, auction);
        for (const earlier of bids.get(auction.id) ?? []) emit({ bid: earlier, auction });
      }
    },
  };
}

function q23(emit: Emit): PlainQuery {
  const persons = new Map<number, Person>();
  const auctions = new Map<number, Auction[]>();
  const bids = new Map<number, Bid[]>();
  const none: readonly never[] = [];
  return {
    event({ person, auction, bid }) {
      if (person !== null) {
        persons.set(person.id, person);
        for (const offer of auctions.get(person.id) ?? none)
          for (const made of bids.get(person.id) ?? none) emit({ bid: made, person, auction: offer });
      } else if (auction !== null) {
        entryOf(auctions, auction.seller, () => []).push(auction);
        const seller = persons.get(auction.seller);
        if (seller !== undefined) for (const made of bids.get(auction.seller) ?? none) emit({ bid: made, person: seller, auction });
      } else if (bid !== null) {
        entryOf(bids, bid.bidder, () => []).push(bid);
        const bidder = persons.get(bid.bidder);
        if (bidder !== undefined) for (const offer of auctions.get(bid.bidder) ?? none) emit({ bid, person: bidder, auction: offer });
      }
    },
  };
}

export const plainQueries: Readonly<Record<string, (emit: Emit) => PlainQuery>> = {
  q0: (emit) => overBids(({ auction, bidder, price, dateTime, extra }) => emit({ auction, bidder, price, dateTime, extra })),
  q1: (emit) => overBids(({ auction, bidder, price, dateTime, extra }) => emit({ auction, bidder, price: euros(price), dateTime, extra })),
  q2: (emit) =>
    overBids(({ auction, price }) => {
      if (auction % 123 === 0) emit({ auction, price });
    }),
  q3,
  q4,
  q5,
  q7,
  q8,
  q9,
  q10: (emit) =>
    overBids(({ auction, bidder, price, dateTime, extra }) => {
      const dt = new Date(dateTime).toISOString().slice(0, 10);
      emit({ auction, bidder, price, dateTime, extra, dt, hm: minuteOf(dateTime) });
    }),
  q11,
  q12,
  q13: (emit) => {
    const table = new Map(Array.from({ length: 10_000 }, (_, key) => [key, String(key)]));
    return overBids(({ auction, bidder, price, dateTime }) =>
      emit({ auction, bidder, price, dateTime, value: table.get(auction % 10_000) }),
    );
  },
  q14: (emit) =>
    overBids(({ auction, bidder, price, dateTime, extra }) => {
      if (!isExpensive(price)) return;
      const bidTimeType = timeOfDay(dateTime);
      emit({ auction, bidder, price: euros(price), bidTimeType, dateTime, extra, count: countOf('c', extra) });
    }),
  q15,
  q16,
  q17,
  q18,
  q19,
  q20,
  q21: (emit) =>
    overBids((bid) => {
      const channelId = channelIdOf(bid);
      if (channelId === undefined) return;
      emit({ auction: bid.auction, bidder: bid.bidder, price: bid.price, channel: bid.channel, channelId });
    }),
  q22: (emit) =>
    overBids(({ auction, bidder, price, channel, url }) => {
      const [dir1, dir2, dir3] = directoriesOf(url);
      emit({ auction, bidder, price, channel, dir1, dir2, dir3 });
    }),
  q23,
};
