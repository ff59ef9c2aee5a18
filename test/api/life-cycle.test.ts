/** Rich functions: what is called when, what they can ask, and what becomes of their errors. */
import { describe, expect, test } from 'vitest';
import {
  type Accumulator,
  AverageAccumulator,
  type Collector,
  DoubleMinimum,
  Histogram,
  IntCounter,
  LongMaximum,
  ParameterTool,
  RichFilterFunction,
  RichFlatMapFunction,
  RichMapFunction,
  RichSinkFunction,
  type RuntimeContext,
} from 'weir';
import { collect, failureOf, localEnvironment } from '../harness/local.ts';

const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));

test('open is over before the first record, close comes after the last, and both may wait', async () => {
  const calls: string[] = [];
  const traced = (name: string) => ({
    async open() {
      await later();
      calls.push(`${name} open`);
    },
    map(n: number) {
      calls.push(`${name} ${n}`);
      return n;
    },
    async close() {
      await later();
      calls.push(`${name} close`);
    },
  });
  const env = localEnvironment();
  env
    .fromElements(1, 2)
    .map(traced('a'))
    .map(traced('b'))
    .addSink({
      open: () => void calls.push('sink open'),
      async invoke(n) {
        await later();
        calls.push(`sink ${n}`);
      },
      finish: () => void calls.push('sink finish'),
      close: () => void calls.push('sink close'),
    });
  await env.execute();
  const opens = calls.slice(0, 3);
  expect(opens.sort()).toEqual(['a open', 'b open', 'sink open']);
  expect(calls.slice(3, 9)).toEqual(['a 1', 'b 1', 'sink 1', 'a 2', 'b 2', 'sink 2']);
  expect(calls.indexOf('sink finish')).toBeGreaterThan(calls.indexOf('sink 2'));
  expect(calls.slice(-3).sort()).toEqual(['a close', 'b close', 'sink close']);
});

test('close comes also after a failure and after a cancellation, and a failure of open names its step', async () => {
  const closed: string[] = [];
  const env = localEnvironment();
  env
    .fromElements(1)
    .map({
      map: () => {
        throw new RangeError('not that one');
      },
      close: () => void closed.push('failed'),
    })
    .print();
  await expect(env.execute()).rejects.toThrow('Job execution failed');
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  env
    .fromSequence(1, 1e12)
    .filter({ open: () => open(), filter: () => false, close: () => void closed.push('cancelled') })
    .print();
  const client = await env.executeAsync();
  await opened;
  await client.cancel();
  await expect(client.getJobExecutionResult()).rejects.toThrow('cancelled');
  expect(closed).toEqual(['failed', 'cancelled']);

  env
    .fromElements(1)
    .map({
      async open() {
        await later();
        throw new Error('no connection');
      },
      map: (n: number) => n,
    })
    .name('connects')
    .print();
  const failure = await failureOf(env.execute());
  expect(failure).toMatch(/connects[\s\S]*no connection/);
});

test('rich classes know where they run', async () => {
  class Where extends RichMapFunction<number, string> {
    map(): string {
      const context = this.getRuntimeContext();
      const task = context.getTaskInfo();
      return [
        context.getJobInfo().getJobName(),
        task.getNumberOfParallelSubtasks(),
        task.getMaxNumberOfParallelSubtasks(),
        task.getIndexOfThisSubtask(),
        task.getAttemptNumber(),
        task.getTaskNameWithSubtasks(),
        context.getGlobalJobParameters()['city'],
        context.operatorName,
      ].join(' | ');
    }
  }
  const env = localEnvironment();
  env.setGlobalJobParameters(ParameterTool.fromArgs(['--city', "L'Aquila, AQ"]));
  const rows = await collect(env.fromElements(1).map(new Where()).name('where').setMaxParallelism(64).executeAndCollect('a job'));
  expect(rows).toEqual(["a job | 1 | 64 | 0 | 0 | where (1/1) | L'Aquila, AQ | where"]);
  expect(() => new Where().map()).toThrow('The runtime context has not been initialized');
});

test('every rich class works where its function does', async () => {
  class Odd extends RichFilterFunction<number> {
    filter(n: number): boolean {
      return n % 2 === 1;
    }
  }
  class Twice extends RichFlatMapFunction<number, number> {
    flatMap(n: number, out: Collector<number>): void {
      out.collect(n);
      out.collect(n);
    }
  }
  const written: number[] = [];
  class Keep extends RichSinkFunction<number> {
    invoke(n: number): void {
      written.push(n);
    }
  }
  const env = localEnvironment();
  env.fromSequence(1, 5).filter(new Odd()).flatMap(new Twice()).addSink(new Keep());
  await env.execute();
  expect(written).toEqual([1, 1, 3, 3, 5, 5]);
});

describe('accumulators', () => {
  test('are summed over subtasks and come with the result', async () => {
    const env = localEnvironment();
    env.setParallelism(3);
    const counting = (): { open(context: RuntimeContext): void; filter(n: number): boolean } => {
      const own = {
        average: new AverageAccumulator(),
        least: new DoubleMinimum(),
        most: new LongMaximum(),
        histogram: new Histogram(),
        never: new LongMaximum(),
      };
      let context: RuntimeContext;
      return {
        open(given) {
          context = given;
          for (const [name, accumulator] of Object.entries(own)) given.addAccumulator(name, accumulator as Accumulator<number, unknown>);
        },
        filter(n) {
          context.getIntCounter('count').add(1);
          context.getLongCounter('sum').add(n);
          context.getDoubleCounter('halves').add(n / 2);
          own.average.add(n);
          own.least.add(n);
          own.most.add(n);
          own.histogram.add(n % 3);
          return false;
        },
      };
    };
    const result = await (async () => {
      env.fromSequence(1, 100).setParallelism(1).filter(counting()).setParallelism(1).print();
      return env.execute();
    })();
    expect(result.accumulators).toEqual({
      count: 100,
      sum: 5050,
      halves: 2525,
      average: 50.5,
      least: 1,
      most: 100,
      never: 0,
      histogram: new Map([
        [0, 33],
        [1, 34],
        [2, 33],
      ]),
    });
    env
      .fromSequence(1, 300)
      .filter({
        open: (context) => context.getIntCounter('subtasks').add(1),
        filter: () => false,
      })
      .print();
    const parallel = await env.execute();
    expect(parallel.accumulators['subtasks']).toBe(3);
  });

  test('of an own type, or of one name twice, are refused', async () => {
    const env = localEnvironment();
    const mine = { type: 'Mine', add: () => {}, getLocalValue: () => 0, resetLocal: () => {}, toJson: () => 0 };
    env
      .fromElements(1)
      .map({ open: (context: RuntimeContext) => context.addAccumulator('mine', mine), map: (n: number) => n })
      .print();
    const failure = await failureOf(env.execute());
    expect(failure).toContain("'mine' of type 'Mine'");

    const twice = (context: RuntimeContext): void => {
      context.addAccumulator('twice', new IntCounter());
      context.addAccumulator('twice', new IntCounter());
    };
    env
      .fromElements(1)
      .map({ open: twice, map: (n: number) => n })
      .print();
    const second = await failureOf(env.execute());
    expect(second).toContain("'twice' already exists");
  });
});
