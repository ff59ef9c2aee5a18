/**
 * Bugs that the oracle has to see, as edits of the source text: each takes away one thing that exactly-once needs. `strikes`:
 * where failures show it.
 */
import type { Strike } from './in-process.ts';
import type { BundledRun, Edit } from './run-bundle.ts';

export interface PlantedBug {
  readonly name: string;
  readonly edits: readonly Edit[];
  /** What strikes besides the usual. */
  readonly strikes?: readonly Strike[];
  /** What differs from the usual job. */
  readonly job?: Partial<BundledRun>;
}

/** No bug: barriers of one subtask come later than those of the others, as when its sink takes long to prepare. */
const skewedBarriers: Edit = {
  file: 'src/runtime/task/subtask-checkpoint.ts',
  find: "      broadcast({ kind: 'barrier', checkpointId, timestamp, options });",
  replace: `      if (this.#options.attemptId.split('_')[2] === '1') await new Promise((resume) => setTimeout(resume, 8));
      broadcast({ kind: 'barrier', checkpointId, timestamp, options });`,
};

/** No bug: a snapshot is written in many small steps, so that much is touched meanwhile. */
const slowWalk: readonly Edit[] = [
  {
    file: 'src/state/keyed/heap-snapshot.ts',
    find: 'if (performance.now() >= deadline) break;',
    replace: 'break;',
  },
  {
    file: 'src/state/keyed/heap-snapshot.ts',
    find: 'const unitsPerStep = 16;',
    replace: 'const unitsPerStep = 1;',
  },
];

/** What makes bugs show, and is none. */
export const revealing: readonly Edit[] = [skewedBarriers, ...slowWalk];

/** Failures of tasks in each phase: every one of them restarts the job from its newest checkpoint. */
export const usualStrikes: readonly Strike[] = [
  { name: 'task.first-snapshot' },
  { name: 'task.alignment', skip: 20 },
  { name: 'sink.commit', skip: 9 },
  { name: 'task.acknowledge', skip: 15 },
  { name: 'state.publish', skip: 25 },
  { name: 'file-sink.committed', skip: 4 },
  { name: 'task.restore', skip: 3 },
  { name: 'task.alignment', skip: 33 },
  { name: 'sink.commit', skip: 5 },
];

