/** Two streams that share one operator: co-functions, keyed state seen from both sides, and the watermark of both. */
import { expect, test } from 'vitest';
import {
  type Collector,
  CoProcessFunction,
  KeyedCoProcessFunction,
  OutputTag,
  RichCoFlatMapFunction,
  RichCoMapFunction,
  type RuntimeContext,
  state,
  ValueStateDescriptor,
  WatermarkStrategy,
} from 'weir';
import { collect, failureOf, localEnvironment } from '../harness/local.ts';

test('co-map and co-flat-map, as literals and as classes', async () => {
  const env = localEnvironment();
  env.setParallelism(2);
  const connected = env.fromElements(1, 2).connect(env.fromElements('x', 'yy'));
  class Lengths extends RichCoMapFunction<number, string, string> {
    map1 = (n: number): string => `number ${n} of ${this.getRuntimeContext().getNumberOfParallelSubtasks()}`;
    map2 = (text: string): string => `length ${text.length}`;
  }
  class Both extends RichCoFlatMapFunction<number, string, string> {
    *flatMap1(n: number): Iterable<string> {
      for (let i = 0; i < n; i++) yield `times ${n}`;
    }
    flatMap2(text: string, out: Collector<string>): void {
      for (const letter of text) out.collect(`letter ${letter}`);
    }
  }
  const all = connected
    .map({ map1: (n) => `first ${n}`, map2: (text) => `second ${text}` })
    .union(
      connected.map(new Lengths()).setParallelism(1),
      connected.flatMap(new Both()).setParallelism(1),
      connected.flatMap({ flatMap1: (n) => [`array ${n}`], flatMap2: () => [] }),
    );
  const expected = [
    'first 1',
    'first 2',
    'second x',
    'second yy',
    'number 1 of 1',
    'number 2 of 1',
    'length 1',
    'length 2',
    'times 1',
    'times 2',
    'times 2',
  ];
  expect((await collect(all.executeAndCollect())).sort()).toEqual(
    [...expected, 'letter x', 'letter y', 'letter y', 'array 1', 'array 2'].sort(),
  );
});

test('keyed by field, index or function, both sides see one state', async () => {
  const env = localEnvironment();
  env.setParallelism(3);
  const orders = env.fromCollection(Array.from({ length: 30 }, (_, i) => ({ id: `o${i}`, amount: i })));
  const payments = env.fromCollection(Array.from({ length: 30 }, (_, i): [string, number] => [`o${29 - i}`, 100]));
  const matched = orders
    .connect(payments)
    .keyBy('id', 0)
    .process({
      state: { amount: state.value<number>(), paid: state.value<number>() },
      processElement1({ amount }, context, out: Collector<string>) {
        const paid = context.state.paid.value();
        if (paid === null) context.state.amount.update(amount);
        else out.collect(`${context.getCurrentKey()} ${amount} ${paid}`);
      },
      processElement2([, paid], context, out) {
        const amount = context.state.amount.value();
        if (amount === null) context.state.paid.update(paid);
        else out.collect(`${context.getCurrentKey()} ${amount} ${paid}`);
      },
    });
  expect((await collect(matched.executeAndCollect())).sort()).toEqual(Array.from({ length: 30 }, (_, i) => `o${i} ${i} 100`).sort());
});

test('timers and side outputs, with the watermark of the slower side', async () => {
  const env = localEnvironment();
  const at = (...times: number[]) =>
    env
      .fromCollection(times.map((time) => ({ key: 'k', time })))
      .assignTimestampsAndWatermarks(
        WatermarkStrategy.forMonotonousTimestamps<{ key: string; time: number }>().withTimestampAssigner((r) => r.time),
      );
  const seen = new OutputTag<string>('seen');
  class Watching extends KeyedCoProcessFunction<string, { key: string; time: number }, { key: string; time: number }, string> {
    processElement1(
      value: { time: number },
      context: Parameters<KeyedCoProcessFunction<string, unknown, unknown, string>['processElement1']>[1],
    ): void {
      context.timerService().registerEventTimeTimer(value.time);
      context.output(seen, `first ${value.time}`);
    }
    processElement2(
      value: { time: number },
      context: Parameters<KeyedCoProcessFunction<string, unknown, unknown, string>['processElement2']>[1],
    ): void {
      context.output(seen, `second ${value.time}`);
    }
    override onTimer(
      timestamp: number,
      context: Parameters<NonNullable<KeyedCoProcessFunction<string, unknown, unknown, string>['onTimer']>>[1],
      out: Collector<string>,
    ): void {
      out.collect(`timer ${context.getCurrentKey()} ${timestamp}`);
    }
  }
  const main = at(10, 20)
    .connect(at(5, 15, 40))
    .keyBy(
      (r) => r.key,
      (r) => r.key,
    )
    .process(new Watching());
  const rows = await collect(main.union(main.getSideOutput(seen)).executeAndCollect());
  expect([...rows].sort()).toEqual(['first 10', 'first 20', 'second 15', 'second 40', 'second 5', 'timer k 10', 'timer k 20']);
  expect(rows.filter((row) => row.startsWith('timer'))).toEqual(['timer k 10', 'timer k 20']);
});

test('without keys there is no state, and the error says so', async () => {
  const env = localEnvironment();
  const connected = env.fromElements(1).connect(env.fromElements('x'));
  const declared = { state: { x: state.value<number>() }, processElement1: () => {}, processElement2: () => {} };
  expect(() => connected.process(declared)).toThrow(/keyed state[\s\S]*Call keyBy/);
  expect(() => connected.process({ processElement1: () => {}, processElement2: () => {}, onTimer: () => {} })).toThrow(
    /timers \(onTimer\)/,
  );
  class Opening extends CoProcessFunction<number, string, never> {
    override open(context: RuntimeContext): void {
      context.getState(new ValueStateDescriptor('x'));
    }
    override processElement1(): void {}
    override processElement2(): void {}
  }
  connected.process(new Opening()).print();
  expect(await failureOf(env.execute())).toMatch(/Co-Process[\s\S]*keyed/);
});
