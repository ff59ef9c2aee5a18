/** Timers, and null values of map state, through a savepoint to another parallelism: each timer fires once, with its state. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { state } from '../../src/api/declared-state.ts';
import type { Collector } from '../../src/api/functions.ts';
import type { StreamExecutionEnvironment } from '../../src/api/stream-execution-environment.ts';
import { WatermarkStrategy } from '../../src/api/watermark-strategy.ts';
import { Configuration } from '../../src/config/configuration.ts';
import { MiniCluster } from '../../src/deployment/local/mini-cluster.ts';
import { GatedNumberSource } from '../harness/gated-numbers.ts';
import { recordJob } from '../harness/local.ts';
import { waitFor } from '../harness/real-cluster.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-timers-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const perSplit = 100;
const splits = 4;

interface Run {
  readonly source: GatedNumberSource;
  readonly fired: string[];
  seen: number;
}

/** Each number sets a timer that only the end of the input reaches, and a null in a map. */
function program(env: StreamExecutionEnvironment, run: Run, parallelism: number): void {
  env.setParallelism(parallelism);
  env
    .fromSource(run.source, WatermarkStrategy.noWatermarks(), 'numbers')
    .uid('numbers')
    .keyBy((n) => n % 7)
    .process({
      state: { nulls: state.map<number, null>() },
      processElement(n, context) {
        run.seen++;
        context.state.nulls.put(n, null);
        context.timerService().registerEventTimeTimer(1_000_000 + n);
      },
      onTimer(timestamp, context, out: Collector<string>) {
        const n = timestamp - 1_000_000;
        const { nulls } = context.state;
        out.collect(`${context.getCurrentKey()} ${n} ${nulls.contains(n)} ${nulls.get(n)}`);
      },
    })
    .uid('timers')
    .addSink((line) => {
      run.fired.push(line);
    });
}

function newRun(held: boolean): Run {
  return { source: new GatedNumberSource({ splits, perSplit, gates: [], holds: held ? [40] : [] }), fired: [], seen: 0 };
}

test.each([
  [2, 3],
  [3, 1],
] as const)('from parallelism %i to %i', async (before, after) => {
  const cluster = await MiniCluster.start({ config: Configuration.of({}), slots: 16 });
  try {
    const first = newRun(true);
    const jobId = await cluster.submit(await recordJob({}, (env) => program(env, first, before)));
    await waitFor('all held numbers', () => first.seen === 40 * before);
    const path = await cluster.dispatcher.stopWithSavepoint(jobId, { directory: join(directory, `${before}`), drain: false });
    expect(first.fired).toEqual([]);
    const second = newRun(false);
    const configuration = { 'execution.state-recovery.path': path };
    const restored = await cluster.submit(await recordJob(configuration, (env) => program(env, second, after)));
    const result = await cluster.dispatcher.master(restored)?.whenDone();
    expect(result?.failure).toBeUndefined();
    const all = Array.from({ length: splits * perSplit }, (_, n) => `${n % 7} ${n} true null`);
    expect(second.fired.sort()).toEqual(all.sort());
  } finally {
    await cluster.close();
  }
});