export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'no alignment: records behind a barrier are processed before the snapshot',
    edits: [
      skewedBarriers,
      {
        file: 'src/runtime/network/barrier/aligned-barriers.ts',
        find: 'this.#listener.block(channel);',
        replace: '',
      },
    ],
  },
  {
    name: 'a barrier overtakes records that wait to be sent',
    edits: [
      {
        file: 'src/runtime/network/local-channel.ts',
        find: '  send(event: ChannelEvent): void {\n    this.flush();',
        replace: "  send(event: ChannelEvent): void {\n    if (event.kind !== 'barrier') this.flush();",
      },
    ],
  },
  {
    name: 'some timers are not in the snapshot',
    edits: [
      {
        file: 'src/state/keyed/heap-snapshot.ts',
        find: 'if (timer.version < this.version) this.#options',
        replace: 'if (timer.version < this.version && timer.timestamp % 1000 > 500) this.#options',
      },
    ],
  },
  {
    name: 'a key that is touched while the snapshot is written is not in it',
    edits: [
      ...slowWalk,
      {
        file: 'src/state/keyed/snapshots-under-way.ts',
        find: 'beforeTouch(entry: StateEntry): void {\n    this.saveEntry(entry, this.version);',
        replace: 'beforeTouch(entry: StateEntry): void {\n    entry.version = this.version;',
      },
    ],
  },
  {
    name: 'what changes while the snapshot is written is written as it is afterwards',
    edits: [
      ...slowWalk,
      {
        file: 'src/state/keyed/snapshots-under-way.ts',
        find: 'beforeTouch(entry: StateEntry): void {\n    this.saveEntry(entry, this.version);',
        replace: 'beforeTouch(_entry: StateEntry): void {',
      },
    ],
  },
  {
    name: 'union state is given back to the subtask that wrote it, alone',
    edits: [
      {
        file: 'src/runtime/checkpoint/operator-state-redistribution.ts',
        find: 'give(() => perSubtask.flat());',
        replace: 'give((index) => perSubtask[index] ?? []);',
      },
    ],
  },
  {
    name: 'broadcast state is lost on one subtask',
    edits: [
      {
        file: 'src/runtime/checkpoint/operator-state-redistribution.ts',
        find: 'give((index) => copies[index % copies.length] as Element[]);',
        replace: 'give((index) => (index === 1 ? [] : (copies[index % copies.length] as Element[])));',
      },
    ],
  },
  {
    name: 'operator list state is not restored where it was',
    edits: [
      {
        file: 'src/runtime/checkpoint/operator-state-redistribution.ts',
        find: 'give((index) => perSubtask[index] as Element[]);',
        replace: 'give((index) => perSubtask[(index + 1) % parallelism] as Element[]);',
      },
    ],
  },
  {
    name: 'a split is read again from an older position',
    edits: [
      {
        file: 'src/runtime/source/split-source-operator.ts',
        find: 'this.#splits.update(this.#reader.snapshotState(checkpointId));',
        replace: `const splits = this.#reader.snapshotState(checkpointId);
    const idsOf = (some: Iterable<SourceSplit>): string => [...some].map(({ splitId }) => splitId).join();
    if (idsOf(splits) !== idsOf(this.#splits.get() as Iterable<SourceSplit>)) this.#splits.update(splits);`,
      },
    ],
  },
  {
    name: 'splits that a failed reader was given are lost',
    edits: [
      {
        file: 'src/runtime/source/source-coordinator.ts',
        find: 'if (splits.length > 0) this.#enumerator?.addSplitsBack(splits, subtaskIndex);',
        replace: '',
      },
    ],
  },
  {
    name: 'output is committed before its checkpoint is complete',
    edits: [
      {
        file: 'src/runtime/sink/sink-operators.ts',
        find: 'if (committables.length > 0 && this.#committer) this.#pending.set(checkpointId, committables);',
        replace: 'await this.#commit(committables);',
      },
    ],
  },
  {
    name: 'tasks are told of a checkpoint before its metadata is written',
    edits: [
      {
        file: 'src/runtime/checkpoint/checkpoint-coordinator.ts',
        find: '      await target.publish(encodeMetadata(metadata));\n',
        replace:
          '      this.#announce(checkpoint, undefined);\n      await new Promise((resume) => setTimeout(resume, 20));\n      await target.publish(encodeMetadata(metadata));\n',
      },
    ],
    strikes: [
      { name: 'file-system.rename', match: '_metadata', code: 'EIO' },
      { name: 'file-system.rename', match: '_metadata', code: 'ENOSPC', skip: 3 },
    ],
  },
  {
    name: 'what a restored checkpoint still had to commit is forgotten',
    edits: [
      {
        file: 'src/runtime/sink/sink-operators.ts',
        find: 'for (const { committables } of restored) await this.#commit(committables);',
        replace: '',
      },
    ],
  },
  {
    name: 'an unfinished file is not cut where its checkpoint ends',
    edits: [
      {
        file: 'src/connectors/filesystem/file-sink/part-file.ts',
        find: '      truncateSync(path, former.length);\n',
        replace: '',
      },
    ],
    // Snapshots that are taken and do not count: what they made durable of a file is to be cut away.
    strikes: Array.from({ length: 12 }, () => ({ name: 'task.acknowledge', skip: 17 })),
    job: { rolloverMs: 15 },
  },
  {
    name: 'an attempt writes files of the same names as the one before',
    edits: [
      {
        file: 'src/connectors/filesystem/file-sink/file-sink.ts',
        find: '_context: WriterInitContext, restored: readonly InProgressFile[]) {',
        replace: 'context: WriterInitContext, restored: readonly InProgressFile[]) {\n    this.#uid = String(context.subtaskIndex);',
      },
      {
        file: 'src/connectors/filesystem/file-sink/file-sink.ts',
        find: 'readonly #uid = `${randomHex(4)}-${randomHex(2)}-${randomHex(2)}-${randomHex(2)}-${randomHex(6)}`;',
        replace: "#uid = '';",
      },
    ],
  },
  {
    name: 'frames of a stale attempt are accepted by the one that takes its place',
    edits: [
      {
        file: 'src/runtime/task/task-host.ts',
        find: 'return `${producer}|${edgeId}|${consumer}`;',
        replace:
          "const place = (id: string): string => id.slice(32).replace(/_\\d+$/, '');\n  return `${place(producer)}|${edgeId}|${place(consumer)}`;",
      },
      {
        file: 'src/runtime/network/create-slot-network.ts',
        find: '      this.#localQueues.delete(key);\n      return left;',
        replace: '      return left;',
      },
      {
        file: 'src/runtime/network/create-slot-network.ts',
        find: 'for (const key of keys) this.#localQueues.delete(key);',
        replace: '',
      },
      {
        file: 'src/runtime/network/create-slot-network.ts',
        find: 'for (const { key } of ends) this.#localQueues.delete(key);',
        replace: '',
      },
      {
        file: 'src/runtime/network/local-channel.ts',
        find: '  close(): void {\n    this.#queue.clear();\n  }',
        replace: '  close(): void {}',
      },
    ],
  },
  {
    name: 'a checkpoint is complete while one task has not acknowledged it',
    edits: [
      {
        file: 'src/runtime/checkpoint/pending-checkpoint.ts',
        find: "this.#phase === 'waiting' && this.#missing.size === 0 &&",
        replace: "this.#phase === 'waiting' && this.#missing.size <= 1 &&",
      },
    ],
  },
  {
    name: 'a task ends before its last output is committed',
    edits: [
      {
        file: 'src/runtime/task/stream-task.ts',
        find: 'return this.#finalCheckpointCompleted || !this.#drains || !this.#isCheckpointed;',
        replace: 'return true;',
      },
    ],
  },
];
