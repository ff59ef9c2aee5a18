/** Keyed process functions: state of each kind, timers in both time domains, side outputs, as literals and as classes. */
import { describe, expect, test } from 'vitest';
import {
  AggregatingStateDescriptor,
  type Collector,
  KeyedProcessFunction,
  ListStateDescriptor,
  MapStateDescriptor,
  OutputTag,
  ReducingStateDescriptor,
  StateTtlConfig,
  type StreamExecutionEnvironment,
  state,
  Time,
  type ValueState,
  ValueStateDescriptor,
  WatermarkStrategy,
} from 'weir';
import { collect, failureOf, localEnvironment } from '../harness/local.ts';

interface Reading {
  readonly id: string;
  readonly at: number;
  readonly value: number;
}

const readings: readonly Reading[] = [
  { id: 'a', at: 1000, value: 1 },
  { id: 'b', at: 1500, value: 10 },
  { id: 'a', at: 3000, value: 2 },
  { id: 'a', at: 2000, value: 3 },
  { id: 'b', at: 9000, value: 20 },
];

function timed(env: StreamExecutionEnvironment, records: readonly Reading[] = readings, disorder: number | `${number}s` = 0) {
  return env
    .fromCollection([...records])
    .assignTimestampsAndWatermarks(WatermarkStrategy.forBoundedOutOfOrderness<Reading>(disorder).withTimestampAssigner((r) => r.at))
    .setParallelism(1)
    .keyBy('id');
}

test('state of every kind belongs to its key, is empty at first, and can be cleared', async () => {
  const env = localEnvironment();
  env.setParallelism(2);
  const results = timed(env).process({
    state: {
      count: state.value(() => 0),
      last: state.value<Reading>(),
      all: state.list<number>(),
      byTime: state.map<number, number>(),
      sum: state.reducing<number>((a, b) => a + b),
      mean: state.aggregating<number, { n: number; sum: number }, number>({
        createAccumulator: () => ({ n: 0, sum: 0 }),
        add: (value, { n, sum }) => ({ n: n + 1, sum: sum + value }),
        getResult: ({ n, sum }) => sum / n,
      }),
    },
    processElement(reading, { state: s, getCurrentKey }, out: Collector<unknown[]>) {
      const before = [s.count.value(), s.last.value(), [...s.all.get()], s.byTime.isEmpty(), s.sum.get(), s.mean.get()];
      if (s.count.value() === 0) expect(before).toEqual([0, null, [], true, null, null]);
      s.count.update(s.count.value() + 1);
      s.last.update(reading);
      s.all.add(reading.value);
      s.byTime.put(reading.at, reading.value);
      s.sum.add(reading.value);
      s.mean.add(reading.value);
      void getCurrentKey;
      out.collect([reading.id, s.count.value(), s.last.value()?.at, [...s.all.get()], [...s.byTime.keys()], s.sum.get(), s.mean.get()]);
      if (s.count.value() === 2) for (const handle of Object.values(s)) handle.clear();
    },
  });
  const rows = await collect(results.executeAndCollect());
  expect(rows.filter(([id]) => id === 'a')).toEqual([
    ['a', 1, 1000, [1], [1000], 1, 1],
    ['a', 2, 3000, [1, 2], [1000, 3000], 3, 1.5],
    ['a', 1, 2000, [3], [2000], 3, 3],
  ]);
  expect(rows.filter(([id]) => id === 'b')).toEqual([
    ['b', 1, 1500, [10], [1500], 10, 10],
    ['b', 2, 9000, [10, 20], [1500, 9000], 30, 15],
  ]);
});

test('a class keeps its handles from open, and its lists and maps have all of their methods', async () => {
  class Everything extends KeyedProcessFunction<string, Reading, unknown> {
    #value!: ValueState<number>;
    override open(): void {
      this.#value = this.getRuntimeContext().getState(new ValueStateDescriptor<number>('value', undefined, () => 100));
    }
    processElement(reading: Reading, _context: unknown, out: Collector<unknown>): void {
      const context = this.getRuntimeContext();
      const list = context.getListState(new ListStateDescriptor<string>('list'));
      const map = context.getMapState(new MapStateDescriptor<string, number>('map'));
      const most = context.getReducingState(new ReducingStateDescriptor<number>('most', Math.max));
      const text = context.getAggregatingState(
        new AggregatingStateDescriptor('text', {
          createAccumulator: () => '',
          add: (v: number, t: string) => t + v,
          getResult: (t: string) => t.length,
        }),
      );
      this.#value.update((this.#value.value() ?? 0) + reading.value);
      list.update(['x']);
      list.addAll(['y', 'z']);
      map.putAll([
        ['p', 1],
        ['q', 2],
      ]);
      map.remove('p');
      most.add(reading.value);
      text.add(reading.value);
      out.collect([
        this.#value.value(),
        [...list.get()],
        [...map.entries()],
        [...map.values()],
        [...map],
        [map.contains('p'), map.contains('q'), map.isEmpty()],
        most.get(),
        text.get(),
      ]);
    }
  }
  const env = localEnvironment();
  const rows = await collect(timed(env, readings.slice(0, 1)).process(new Everything()).executeAndCollect());
  expect(rows).toEqual([[101, ['x', 'y', 'z'], [['q', 2]], [2], [['q', 2]], [false, true, false], 1, 1]]);
});

