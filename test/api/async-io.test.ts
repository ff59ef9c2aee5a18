/** Asynchronous I/O: order, capacity, timeouts, retries and batches, in Flink's words and in TypeScript's. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AsyncDataStream,
  AsyncRetryStrategies,
  type Collector,
  type ResultFuture,
  RetryPredicates,
  RichAsyncFunction,
  type StreamExecutionEnvironment,
  TimeUnit,
  WatermarkStrategy,
} from 'weir';
import { collect, failureOf, localEnvironment } from '../harness/local.ts';

/** Answers after so many turns of the event loop. */
async function after<T>(turns: number, value: T): Promise<T> {
  for (let i = 0; i < turns; i++) await new Promise(setImmediate);
  return value;
}

/** Numbers whose timestamp is their index, with a watermark behind those for which `marks` says so. */
function marked(env: StreamExecutionEnvironment, numbers: readonly number[], marks: readonly boolean[]) {
  return env
    .fromCollection(numbers.map((n, at) => ({ n, at })))
    .setParallelism(1)
    .assignTimestampsAndWatermarks(
      WatermarkStrategy.forGenerator<{ n: number; at: number }>(() => ({
        onEvent: ({ at }, _timestamp, output) => {
          if (marks[at]) output.emitWatermark(at);
        },
        onPeriodicEmit: () => {},
      })).withTimestampAssigner(({ at }) => at),
    )
    .setParallelism(1);
}

interface Seen {
  readonly n: number;
  readonly at: number;
  readonly watermark: number;
}

async function passed(
  delays: readonly number[],
  marks: readonly boolean[],
  order: 'ordered' | 'unordered',
  capacity: number,
): Promise<Seen[]> {
  const env = localEnvironment();
  let underWay = 0;
  const results = marked(env, delays, marks)
    .mapAsync(
      async ({ n }) => {
        expect(++underWay).toBeLessThanOrEqual(capacity);
        await after(n, undefined);
        underWay--;
        return n;
      },
      { order, capacity },
    )
    .process({
      processElement(n, context, out: Collector<Seen>) {
        out.collect({ n, at: context.timestamp() as number, watermark: context.timerService().currentWatermark() });
      },
    });
  return collect(results.executeAndCollect());
}

const inputs = fc.array(fc.record({ delay: fc.integer({ min: 0, max: 6 }), mark: fc.boolean() }), { minLength: 1, maxLength: 25 });

test('ordered: results leave in the order of the records, whatever the order of the answers', async () => {
  await fc.assert(
    fc.asyncProperty(inputs, fc.integer({ min: 1, max: 8 }), async (input, capacity) => {
      const seen = await passed(
        input.map(({ delay }) => delay),
        input.map(({ mark }) => mark),
        'ordered',
        capacity,
      );
      expect(seen.map(({ n, at }) => [n, at])).toEqual(input.map(({ delay }, index) => [delay, index]));
      for (const { at, watermark } of seen) expect(watermark).toBeLessThan(at);
    }),
    { numRuns: 12 },
  );
});

test('unordered: every result leaves once, in front of the watermark that followed its record and behind the one before', async () => {
  await fc.assert(
    fc.asyncProperty(inputs, fc.integer({ min: 1, max: 8 }), async (input, capacity) => {
      const marks = input.map(({ mark }) => mark);
      const seen = await passed(
        input.map(({ delay }) => delay),
        marks,
        'unordered',
        capacity,
      );
      expect(seen.map(({ at }) => at).sort((a, b) => a - b)).toEqual(input.map((_, index) => index));
      for (const { n, at, watermark } of seen) {
        expect(n).toBe(input[at]?.delay);
        const before = marks.slice(0, at).lastIndexOf(true);
        expect(watermark).toBe(before === -1 ? Number.MIN_SAFE_INTEGER : before);
      }
    }),
    { numRuns: 12 },
  );
});

