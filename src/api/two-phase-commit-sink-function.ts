/**
 * Base class of sinks whose external system has transactions: one transaction per checkpoint, pre-committed with the
 * snapshot, committed when the checkpoint is complete. Sequences: reference of fault tolerance, 5.1.
 *
 * Keeps true: a pre-committed transaction is committed at least once after its checkpoint completed, however often the job
 * fails, so `commit` and `recoverAndCommit` must be idempotent; a transaction of no completed checkpoint is aborted.
 */
import { type Duration, durationMs } from './duration.ts';
import type {
  CheckpointedFunction,
  CheckpointListener,
  FunctionInitializationContext,
  FunctionSnapshotContext,
  SinkContext,
  SinkFunction,
} from './functions.ts';
import { AbstractRichFunction } from './rich-functions.ts';
import type { ListState } from './state.ts';

interface TransactionHolder<TXN> {
  readonly handle: TXN;
  /** When it was begun, ms since the epoch. */
  readonly startTime: number;
}

interface StoredState<TXN, CONTEXT> {
  /** Null behind the end of the input: no transaction is begun any more. */
  readonly current: TransactionHolder<TXN> | null;
  readonly pending: readonly TransactionHolder<TXN>[];
  readonly context: CONTEXT | null;
}

/** `TXN` and `CONTEXT` are plain data that name a transaction: they are stored in checkpoints, and found again by another process. */
export abstract class TwoPhaseCommitSinkFunction<IN, TXN, CONTEXT = null>
  extends AbstractRichFunction
  implements CheckpointedFunction, CheckpointListener
{
  #state!: ListState<StoredState<TXN, CONTEXT>>;
  #current: TransactionHolder<TXN> | undefined;
  /** By the checkpoint that covers it, ascending. */
  readonly #pending = new Map<number, TransactionHolder<TXN>>();
  #userContext: CONTEXT | null = null;
  #ended = false;
  #transactionTimeoutMs = Number.POSITIVE_INFINITY;
  #ignoreFailuresAfterTimeout = false;
  #warningRatio: number | undefined;

  /** Writes one record into the transaction. */
  abstract invoke(transaction: TXN, value: IN, context: SinkContext): void | Promise<void>;

  protected abstract beginTransaction(): TXN | Promise<TXN>;

  /** Flushes: after this, `commit` must be able to succeed. */
  protected abstract preCommit(transaction: TXN): void | Promise<void>;

  /** Makes the transaction visible. Must not fail for good; may be called again for a transaction that is committed. */
  protected abstract commit(transaction: TXN): void | Promise<void>;

  protected abstract abort(transaction: TXN): void | Promise<void>;

  protected recoverAndCommit(transaction: TXN): void | Promise<void> {
    return this.commit(transaction);
  }

  protected recoverAndAbort(transaction: TXN): void | Promise<void> {
    return this.abort(transaction);
  }

  /** Data that belongs to the sink as a whole, made once and stored with every checkpoint. */
  protected initializeUserContext(): CONTEXT | null | Promise<CONTEXT | null> {
    return null;
  }

  /** After recovery: transactions that no checkpoint knows (begun after the last one) can be found and aborted here. */
  protected finishRecoveringContext(_handled: readonly TXN[]): void | Promise<void> {}

  protected getUserContext(): CONTEXT | null {
    return this.#userContext;
  }

  protected currentTransaction(): TXN | undefined {
    return this.#current?.handle;
  }

  /** How long the external system keeps an open transaction; used for warnings and {@link ignoreFailuresAfterTransactionTimeout}. */
  protected setTransactionTimeout(timeout: Duration): this {
    this.#transactionTimeoutMs = durationMs(timeout, 'setTransactionTimeout');
    return this;
  }

  /** Accepts the loss of a transaction that can no longer be committed once it is older than the timeout. */
  protected ignoreFailuresAfterTransactionTimeout(): this {
    this.#ignoreFailuresAfterTimeout = true;
    return this;
  }

  /** Warns when a transaction is committed after more than this share of the timeout. */
  protected enableTransactionTimeoutWarnings(ratio: number): this {
    this.#warningRatio = ratio;
    return this;
  }

  async initializeState(context: FunctionInitializationContext): Promise<void> {
    // In an embedded cluster one object serves all attempts of a subtask: nothing of the one before counts.
    this.#current = undefined;
    this.#pending.clear();
    this.#ended = false;
    this.#state = context.getOperatorStateStore().getListState<StoredState<TXN, CONTEXT>>({ kind: 'list', name: 'state' });
    const handled: TXN[] = [];
    let restoredContext: CONTEXT | null = null;
    for (const stored of this.#state.get()) {
      restoredContext = stored.context;
      for (const transaction of stored.pending) {
        await this.#recoverAndCommit(transaction);
        handled.push(transaction.handle);
      }
      if (stored.current) {
        await this.recoverAndAbort(stored.current.handle);
        handled.push(stored.current.handle);
      }
    }
    this.#userContext = restoredContext ?? (await this.initializeUserContext());
    if (context.isRestored()) await this.finishRecoveringContext(handled);
    await this.#begin();
  }

  /** What a task calls; `addSink` takes it from here. */
  asSinkFunction(): SinkFunction<IN> & CheckpointedFunction & CheckpointListener {
    return {
      setRuntimeContext: (context) => this.setRuntimeContext(context),
      initializeState: (context) => this.initializeState(context),
      open: (context) => this.open(context),
      invoke: (value, context) => this.invoke((this.#current as TransactionHolder<TXN>).handle, value, context),
      snapshotState: (context) => this.snapshotState(context),
      notifyCheckpointComplete: (checkpointId) => this.notifyCheckpointComplete(checkpointId),
      finish: () => this.finish(),
      close: () => this.close(),
    };
  }

  async snapshotState(context: FunctionSnapshotContext): Promise<void> {
    const current = this.#current;
    if (current) {
      await this.preCommit(current.handle);
      this.#pending.set(context.getCheckpointId(), current);
      this.#current = undefined;
      if (!this.#ended) await this.#begin();
    }
    this.#state.update([{ current: this.#current ?? null, pending: [...this.#pending.values()], context: this.#userContext }]);
  }

  /** Every pending transaction up to this checkpoint is tried; the first error fails the task, and recovery tries again. */
  async notifyCheckpointComplete(checkpointId: number): Promise<void> {
    let firstError: unknown;
    for (const [id, transaction] of [...this.#pending].sort(([a], [b]) => a - b)) {
      if (id > checkpointId) break;
      this.#warnIfOld(transaction);
      try {
        await this.commit(transaction.handle);
      } catch (error) {
        firstError ??= error;
      }
      this.#pending.delete(id);
    }
    if (firstError !== undefined) throw firstError;
  }

  /** The last transaction is committed by the final checkpoint; without checkpoints, here. */
  async finish(): Promise<void> {
    this.#ended = true;
    if (this.getRuntimeContext().isCheckpointingEnabled() || !this.#current) return;
    const { handle } = this.#current;
    this.#current = undefined;
    await this.preCommit(handle);
    await this.commit(handle);
  }

  override async close(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    if (current) await this.abort(current.handle);
  }

  async #begin(): Promise<void> {
    this.#current = { handle: await this.beginTransaction(), startTime: Date.now() };
  }

  async #recoverAndCommit(transaction: TransactionHolder<TXN>): Promise<void> {
    this.#warnIfOld(transaction);
    try {
      await this.recoverAndCommit(transaction.handle);
    } catch (error) {
      const ageMs = Date.now() - transaction.startTime;
      if (!this.#ignoreFailuresAfterTimeout || ageMs <= this.#transactionTimeoutMs) throw error;
      console.error(
        `A transaction is lost: it could not be committed ${ageMs} ms after it was begun, and is older than its timeout of ${this.#transactionTimeoutMs} ms.`,
        transaction.handle,
        error,
      );
    }
  }

  #warnIfOld({ handle, startTime }: TransactionHolder<TXN>): void {
    if (this.#warningRatio === undefined) return;
    const ageMs = Date.now() - startTime;
    if (ageMs <= this.#transactionTimeoutMs * this.#warningRatio) return;
    console.warn(
      `A transaction is committed ${ageMs} ms after it was begun, close to or beyond its timeout of ${this.#transactionTimeoutMs} ms.`,
      handle,
    );
  }
}
