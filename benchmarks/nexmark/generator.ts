/** Makes event number n of the Nexmark stream: 1 person, 3 auctions and 46 bids of every 50. In order of event time. */
import { type Draws, RandomDraws, ReproducibleDraws } from './draws.ts';
import type { Auction, Bid, NexmarkEvent, Person } from './events.ts';

export interface GeneratorOptions {
  /** Events for each second of event time. */
  readonly rate: number;
  readonly baseTime?: number;
  /** Undefined: random, another data set in every run. */
  readonly seed?: number | undefined;
}

/** 2015-07-15T00:00:00Z. */
export const defaultBaseTime = 1_436_918_400_000;

const persons = 1;
const auctions = 3;
const total = 50;
const firstId = 1000;
const firstCategory = 10;
const categories = 5;
const inFlightAuctions = 100;
const activePeople = 1000;
const idLead = 10;
const hotBatch = 100;
const coldChannels = 10_000;
/** Events between an auction and the end of the auctions that are open beside it. */
const ahead = Math.floor((inFlightAuctions * total) / auctions);

const states = ['AZ', 'CA', 'ID', 'OR', 'WA', 'WY'] as const;
const cities = ['Phoenix', 'Los Angeles', 'San Francisco', 'Boise', 'Portland', 'Bend', 'Redmond', 'Seattle', 'Kent', 'Cheyenne'] as const;
const firstNames = ['Peter', 'Paul', 'Luke', 'John', 'Saul', 'Vicky', 'Kate', 'Julie', 'Sarah', 'Deiter', 'Walter'] as const;
const lastNames = ['Shultz', 'Abrams', 'Spencer', 'White', 'Bartels', 'Walton', 'Smith', 'Jones', 'Noris'] as const;
const hotChannels = ['Google', 'Facebook', 'Baidu', 'Apple'] as const;

const poolSize = 1 << 20;
const letterA = 97;

export class Generator {
  readonly #draws: Draws;
  readonly #baseTime: number;
  readonly #delayUs: number;
  readonly #pool: string;
  readonly #hotUrls: readonly string[];
  readonly #coldUrls: readonly string[];
  readonly #coldChannels = Array.from({ length: coldChannels }, (_, channel) => `channel-${channel}`);

