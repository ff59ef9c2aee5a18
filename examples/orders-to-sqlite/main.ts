/**
 * Orders into a database, exactly once, in both ways there are: every order as a row of its own by two-phase commit, and what each
 * customer has bought so far as an upsert.
 *
 *     flink run -Dexecution.checkpointing.interval=1s examples/orders-to-sqlite/main.ts --database shop.db
 *     flink run -Dexecution.checkpointing.interval=1s examples/orders-to-sqlite/main.ts --database shop.db --orders 60000 --rps 2000
 *
 * Kill a TaskManager while it runs: not an order is lost, and none is there twice.
 */
import { resolve } from 'node:path';
import { DataGeneratorSource, ParameterTool, RateLimiterStrategy, StreamExecutionEnvironment, WatermarkStrategy } from 'weir';
import { openDatabase } from './database.ts';
import { type Order, OrderSink } from './transactional-sink.ts';
import { CustomerTotalSink } from './upsert-sink.ts';

export async function main(args: string[]): Promise<void> {
  const parameters = ParameterTool.fromArgs(args);
  const path = resolve(parameters.getRequired('database'));
  const rate = parameters.has('rps') ? RateLimiterStrategy.perSecond(parameters.getDouble('rps')) : RateLimiterStrategy.noOp();

  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  const orders = env
    .fromSource(new DataGeneratorSource(orderAt, parameters.getInt('orders', 1000), rate), WatermarkStrategy.noWatermarks(), 'Orders')
    .uid('orders');
  orders.addSink(new OrderSink(path)).name('Orders into SQLite').uid('order-sink');
  orders
    .map(({ customer, cents }) => ({ customer, orders: 1, cents }))
    .keyBy('customer')
    .reduce((sum, order) => ({ customer: sum.customer, orders: sum.orders + order.orders, cents: sum.cents + order.cents }))
    .uid('totals')
    .sinkTo(new CustomerTotalSink(path))
    .name('Totals into SQLite')
    .uid('total-sink');
  await env.execute('Orders to SQLite');

  const database = openDatabase(path);
  const { found, cents } = database.prepare('SELECT count(*) AS found, sum(cents) AS cents FROM orders').get() as Record<string, number>;
  const totals = database.prepare('SELECT sum(orders) AS counted FROM customers').get() as Record<string, number>;
  database.close();
  console.log(`${found} orders of ${((cents ?? 0) / 100).toFixed(2)} in all; customers have ${totals['counted']}`);
}

/** The n-th order, the same each time it is asked for. */
export function orderAt(index: number): Order {
  return { orderId: `order-${index}`, customer: `customer-${(index * 7919) % 199}`, cents: 100 + ((index * 104_729) % 20_000) };
}

if (import.meta.main) await main(process.argv.slice(2));
