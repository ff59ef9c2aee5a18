/** Calls under way are part of a checkpoint: after a failure each of their records comes out once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { WatermarkStrategy } from '../../src/api/watermark-strategy.ts';
import { GatedNumberSource } from '../harness/gated-numbers.ts';
import { localEnvironment } from '../harness/local.ts';
import { MemoryTransactionSink, MemoryTransactions } from '../harness/memory-transactions.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-async-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const checkpointing = {
  'execution.checkpointing.interval': '20 ms',
  'state.checkpoints.dir': directory,
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '3',
  'restart-strategy.fixed-delay.delay': '0 ms',
};

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

describe.each(['ordered', 'unordered'] as const)('%s', (order) => {
  test.each([1, 2])('calls that were under way at the checkpoint are made again, at parallelism %i', async (parallelism) => {
    const system = new MemoryTransactions();
    const asked = new Map<number, number>();
    let failedSplit: number | undefined;
    const env = localEnvironment(checkpointing);
    env.setParallelism(parallelism);
    env
      // Checkpoints are taken while every reader stands at 300, and the calls for the numbers before hang.
      .fromSource(new GatedNumberSource({ splits: parallelism, perSplit: 600, gates: [300] }), WatermarkStrategy.noWatermarks(), 'numbers')
      .mapAsync(
        async (n) => {
          asked.set(n, (asked.get(n) ?? 0) + 1);
          const position = n % 600;
          if (position >= 290 && position < 300 && failedSplit === undefined) await new Promise(() => {});
          for (let turns = n % 3; turns > 0; turns--) await new Promise(setImmediate);
          if (position === 310 && failedSplit === undefined) {
            failedSplit = Math.floor(n / 600);
            throw new Error('injected');
          }
          return n;
        },
        { order, capacity: 500 },
      )
      .rebalance()
      .addSink(new MemoryTransactionSink<number>(system))
      .setParallelism(1);
    await env.execute();
    expect((system.visible as number[]).sort((a, b) => a - b)).toEqual(upTo(600 * parallelism));
    // All that hung in the pipeline that failed were asked for again.
    for (let position = 290; position < 300; position++) expect(asked.get((failedSplit as number) * 600 + position)).toBe(2);
  });

  test('a savepoint holds them for another parallelism, and a stopped job emits nothing behind it', async () => {
    const emitted: number[][] = [[], []];
    const run = async (attempt: 0 | 1, parallelism: number, configuration: Record<string, string>) => {
      const env = localEnvironment({ ...configuration, 'state.savepoints.dir': directory });
      const source = new GatedNumberSource({ splits: 2, perSplit: 100, gates: [], holds: attempt === 0 ? [50] : [] });
      env
        .fromSource(source, WatermarkStrategy.noWatermarks(), 'numbers')
        .uid('numbers')
        .setParallelism(1)
        .mapAsync(
          async (n) => {
            if (attempt === 0 && n % 10 < 8) await new Promise(() => {});
            return n;
          },
          // In the second run fewer than were under way in the first.
          { order, capacity: attempt === 0 ? 200 : 3 },
        )
        .uid('lookup')
        .setParallelism(parallelism)
        .addSink((n) => void emitted[attempt]?.push(n))
        .uid('sink')
        .setParallelism(1);
      return env.executeAsync();
    };
    const first = await run(0, 2, {});
    while ((await first.getJobStatus()) !== 'RUNNING') await new Promise(setImmediate);
    const savepoint = await first.stopWithSavepoint(false);
    const second = await run(1, 3, { 'execution.savepoint.path': savepoint });
    await second.getJobExecutionResult();
    expect([...(emitted[0] as number[]), ...(emitted[1] as number[])].sort((a, b) => a - b)).toEqual(upTo(200));
    if (order === 'ordered') expect(emitted[0]).toEqual([]);
  });
});
