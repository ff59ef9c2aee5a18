/** What each step does to one record, without a trace of how it is run: shared by the program and by its oracle. */
import type { KeyedNode, StatelessNode } from './plan.ts';
import { mix, share } from './random.ts';
import { canonical, type Rec, setOwn } from './records.ts';

type Salted = Pick<StatelessNode, 'salt' | 'style'>;

export function mapped({ salt, style }: Salted, record: Rec): Rec {
  const n = mix(record.n, salt) >> 4;
  switch (style) {
    case 0:
      return { ...record, n };
    case 1:
      return { ...record, n, [`m${salt % 3}`]: record.n };
    case 2:
      return { id: record.id, key: record.key, n, data: { wrapped: [record.data], salt } };
    case 3:
      return { n, key: record.key, id: record.id, ...rest(record) };
    case 4: {
      const changed: Rec = { ...record, n };
      setOwn(changed, '__proto__', { salt });
      changed['7'] = record.id;
      return changed;
    }
    default:
      return { ...record, n, key: `${canonical(record.key)}/${salt % 3}` };
  }
}

function rest(record: Rec): Record<string, unknown> {
  const { id: _id, key: _key, n: _n, ...others } = record;
  return others;
}

export function kept({ salt }: Salted, record: Rec): boolean {
  return share(record.id ^ record.n, salt, 3) > 0;
}

/** How many records this one becomes, and each of them. */
export function copies({ salt }: Salted, record: Rec): number {
  return share(record.id + record.n, salt, 4);
}

export function copy({ salt }: Salted, record: Rec, index: number): Rec {
  return { ...record, n: mix(record.n + index, salt) >> 4, copy: index };
}

export function goesToMain({ salt }: Salted, record: Rec): boolean {
  return share(record.n, salt, 3) !== 1;
}

export function goesToSide({ salt }: Salted, record: Rec): boolean {
  return share(record.n, salt, 3) !== 0;
}

/** The key of one of the kinds a program may use. */
export function keyOf({ key }: Pick<KeyedNode, 'key'>, record: Rec): unknown {
  const part = ((record.n % 5) + 5) % 5;
  switch (key) {
    case 0:
      return record.key;
    case 1:
      return part;
    case 2:
      return { part, kind: typeof record.key };
    case 3:
      return [part > 2, String(record.key)];
    case 4:
      return BigInt(part);
    case 5:
      return part > 1;
    default:
      return part === 0 ? null : `a key that is longer than thirteen characters: ${part}`;
  }
}

/** Last millisecond of the window that the time lies in. */
export function windowEnd({ windowMs }: Pick<KeyedNode, 'windowMs'>, time: number): number {
  return Math.floor(time / windowMs) * windowMs + windowMs - 1;
}

export interface Aggregate {
  count: number;
  n: number;
  ids: number[];
}

export function aggregated(record: Rec, into?: Aggregate): Aggregate {
  const before = into ?? { count: 0, n: 0, ids: [] };
  const ids = [...before.ids, record.id].sort((a, b) => a - b).slice(0, 30);
  return { count: before.count + 1, n: (before.n + record.n) | 0, ids };
}

export function windowResult(key: unknown, end: number, { count, n, ids }: Aggregate): Rec {
  const text = canonical(key);
  return { id: mix(end, text.length) >>> 8, key: text, n, count, ids, end };
}

/** Large windows are told apart in a side output. */
export function isLarge({ count }: Aggregate): boolean {
  return count > 3;
}

export function largeResult(key: unknown, end: number, { count }: Aggregate): Rec {
  return { id: count, key: canonical(key), n: end % 1000 };
}

/** Of a rolling sum only this does not depend on the order of the records. */
export function rollingResult(key: unknown, count: number): Rec {
  return { id: count, key: canonical(key), n: count * 7 };
}
