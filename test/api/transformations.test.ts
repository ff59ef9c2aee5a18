/** Each transformation against plain array code over random data, at several parallelisms and through the codec of every edge. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Collector, DataStream, StreamExecutionEnvironment } from 'weir';
import { collect, failureOf, localEnvironment } from '../harness/local.ts';

interface Sale {
  readonly shop: string;
  readonly amount: number;
  readonly item: { readonly name: string; readonly tags: readonly string[] };
  readonly at: Date | null;
}

const sale: fc.Arbitrary<Sale> = fc.record({
  shop: fc.constantFrom('a', 'b', 'ä', '日本', ''),
  amount: fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })),
  item: fc.record({ name: fc.string(), tags: fc.array(fc.string(), { maxLength: 3 }) }),
  at: fc.option(fc.date({ noInvalidDate: true })),
});

const environment = fc.record({
  parallelism: fc.constantFrom(1, 2, 3),
  chaining: fc.boolean(),
});

/** Runs `build` over the sales and compares what comes out, in any order, with `expected`. */
function check<R>(
  build: (sales: DataStream<Sale>, env: StreamExecutionEnvironment) => DataStream<R>,
  expected: (sales: Sale[]) => R[],
): Promise<void> {
  return fc.assert(
    fc.asyncProperty(fc.array(sale, { maxLength: 40 }), environment, async (sales, { parallelism, chaining }) => {
      const env = localEnvironment();
      env.setParallelism(parallelism);
      if (!chaining) env.disableOperatorChaining();
      const stream = build(env.fromCollection(sales), env);
      expect(inAnyOrder(await collect(stream.executeAndCollect()))).toEqual(inAnyOrder(expected(sales)));
    }),
    { numRuns: 12 },
  );
}

function inAnyOrder<R>(records: R[]): R[] {
  const text = (record: R): string =>
    JSON.stringify(record, (_, value) => {
      if (typeof value === 'bigint') return `${value}n`;
      return Object.is(value, -0) ? '-0' : typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
    });
  return [...records].sort((a, b) => (text(a) < text(b) ? -1 : 1));
}

/** Small enough to be added in any order without a rounding, and never -0. */
function hundredsOf({ amount }: Sale): number {
  return Math.trunc(amount % 100) || 0;
}

/** Of each key, in the order of the input. */
function byShop(sales: Sale[]): Sale[][] {
  return [...Map.groupBy(sales, ({ shop }) => shop).values()];
}

describe('without keys', () => {
  test('map', () =>
    check(
      (s) => s.map(({ amount, at }) => [amount * 2, at] as const),
      (s) => s.map(({ amount, at }) => [amount * 2, at] as const),
    ));

  test('map by an object with a method', () =>
    check(
      (s) => s.map({ map: ({ amount }) => amount * 3 }),
      (s) => s.map(({ amount }) => amount * 3),
    ));

  test('filter', () =>
    check(
      (s) => s.filter(({ amount }) => amount > 0),
      (s) => s.filter(({ amount }) => amount > 0),
    ));

  test.each<[string, (sale: Sale, out: Collector<string>) => Iterable<string> | void]>([
    ['an array', (one) => [...one.item.tags, one.shop]],
    [
      'a generator',
      function* (one) {
        yield* one.item.tags;
        yield one.shop;
      },
    ],
    [
      'a collector',
      (one, out) => {
        for (const tag of one.item.tags) out.collect(tag);
        out.collect(one.shop);
      },
    ],
    [
      'an array and a collector',
      (one, out) => {
        out.collect(one.shop);
        return one.item.tags;
      },
    ],
  ])('flatMap with %s', (_form, flatMapper) =>
    check(
      (s) => s.flatMap<string>(flatMapper),
      (s) => s.flatMap(({ item, shop }) => [...item.tags, shop]),
    ),
  );

  test('project', () =>
    check(
      (s) => s.project('shop', 'at'),
      (s) => s.map(({ shop, at }) => ({ shop, at })),
    ));

  test('union, with itself and with another type', () =>
    check<Sale | string>(
      (s, env) => s.union(s, env.fromElements('x', 'y')),
      (s) => [...s, ...s, 'x', 'y'],
    ));

  test('every way to repartition keeps every record once, broadcast as often as there are subtasks', async () => {
    for (const way of ['shuffle', 'rebalance', 'rescale', 'global'] as const)
      await check(
        (s) => s[way]().map((one) => one.shop),
        (s) => s.map((one) => one.shop),
      );
    await check(
      (s) =>
        s
          .partitionCustom(
            (key: number, n) => Math.abs(Math.trunc(key)) % n,
            (one) => one.amount % 7,
          )
          .map((one) => one.shop),
      (s) => s.map((one) => one.shop),
    );
    await check(
      (s) =>
        s
          .broadcast()
          .map((one) => one.shop)
          .setParallelism(2),
      (s) => s.flatMap((one) => [one.shop, one.shop]),
    );
  });
});

