/** Side outputs declared in the literal of a process function: typed emitters in, named streams out. */
import { expect, test } from 'vitest';
import { type Collector, side, state } from 'weir';
import { collect, localEnvironment } from '../harness/local.ts';

const numbers = [1, 2, 3, 4, 5, 6];

test('of a function without a key; the main output stays what it is', async () => {
  const env = localEnvironment();
  const main = env
    .fromCollection([...numbers])
    .process({
      side: { even: side<number>(), words: side<string>() },
      processElement(n, context, out: Collector<number>) {
        if (n % 2 === 0) context.side.even(n);
        else out.collect(n);
        if (n > 4) context.side.words(`n${n}`);
      },
    })
    .name('split');
  const { even, words } = main.side;
  const results = [main.collectAsync(), even.collectAsync(), words.collectAsync()].map((records) => collect<unknown>(records));
  await env.execute();
  expect(await Promise.all(results)).toEqual([
    [1, 3, 5],
    [2, 4, 6],
    ['n5', 'n6'],
  ]);
});

test('of keyed functions with one and two inputs, from elements and timers, beside declared state', async () => {
  const env = localEnvironment();
  env.setParallelism(2);
  const one = env
    .fromCollection([...numbers])
    .keyBy((n) => n % 3)
    .process({
      state: { sum: state.value(() => 0) },
      side: { sums: side<[number, number]>() },
      processElement(n, context, _out: Collector<number>) {
        context.state.sum.update(context.state.sum.value() + n);
        context.timerService().registerEventTimeTimer(1);
      },
      onTimer(_at, context) {
        context.side.sums([context.getCurrentKey(), context.state.sum.value()]);
      },
    });
  const two = env
    .fromCollection([...numbers])
    .connect(env.fromElements('a', 'b'))
    .process({
      side: { all: side<string>() },
      processElement1: (n, context, _out: Collector<never>) => context.side.all(`${n}`),
      processElement2: (word, context) => context.side.all(word),
    });
  const results = [one.side.sums.collectAsync(), two.side.all.collectAsync()].map((records) => collect<unknown>(records));
  await env.execute();
  const [sums, all] = await Promise.all(results);
  expect((sums as [number, number][]).sort(([a], [b]) => a - b)).toEqual([
    [0, 9],
    [1, 5],
    [2, 7],
  ]);
  expect((all as string[]).sort()).toEqual(['1', '2', '3', '4', '5', '6', 'a', 'b']);
});
