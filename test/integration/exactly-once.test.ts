/**
 * Exactly once, end to end on the embedded cluster: programs fail in the middle, behind a completed checkpoint, and their
 * committed output equals that of a plain computation.
 */
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DataStream } from '../../src/api/data-stream.ts';
import { state } from '../../src/api/declared-state.ts';
import type { CheckpointListener, MapFunction } from '../../src/api/functions.ts';
import type { StreamExecutionEnvironment } from '../../src/api/stream-execution-environment.ts';
import { WatermarkStrategy } from '../../src/api/watermark-strategy.ts';
import { DataGeneratorSource, RateLimiterStrategy } from '../../src/connectors/datagen/data-generator-source.ts';
import { BasePathBucketAssigner } from '../../src/connectors/filesystem/file-sink/bucket-assigner.ts';
import { FileSink } from '../../src/connectors/filesystem/file-sink/file-sink.ts';
import { OnCheckpointRollingPolicy } from '../../src/connectors/filesystem/file-sink/rolling-policy.ts';
import { FileSource, TextLineInputFormat } from '../../src/connectors/filesystem/file-source.ts';
import { localEnvironment } from '../harness/local.ts';
import { waitFor } from '../harness/real-cluster.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-exactly-once-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function checkpointed(configuration: Readonly<Record<string, string>> = {}): StreamExecutionEnvironment {
  return localEnvironment({
    'execution.checkpointing.interval': '20 ms',
    'execution.checkpointing.dir': join(directory, 'checkpoints'),
    'restart-strategy.type': 'fixed-delay',
    'restart-strategy.fixed-delay.attempts': '10',
    'restart-strategy.fixed-delay.delay': '1 ms',
    ...configuration,
  });
}

const records = 20_000;

function numbers(env: StreamExecutionEnvironment): DataStream<number> {
  return env.fromSource(
    new DataGeneratorSource((index) => index, records, RateLimiterStrategy.perSecond(40_000)),
    WatermarkStrategy.noWatermarks(),
    'numbers',
  );
}

/** Throws `times` times, each time behind a completed checkpoint and some more records. */
class FailingMap implements MapFunction<number, number>, CheckpointListener {
  static failures = 0;
  static completions = 0;
  readonly #times: number;
  #completed = false;
  #since = 0;

  constructor(times: number) {
    this.#times = times;
  }

  map(value: number): number {
    if (this.#completed && FailingMap.failures < this.#times && ++this.#since > 500) {
      FailingMap.failures++;
      this.#completed = false;
      this.#since = 0;
      throw new Error('a failure for the test');
    }
    return value;
  }

  notifyCheckpointComplete(): void {
    FailingMap.completions++;
    this.#completed = true;
  }
}

function fileSink<T>(): FileSink<T> {
  return FileSink.forRowFormat<T>(join(directory, 'out'))
    .withBucketAssigner(new BasePathBucketAssigner())
    .withRollingPolicy(new OnCheckpointRollingPolicy())
    .build();
}

/** What a reader sees who passes over names with a leading dot. */
function committed(): string[] {
  const out = join(directory, 'out');
  if (!existsSync(out)) return [];
  return readdirSync(out)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) => readFileSync(join(out, name), 'utf8').split('\n').slice(0, -1));
}

function sorted(lines: readonly string[]): string[] {
  return [...lines].sort();
}

test('every record is in the committed output once, whatever fails behind a checkpoint', async () => {
  FailingMap.failures = 0;
  const env = checkpointed();
  numbers(env)
    .map(new FailingMap(3))
    .rebalance()
    .map((n) => `${n}`)
    .sinkTo(fileSink<string>());
  await env.execute();
  expect(FailingMap.failures).toBe(3);
  expect(sorted(committed())).toEqual(sorted(Array.from({ length: records }, (_, n) => `${n}`)));
});

test('keyed counts go on where the checkpoint left them', async () => {
  FailingMap.failures = 0;
  const env = checkpointed();
  env.setParallelism(2);
  numbers(env)
    .map(new FailingMap(2))
    .setParallelism(1)
    .keyBy((n) => n % 97)
    .process({
      state: { count: state.value(() => 0) },
      processElement(_n, context) {
        const count = context.state.count.value() + 1;
        context.state.count.update(count);
        return [`${context.getCurrentKey()} ${count}`];
      },
    })
    .sinkTo(fileSink<string>());
  await env.execute();
  expect(FailingMap.failures).toBe(2);
  const counts = new Map<number, number>();
  const expected = Array.from({ length: records }, (_, n) => {
    const count = (counts.get(n % 97) ?? 0) + 1;
    counts.set(n % 97, count);
    return `${n % 97} ${count}`;
  });
  expect(sorted(committed())).toEqual(sorted(expected));
});

test('a finished job leaves no checkpoint behind', async () => {
  const env = checkpointed();
  numbers(env)
    .map((n) => `${n}`)
    .sinkTo(fileSink<string>());
  await env.execute();
  expect(committed()).toHaveLength(records);
  const left = existsSync(join(directory, 'checkpoints')) ? readdirSync(join(directory, 'checkpoints'), { recursive: true }) : [];
  expect(left).toEqual([]);
});

test('a file that grows is followed: each line counts once, whatever fails meanwhile', async () => {
  const path = join(directory, 'growing.log');
  const lines = 6000;
  writeFileSync(path, '');
  FailingMap.failures = 0;
  FailingMap.completions = 0;
  let last = -1;
  const env = checkpointed();
  env
    .fromSource(
      FileSource.forRecordStreamFormat(new TextLineInputFormat(), path).followGrowth(5).build(),
      WatermarkStrategy.noWatermarks(),
      'followed',
    )
    .map(Number)
    .map(new FailingMap(3))
    .map((n) => {
      last = n;
      return n;
    })
    .sinkTo(fileSink());
  const client = await env.executeAsync();
  // The end of a line comes later than its beginning, often with the next append.
  const text = Array.from({ length: lines }, (_, n) => `${n}\n`).join('');
  for (let at = 0; at < text.length; at += 997) {
    appendFileSync(path, text.slice(at, at + 997));
    const whole = text.slice(0, at + 997).split('\n').length - 1;
    await waitFor(`line ${whole}`, () => last === whole - 1);
    if (at < text.length / 2) await waitFor('a checkpoint', () => FailingMap.completions > 0);
  }
  await client.stopWithSavepoint(true, join(directory, 'savepoints'));
  await client.getJobExecutionResult();
  expect(FailingMap.failures).toBeGreaterThan(0);
  const written = committed();
  expect(written.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: lines }, (_, n) => n));
});
