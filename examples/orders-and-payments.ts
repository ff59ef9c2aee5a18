/**
 * A shop's back office: joins orders with their payments, and reports orders that were not paid in time.
 *
 *     flink run examples/orders-and-payments.ts
 *     flink run examples/orders-and-payments.ts --orders 100000 --timeout-minutes 15
 *
 * Time is event time: an order is late when the payments' own clock has passed its deadline.
 */
import { type Collector, DataGeneratorSource, OutputTag, ParameterTool, StreamExecutionEnvironment, state, WatermarkStrategy } from 'weir';

interface Order {
  readonly orderId: string;
  readonly customer: string;
  readonly cents: number;
  readonly at: Date;
}

interface Payment {
  readonly orderId: string;
  readonly method: 'card' | 'transfer' | 'invoice';
  readonly at: Date;
}

interface PaidOrder extends Order {
  readonly method: Payment['method'];
  readonly waitedMs: number;
}

const unpaid = new OutputTag<Order>('unpaid');

export async function main(args: string[]): Promise<void> {
  const parameters = ParameterTool.fromArgs(args);
  const count = parameters.getInt('orders', 1000);
  const timeoutMs = parameters.getInt('timeout-minutes', 15) * 60_000;

  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  const orders = env.fromSource(
    new DataGeneratorSource(orderAt, count),
    WatermarkStrategy.forMonotonousTimestamps<Order>().withTimestampAssigner((order) => order.at.getTime()),
    'orders',
  );
  const payments = env
    .fromSource(new DataGeneratorSource(paymentAt, count), WatermarkStrategy.noWatermarks(), 'payments')
    .filter((payment): payment is Payment => payment !== null)
    .assignTimestampsAndWatermarks(
      WatermarkStrategy.forBoundedOutOfOrderness<Payment>('40m').withTimestampAssigner((payment) => payment.at.getTime()),
    );

  const paid = orders
    .connect(payments)
    .keyBy('orderId', 'orderId')
    .process({
      state: { order: state.value<Order>(), payment: state.value<Payment>() },
      processElement1(order, context, out: Collector<PaidOrder>) {
        const payment = context.state.payment.value();
        if (payment !== null) {
          context.state.payment.clear();
          settle(order, payment, timeoutMs, out, (late) => context.output(unpaid, late));
        } else {
          context.state.order.update(order);
          context.timerService().registerEventTimeTimer(order.at.getTime() + timeoutMs);
        }
      },
      processElement2(payment, context, out) {
        const order = context.state.order.value();
        if (order === null) {
          context.state.payment.update(payment);
        } else {
          context.state.order.clear();
          context.timerService().deleteEventTimeTimer(order.at.getTime() + timeoutMs);
          settle(order, payment, timeoutMs, out, (late) => context.output(unpaid, late));
        }
      },
      onTimer(_timestamp, context) {
        const order = context.state.order.value();
        context.state.order.clear();
        if (order !== null) context.output(unpaid, order);
      },
    })
    .name('match payments');

  const output = parameters.get('output');
  const lines = paid
    .map((order) => `paid ${order.orderId} by ${order.method} after ${order.waitedMs / 1000} s`)
    .union(paid.getSideOutput(unpaid).map((order) => `UNPAID ${order.orderId}: ${(order.cents / 100).toFixed(2)} of ${order.customer}`));
  if (output === undefined) lines.print();
  else lines.map((line) => line).writeAsText(output);
  await env.execute('Orders and payments');
}

/** A payment behind the deadline does not count, whichever of the two was seen first. */
function settle(order: Order, payment: Payment, timeoutMs: number, out: Collector<PaidOrder>, late: (order: Order) => void): void {
  const waitedMs = payment.at.getTime() - order.at.getTime();
  if (waitedMs < timeoutMs) out.collect({ ...order, method: payment.method, waitedMs });
  else late(order);
}

const firstOrder = Date.UTC(2026, 0, 1);

function orderAt(index: number): Order {
  return {
    orderId: `order-${index}`,
    customer: `customer-${(index * 7) % 100}`,
    cents: 500 + ((index * 7919) % 20_000),
    at: new Date(firstOrder + index * 1000),
  };
}

/** Every tenth order is never paid, every seventh half an hour late. */
function paymentAt(index: number): Payment | null {
  if (index % 10 === 9) return null;
  const waitedMs = index % 7 === 6 ? 30 * 60_000 : 1000 + ((index * 31) % 600) * 1000;
  const methods = ['card', 'transfer', 'invoice'] as const;
  return {
    orderId: `order-${index}`,
    method: methods[index % 3] as Payment['method'],
    at: new Date(firstOrder + index * 1000 + waitedMs),
  };
}

if (import.meta.main) await main(process.argv.slice(2));
