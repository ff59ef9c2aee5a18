/** Which subtask gets which record: each subtask has a sink writer of its own, which notes what arrives. */
import { describe, expect, test } from 'vitest';
import type { DataStream, Sink, StreamExecutionEnvironment } from 'weir';
import { keyGroupOf, operatorIndexForKeyGroup } from '../../src/types/key-groups.ts';
import { hashKey } from '../../src/types/key-hash.ts';
import { failureOf, localEnvironment } from '../harness/local.ts';

/** Records by the subtask that they arrived at. */
async function arrivals<T>(parallelism: number, build: (env: StreamExecutionEnvironment) => DataStream<T>): Promise<T[][]> {
  const env = localEnvironment();
  const arrived: T[][] = Array.from({ length: parallelism }, () => []);
  const sink: Sink<T> = {
    createWriter: ({ subtaskIndex }) => ({ write: (value) => void arrived[subtaskIndex]?.push(value), flush: () => {} }),
  };
  build(env).sinkTo(sink).setParallelism(parallelism);
  await env.execute();
  return arrived;
}

const numbers = (env: StreamExecutionEnvironment, count: number, parallelism = 1): DataStream<number> =>
  env.fromSequence(1, count).setParallelism(parallelism);
const sizes = (arrived: unknown[][]): number[] => arrived.map(({ length }) => length);

describe('every way to partition', () => {
  test('rebalance deals out in turn', async () => {
    const arrived = await arrivals(3, (env) => numbers(env, 30).rebalance());
    expect(sizes(arrived)).toEqual([10, 10, 10]);
    for (const own of arrived) expect(new Set(own.map((n, i) => n - own[0]! - 3 * i))).toEqual(new Set([0]));
  });

  test('shuffle gives each a share', async () => {
    const arrived = await arrivals(3, (env) => numbers(env, 3000).shuffle());
    expect(arrived.flat()).toHaveLength(3000);
    for (const own of arrived) expect(own.length).toBeGreaterThan(800);
  });

  test('rescale stays within groups: two producers feed two consumers each', async () => {
    // The source's ranges are 1 to 10 and 11 to 20.
    const arrived = await arrivals(4, (env) => numbers(env, 20, 2).rescale());
    expect(sizes(arrived)).toEqual([5, 5, 5, 5]);
    for (const group of [arrived.slice(0, 2), arrived.slice(2)]) expect(new Set(group.flat().map((n) => n > 10)).size).toBe(1);
    const fewer = await arrivals(2, (env) => numbers(env, 40, 4).rescale());
    expect(sizes(fewer)).toEqual([20, 20]);
  });

  test('global sends all to the first, broadcast to each', async () => {
    expect(sizes(await arrivals(3, (env) => numbers(env, 12).global()))).toEqual([12, 0, 0]);
    const everywhere = await arrivals(3, (env) => numbers(env, 12).broadcast());
    for (const own of everywhere) expect(own).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  test('forward keeps the subtask', async () => {
    const arrived = await arrivals(2, (env) => numbers(env, 20, 2).forward());
    expect(arrived.map((own) => new Set(own.map((n) => n > 10)).size)).toEqual([1, 1]);
    expect(arrived.flat()).toHaveLength(20);
  });

  test('a custom partitioner chooses, and an index out of range is refused', async () => {
    const arrived = await arrivals(3, (env) =>
      numbers(env, 9).partitionCustom(
        (key: boolean, n) => (key ? n - 1 : 0),
        (n) => n % 3 === 0,
      ),
    );
    expect(arrived).toEqual([[1, 2, 4, 5, 7, 8], [], [3, 6, 9]]);
    const env = localEnvironment();
    const outside = numbers(env, 9).partitionCustom({ partition: () => 7 }, (n) => n);
    outside
      .map((n) => n)
      .setParallelism(2)
      .print();
    expect(await failureOf(env.execute())).toMatch(/7/);
  });

  test('keyBy follows key groups: the same key goes to the same subtask, whichever number type it came in', async () => {
    const keys = [...Array.from({ length: 200 }, (_, i) => i), 0.5, -0, 2 ** 40];
    for (const parallelism of [2, 3, 7]) {
      const arrived = await arrivals(parallelism, (env) => env.fromCollection(keys).keyBy((key) => key));
      for (const [subtask, own] of arrived.entries())
        for (const key of own) expect(operatorIndexForKeyGroup(keyGroupOf(hashKey(key), 128), parallelism, 128)).toBe(subtask);
    }
    const texts = await arrivals(4, (env) => env.fromElements<string | number | bigint>('1', '1', 1, 1, 1n, 1n).keyBy((key) => key));
    for (const key of ['1', 1, 1n]) expect(texts.filter((own) => own.includes(key))).toHaveLength(1);
  });

  test('without a word: forward at equal parallelism, else rebalance', async () => {
    const equal = await arrivals(2, (env) =>
      numbers(env, 20, 2)
        .map((n) => n)
        .setParallelism(2),
    );
    expect(sizes(equal)).toEqual([10, 10]);
    expect(sizes(await arrivals(4, (env) => numbers(env, 20, 1)))).toEqual([5, 5, 5, 5]);
  });
});