test('unordered: an answer does not wait for those before it', async () => {
  const env = localEnvironment();
  const { promise: second, resolve } = Promise.withResolvers<void>();
  const results = env.fromElements(1, 2, 3).mapAsync(
    async (n) => {
      if (n === 1) await second;
      if (n === 2) resolve();
      return n;
    },
    { order: 'unordered' },
  );
  expect(await collect(results.executeAndCollect())).toEqual([2, 3, 1]);
});

test('a full operator takes nothing more, and the rest of the task goes on', async () => {
  const env = localEnvironment();
  const asked: number[] = [];
  const { promise: answer, resolve } = Promise.withResolvers<void>();
  const askedMeanwhile: number[] = [];
  const slow = env.fromCollection([1, 2, 3, 4]).mapAsync(
    async (n) => {
      asked.push(n);
      await answer;
      return n;
    },
    { capacity: 2 },
  );
  // Another task of the same thread, which lets the first one go on.
  const other = env.fromCollection(async function* () {
    while (asked.length < 2) await after(1, undefined);
    yield* await after(5, [0]);
  });
  other.addSink(() => {
    askedMeanwhile.push(...asked);
    resolve();
  });
  expect(await collect(slow.executeAndCollect())).toEqual([1, 2, 3, 4]);
  expect(askedMeanwhile).toEqual([1, 2]);
});

test('in the forms of Flink: classes, futures, promises, units of time', async () => {
  class Twice extends RichAsyncFunction<number, string> {
    #prefix = '';
    override async open(): Promise<void> {
      this.#prefix = await after(1, `${this.getRuntimeContext().getTaskInfo().getIndexOfThisSubtask()}:`);
    }
    override asyncInvoke(n: number, resultFuture: ResultFuture<string>): void {
      setImmediate(() => resultFuture.complete([`${this.#prefix}${n}`, `${this.#prefix}${n}`]));
    }
  }
  const env = localEnvironment();
  const numbers = env.fromElements(1, 2);
  const streams = [
    AsyncDataStream.orderedWait(numbers, new Twice(), 1000, TimeUnit.MILLISECONDS, 10),
    AsyncDataStream.unorderedWait(numbers, new Twice(), 1, TimeUnit.MINUTES),
    AsyncDataStream.orderedWait(numbers, async (n: number) => after(1, [`p${n}`]), '1min', 5),
    AsyncDataStream.orderedWait(numbers, (n, future: ResultFuture<string>) => future.complete(n === 1 ? [] : [`sync${n}`]), 0),
    numbers.flatMapAsync(async function* (n) {
      for (let i = 0; i < n; i++) yield await after(1, `g${n}`);
    }),
    numbers.flatMapAsync(async (n) => new Set([`s${n}`])),
    numbers.mapAsync({ open: async () => {}, mapAsync: async (n: number) => `o${n}` }),
  ];
  const results = streams.map((stream) => collect(stream.collectAsync()));
  await env.execute();
  expect(await Promise.all(results)).toEqual([
    ['0:1', '0:1', '0:2', '0:2'],
    ['0:1', '0:1', '0:2', '0:2'],
    ['p1', 'p2'],
    ['sync2'],
    ['g1', 'g2', 'g2'],
    ['s1', 's2'],
    ['o1', 'o2'],
  ]);
});

