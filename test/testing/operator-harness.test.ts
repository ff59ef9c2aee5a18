/** The operator harness of `weir/testing`, used as a user would: each kind of step, by hand, through restarts. */
import { describe, expect, test } from 'vitest';
import {
  BroadcastProcessFunction,
  type Collector,
  type DataStream,
  KeyedProcessFunction,
  MapStateDescriptor,
  OutputTag,
  side,
  state,
  TumblingEventTimeWindows,
  ValueStateDescriptor,
} from 'weir';
import { type HarnessOptions, ProcessFunctionTestHarnesses, testOperator } from 'weir/testing';

interface Bid {
  readonly bidder: string;
  readonly price: number;
}

const bid = (bidder: string, price: number): Bid => ({ bidder, price });
const large = new OutputTag<Bid>('large');

/** Sums per bidder; reports the sum when the watermark passes the end of a minute, and when a bidder was silent for 10 s. */
const totals = (bids: DataStream<Bid>) =>
  bids.keyBy('bidder').process({
    state: { total: state.value(() => 0), silent: state.value(() => 0) },
    side: { large: side<Bid>() },
    processElement(value, context, _out: Collector<string>) {
      context.state.total.update(context.state.total.value() + value.price);
      if (value.price > 100) context.side.large(value);
      const timers = context.timerService();
      timers.registerEventTimeTimer(60_000);
      timers.deleteProcessingTimeTimer(context.state.silent.value());
      context.state.silent.update(timers.currentProcessingTime() + 10_000);
      timers.registerProcessingTimeTimer(context.state.silent.value());
    },
    onTimer(timestamp, context, out) {
      out.collect(`${context.timeDomain()} ${timestamp} ${context.getCurrentKey()} ${context.state.total.value()}`);
    },
  });

const restarts: [string, HarnessOptions][] = [
  ['without restarts', {}],
  ['at parallelism 3', { parallelism: 3 }],
  ['restarted behind each step', { restartAfterEachStep: true }],
  ['at another parallelism behind each step', { restartAfterEachStep: [3, 1, 2] }],
];

