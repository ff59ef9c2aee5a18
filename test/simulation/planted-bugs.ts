/**
 * Bugs that are put into the engine's source text to see the simulation turn red: a simulation that has never seen one may be
 * blind. Each text has to be there exactly once, so that a list that is out of date says so.
 */

export interface PlantedBug {
  readonly name: string;
  /** Below `src`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** It takes hundreds of histories to meet it, or a setting in which nothing else mends it: looked for on request. */
  readonly isRare?: boolean;
}

export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'barriers are not aligned',
    file: 'runtime/network/barrier/aligned-barriers.ts',
    find: 'this.#listener.block(channel);',
    replace: '',
  },
  {
    name: 'a sink commits before its checkpoint is complete',
    file: 'api/two-phase-commit-sink-function.ts',
    find: 'await this.preCommit(current.handle);',
    replace: 'await this.commit(current.handle);',
  },
  {
    name: 'transactions of the restored checkpoint are not committed',
    file: 'api/two-phase-commit-sink-function.ts',
    find: 'await this.#recoverAndCommit(transaction);',
    replace: '',
  },
  {
    name: 'completion is told before it is recorded',
    file: 'runtime/checkpoint/checkpoint-coordinator.ts',
    find: 'retained.confirm(checkpointId);',
    replace: 'retained.confirm(checkpointId); if (!isPlainSavepoint(properties)) this.#announce(checkpoint, undefined);',
  },
  {
    name: 'a checkpoint is complete when all but one have acknowledged',
    file: 'runtime/checkpoint/pending-checkpoint.ts',
    find: 'this.#missing.size === 0',
    replace: 'this.#missing.size <= 1',
  },
  {
    name: 'an older checkpoint completes behind a newer one',
    isRare: true,
    file: 'runtime/checkpoint/checkpoint-coordinator.ts',
    find: 'checkpointId < (retained.latest?.metadata.checkpointId ?? 0)',
    replace: 'false',
  },
  {
    name: 'an acknowledgement that comes twice deletes its files',
    isRare: true,
    file: 'runtime/checkpoint/checkpoint-coordinator.ts',
    find: 'this.#end(pending, undefined);',
    replace: 'this.#end(pending, target.place.directory);',
  },
  {
    name: 'aborts are told to nobody',
    isRare: true,
    file: 'runtime/checkpoint/checkpoint-coordinator.ts',
    find: 'tasks.notifyAborted(task.attemptId, checkpointId, latest);',
    replace: 'void [task, latest];',
  },
  {
    name: 'the newest checkpoint is subsumed',
    file: 'runtime/checkpoint/subsumption.ts',
    find: 'if (checkpoint === latest) continue;',
    replace: 'if (oldestFirst.length > 1) removed.push(oldestFirst[oldestFirst.length - 1] as C); if (checkpoint !== null) break;',
  },
  {
    name: 'a failed job starts from its oldest checkpoint',
    file: 'runtime/checkpoint/completed-checkpoint-store.ts',
    find: 'return this.#checkpoints.at(-1);',
    replace: 'return this.#checkpoints[0];',
  },
  {
    name: 'a restart does not wait for the completion that is under way',
    file: 'runtime/jobmaster/job-checkpoints.ts',
    find: 'await this.#coordinator?.settled();',
    replace: '',
  },
  {
    name: 'a failed write of a record is not taken back',
    file: 'runtime/ha/file-system/epoch-records.ts',
    find: 'await this.#takeBack(name);',
    replace: '',
  },
  {
    name: 'an overtaken leader takes its last record for one that nobody saw',
    isRare: true,
    file: 'runtime/ha/file-system/epoch-records.ts',
    find: "throw new UncertainRecordError('another",
    replace: "throw new LeadershipLostError('another",
  },
  {
    name: 'an overtaken leader goes on recording',
    isRare: true,
    file: 'runtime/ha/file-system/epoch-records.ts',
    find: 'if (this.#options.isCurrent()) return;',
    replace: 'if (this.#options.epoch > 0) return;',
  },
  {
    name: 'state files are not synced',
    file: 'state/storage/file-checkpoint-streams.ts',
    find: 'await file.sync();',
    replace: '',
  },
  {
    name: 'event-time timers are not in the snapshot',
    file: 'state/keyed/heap-snapshot.ts',
    find: 'for (const queue of contents.timerQueues) yield* this.#walkTimers(queue);',
    replace: '',
  },
  {
    name: 'events of enumerators are not held behind the trigger',
    isRare: true,
    file: 'runtime/jobmaster/event-valve.ts',
    find: 'if (this.#isShut) this.#held.push(deliver);',
    replace: 'if (this.#isShut && this.#held.length > 1e9) this.#held.push(deliver);',
  },
  {
    name: 'splits of a failed reader are not given back',
    file: 'runtime/source/source-coordinator.ts',
    find: 'if (splits.length > 0) this.#enumerator?.addSplitsBack(splits, subtaskIndex);',
    replace: 'void splits;',
  },
  {
    name: 'only the failed task of a region restarts',
    isRare: true,
    file: 'runtime/scheduler/failover.ts',
    find: 'this.#regionOf.get(keyOf(subtask)) as readonly SubtaskId[]',
    replace: '[subtask]',
  },
  {
    name: 'a region without a slot keeps the others from being deployed',
    isRare: true,
    file: 'runtime/scheduler/scheduler.ts',
    find: "const ready = executions.filter((execution) => execution.state === 'SCHEDULED');",
    replace:
      "if (executions.some(({ state }) => state === 'FAILED')) return; const ready = executions.filter(({ state }) => state === 'SCHEDULED');",
  },
  {
    name: 'a task ends before its last records are in a checkpoint',
    file: 'runtime/task/stream-task.ts',
    find: 'return this.#finalCheckpointCompleted || !this.#drains || !this.#isCheckpointed;',
    replace: 'return true;',
  },
  {
    name: 'a completion that is told twice is heard twice',
    file: 'runtime/task/stream-task.ts',
    find: 'if (checkpointId <= this.#highestCompletedId || !this.#chain) return;',
    replace: 'if (!this.#chain) return;',
  },
  {
    name: 'a cancel marker follows the end of a partition',
    file: 'runtime/task/stream-task.ts',
    find: "if (this.#state !== 'closing') this.#broadcast(event);",
    replace: 'this.#broadcast(event);',
  },
];