describe('a call that is not answered in time', () => {
  const never = (): Promise<never> => new Promise(() => {});

  test('fails the job with the name of the operator', async () => {
    const env = localEnvironment();
    const results = env.fromElements(1).mapAsync(never, { timeout: 1 }).name('lookup');
    expect(await failureOf(results.executeAndCollect(1))).toContain(
      "Operator 'lookup': an asynchronous call was not answered within 1 ms.",
    );
  });

  test('has its signal aborted, and can be replaced or left out', async () => {
    const env = localEnvironment();
    const reasons: string[] = [];
    const untilAborted = (_n: number, { signal }: { signal: AbortSignal }): Promise<string> =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reasons.push((signal.reason as Error).name);
          // Comes too late to count.
          reject(signal.reason as Error);
        });
      });
    const late = new (class extends RichAsyncFunction<number, string> {
      override asyncInvoke(): void {}
      timeout(n: number, resultFuture: ResultFuture<string>): void {
        resultFuture.complete([`timeout ${n}`]);
      }
    })();
    const numbers = env.fromElements(1, 2);
    const streams = [
      numbers.mapAsync(untilAborted, { timeout: 1, onTimeout: async (n) => `instead ${n}` }),
      numbers.mapAsync(untilAborted, { timeout: 1, onTimeout: 'skip' }),
      AsyncDataStream.orderedWait(numbers, late, 1),
      numbers.flatMapAsync(async (n) => (n === 1 ? never() : ['two']), { timeout: 1, onTimeout: () => ['one', 'uno'] }),
    ];
    const results = streams.map((stream) => collect(stream.collectAsync()));
    await env.execute();
    expect(await Promise.all(results)).toEqual([['instead 1', 'instead 2'], [], ['timeout 1', 'timeout 2'], ['one', 'uno', 'two']]);
    expect(reasons).toEqual(Array(4).fill('TimeoutError'));
  });

  test('is seen also while the operator is full', async () => {
    const env = localEnvironment();
    const results = env.fromElements(1, 2, 3).mapAsync(never, { timeout: 1, capacity: 1, onTimeout: (n: number) => -n as never });
    expect(await collect(results.executeAndCollect())).toEqual([-1, -2, -3]);
  });
});

describe('retries', () => {
  /** Fails so many times for each number. */
  function failing(times: number): { calls: Map<number, number>; call: (n: number) => Promise<number> } {
    const calls = new Map<number, number>();
    return {
      calls,
      call: async (n) => {
        const call = (calls.get(n) ?? 0) + 1;
        calls.set(n, call);
        if (call <= times) throw new Error(`failure ${call} of ${n}`);
        return n;
      },
    };
  }

  test('a failed call is made again, as often as the strategy allows', async () => {
    const env = localEnvironment();
    const { calls, call } = failing(3);
    const results = env.fromElements(1, 2, 3).mapAsync(call, { capacity: 2, retry: { attempts: 3, delay: 1, backoff: 2, maxDelay: 3 } });
    expect(await collect(results.executeAndCollect())).toEqual([1, 2, 3]);
    expect([...calls.values()]).toEqual([4, 4, 4]);
  });

  test('the last failure fails the job, and one that is not to be retried does at once', async () => {
    for (const [when, failure] of [
      [undefined, 'failure 3 of 1'],
      [(error: unknown) => !(error as Error).message.includes('failure 2'), 'failure 2 of 1'],
    ] as const) {
      const env = localEnvironment();
      const results = env
        .fromElements(1)
        .mapAsync(failing(9).call, { retry: { attempts: 2, ...(when ? { when } : {}) } })
        .name('lookup');
      expect(await failureOf(results.executeAndCollect(1))).toContain(`Operator 'lookup': an asynchronous call failed: ${failure}`);
    }
  });

  test('in the words of Flink: on results that are empty, until the attempts are used up', async () => {
    const env = localEnvironment();
    let calls = 0;
    const empty = (n: number, future: ResultFuture<number>): void => {
      calls++;
      future.complete(n === 2 ? [] : [n]);
    };
    const strategy = new AsyncRetryStrategies.FixedDelayRetryStrategyBuilder<Iterable<number>>(2, 1)
      .ifResult(RetryPredicates.EMPTY_RESULT_PREDICATE)
      .ifException(RetryPredicates.HAS_EXCEPTION_PREDICATE)
      .build();
    const results = AsyncDataStream.unorderedWaitWithRetry(env.fromElements(1, 2, 3), empty, 1000, TimeUnit.SECONDS, 10, strategy);
    expect((await collect(results.executeAndCollect())).sort()).toEqual([1, 3]);
    expect(calls).toBe(5);
    const exponential = new AsyncRetryStrategies.ExponentialBackoffDelayRetryStrategyBuilder(5, '10ms', '100ms', 3).build();
    expect([1, 2, 3, 4].map((attempt) => exponential.getBackoffTimeMillis(attempt))).toEqual([10, 30, 90, 100]);
    expect([exponential.canRetry(5), exponential.canRetry(6)]).toEqual([true, false]);
  });

  test('the timeout is for all attempts together', async () => {
    const env = localEnvironment();
    const results = env
      .fromElements(1)
      .mapAsync(failing(9).call, { timeout: 5, retry: { attempts: 1_000_000, delay: 1 }, onTimeout: () => -1 });
    expect(await collect(results.executeAndCollect())).toEqual([-1]);
  });
});

