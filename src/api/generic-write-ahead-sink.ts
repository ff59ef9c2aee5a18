/**
 * Base class of sinks whose external system has no transactions: records are kept in a log of their own until the checkpoint
 * that covers them is complete, and then sent. Sequence: reference of fault tolerance, 5.2.
 *
 * Keeps true: records of a checkpoint are sent in the order of checkpoints, all of a log or none counted as sent; a log that
 * the committer knows as committed is never sent again. A crash between sending and that entry sends a log twice, so the
 * result is exact for idempotent targets.
 */
import type {
  CheckpointedFunction,
  CheckpointListener,
  FunctionInitializationContext,
  FunctionSnapshotContext,
  SinkFunction,
  TaskOwnedLog,
  TaskOwnedLogs,
} from './functions.ts';
import { AbstractRichFunction } from './rich-functions.ts';
import type { ListState } from './state.ts';

/** Remembers, outside of the job, which checkpoints of which subtask have been sent. */
export interface CheckpointCommitter {
  open?(context: { readonly jobId: string; readonly operatorName: string }): void | Promise<void>;
  commitCheckpoint(subtaskIndex: number, checkpointId: number): void | Promise<void>;
  isCheckpointCommitted(subtaskIndex: number, checkpointId: number): boolean | Promise<boolean>;
  close?(): void | Promise<void>;
}

interface PendingLog {
  readonly checkpointId: number;
  readonly subtaskIndex: number;
  readonly timestamp: number;
  /** Null: no record came before that checkpoint. */
  readonly log: TaskOwnedLog | null;
}

export abstract class GenericWriteAheadSink<IN> extends AbstractRichFunction implements CheckpointedFunction, CheckpointListener {
  readonly #committer: CheckpointCommitter;
  readonly #pending: PendingLog[] = [];
  #logs!: TaskOwnedLogs;
  #state!: ListState<PendingLog>;
  #records: IN[] = [];

  constructor(committer: CheckpointCommitter) {
    super();
    this.#committer = committer;
  }

  /** Sends all values; false: not now, try again at the next checkpoint. */
  protected abstract sendValues(values: Iterable<IN>, checkpointId: number, timestamp: number): boolean | Promise<boolean>;

  /** What a task calls; `addSink` takes it from here. */
  asSinkFunction(): SinkFunction<IN> & CheckpointedFunction & CheckpointListener {
    return {
      setRuntimeContext: (context) => this.setRuntimeContext(context),
      initializeState: (context) => this.initializeState(context),
      open: (context) => this.open(context),
      invoke: (value) => void this.#records.push(value),
      snapshotState: (context) => this.snapshotState(context),
      notifyCheckpointComplete: (checkpointId) => this.notifyCheckpointComplete(checkpointId),
      finish: () => this.finish(),
      close: () => this.close(),
    };
  }

  /** Logs that were sent and committed right before the failure are dropped here. */
  async initializeState(context: FunctionInitializationContext): Promise<void> {
    const { jobId, operatorName } = this.getRuntimeContext();
    this.#logs = context.getTaskOwnedLogs();
    this.#state = context.getOperatorStateStore().getListState<PendingLog>({ kind: 'list', name: 'pending-checkpoints' });
    await this.#committer.open?.({ jobId, operatorName });
    for (const pending of this.#state.get()) {
      if (await this.#committer.isCheckpointCommitted(pending.subtaskIndex, pending.checkpointId)) await this.#drop(pending);
      else this.#pending.push(pending);
    }
    this.#pending.sort((a, b) => a.checkpointId - b.checkpointId);
  }

  async snapshotState(context: FunctionSnapshotContext): Promise<void> {
    const records = this.#records;
    this.#records = [];
    const log = records.length === 0 ? null : await this.#logs.write(records);
    this.#pending.push({
      checkpointId: context.getCheckpointId(),
      subtaskIndex: this.getRuntimeContext().getIndexOfThisSubtask(),
      timestamp: context.getCheckpointTimestamp(),
      log,
    });
    this.#state.update(this.#pending);
  }

  /** In order: a log that cannot be sent now holds back those behind it. */
  async notifyCheckpointComplete(checkpointId: number): Promise<void> {
    while (this.#pending.length > 0) {
      const pending = this.#pending[0] as PendingLog;
      if (pending.checkpointId > checkpointId || !(await this.#send(pending))) return;
      this.#pending.shift();
      await this.#drop(pending);
    }
  }

  /** Without checkpoints there is nothing to wait for. */
  async finish(): Promise<void> {
    const context = this.getRuntimeContext();
    if (context.isCheckpointingEnabled() || this.#records.length === 0) return;
    const records = this.#records;
    this.#records = [];
    if (await this.sendValues(records, Number.MAX_SAFE_INTEGER, Date.now())) return;
    throw new Error(`${context.operatorName}: sendValues refused the last records, and without checkpoints there is no second try.`);
  }

  override async close(): Promise<void> {
    await this.#committer.close?.();
  }

  async #send({ checkpointId, subtaskIndex, timestamp, log }: PendingLog): Promise<boolean> {
    if (await this.#committer.isCheckpointCommitted(subtaskIndex, checkpointId)) return true;
    if (log) {
      const sent = await this.sendValues((await this.#logs.read(log)) as IN[], checkpointId, timestamp);
      if (!sent) return false;
    }
    await this.#committer.commitCheckpoint(subtaskIndex, checkpointId);
    return true;
  }

  async #drop({ log }: PendingLog): Promise<void> {
    if (log) await this.#logs.delete(log);
  }
}
