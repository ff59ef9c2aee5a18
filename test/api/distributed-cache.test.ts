/** Files of the client, found by functions as local files. */
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { RuntimeContext } from 'weir';
import { collect, failureOf, localEnvironment } from '../harness/local.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-cached-'));
const prices = join(directory, 'prices.json');
writeFileSync(prices, '{ "apple": 3 }');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('a function opens the local copy, which is made once', async () => {
  const env = localEnvironment();
  env.setParallelism(2).registerCachedFile(prices, 'prices', true);
  const paths = new Set<string>();
  let known: Record<string, number> = {};
  const results = env.fromElements('apple', 'pear').map({
    open(context: RuntimeContext) {
      const path = context.getDistributedCache().getFile('prices');
      accessSync(path, constants.X_OK);
      paths.add(path);
      known = JSON.parse(readFileSync(path, 'utf8')) as Record<string, number>;
    },
    map: (fruit: string) => `${fruit} ${known[fruit] ?? 'has no price'}`,
  });
  expect((await collect(results.executeAndCollect())).sort()).toEqual(['apple 3', 'pear has no price']);
  expect(paths.size).toBe(1);
  expect(paths).not.toContain(prices);
});

test('what is not there is told: a file when the job is executed, a name when it is asked for', async () => {
  const missing = localEnvironment();
  missing.registerCachedFile(join(directory, 'no-such-file'), 'data');
  missing.fromElements(1).print();
  expect(await failureOf(missing.execute())).toContain("The file 'data' for the distributed cache cannot be read");

  const env = localEnvironment();
  env.registerCachedFile(prices, 'prices');
  env
    .fromElements(1)
    .map({ open: (context: RuntimeContext) => void context.getDistributedCache().getFile('price'), map: (n: number) => n })
    .print();
  expect(await failureOf(env.execute())).toMatch(/no file 'price'[\s\S]*It has: prices/);
});
