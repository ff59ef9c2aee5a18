/** Bad use is refused early and explained: when the graph is built where that can be, else at the first record, with the operator's name. */
import { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import {
  type Collector,
  type DataStream,
  OutputTag,
  type ProcessContext,
  ProcessFunction,
  type SingleOutputStreamOperator,
  state,
} from 'weir';
import { failureOf, localEnvironment } from '../harness/local.ts';

/** How a job over the numbers 1 and 2 fails. */
function failure(build: (numbers: DataStream<number>) => unknown): Promise<string> {
  return failureOf((build(localEnvironment().fromElements(1, 2)) as DataStream<number>).executeAndCollect(100));
}
const promised = (): never => Promise.resolve(1) as never;
const named = (stream: unknown): DataStream<unknown> => (stream as SingleOutputStreamOperator<unknown>).name('the step');

describe('a promise where a value is due', () => {
  test.each<[string, (numbers: DataStream<number>) => unknown]>([
    ['map', (n) => n.map(promised)],
    ['filter', (n) => n.filter(promised)],
    ['flatMap', (n) => n.flatMap(promised)],
    ['reduce', (n) => n.keyBy(() => 1).reduce(promised)],
    ['processElement', (n) => n.process({ processElement: promised })],
    ['processElement of a keyed function', (n) => n.keyBy(() => 1).process({ processElement: promised })],
    [
      'onTimer',
      (n) =>
        n
          .keyBy(() => 1)
          .process({
            state: { seen: state.value(() => 0) },
            processElement: (_n, context, _out: Collector<number>) => context.timerService().registerEventTimeTimer(1),
            onTimer: promised,
          }),
    ],
    ['flatMap1', (n) => n.connect(n).flatMap({ flatMap1: promised, flatMap2: promised })],
    ['map1', (n) => n.connect(n).map({ map1: promised, map2: promised })],
  ])('from %s', async (_, build) => {
    expect(await failure((numbers) => named(build(numbers)))).toMatch(/Operator 'the step'[\s\S]*promise[\s\S]*asynchronous I\/O/i);
  });

  test('from an async function, when the graph is built', () => {
    const numbers = localEnvironment().fromElements(1);
    const wrong = async (): Promise<never> => undefined as never;
    for (const build of [
      () => numbers.map(wrong as never),
      () => numbers.flatMap(wrong as never),
      () => numbers.filter(wrong as never),
      () => numbers.keyBy(wrong as never),
      () => numbers.process({ processElement: wrong as never }),
      () => numbers.keyBy(() => 1).process({ processElement: wrong as never }),
      () => numbers.connect(numbers).process({ processElement1: wrong as never, processElement2: () => {} }),
      () =>
        numbers
          .connect(numbers.broadcast({ s: state.map() }))
          .process({ processElement: wrong as never, processBroadcastElement: () => {} }),
    ])
      expect(build).toThrow('async function');
  });
});

describe('what cannot be a key', () => {
  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;
  test.each<[string, unknown, RegExp]>([
    ['undefined', undefined, /undefined/],
    ['NaN', Number.NaN, /NaN/],
    ['an object that holds itself', cyclic, /itself|cycl/i],
    ['a symbol', Symbol('k'), /symbol/i],
    ['a function', () => 1, /\(\) => 1/],
    ['NaN within an array', ['a', Number.NaN], /NaN/],
  ])('%s, told with the operator and the record', async (_, key, reason) => {
    for (const parallelism of [1, 2]) {
      const env = localEnvironment();
      env.setParallelism(parallelism);
      const message = await failureOf(
        env
          .fromElements({ id: 7 })
          .keyBy((() => key) as never)
          .process({
            state: { n: state.value(() => 0) },
            processElement: (_r, context, _out: Collector<never>) => void context.state.n.value(),
          })
          .name('the step')
          .executeAndCollect(1),
      );
      expect(message).toMatch(/Operator '/);
      expect(message).toMatch(reason);
      expect(message).toContain('{"id":7}');
    }
  });
});

test('timers, state and the key without keys', async () => {
  const late = new OutputTag<number>('late');
  const asking = (ask: (context: ProcessContext) => void): ProcessFunction<number, number> =>
    new (class extends ProcessFunction<number, number> {
      override processElement(_n: number, context: ProcessContext): void {
        context.output(late, 1);
        ask(context);
      }
    })();
  for (const [ask, what] of [
    [(context: ProcessContext) => context.timerService().registerEventTimeTimer(1), 'Setting timers'],
    [(context: ProcessContext) => context.timerService().registerProcessingTimeTimer(1), 'Setting timers'],
    [(context: ProcessContext) => void context.getCurrentKey(), 'getCurrentKey()'],
  ] as const)
    expect(await failure((numbers) => named(numbers.process(asking(ask))))).toContain(
      `Operator 'the step': ${what} is only supported on keyed streams.`,
    );
});

describe('a record that no codec can carry', () => {
  class Money {
    readonly cents = 5;
  }
  test.each<[string, () => unknown, string]>([
    ['a function', () => ({ order: { total: () => 5 } }), '.order.total'],
    ['a symbol', () => ({ order: [Symbol('x')] }), '.order[0]'],
    ['a socket', () => ({ customer: { socket: new Socket() } }), '.customer.socket'],
    ['an instance of a class', () => ({ price: new Money() }), '.price'],
    ['a promise', () => ({ later: Promise.resolve(1) }), '.later'],
  ])('%s is told with the operator and the path', async (_, make, path) => {
    const message = await failure((numbers) =>
      named(numbers.map(make))
        .rebalance()
        .map((value) => value),
    );
    expect(message).toContain("'the step'");
    expect(message).toContain(path);
  });
});