describe('with keys, rolling', () => {
  test('reduce', () =>
    check(
      (s) =>
        s
          .map(({ shop, amount }) => ({ shop, n: 1, most: amount }))
          .setParallelism(1)
          .keyBy('shop')
          .reduce((a, b) => ({ shop: a.shop, n: a.n + b.n, most: Math.max(a.most, b.most) })),
      (s) =>
        byShop(s).flatMap((group) =>
          group.map(({ shop }, i) => ({ shop, n: i + 1, most: Math.max(...group.slice(0, i + 1).map(({ amount }) => amount)) })),
        ),
    ));

  test('sum adds the field and keeps the rest of the first record', () =>
    check(
      (s) =>
        s
          .map((one) => ({ ...one, amount: hundredsOf(one) }))
          .setParallelism(1)
          .keyBy(({ shop }) => shop)
          .sum('amount'),
      (s) =>
        byShop(s).flatMap((group) =>
          group.map((_, i) => ({ ...(group[0] as Sale), amount: group.slice(0, i + 1).reduce((sum, one) => sum + hundredsOf(one), 0) })),
        ),
    ));

  test('min and max follow the field and keep the rest of the first record; minBy and maxBy keep the record', async () => {
    const running =
      (choose: (a: number, b: number) => boolean, whole: boolean) =>
      (sales: Sale[]): Sale[] =>
        byShop(sales).flatMap((group) => {
          let best = group[0] as Sale;
          return group.map((one) => {
            if (choose(one.amount, best.amount)) best = whole ? one : { ...best, amount: one.amount };
            return best;
          });
        });
    await check(
      (s) => s.keyBy('shop').min('amount'),
      running((a, b) => a < b, false),
    );
    await check(
      (s) => s.keyBy('shop').max('amount'),
      running((a, b) => a > b, false),
    );
    await check(
      (s) => s.keyBy('shop').minBy('amount'),
      running((a, b) => a < b, true),
    );
    await check(
      (s) => s.keyBy('shop').maxBy('amount'),
      running((a, b) => a > b, true),
    );
    await check(
      (s) => s.keyBy('shop').maxBy('amount', false),
      running((a, b) => a >= b, true),
    );
  });

  test('keys that are objects, arrays, dates and null group by their value', () =>
    check(
      (s) =>
        s
          .map(({ shop, at }) => ({ shop, at, n: 1 }))
          .keyBy(({ shop, at }) => ({ at, where: [shop, at === null] }))
          .sum('n')
          .map(({ n }) => n),
      (s) => [...Map.groupBy(s, ({ shop, at }) => JSON.stringify([shop, at])).values()].flatMap((group) => group.map((_, i) => i + 1)),
    ));
});

test('an emitted record is fixed: what a function does to it afterwards changes nothing', async () => {
  for (const chaining of [true, false]) {
    const env = localEnvironment();
    if (!chaining) env.disableOperatorChaining();
    const reused = { n: 0, list: [0] };
    const emitAndChange = (n: number, out: Collector<{ n: number; list: number[] }>): void => {
      reused.n = n;
      reused.list[0] = n;
      out.collect(reused);
      reused.n = -1;
      reused.list[0] = -1;
    };
    const stream = env.fromElements(1, 2, 3).flatMap(emitAndChange);
    const kept: { n: number; list: number[] }[] = [];
    const results = stream
      .map((record) => {
        kept.push(record);
        record.list.push(99);
        return record;
      })
      .union(stream);
    const collected = await collect(results.executeAndCollect());
    expect(inAnyOrder(collected)).toEqual(
      inAnyOrder(
        [1, 2, 3].flatMap((n) => [
          { n, list: [n] },
          { n, list: [n, 99] },
        ]),
      ),
    );
    expect(kept.map(({ n }) => n)).toEqual([1, 2, 3]);
  }
});

test('a promise from a per-record function is refused at the first record, by the name of the step', async () => {
  const env = localEnvironment();
  const wait = (n: number): Promise<number> => Promise.resolve(n);
  env
    .fromElements(1)
    .map(wait as unknown as (n: number) => number)
    .name('waits')
    .print();
  const failure = await failureOf(env.execute());
  expect(failure).toContain("'waits'");
  expect(failure).toMatch(/asynchronous/);
});