describe('batches', () => {
  test('records are asked for together, up to the size, and what is left at the end as well', async () => {
    const env = localEnvironment();
    const sizes: number[] = [];
    const results = env
      .fromSequence(1, 10)
      .setParallelism(1)
      .mapAsyncBatch(
        async (numbers) => {
          sizes.push(numbers.length);
          return numbers.map((n) => n * 2);
        },
        { size: 4, wait: '1h' },
      );
    expect(await collect(results.executeAndCollect())).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
    expect(sizes).toEqual([4, 4, 2]);
  });

  test('a batch that is not full goes when its first record has waited, or when nothing more is taken', async () => {
    for (const options of [
      { size: 100, wait: 1, capacity: 200 },
      { size: 100, wait: '1h', capacity: 2 },
    ] as const) {
      const env = localEnvironment();
      const { promise: first, resolve } = Promise.withResolvers<void>();
      const source = async function* () {
        yield 1;
        yield 2;
        // The source goes on when the first two have come back.
        await first;
        yield 3;
        yield 4;
      };
      const results = env.fromCollection(source).mapAsyncBatch(async (numbers: number[]) => {
        resolve();
        return numbers;
      }, options);
      expect(await collect(results.executeAndCollect())).toEqual([1, 2, 3, 4]);
    }
  });

  test('a failed batch is asked for again; an answer of the wrong length fails the job', async () => {
    const env = localEnvironment();
    let calls = 0;
    const call = async (numbers: number[]): Promise<number[]> => {
      if (++calls === 1) throw new Error('first call');
      return calls === 2 ? numbers : [];
    };
    const results = env.fromElements(1, 2).mapAsyncBatch(call, { size: 2, wait: 5, retry: { attempts: 1 } });
    expect(await collect(results.executeAndCollect())).toEqual([1, 2]);
    const wrong = env
      .fromElements(1, 2)
      .mapAsyncBatch(async () => [1], { size: 2 })
      .name('scores');
    expect(await failureOf(wrong.executeAndCollect(1))).toContain(
      "Operator 'scores': mapAsyncBatch() was given 2 records and answered with an array of 1.",
    );
  });
});

test('what cannot work is refused when the graph is built', () => {
  const numbers = localEnvironment().fromElements(1);
  const call = async (n: number): Promise<number> => n;
  expect(() => numbers.mapAsync(call, { capacity: 0 })).toThrow('capacity of 0');
  expect(() => numbers.mapAsync(call, { timeout: -1 })).toThrow('timeout of -1 ms');
  expect(() => numbers.mapAsync(call, { retry: { attempts: -1 } })).toThrow('-1 attempts');
  expect(() => numbers.mapAsyncBatch(async (all) => all, { size: 0.5 })).toThrow('size of 0.5');
  expect(() => numbers.mapAsync('lookup' as never)).toThrow('an object with a method mapAsync');
});

test('a call that throws, or that answers with something else than results, fails the job', async () => {
  const failure = (call: (n: number, future: ResultFuture<number>) => void): Promise<string> =>
    failureOf(AsyncDataStream.orderedWait(localEnvironment().fromElements(1), call, '1min').name('lookup').executeAndCollect(1));
  expect(
    await failure(() => {
      throw new Error('no connection');
    }),
  ).toContain("Operator 'lookup': an asynchronous call failed: no connection");
  expect(await failure((_, future) => future.completeExceptionally(new Error('refused')))).toContain(
    'an asynchronous call failed: refused',
  );
  expect(await failure((_, future) => future.complete(5 as never))).toContain(
    'resultFuture.complete() was given number instead of the results',
  );
});
