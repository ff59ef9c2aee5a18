/** What functions hear of checkpoints: those that completed, and those that were given up because of another task. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CheckpointedFunction, CheckpointListener, FunctionSnapshotContext, MapFunction } from '../../src/api/functions.ts';
import { WatermarkStrategy } from '../../src/api/watermark-strategy.ts';
import { DataGeneratorSource, RateLimiterStrategy } from '../../src/connectors/datagen/data-generator-source.ts';
import { failureOf, localEnvironment } from '../harness/local.ts';
import { waitFor } from '../harness/real-cluster.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-notifications-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Saving takes too long in checkpoints with an odd id: until they have been given up. */
class OddOnesTakeLong implements MapFunction<number, number>, CheckpointedFunction {
  map(value: number): number {
    return value;
  }

  initializeState(): void {}

  async snapshotState(context: FunctionSnapshotContext): Promise<void> {
    const checkpointId = context.getCheckpointId();
    if (checkpointId % 2 === 1) await waitFor('the end of the checkpoint', () => Listening.aborted.includes(checkpointId));
  }
}

class Listening implements MapFunction<number, number>, CheckpointListener {
  static readonly completed: number[] = [];
  static readonly aborted: number[] = [];

  map(value: number): number {
    return value;
  }

  notifyCheckpointComplete(checkpointId: number): void {
    Listening.completed.push(checkpointId);
  }

  notifyCheckpointAborted(checkpointId: number): void {
    Listening.aborted.push(checkpointId);
  }
}

test('a function hears of each checkpoint whether it completed or was aborted', async () => {
  const env = localEnvironment({
    'execution.checkpointing.interval': '20 ms',
    'execution.checkpointing.dir': join(directory, 'checkpoints'),
    'execution.checkpointing.timeout': '200 ms',
    'execution.checkpointing.tolerable-failed-checkpoints': '1000',
  });
  env
    .fromSource(new DataGeneratorSource((n) => n, 1e9, RateLimiterStrategy.perSecond(1000)), WatermarkStrategy.noWatermarks(), 'numbers')
    .map(new Listening())
    .rebalance()
    .map(new OddOnesTakeLong())
    .addSink(() => {});
  const client = await env.executeAsync();
  await waitFor('some checkpoints', () => Listening.completed.length >= 3 && Listening.aborted.length >= 3);
  await client.cancel();
  await failureOf(client.getJobExecutionResult());
  expect(Listening.completed.filter((id) => id % 2 === 1)).toEqual([]);
  expect(new Set([...Listening.completed, ...Listening.aborted]).size).toBe(Listening.completed.length + Listening.aborted.length);
});