describe.each(restarts)('%s', (_, options) => {
  test('elements, watermarks, the clock, side outputs and state', async () => {
    await using harness = await testOperator(totals, options);
    await harness.processElement(bid('ann', 50), 1000);
    await harness.processElement(bid('bob', 500), 2000);
    await harness.setProcessingTime(5000);
    await harness.processElement(bid('ann', 25), 3000);
    expect(harness.extractOutputValues()).toEqual([]);
    expect(harness.getSideOutput('large')).toEqual([bid('bob', 500)]);
    expect(harness.getState('ann', { kind: 'value', name: 'total' }).value()).toBe(75);
    expect(harness.keysWithState('total').sort()).toEqual(['ann', 'bob']);
    expect([harness.numEventTimeTimers(), harness.numProcessingTimeTimers()]).toEqual([2, 2]);

    await harness.setProcessingTime(9_999);
    expect(harness.takeOutputValues()).toEqual([]);
    await harness.setProcessingTime(10_000);
    expect(harness.takeOutputValues()).toEqual(['PROCESSING_TIME 10000 bob 500']);
    await harness.advanceProcessingTime(10_000);
    expect(harness.takeOutputValues()).toEqual(['PROCESSING_TIME 15000 ann 75']);

    await harness.processWatermark(59_999);
    expect(harness.getOutput()).toEqual([]);
    await harness.processWatermark(60_000);
    expect([...harness.getOutput()].sort((a, b) => (a.value < b.value ? -1 : 1))).toEqual([
      { value: 'EVENT_TIME 60000 ann 75', timestamp: 60_000 },
      { value: 'EVENT_TIME 60000 bob 500', timestamp: 60_000 },
    ]);
    expect(harness.getWatermarks()).toEqual([59_999, 60_000]);
    expect([harness.numEventTimeTimers(), harness.numProcessingTimeTimers()]).toEqual([0, 0]);
  });

  test('windows', async () => {
    await using harness = await testOperator(
      (bids: DataStream<Bid>) =>
        bids
          .keyBy('bidder')
          .window(TumblingEventTimeWindows.of('10s'))
          .reduce((a, b) => bid(a.bidder, a.price + b.price)),
      options,
    );
    await harness.processElement(bid('ann', 1), 1000);
    await harness.processElement(bid('ann', 2), 9000);
    await harness.processElement(bid('ann', 4), 11_000);
    await harness.processWatermark(10_000);
    expect(harness.getOutput()).toEqual([{ value: bid('ann', 3), timestamp: 9_999 }]);
    await harness.endInput();
    expect(harness.extractOutputValues()).toEqual([bid('ann', 3), bid('ann', 4)]);
  });

  test('two inputs, with the watermark of the slower one', async () => {
    await using harness = await testOperator(
      (bids: DataStream<Bid>, names: DataStream<{ id: string; name: string }>) =>
        bids
          .connect(names)
          .keyBy('bidder', 'id')
          .process({
            state: { name: state.value<string>(), waiting: state.list<number>() },
            processElement1(value, context, out: Collector<string>) {
              const name = context.state.name.value();
              if (name) out.collect(`${name} ${value.price}`);
              else context.state.waiting.add(value.price);
            },
            processElement2(value, context, out: Collector<string>) {
              context.state.name.update(value.name);
              for (const price of context.state.waiting.get()) out.collect(`${value.name} ${price}`);
              context.state.waiting.clear();
            },
          }),
      options,
    );
    await harness.processElement1(bid('a', 1));
    await harness.processElement2({ id: 'a', name: 'Ann' });
    await harness.processElement1(bid('a', 2));
    expect(harness.extractOutputValues()).toEqual(['Ann 1', 'Ann 2']);
    await harness.processWatermark1(10);
    expect(harness.getWatermarks()).toEqual([]);
    await harness.processWatermark2(5);
    expect(harness.getWatermarks()).toEqual([5]);
  });

  test('broadcast state is the same on every subtask', async () => {
    const rules = new MapStateDescriptor<string, number>('rules');
    await using harness = await testOperator(
      (bids: DataStream<Bid>, limits: DataStream<[string, number]>) =>
        bids
          .keyBy('bidder')
          .connect(limits.broadcast(rules))
          .process({
            processElement(value, context, out: Collector<string>) {
              for (const [name, limit] of context.getBroadcastState(rules).entries())
                if (value.price > limit) out.collect(`${value.bidder} is above ${name}`);
            },
            processBroadcastElement([name, limit], context) {
              context.getBroadcastState(rules).put(name, limit);
            },
          }),
      options,
    );
    await harness.processElement(bid('ann', 50));
    await harness.processBroadcastElement(['low', 10]);
    await harness.processBroadcastElement(['high', 100]);
    for (const name of ['ann', 'bob', 'cid', 'dan']) await harness.processElement(bid(name, 50));
    expect(harness.extractOutputValues().sort()).toEqual(['ann', 'bob', 'cid', 'dan'].map((name) => `${name} is above low`));
    expect(harness.getBroadcastState(rules)).toEqual(
      new Map([
        ['low', 10],
        ['high', 100],
      ]),
    );
  });

  test('state with a time to live', async () => {
    await using harness = await testOperator(
      (bids: DataStream<Bid>) =>
        bids.keyBy('bidder').process({
          state: { seen: state.value(() => 0).withTtl('10s') },
          processElement(value, context, out: Collector<string>) {
            context.state.seen.update(context.state.seen.value() + 1);
            out.collect(`${value.bidder} ${context.state.seen.value()}`);
          },
        }),
      options,
    );
    await harness.processElement(bid('ann', 1));
    await harness.setProcessingTime(9_999);
    await harness.processElement(bid('ann', 1));
    await harness.setProcessingTime(19_998);
    await harness.processElement(bid('ann', 1));
    await harness.setProcessingTime(29_998);
    await harness.processElement(bid('ann', 1));
    expect(harness.extractOutputValues()).toEqual(['ann 1', 'ann 2', 'ann 3', 'ann 1']);
  });

  test('asynchronous I/O, with calls that hang while the step is restarted, and a timeout by the clock', async () => {
    let answers = false;
    await using harness = await testOperator(
      (numbers: DataStream<number>) =>
        numbers.mapAsync(async (n) => (n === 2 && !answers ? new Promise<never>(() => {}) : n), { timeout: '1min', onTimeout: () => -1 }),
      options,
    );
    await harness.processElement(1, 10);
    await harness.waitForOutput(1);
    await harness.processElement(2, 20);
    await harness.processWatermark(25);
    expect(harness.extractOutputValues()).toEqual([1]);
    expect(harness.getWatermarks()).toEqual([]);
    await harness.setProcessingTime(30_000);
    await harness.setProcessingTime(60_000);
    // A call that was made again has its full time.
    if (options.restartAfterEachStep) {
      answers = true;
      await harness.restart();
    }
    await harness.waitForOutput(2);
    expect(harness.getOutput()).toEqual([
      { value: 1, timestamp: 10 },
      { value: options.restartAfterEachStep ? 2 : -1, timestamp: 20 },
    ]);
    await harness.endInput();
    expect(harness.getWatermarks().at(-1)).toBe(Number.MAX_SAFE_INTEGER);
  });
});

