/** Failures at chosen moments on the embedded cluster: every record comes out exactly once. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { RuntimeContext } from '../../src/api/functions.ts';
import { WatermarkStrategy } from '../../src/api/watermark-strategy.ts';
import { GatedNumberSource } from '../harness/gated-numbers.ts';
import { localEnvironment } from '../harness/local.ts';
import { MemoryTransactionSink, MemoryTransactions } from '../harness/memory-transactions.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-recovery-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const checkpointing = {
  'execution.checkpointing.interval': '20 ms',
  'state.checkpoints.dir': directory,
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '3',
  'restart-strategy.fixed-delay.delay': '0 ms',
};

/** Throws once for each of these numbers. */
function failOnceAt(...numbers: number[]): (n: number) => void {
  const left = new Set(numbers);
  return (n) => {
    if (left.delete(n)) throw new Error(`injected at ${n}`);
  };
}

/** Numbers through a map that may fail into a transactional sink; resolves with what became visible. */
async function copied(options: {
  configuration?: Record<string, string>;
  parallelism: number;
  source: GatedNumberSource;
  disturb: (n: number) => void;
}): Promise<unknown[]> {
  const system = new MemoryTransactions();
  const env = localEnvironment({ ...checkpointing, ...options.configuration });
  env.setParallelism(options.parallelism);
  env
    .fromSource(options.source, WatermarkStrategy.noWatermarks(), 'numbers')
    .map((n) => {
      options.disturb(n);
      return n;
    })
    .rebalance()
    .addSink(new MemoryTransactionSink<number>(system))
    .setParallelism(1);
  await env.execute();
  return system.visible;
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
const ascending = (numbers: unknown[]) => (numbers as number[]).sort((a, b) => a - b);

describe.each(['region', 'full'])('failover of %s', (scope) => {
  test.each([1, 3])('a task that fails behind a checkpoint goes on from it, at parallelism %i', async (parallelism) => {
    const visible = await copied({
      configuration: { 'jobmanager.execution.failover-strategy': scope },
      parallelism,
      source: new GatedNumberSource({ splits: 4, perSplit: 1000, gates: [300, 600] }),
      disturb: failOnceAt(350, 1700),
    });
    expect(ascending(visible)).toEqual(upTo(4000));
  });
});

test('without a checkpoint directory the JobManager keeps the checkpoints', async () => {
  const visible = await copied({
    configuration: { 'state.checkpoints.dir': '' },
    parallelism: 2,
    source: new GatedNumberSource({ splits: 2, perSplit: 1000, gates: [300] }),
    disturb: failOnceAt(350),
  });
  expect(ascending(visible)).toEqual(upTo(2000));
});

test('an enumerator that fails restarts the whole job from the newest checkpoint', async () => {
  const source = new GatedNumberSource({ splits: 4, perSplit: 1000, gates: [300] });
  let requests = 0;
  const createEnumerator = source.createEnumerator.bind(source);
  source.createEnumerator = (...args) => {
    const enumerator = createEnumerator(...args);
    const handle = enumerator.handleSplitRequest.bind(enumerator);
    // The third request comes when a first split has been read, behind the gate.
    enumerator.handleSplitRequest = (subtask) => {
      if (++requests === 3) throw new Error('injected into the enumerator');
      handle(subtask);
    };
    return enumerator;
  };
  const visible = await copied({ parallelism: 2, source, disturb: () => {} });
  expect(requests).toBeGreaterThan(3);
  expect(ascending(visible)).toEqual(upTo(4000));
});

test('a failure before the first checkpoint starts from nothing', async () => {
  const visible = await copied({
    parallelism: 2,
    source: new GatedNumberSource({ splits: 2, perSplit: 1000, gates: [] }),
    disturb: failOnceAt(3),
  });
  expect(ascending(visible)).toEqual(upTo(2000));
});

test('parallel pipelines restart alone, and what one had got since goes back to the enumerator', async () => {
  const starts: string[] = [];
  const seen = new Set<number>();
  const disturb = failOnceAt(350);
  const env = localEnvironment(checkpointing);
  env.setParallelism(2);
  env
    .fromSource(new GatedNumberSource({ splits: 4, perSplit: 1000, gates: [300] }), WatermarkStrategy.noWatermarks(), 'numbers')
    .map({
      open: (context: RuntimeContext) => void starts.push(`${context.getIndexOfThisSubtask()}.${context.getAttemptNumber()}`),
      map(n: number) {
        disturb(n);
        return n;
      },
    })
    .addSink((n) => {
      seen.add(n);
    });
  await env.execute();
  expect(ascending([...seen])).toEqual(upTo(4000));
  expect(starts.length).toBe(3);
});

test('keyed state is as it was in the checkpoint', async () => {
  const counts = new Map<number, number>();
  const disturb = failOnceAt(350, 1700);
  const env = localEnvironment(checkpointing);
  env.setParallelism(3);
  env
    .fromSource(new GatedNumberSource({ splits: 4, perSplit: 1000, gates: [300, 600] }), WatermarkStrategy.noWatermarks(), 'numbers')
    .map((n) => {
      disturb(n);
      return { digit: n % 10, count: 1 };
    })
    .keyBy('digit')
    .sum('count')
    .addSink(({ digit, count }) => {
      counts.set(digit, count);
    });
  await env.execute();
  expect([...counts].sort(([a], [b]) => a - b)).toEqual(Array.from({ length: 10 }, (_, digit) => [digit, 400]));
});

test('nothing is left in the checkpoint directory when the jobs have ended', () => {
  expect(readdirSync(directory)).toEqual([]);
});
