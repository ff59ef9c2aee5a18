/**
 * The Nexmark generator makes the data that its definition says, and the queries give the known answers. WEIR_NEXMARK=full asks every
 * query, plain loop and Weir alike, for its answer on all of the known data; otherwise some are asked, and all are compared on less data.
 */
import { describe, expect, test } from 'vitest';
import { Answer, answers, type Figures } from '../../benchmarks/nexmark/answers.ts';
import { timeOf } from '../../benchmarks/nexmark/events.ts';
import { Generator } from '../../benchmarks/nexmark/generator.ts';
import { plainQueries } from '../../benchmarks/nexmark/plain.ts';
import { type QueryName, queries, streamsOf } from '../../benchmarks/nexmark/queries.ts';
import { NexmarkSource } from '../../benchmarks/nexmark/source.ts';
import type { DataStream } from '../../src/api/data-stream.ts';
import { WatermarkStrategy } from '../../src/api/watermark-strategy.ts';
import { localEnvironment } from '../harness/local.ts';

const names = Object.keys(queries) as QueryName[];
/** By the clock: nothing of it is the same twice, and windows that are open at the end never fire. */
const byTheClock: QueryName = 'q12';

/** How often each kind occurs, and sums over its fields. */
test('a million events have the sums that they must have', () => {
  const generator = new Generator({ rate: 100_000, seed: 42 });
  const sums = { persons: 0, auctions: 0, bids: 0, price: 0, auction: 0, bidder: 0, extra: 0, seller: 0, duration: 0 };
  for (let n = 0; n < 1_000_000; n++) {
    const { person, auction, bid } = generator.event(n);
    if (person !== null) sums.persons++;
    if (auction !== null) {
      sums.auctions++;
      sums.seller += auction.seller;
      sums.duration += auction.expires - auction.dateTime;
    }
    if (bid === null) continue;
    sums.bids++;
    sums.price += bid.price;
    sums.auction += bid.auction;
    sums.bidder += bid.bidder;
    sums.extra += bid.extra.length;
  }
  expect(sums).toEqual({
    persons: 20_000,
    auctions: 60_000,
    bids: 920_000,
    price: 6_657_777_022_430,
    auction: 28_477_037_475,
    bidder: 10_895_203_299,
    extra: 62_101_614,
    seller: 650_508_943,
    duration: 1_020_016,
  });
});

test('the first events, letter by letter', () => {
  const generator = new Generator({ rate: 100_000, seed: 42 });
  expect(generator.event(0).auction).toMatchObject({
    id: 1001,
    itemName: 'tjyuywd bv',
    description: 'mhytkgffpyhajmftfkjxcawpiwxa',
    initialBid: 749_569,
    reserve: 15_753_658,
    dateTime: 1_436_918_400_000,
    expires: 1_436_918_400_004,
    seller: 1000,
    category: 11,
  });
  const { bid } = generator.event(2);
  expect(bid).toMatchObject({ auction: 1005, bidder: 2001, price: 1900, channel: 'Baidu' });
  expect(bid?.url).toBe('https://www.nexmark.com/dmfn/pa_/gla/item.htm?query=1');
  expect(bid?.extra).toMatch(/^PY__TQRR/);
  const { person } = generator.event(48);
  expect(person).toMatchObject({ id: 1001, name: 'Kate Jones', emailAddress: 'd pn@qwod.com', creditCard: '1766 3782 6063 8202' });
});

test('without a seed every run has other events, spread in the same way', () => {
  const [one, other] = [new Generator({ rate: 10_000 }), new Generator({ rate: 10_000 })];
  const bids = Array.from({ length: 50_000 }, (_, n) => one.event(n).bid).filter((bid) => bid !== null);
  expect(bids).not.toEqual(Array.from({ length: 50_000 }, (_, n) => other.event(n).bid).filter((bid) => bid !== null));
  const share = (predicate: (bid: (typeof bids)[number]) => boolean): number => bids.filter(predicate).length / bids.length;
  expect(share(({ price }) => price < 10_000)).toBeCloseTo(1 / 3, 1);
  expect(share(({ auction }) => (auction - 1000) % 100 === 0)).toBeCloseTo(0.505, 1);
  expect(share(({ bidder }) => (bidder - 2000) % 100 === 1)).toBeCloseTo(0.7525, 1);
  expect(share(({ url }) => url.includes('channel_id='))).toBeCloseTo(0.45, 1);
});

const isFull = process.env['WEIR_NEXMARK'] === 'full';
const timed = names.filter((name) => name !== byTheClock);

const known: [rate: 'R1' | 'R2', eventsPerSecond: number, queries: readonly QueryName[]][] = [
  ['R1', 100_000, isFull ? timed : ['q1', 'q2', 'q3', 'q4', 'q8', 'q11', 'q14', 'q22']],
  ['R2', 10_000, ['q4', 'q5', 'q7', 'q8', 'q9']],
];

test.each(known)('the plain loops give the known answers at %s', (which, rate, selected) => {
  const generator = new Generator({ rate, seed: 42 });
  const running = selected.map((name) => {
    const answer = new Answer(name);
    return { name, answer, query: plainQueries[name]?.((row) => answer.add(row)) };
  });
  for (let n = 0; n < 1_000_000; n++) {
    const event = generator.event(n);
    for (const { query } of running) query?.event(event);
  }
  for (const { name, answer, query } of running) {
    query?.end?.();
    expect({ name, ...answer.figures() }).toMatchObject({ name, ...answers[which][name] });
  }
});

async function answerOf(name: QueryName, events: number, rate: number, parallelism: number): Promise<Figures> {
  const env = localEnvironment();
  env.setParallelism(parallelism);
  const strategy = WatermarkStrategy.forBoundedOutOfOrderness<Parameters<typeof timeOf>[0]>('4s').withTimestampAssigner(timeOf);
  const source = env.fromSource(new NexmarkSource(events, { rate, seed: 42 }), strategy, 'nexmark');
  const answer = new Answer(name);
  const rows = queries[name](streamsOf(source)) as unknown as DataStream<object>;
  rows.addSink((row) => answer.add(row));
  await env.execute(name);
  return answer.figures();
}

function plainAnswerOf(name: QueryName, events: number, rate: number): Figures {
  const generator = new Generator({ rate, seed: 42 });
  const answer = new Answer(name);
  const query = plainQueries[name]?.((row) => answer.add(row));
  for (let n = 0; n < events; n++) query?.event(generator.event(n));
  query?.end?.();
  return answer.figures();
}

describe.each([1, 2])('at parallelism %i', (parallelism) => {
  test.each(timed)('%s gives what its plain loop gives', async (name) => {
    // Fifteen seconds of event time: several windows, and several sessions.
    const [events, rate] = [20_000, 1300];
    expect(await answerOf(name, events, rate, parallelism)).toEqual(plainAnswerOf(name, events, rate));
  });

  test('q12 counts no bid twice', async () => {
    const { rows } = await answerOf(byTheClock, 10_000, 2000, parallelism);
    expect(rows).toBeLessThanOrEqual(10_000);
  });
});

test.each(isFull ? timed : (['q5'] as const))('%s gives the known answer', async (name) => {
  expect({ name, ...(await answerOf(name, 1_000_000, 10_000, 2)) }).toMatchObject({ name, ...answers.R2[name] });
});