  constructor({ rate, baseTime = defaultBaseTime, seed }: GeneratorOptions) {
    this.#draws = seed === undefined ? new RandomDraws() : new ReproducibleDraws(seed);
    this.#baseTime = baseTime;
    this.#delayUs = 1_000_000 / rate;
    this.#pool = pool(seed === undefined ? Math.floor(Math.random() * 2 ** 32) : 0x706f6f6c);
    const urlDraws = seed === undefined ? this.#draws : new ReproducibleDraws(0x75726c73);
    urlDraws.seed(0, 0);
    this.#hotUrls = hotChannels.map(() => baseUrl(urlDraws));
    this.#coldUrls = this.#coldChannels.map((_, channel) => {
      const url = baseUrl(urlDraws);
      return urlDraws.below(10) > 0 ? `${url}&channel_id=${absolute(reverseBits(channel))}` : url;
    });
  }

  /** `n` from 0. */
  event(n: number): NexmarkEvent {
    const number = n + 1;
    const id = number + 1;
    this.#draws.seed(Math.floor(id / 4294967296), id);
    const time = this.timeOf(number);
    const rest = id % total;
    if (rest < persons) return { type: 0, person: this.#person(id, time), auction: null, bid: null };
    if (rest < persons + auctions) return { type: 1, person: null, auction: this.#auction(id, number, time), bid: null };
    return { type: 2, person: null, auction: null, bid: this.#bid(id, time) };
  }

  timeOf(number: number): number {
    return this.#baseTime + Math.floor(Math.floor(number * this.#delayUs) / 1000);
  }

  #person(id: number, dateTime: number): Person {
    const draws = this.#draws;
    const name = `${firstNames[draws.below(firstNames.length)]} ${lastNames[draws.below(lastNames.length)]}`;
    const emailAddress = `${word(draws, 7)}@${word(draws, 5)}.com`;
    const creditCard = `${digits(draws)} ${digits(draws)} ${digits(draws)} ${digits(draws)}`;
    const city = cities[draws.below(cities.length)] as string;
    const state = states[draws.below(states.length)] as string;
    const extra = this.#extra(8 + name.length + emailAddress.length + creditCard.length + city.length + state.length, 200);
    return { id: lastPerson(id) + firstId, name, emailAddress, creditCard, city, state, dateTime, extra };
  }

  #auction(id: number, number: number, dateTime: number): Auction {
    const draws = this.#draws;
    const seller = draws.below(4) > 0 ? Math.floor(lastPerson(id) / hotBatch) * hotBatch : this.#randomPerson(id);
    const category = firstCategory + draws.below(categories);
    const initialBid = draws.price();
    const horizon = this.timeOf(number + ahead) - dateTime;
    const expires = dateTime + 1 + draws.below(Math.max(2 * horizon, 1));
    const itemName = word(draws, 20);
    const description = word(draws, 100);
    const reserve = initialBid + draws.price();
    const extra = this.#extra(8 + itemName.length + description.length + 40, 500);
    return {
      id: lastAuction(id) + firstId,
      itemName,
      description,
      initialBid,
      reserve,
      dateTime,
      expires,
      seller: seller + firstId,
      category,
      extra,
    };
  }

  /** The first id is added to bidders twice: they name persons who come 50 000 events later. */
  #bid(id: number, dateTime: number): Bid {
    const draws = this.#draws;
    const auction = draws.below(2) > 0 ? Math.floor(lastAuction(id) / hotBatch) * hotBatch : this.#randomAuction(id);
    const bidder = draws.below(4) > 0 ? Math.floor(lastPerson(id) / hotBatch) * hotBatch + 1 : this.#randomPerson(id);
    const price = draws.price();
    const isHot = draws.below(2) > 0;
    const index = draws.below(isHot ? hotChannels.length : coldChannels);
    const channel = (isHot ? hotChannels[index] : this.#coldChannels[index]) as string;
    const url = (isHot ? this.#hotUrls[index] : this.#coldUrls[index]) as string;
    const extra = this.#extra(32, 100);
    return { auction: auction + firstId, bidder: bidder + 2 * firstId, price, channel, url, dateTime, extra };
  }

  #randomPerson(id: number): number {
    const count = lastPerson(id) + 1;
    const active = Math.min(count, activePeople);
    return count - active + this.#draws.below(active + idLead);
  }

  #randomAuction(id: number): number {
    const last = lastAuction(id);
    const oldest = Math.max(last - inFlightAuctions, 0);
    return oldest + this.#draws.below(last - oldest + 1 + idLead);
  }

  /** Fills an event up to its wanted size: a slice of the pool. */
  #extra(size: number, wanted: number): string {
    if (size > wanted) return '';
    const missing = wanted - size;
    const spread = Math.round(0.2 * missing);
    const length = missing - spread + (spread === 0 ? 0 : this.#draws.below(2 * spread));
    const from = this.#draws.below(poolSize - length);
    return this.#pool.slice(from, from + length);
  }
}

/** The newest person as of an event, from 0. */
export function lastPerson(id: number): number {
  return Math.floor(id / total) * persons + Math.min(id % total, persons - 1);
}

/** The newest auction as of an event, from 0. */
export function lastAuction(id: number): number {
  const epoch = Math.floor(id / total);
  const rest = id % total;
  if (rest < persons) return (epoch - 1) * auctions + auctions - 1;
  return epoch * auctions + Math.min(rest - persons, auctions - 1);
}

function word(draws: Draws, most: number, special = 32): string {
  const length = 3 + draws.below(most - 3);
  let text = '';
  for (let i = 0; i < length; i++) text += String.fromCharCode(draws.below(13) === 0 ? special : letterA + draws.below(26));
  return special === 32 ? text.trim() : text;
}

function digits(draws: Draws): string {
  return String(draws.below(10_000)).padStart(4, '0');
}

function baseUrl(draws: Draws): string {
  const underscore = 95;
  const [first, second, third] = [word(draws, 5, underscore), word(draws, 5, underscore), word(draws, 5, underscore)];
  return `https://www.nexmark.com/${first}/${second}/${third}/item.htm?query=1`;
}

/** Six characters of each draw, whose sign is kept: there are letters below 'a', too. */
function pool(seed: number): string {
  const draws = new ReproducibleDraws(seed);
  draws.seed(0, 0);
  const bytes = Buffer.alloc(poolSize);
  for (let i = 0; i < poolSize; ) {
    let drawn = draws.int32();
    for (let j = 0; j < 6 && i < poolSize; j++) {
      bytes[i++] = letterA + (drawn % 26);
      drawn = Math.trunc(drawn / 26);
    }
  }
  return bytes.toString('latin1');
}

function reverseBits(value: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 32; bit++) reversed = (reversed << 1) | ((value >>> bit) & 1);
  return reversed;
}

/** Java's: the smallest int stays negative. */
function absolute(value: number): number {
  return value === -2147483648 ? value : Math.abs(value);
}