test('a snapshot of one harness starts another one, with a changed program at another parallelism', async () => {
  await using first = await testOperator(totals, { parallelism: 2 });
  await first.processElement(bid('ann', 50));
  await first.processElement(bid('bob', 20));
  const snapshot = await first.snapshot();
  await first.processElement(bid('ann', 1000));
  const sum = new ValueStateDescriptor<number>('total');
  class Doubled extends KeyedProcessFunction<string, Bid, string> {
    override processElement(value: Bid, _context: unknown, out: Collector<string>): void {
      out.collect(`${value.bidder} ${2 * (this.getRuntimeContext().getState(sum).value() ?? 0)}`);
    }
  }
  await using second = await testOperator((bids: DataStream<Bid>) => bids.keyBy('bidder').process(new Doubled()), {
    parallelism: 3,
    restore: snapshot,
  });
  for (const name of ['ann', 'bob', 'cid']) await second.processElement(bid(name, 0));
  expect(second.extractOutputValues()).toEqual(['ann 100', 'bob 40', 'cid 0']);
});

test('under the names of Flink, for each member of the family', async () => {
  await using plain = await ProcessFunctionTestHarnesses.forProcessFunction({
    processElement(value: Bid, context, out: Collector<number>) {
      context.output(large, value);
      out.collect(value.price);
    },
  });
  await plain.processElement(bid('ann', 5), 10);
  expect([plain.getOutput(), plain.getSideOutput(large)]).toEqual([[{ value: 5, timestamp: 10 }], [bid('ann', 5)]]);

  await using keyed = await ProcessFunctionTestHarnesses.forKeyedProcessFunction(
    { processElement: (value: Bid, context, out: Collector<string>) => out.collect(`${context.getCurrentKey()} ${value.price}`) },
    (value: Bid) => value.bidder,
  );
  await keyed.processElements([bid('ann', 1), bid('bob', 2)]);
  expect(keyed.extractOutputValues()).toEqual(['ann 1', 'bob 2']);

  await using co = await ProcessFunctionTestHarnesses.forCoProcessFunction({
    processElement1: (value: number, _context, out: Collector<string>) => out.collect(`one ${value}`),
    processElement2: (value: string, _context, out: Collector<string>) => out.collect(`two ${value}`),
  });
  await co.processElement1(1);
  await co.processElement2('a');
  expect(co.extractOutputValues()).toEqual(['one 1', 'two a']);

  await using keyedCo = await ProcessFunctionTestHarnesses.forKeyedCoProcessFunction(
    {
      processElement1: (_value: number, context, out: Collector<string>) => out.collect(`one ${context.getCurrentKey()}`),
      processElement2: (_value: string, context, out: Collector<string>) => out.collect(`two ${context.getCurrentKey()}`),
    },
    (value: number) => value,
    (value: string) => value.length,
  );
  await keyedCo.processElement1(3);
  await keyedCo.processElement2('abc');
  expect(keyedCo.extractOutputValues()).toEqual(['one 3', 'two 3']);

  const words = new MapStateDescriptor<string, number>('words');
  class Known extends BroadcastProcessFunction<string, string, boolean> {
    override processElement(
      value: string,
      context: Parameters<BroadcastProcessFunction<string, string, boolean>['processElement']>[1],
    ): boolean[] {
      return [context.getBroadcastState(words).contains(value)];
    }
    override processBroadcastElement(
      value: string,
      context: Parameters<BroadcastProcessFunction<string, string, boolean>['processBroadcastElement']>[1],
    ): void {
      context.getBroadcastState(words).put(value, 1);
    }
  }
  await using broadcast = await ProcessFunctionTestHarnesses.forBroadcastProcessFunction(new Known(), words);
  await broadcast.processElement('a');
  await broadcast.processBroadcastElement('a');
  await broadcast.processElement('a');
  expect(broadcast.extractOutputValues()).toEqual([false, true]);
});

test('failures of the function come out of the call that made them, and a chain of steps is refused', async () => {
  await using harness = await testOperator((numbers: DataStream<number>) =>
    numbers.map((n) => {
      if (n === 2) throw new Error('two');
      return n;
    }),
  );
  await harness.processElement(1);
  await expect(harness.processElement(2)).rejects.toThrow('two');
  await expect(testOperator((numbers: DataStream<number>) => numbers.map((n) => n).filter((n) => n > 1))).rejects.toThrow(
    "drives one step; this makes 2: 'Map', 'Filter'",
  );
  await expect(testOperator(((_numbers: DataStream<number>) => 5) as never)).rejects.toThrow('a function from its input streams');
});
