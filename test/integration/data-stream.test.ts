/** Programs end to end on the embedded cluster. */
import { expect, test } from 'vitest';
import { collect, localEnvironment } from '../harness/local.ts';

test('map, filter and flatMap over a sequence, in parallel', async () => {
  const env = localEnvironment();
  env.setParallelism(3);
  const numbers = env
    .fromSequence(1, 1000)
    .map((n) => n * 2)
    .filter((n) => n % 3 === 0)
    .flatMap(function* (n) {
      yield n;
      yield -n;
    });
  const expected = Array.from({ length: 1000 }, (_, i) => (i + 1) * 2)
    .filter((n) => n % 3 === 0)
    .flatMap((n) => [n, -n]);
  expect((await collect(numbers.executeAndCollect())).sort((a, b) => a - b)).toEqual(expected.sort((a, b) => a - b));
});

test('a keyed rolling sum sees each record of its key', async () => {
  const env = localEnvironment();
  env.setParallelism(2);
  const words = 'a b a c b a'.split(' ');
  const counts = env
    .fromCollection(words)
    .map((word) => ({ word, count: 1 }))
    .keyBy('word')
    .sum('count');
  const result = await collect(counts.executeAndCollect());
  expect(result.map(({ word, count }) => `${word}${count}`).sort()).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'c1']);
});

test('a failing function fails the job with its operator and cause', async () => {
  const env = localEnvironment();
  env
    .fromElements(1, 2, 3)
    .map((n) => {
      if (n === 2) throw new TypeError('two is not welcome');
      return n;
    })
    .name('picky')
    .print();
  const error = await env.execute('fails').then(
    () => undefined,
    (reason: Error) => reason,
  );
  expect(error?.message).toContain('Job execution failed');
  const text = JSON.stringify([
    String((error as { cause?: Error }).cause?.message),
    String(((error as { cause?: Error }).cause as { cause?: Error })?.cause),
  ]);
  expect(text).toContain('picky');
});
