/** Streams combined: window join, coGroup, interval join and any number of connected ones, through a whole job. */
import { describe, expect, test } from 'vitest';
import {
  connectAll,
  type DataStream,
  OutputTag,
  side,
  state,
  TumblingEventTimeWindows,
  TumblingProcessingTimeWindows,
  WatermarkStrategy,
} from '../../src/api/index.ts';
import { collect, localEnvironment } from '../harness/local.ts';

interface Order {
  readonly id: number;
  readonly at: number;
}

interface Payment {
  readonly order: number;
  readonly at: number;
}

const byTime = <T extends { readonly at: number }>(): WatermarkStrategy<T> =>
  WatermarkStrategy.forBoundedOutOfOrderness<T>(100).withTimestampAssigner(({ at }) => at);

function shop(parallelism = 2): { readonly orders: DataStream<Order>; readonly payments: DataStream<Payment> } {
  const env = localEnvironment();
  env.setParallelism(parallelism);
  const orders = Array.from({ length: 20 }, (_, id) => ({ id, at: id * 10 }));
  const payments = orders.filter(({ id }) => id % 3 !== 0).map(({ id, at }) => ({ order: id, at: at + (id % 4) * 5 }));
  return {
    orders: env.fromCollection(orders).assignTimestampsAndWatermarks(byTime()),
    payments: env.fromCollection(payments).assignTimestampsAndWatermarks(byTime()),
  };
}

test('a window join pairs what has one key and one window', async () => {
  const { orders, payments } = shop();
  const pairs = orders
    .join(payments)
    .where('id')
    .equalTo((payment) => payment.order)
    .window(TumblingEventTimeWindows.of(20))
    .apply((order, payment) => ({ id: order.id, waited: payment.at - order.at }));
  const expected = Array.from({ length: 20 }, (_, id) => ({ id, waited: (id % 4) * 5 })).filter(
    ({ id, waited }) => id % 3 !== 0 && Math.floor((id * 10) / 20) === Math.floor((id * 10 + waited) / 20),
  );
  const byId = (a: { id: number }, b: { id: number }): number => a.id - b.id;
  expect((await collect(pairs.executeAndCollect())).sort(byId)).toEqual(expected);
});

test('a coGroup sees those without a partner, too', async () => {
  const { orders, payments } = shop();
  const lines = orders
    .coGroup(payments)
    .where('id')
    .equalTo('order')
    .window(TumblingEventTimeWindows.of(1000))
    .apply((first, second) => [`${[...first].map(({ id }) => id)}:${[...second].length}`]);
  const expected = Array.from({ length: 20 }, (_, id) => `${id}:${id % 3 === 0 ? 0 : 1}`);
  expect((await collect(lines.executeAndCollect())).sort()).toEqual(expected.sort());
});

test('an interval join, with its late elements', async () => {
  const env = localEnvironment();
  const exact = <T extends { readonly at: number }>(): WatermarkStrategy<T> =>
    WatermarkStrategy.forGenerator<T>(() => ({
      onEvent: ({ at }, _timestamp, output) => output.emitWatermark(at),
      onPeriodicEmit: () => {},
    })).withTimestampAssigner(({ at }) => at);
  const late = new OutputTag<Order>('late');
  const orders = env.fromElements<Order>({ id: 1, at: 0 }, { id: 2, at: 50 }, { id: 3, at: 10 }).assignTimestampsAndWatermarks(exact());
  const joined = orders
    .keyBy(() => 'all')
    .intervalJoin(orders.keyBy(() => 'all'))
    .between('-50ms', 0)
    .sideOutputLeftLateData(late)
    .process((a, b, context, out) => out.collect(`${a.id} ${b.id} ${context.getTimestamp()}`));
  const lines = joined.union(joined.getSideOutput(late).map(({ id }) => `late ${id}`));
  expect((await collect(lines.executeAndCollect())).sort()).toEqual(['1 1 0', '2 1 50', '2 2 50', 'late 3']);
});

test('any number of streams share state, each with a handler of its own', async () => {
  const { orders, payments } = shop();
  const refunds = orders.filter(({ id }) => id % 5 === 0).map(({ id }) => ({ of: id, why: 'broken' }));
  const result = connectAll({ orders: orders.keyBy('id'), payments: payments.keyBy('order'), refunds: refunds.keyBy('of') }).process({
    state: { seen: state.list<string>() },
    side: { complaints: side<string>() },
    on: {
      orders(order, context) {
        context.state.seen.add('order');
        context.timerService().registerEventTimeTimer(order.at + 1000);
      },
      payments(_payment, context) {
        context.state.seen.add('payment');
      },
      refunds(refund, context) {
        context.state.seen.add('refund');
        context.side.complaints(`${refund.of} ${refund.why}`);
      },
    },
    onTimer(_timestamp, context, out: { collect(line: string): void }) {
      out.collect(`${context.getCurrentKey()}: ${[...context.state.seen.get()].sort().join(' ')}`);
    },
  });
  const lines = result.union(result.side.complaints);
  const expected = Array.from({ length: 20 }, (_, id) => {
    const seen = ['order', ...(id % 3 === 0 ? [] : ['payment']), ...(id % 5 === 0 ? ['refund'] : [])];
    return [`${id}: ${seen.join(' ')}`, ...(id % 5 === 0 ? [`${id} broken`] : [])];
  }).flat();
  expect((await collect(lines.executeAndCollect())).sort()).toEqual(expected.sort());
});

describe('refused when the graph is built', () => {
  test.each<[string, () => unknown, string]>([
    [
      'bounds the wrong way round',
      () => {
        const { orders } = shop();
        return orders.keyBy('id').intervalJoin(orders.keyBy('id')).between(5, -5);
      },
      'between(5, -5)',
    ],
    [
      'an interval with nothing in it',
      () => {
        const keyed = shop().orders.keyBy('id');
        return keyed
          .intervalJoin(keyed)
          .between(0, 1)
          .lowerBoundExclusive()
          .upperBoundExclusive()
          .process(() => []);
      },
      'The interval of the join is empty',
    ],
    ['an interval by the clock', () => shop().orders.keyBy('id').intervalJoin(shop().orders.keyBy('id')).inProcessingTime(), 'event time'],
    [
      'some with keys and some without',
      () => connectAll({ a: shop().orders, b: shop().orders.keyBy('id') }).process({} as never),
      "'a' has no key",
    ],
    ['no streams', () => connectAll({}), 'at least one stream'],
    ['no handler', () => connectAll({ a: shop().orders }).process({ on: {} } as never), 'on.a'],
    [
      'an async join',
      () =>
        shop()
          .orders.join(shop().payments)
          .where('id')
          .equalTo('order')
          .window(TumblingProcessingTimeWindows.of(5))
          .apply(async () => 1),
      'async function',
    ],
  ])('%s', (_, build, message) => {
    expect(build).toThrow(message);
  });
});
