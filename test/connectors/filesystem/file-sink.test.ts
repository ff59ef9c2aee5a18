/** The exactly-once file sink at the writer's and committer's level: what readers see, and what a restore leaves. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CommitRequest, SinkWriter, WriterInitContext } from '../../../src/api/sink.ts';
import { BasePathBucketAssigner } from '../../../src/connectors/filesystem/file-sink/bucket-assigner.ts';
import { FileSink } from '../../../src/connectors/filesystem/file-sink/file-sink.ts';
import type { FileCommittable, InProgressFile } from '../../../src/connectors/filesystem/file-sink/part-file.ts';
import { DefaultRollingPolicy, OnCheckpointRollingPolicy } from '../../../src/connectors/filesystem/file-sink/rolling-policy.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-file-sink-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const context = {} as WriterInitContext;
const noTime = { timestamp: () => null, currentWatermark: () => 0 };

function sinkThat(rolls: 'on checkpoint' | 'never'): FileSink<string> {
  return FileSink.forRowFormat<string>(directory)
    .withBucketAssigner(new BasePathBucketAssigner())
    .withRollingPolicy(rolls === 'never' ? new DefaultRollingPolicy() : new OnCheckpointRollingPolicy())
    .build();
}

type Writer = SinkWriter<string, FileCommittable, InProgressFile>;

/** What a checkpoint does with a writer. */
async function snapshot(
  writer: Writer,
  endOfInput = false,
): Promise<{ state: readonly InProgressFile[]; committables: readonly FileCommittable[] }> {
  await writer.flush(endOfInput);
  const committables = (await writer.prepareCommit?.()) ?? [];
  return { committables, state: (await writer.snapshotState?.(1)) ?? [] };
}

async function commit(sink: FileSink<string>, committables: readonly FileCommittable[]): Promise<void> {
  await sink.createCommitter().commit(committables.map((committable) => ({ committable }) as CommitRequest<FileCommittable>));
}

/** What a reader sees that passes over names with a leading dot. */
function visible(): string[] {
  return readdirSync(directory)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1))
    .sort();
}

test('nothing is visible before the commit, everything behind it', async () => {
  const sink = sinkThat('on checkpoint');
  const writer = sink.createWriter(context, []);
  writer.write('a', noTime);
  writer.write('b', noTime);
  const { committables, state } = await snapshot(writer);
  expect(visible()).toEqual([]);
  expect(state).toEqual([]);
  await commit(sink, committables);
  expect(visible()).toEqual(['a', 'b']);
  expect(readdirSync(directory)[0]).toMatch(/^part-[0-9a-f-]+-0$/);
});

test('a commit that is done again changes nothing', async () => {
  const sink = sinkThat('on checkpoint');
  const writer = sink.createWriter(context, []);
  writer.write('a', noTime);
  const { committables } = await snapshot(writer);
  await commit(sink, committables);
  await commit(sink, committables);
  expect(visible()).toEqual(['a']);
});

test('a pending file that is gone is an error that names it', async () => {
  const sink = sinkThat('on checkpoint');
  const writer = sink.createWriter(context, []);
  writer.write('a', noTime);
  const { committables } = await snapshot(writer);
  for (const name of readdirSync(directory)) rmSync(join(directory, name));
  await expect(commit(sink, committables)).rejects.toThrow(/part-.* cannot get its final name/);
});

test('a restore goes on with what the checkpoint holds of an unfinished file, and drops what came later', async () => {
  const sink = sinkThat('never');
  const first = sink.createWriter(context, []);
  first.write('kept', noTime);
  const { state } = await snapshot(first);
  first.write('after the checkpoint', noTime);
  await first.flush(false);
  first.close?.();
  const second = sink.createWriter(context, state);
  second.write('new', noTime);
  const { committables } = await snapshot(second, true);
  await commit(sink, committables);
  expect(visible()).toEqual(['kept', 'new']);
});

test('a former attempt that still writes does not reach the file of the new one', async () => {
  const sink = sinkThat('never');
  const zombie = sink.createWriter(context, []);
  zombie.write('kept', noTime);
  const { state } = await snapshot(zombie);
  const writer = sink.createWriter(context, state);
  zombie.write('from the dead', noTime);
  await snapshot(zombie);
  writer.write('new', noTime);
  const { committables } = await snapshot(writer, true);
  await commit(sink, committables);
  await snapshot(zombie);
  expect(visible()).toEqual(['kept', 'new']);
});

test('the same checkpoint can be restored twice', async () => {
  const sink = sinkThat('never');
  const first = sink.createWriter(context, []);
  first.write('kept', noTime);
  const { state } = await snapshot(first);
  sink.createWriter(context, state).write('lost with its attempt', noTime);
  const third = sink.createWriter(context, state);
  third.write('new', noTime);
  const { committables } = await snapshot(third, true);
  await commit(sink, committables);
  expect(visible()).toEqual(['kept', 'new']);
});

test('unfinished files of two former subtasks of one bucket both survive', async () => {
  const sink = sinkThat('never');
  const states = await Promise.all(
    ['a', 'b'].map(async (record) => {
      const writer = sink.createWriter(context, []);
      writer.write(record, noTime);
      return (await snapshot(writer)).state;
    }),
  );
  const merged = sink.createWriter(context, states.flat());
  merged.write('c', noTime);
  const { committables } = await snapshot(merged, true);
  await commit(sink, committables);
  expect(visible()).toEqual(['a', 'b', 'c']);
});
