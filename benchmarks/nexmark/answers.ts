/**
 * The figures by which answers are compared: of all rows, or, where a query tells changes, of the table that they lead to. And what they
 * are for the first million events of seed 42, at 100 000 (R1) and 10 000 (R2) events for each second of event time.
 */
import { pairKey } from './functions.ts';
import type { QueryName } from './queries.ts';

type Row = Readonly<Record<string, unknown>>;
export type Figures = Readonly<Record<string, number>>;

export class Answer {
  readonly #name: QueryName;
  readonly #sums: Record<string, number> = {};
  readonly #table = new Map<unknown, Row>();
  #rows = 0;

  constructor(name: QueryName) {
    this.#name = name;
  }

  add(row: object): void {
    const key = keyOf[this.#name];
    if (key !== undefined) {
      this.#table.set(key(row as Row), row as Row);
      return;
    }
    this.#rows++;
    this.#sum(row as Row);
  }

  /** All sums of a million events are safe integers. */
  figures(): Figures {
    for (const row of this.#table.values()) this.#sum(row);
    return { rows: this.#table.size || this.#rows, ...this.#sums };
  }

  #sum(row: Row): void {
    const figures = figuresOf[this.#name]?.(row);
    for (const name in figures) this.#sums[name] = (this.#sums[name] ?? 0) + (figures[name] as number);
  }
}

/** Of queries that tell changes: the key of a row in the final table. */
const keyOf: Partial<Record<QueryName, (row: Row) => unknown>> = {
  q4: ({ category }) => category,
  q9: ({ id }) => id,
  q15: ({ day }) => day,
  q16: ({ channel, day }) => `${channel} ${day}`,
  q17: ({ auction, day }) => pairKey(number(day), number(auction)),
  q18: ({ bidder, auction }) => pairKey(number(bidder), number(auction)),
  q19: ({ auction, rank }) => pairKey(number(rank), number(auction)),
};

const number = (value: unknown): number => value as number;
const at = (value: unknown, index: number): number => (value as readonly number[])[index] as number;

const figuresOf: Partial<Record<QueryName, (row: Row) => Readonly<Record<string, number>>>> = {
  q1: ({ price }) => ({ price: number(price) }),
  q2: ({ price }) => ({ price: number(price) }),
  q3: ({ id }) => ({ auction: number(id) }),
  q4: ({ category, average }) => ({ [`category ${category}`]: number(average) }),
  q5: ({ count }) => ({ count: number(count) }),
  q7: ({ price }) => ({ price: number(price) }),
  q8: ({ id }) => ({ id: number(id) }),
  q9: ({ price }) => ({ price: number(price) }),
  q11: ({ count }) => ({ count: number(count) }),
  q13: ({ value }) => ({ value: Number(value) }),
  q14: ({ count }) => ({ count: number(count) }),
  q15: ({ bids, bidders, auctions }) => {
    const tiers = ['all', 'low', 'middle', 'high'].entries();
    return Object.fromEntries(
      [...tiers].flatMap(([index, tier]) => [
        [`bids, ${tier}`, at(bids, index)],
        [`bidders, ${tier}`, at(bidders, index)],
        [`auctions, ${tier}`, at(auctions, index)],
      ]),
    );
  },
  q16: ({ bidders, auctions }) => ({ bidders: at(bidders, 0), auctions: at(auctions, 0) }),
  q17: ({ min, max, average }) => ({ min: number(min), max: number(max), average: number(average) }),
  q19: ({ price }) => ({ price: number(price) }),
  q22: ({ dir1, dir2, dir3 }) => ({ directories: `${dir1}${dir2}${dir3}`.length }),
};

const anyRate: Partial<Record<QueryName, Figures>> = {
  q0: { rows: 920_000 },
  q1: { rows: 920_000, price: 6_045_261_536_366_440 },
  q2: { rows: 6870, price: 50_526_196_227 },
  q3: { rows: 6195, auction: 187_617_517 },
  q10: { rows: 920_000 },
  q11: { rows: 19_926, count: 920_000 },
  q13: { rows: 920_000 },
  q14: { rows: 261_399, count: 340_512 },
  q15: {
    rows: 1,
    'bids, all': 920_000,
    'bids, low': 306_403,
    'bids, middle': 306_171,
    'bids, high': 307_426,
    'bidders, all': 19_926,
    'bidders, low': 19_360,
    'bidders, middle': 19_374,
    'bidders, high': 19_391,
    'auctions, all': 59_984,
    'auctions, low': 55_312,
    'auctions, middle': 55_392,
    'auctions, high': 55_436,
  },
  q16: { rows: 10_004, bidders: 492_199, auctions: 604_209 },
  q17: { rows: 59_984, min: 3_657_236_182, max: 2_171_657_081_428, average: 431_371_999_595 },
  q18: { rows: 292_847 },
  q19: { rows: 441_982, price: 3_832_377_066_051 },
  q20: { rows: 178_664 },
  q21: { rows: 872_807 },
  q22: { rows: 920_000, directories: 9_657_674 },
  q23: { rows: 1_148_606 },
};

const averages = (first: number, ...others: readonly number[]): Figures =>
  Object.fromEntries([first, ...others].map((average, index) => [`category ${10 + index}`, average]));

/** Figures that are known; a query may have others. q12 goes by the clock. */
export const answers: Readonly<Record<'R1' | 'R2', Partial<Record<QueryName, Figures>>>> = {
  R1: {
    ...anyRate,
    q4: averages(29_432_624, 29_727_001, 29_148_162, 29_739_020, 29_622_075),
    q5: { rows: 9, count: 7523 },
    q7: { rows: 1 },
    q8: { rows: 10_680 },
    q9: { rows: 57_687, price: 1_703_735_611_618 },
  },
  R2: {
    ...anyRate,
    q4: averages(28_843_796, 29_151_161, 28_632_999, 29_203_393, 29_134_266),
    q5: { rows: 54, count: 44_472 },
    q7: { rows: 10 },
    q8: { rows: 8674 },
    q9: { rows: 55_963, price: 1_622_555_513_568 },
  },
};
