/** GenericWriteAheadSink: what is sent when, and what a failure at each point leaves to be sent. */
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type CheckpointCommitter, GenericWriteAheadSink } from '../../src/api/generic-write-ahead-sink.ts';
import { FileCheckpointStreams } from '../../src/state/storage/file-checkpoint-streams.ts';
import { StreamedTaskOwnedLogs } from '../../src/state/storage/task-owned-logs.ts';
import { FunctionUnderTest } from '../harness/checkpointed-function.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-write-ahead-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

class Target implements CheckpointCommitter {
  readonly received: string[] = [];
  readonly committed = new Set<string>();
  refuse = 0;
  fail = false;

  commitCheckpoint(subtaskIndex: number, checkpointId: number): void {
    if (this.fail) throw new Error('the committer is down');
    this.committed.add(`${subtaskIndex}/${checkpointId}`);
  }

  isCheckpointCommitted(subtaskIndex: number, checkpointId: number): boolean {
    return this.committed.has(`${subtaskIndex}/${checkpointId}`);
  }
}

class TargetSink extends GenericWriteAheadSink<string> {
  readonly #target: Target;

  constructor(target: Target) {
    super(target);
    this.#target = target;
  }

  protected override sendValues(values: Iterable<string>): boolean {
    if (this.#target.refuse-- > 0) return false;
    this.#target.received.push(...values);
    return true;
  }
}

const open = (target: Target, restored: Parameters<typeof FunctionUnderTest.open>[1] = [], settings = {}) =>
  FunctionUnderTest.open(new TargetSink(target).asSinkFunction(), restored, { directory, ...settings });

const logFiles = (): string[] => {
  const owned = join(directory, 'job', 'taskowned');
  return existsSync(owned) ? readdirSync(owned) : [];
};

test('records are sent when their checkpoint is complete, and their log goes', async () => {
  const target = new Target();
  const sink = await open(target);
  const large = 'x'.repeat(50_000);
  await sink.write('a', large);
  await sink.snapshot(1);
  expect(target.received).toEqual([]);
  expect(logFiles()).toHaveLength(1);
  await sink.completed(1);
  expect(target.received).toEqual(['a', large]);
  expect([...target.committed]).toEqual(['0/1']);
  expect(logFiles()).toEqual([]);
});

test('logs lie beside the checkpoints when the job has no directory of its own', async () => {
  const sink = await open(new Target(), [], { configuration: { 'execution.checkpointing.create-subdir': 'false' } });
  await sink.write('x'.repeat(50_000));
  await sink.snapshot(1);
  expect(logFiles()).toEqual([]);
  expect(readdirSync(join(directory, 'taskowned'))).toHaveLength(1);
});

test('a refusal keeps the order: later records wait behind the refused ones', async () => {
  const target = new Target();
  const sink = await open(target);
  await sink.write('1');
  await sink.snapshot(1);
  await sink.write('2');
  await sink.snapshot(2);
  target.refuse = 1;
  await sink.completed(2);
  expect(target.received).toEqual([]);
  await sink.completed(3);
  expect(target.received).toEqual(['1', '2']);
});

test('a restore drops logs that were committed and sends the others at the next completion', async () => {
  const target = new Target();
  const first = await open(target);
  await first.write('1');
  await first.snapshot(1);
  await first.write('2');
  const stored = await first.snapshot(2);
  await first.completed(1);
  const second = await open(target, stored);
  await second.write('3');
  await second.snapshot(3);
  await second.completed(3);
  expect(target.received).toEqual(['1', '2', '3']);
});

test('a crash between sending and its entry sends a log twice: for idempotent targets', async () => {
  const target = new Target();
  const first = await open(target);
  await first.write('1');
  const stored = await first.snapshot(1);
  target.fail = true;
  await expect(first.completed(1)).rejects.toThrow('the committer is down');
  target.fail = false;
  const second = await open(target, stored);
  await second.snapshot(2);
  await second.completed(2);
  expect(target.received).toEqual(['1', '1']);
});

test('logs of two former subtasks are told apart by their subtask', async () => {
  const target = new Target();
  const [one, two] = [await open(target), await open(target, [], { subtaskIndex: 1 })];
  await one.write('1');
  await two.write('2');
  const stored = [...(await one.snapshot(1)), ...(await two.snapshot(1))];
  await one.completed(1);
  const merged = await open(target, stored);
  await merged.snapshot(2);
  await merged.completed(2);
  expect(target.received).toEqual(['1', '2']);
});

test('without checkpoints everything is sent at the end of the input', async () => {
  const target = new Target();
  const sink = await open(target, [], { checkpointing: false });
  await sink.write('1', '2');
  await sink.finish();
  expect(target.received).toEqual(['1', '2']);
});

test('logs of format version 1 are written and read as they always were', async () => {
  const golden = join(import.meta.dirname, '../golden/write-ahead-log-v1');
  const records = ['text', 7, -0.5, { n: 1n, at: new Date(1000), gone: undefined }, [null, true, new Uint8Array([1, 2])]];
  const logs = new StreamedTaskOwnedLogs(new FileCheckpointStreams(), 'job', {
    'execution.checkpointing.dir': directory,
    'execution.checkpointing.data-inline-threshold': '0',
  });
  const log = await logs.write(records);
  const path = join(directory, 'job', 'taskowned', logFiles()[0] as string);
  expect(readFileSync(path).equals(readFileSync(golden))).toBe(true);
  copyFileSync(golden, path);
  expect(await logs.read(log)).toEqual(records);
});