test('a default is made anew for each key', async () => {
  const env = localEnvironment();
  const rows = await collect(
    timed(env)
      .process({
        state: { seen: state.value<number[]>(() => []) },
        processElement(reading, { state: { seen } }, out: Collector<[string, number[]]>) {
          seen.update([...seen.value(), reading.value]);
          out.collect([reading.id, seen.value()]);
        },
      })
      .executeAndCollect(),
  );
  expect(rows.at(-1)).toEqual(['b', [10, 20]]);
});

describe('event-time timers', () => {
  test('fire with their key when the watermark passes them, in the order of time, and what is left fires at the end', async () => {
    const env = localEnvironment();
    const rows = await collect(
      timed(env)
        .process({
          processElement({ at, id }, context, out: Collector<string>) {
            context.timerService().registerEventTimeTimer(at + 500);
            context.timerService().registerEventTimeTimer(at + 500);
            if (id === 'b') context.timerService().registerEventTimeTimer(5000);
            if (at === 9000) context.timerService().deleteEventTimeTimer(5000);
            out.collect(`element ${id} ${context.timestamp()}`);
          },
          onTimer(timestamp, context, out) {
            out.collect(`timer ${context.getCurrentKey()} ${timestamp} ${context.timeDomain()} ${context.timestamp()}`);
          },
        })
        .executeAndCollect(),
    );
    const timers = rows.filter((row) => row.startsWith('timer'));
    expect([...timers].sort()).toEqual(
      ['a 1500', 'a 2500', 'a 3500', 'b 2000', 'b 9500'].map((text) => `timer ${text} EVENT_TIME ${text.split(' ')[1]}`).sort(),
    );
    const times = timers.map((row) => Number(row.split(' ')[2]));
    expect(times).toEqual([...times].sort((x, y) => x - y));
  });

  test('a timer that a timer registers for the past fires at once, for the future later', async () => {
    const env = localEnvironment();
    const rows = await collect(
      timed(env, readings.slice(0, 1))
        .process({
          processElement({ at }, context, _out: Collector<number>) {
            context.timerService().registerEventTimeTimer(at);
          },
          onTimer(timestamp, context, out) {
            out.collect(timestamp);
            if (timestamp === 1000) for (const next of [10, 2000]) context.timerService().registerEventTimeTimer(next);
          },
        })
        .executeAndCollect(),
    );
    expect(rows).toEqual([1000, 10, 2000]);
  });

  test('the watermark is the smallest of all inputs', async () => {
    const env = localEnvironment();
    const late = env
      .fromElements({ id: 'a', at: 1, value: 0 })
      .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<Reading>().withTimestampAssigner((r) => r.at));
    const early = env
      .fromElements({ id: 'a', at: 1_000_000, value: 1 })
      .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<Reading>().withTimestampAssigner((r) => r.at));
    const rows = await collect(
      late
        .union(early)
        .keyBy('id')
        .process({
          processElement(_reading, context, out: Collector<boolean>) {
            out.collect(context.timerService().currentWatermark() < 1);
          },
        })
        .executeAndCollect(),
    );
    expect(rows).toEqual([true, true]);
  });
});

test('processing-time timers fire by the clock, also when no record comes any more', async () => {
  const env = localEnvironment();
  const endless = env.fromCollection(async function* ({ signal }) {
    yield { id: 'a', at: 0, value: 1 };
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  });
  const fired = endless.keyBy('id').process({
    processElement(_reading, context, _out: Collector<string>) {
      const now = context.timerService().currentProcessingTime();
      context.timerService().registerProcessingTimeTimer(now + 5);
      context.timerService().registerProcessingTimeTimer(now + 10);
      context.timerService().registerProcessingTimeTimer(now + 20);
      context.timerService().deleteProcessingTimeTimer(now + 10);
    },
    onTimer(_timestamp, context, out) {
      out.collect(`${context.getCurrentKey()} ${context.timeDomain()}`);
    },
  });
  expect(await fired.executeAndCollect(2)).toEqual(['a PROCESSING_TIME', 'a PROCESSING_TIME']);
});

