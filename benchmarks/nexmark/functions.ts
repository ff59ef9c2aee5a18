/** What the queries ask of single records: shared by the Weir queries and the plain loops that they are measured against. */
import type { Auction, Bid } from './events.ts';

const dayMs = 86_400_000;

/** Euros in thousandths of a cent, so that nothing is rounded. */
export function euros(price: number): number {
  return price * 908;
}

/** 0, 1 or 2. */
export function tierOf(price: number): number {
  if (price < 10_000) return 0;
  return price < 1_000_000 ? 1 : 2;
}

export function dayOf(time: number): number {
  return Math.floor(time / dayMs);
}

/** `HH:mm`, UTC. */
export function minuteOf(time: number): string {
  const minutes = Math.floor((time % dayMs) / 60_000);
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

export function isExpensive(price: number): boolean {
  return euros(price) > 1e9 && euros(price) < 5e10;
}

export function timeOfDay(time: number): string {
  const hour = Math.floor((time % dayMs) / 3_600_000);
  if (hour >= 8 && hour <= 18) return 'dayTime';
  return hour <= 6 || hour >= 20 ? 'nightTime' : 'otherTime';
}

export function countOf(letter: string, text: string): number {
  let count = 0;
  for (let at = text.indexOf(letter); at >= 0; at = text.indexOf(letter, at + 1)) count++;
  return count;
}

const channelIds: Readonly<Record<string, string>> = { apple: '0', google: '1', facebook: '2', baidu: '3' };
const channelInUrl = /(&|^)channel_id=([^&]*)/;

/** Undefined: the bid is left out. */
export function channelIdOf({ channel, url }: Pick<Bid, 'channel' | 'url'>): string | undefined {
  return channelIds[channel.toLowerCase()] ?? channelInUrl.exec(url)?.[2];
}

export function directoriesOf(url: string): [string, string, string] {
  const parts = url.split('/');
  return [parts[3] ?? '', parts[4] ?? '', parts[5] ?? ''];
}

export function isInTime(time: number, { dateTime, expires }: Pick<Auction, 'dateTime' | 'expires'>): boolean {
  return time >= dateTime && time <= expires;
}

/** Of two bids for one auction: the higher, then the earlier one. */
export function beats(one: Pick<Bid, 'price' | 'dateTime'>, other: Pick<Bid, 'price' | 'dateTime'>): boolean {
  return one.price > other.price || (one.price === other.price && one.dateTime < other.dateTime);
}

/** A number for a pair of ids: state finds it faster than an array. */
export function pairKey(first: number, second: number): number {
  return first * 67_108_864 + second;
}