test('side outputs carry what is sent to them, from elements and timers, and from steps without keys', async () => {
  const env = localEnvironment();
  env.setParallelism(2);
  const big = new OutputTag<number>('big');
  const fired = { id: 'fired' };
  const main = timed(env).process({
    processElement(reading, context, out: Collector<string>) {
      if (reading.value >= 10) context.output(big, reading.value);
      else out.collect(reading.id);
      context.timerService().registerEventTimeTimer(0);
    },
    onTimer(_timestamp, context) {
      context.output(fired, context.getCurrentKey());
    },
  });
  const odd = new OutputTag<number>('odd');
  const evens = env.fromSequence(1, 5).process({
    processElement(n, context, out: Collector<number>) {
      if (n % 2 === 1) context.output(odd, n);
      else out.collect(n);
    },
  });
  const all = main
    .map((id) => `main ${id}`)
    .union(
      main.getSideOutput(big).map((n) => `big ${n}`),
      main.getSideOutput(fired).map((key) => `fired ${String(key)}`),
      evens.map((n) => `even ${n}`),
      evens.getSideOutput(odd).map((n) => `odd ${n}`),
    );
  expect((await collect(all.executeAndCollect())).sort()).toEqual(
    ['main a', 'main a', 'main a', 'big 10', 'big 20', 'even 2', 'even 4', 'fired a', 'fired b', 'odd 1', 'odd 3', 'odd 5'].sort(),
  );
});

test.each([
  [
    'keyed state on a stream without keys',
    (env: StreamExecutionEnvironment) =>
      env.fromElements(1).map({ open: (c) => void c.getState({ kind: 'value', name: 'x' }), map: (n: number) => n }),
    /keyed stream/,
  ],
  [
    'timers on a stream without keys',
    (env: StreamExecutionEnvironment) =>
      env.fromElements(1).process({ processElement: (_n, c) => c.timerService().registerEventTimeTimer(1) }),
    /keyed/,
  ],
  [
    'a key that cannot be one',
    (env: StreamExecutionEnvironment) =>
      env
        .fromElements({ n: Number.NaN })
        .keyBy('n')
        .reduce((a) => a),
    /key is NaN/,
  ],
  [
    'an undefined key',
    (env: StreamExecutionEnvironment) =>
      env
        .fromElements({ n: 1 })
        .keyBy((r) => (r as { m?: number }).m as number)
        .reduce((a) => a),
    /key is undefined/,
  ],
  [
    'a class in state',
    (env: StreamExecutionEnvironment) =>
      env
        .fromElements(1)
        .keyBy((n) => n)
        .process({ state: { x: state.value<unknown>() }, processElement: (_n, c) => c.state.x.update(new URL('http://x')) }),
    /URL/,
  ],
])('fails with its place: %s', async (_what, build, says) => {
  const env = localEnvironment();
  build(env).name('the culprit').print();
  const failure = await failureOf(env.execute());
  expect(failure).toMatch(says);
  expect(failure).toContain('the culprit');
});

test('state with a time to live, in a literal and in a class', async () => {
  const env = localEnvironment();
  const limited = new ValueStateDescriptor<number>('limited');
  limited.enableTimeToLive(StateTtlConfig.newBuilder(Time.hours(1)).updateTtlOnReadAndWrite().neverReturnExpired().build());
  class Counting extends KeyedProcessFunction<string, Reading, string> {
    override processElement(reading: Reading, _context: unknown, out: Collector<string>): void {
      const count = this.getRuntimeContext().getState(limited);
      count.update((count.value() ?? 0) + 1);
      out.collect(`${reading.id} ${count.value()}`);
    }
  }
  const literal = timed(env).process({
    state: { short: state.value(() => 7).withTtl('1h'), long: state.list<number>().withTtl({ ttl: '1h', cleanupIncrementally: 2 }) },
    processElement(reading, context, out: Collector<string>) {
      const { short, long } = context.state;
      short.update(short.value() + 1);
      long.add(reading.value);
      out.collect(`${reading.id} ${short.value()} ${[...long.get()].length}`);
    },
  });
  const [classes, literals] = await Promise.all([
    collect(timed(env).process(new Counting()).collectAsync()),
    collect(literal.collectAsync()),
    env.execute(),
  ]);
  expect(classes.sort()).toEqual(['a 1', 'a 2', 'a 3', 'b 1', 'b 2']);
  expect(literals.sort()).toEqual(['a 10 3', 'a 8 1', 'a 9 2', 'b 8 1', 'b 9 2']);
});
