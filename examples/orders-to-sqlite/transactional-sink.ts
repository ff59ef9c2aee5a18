/**
 * Exactly once by two-phase commit, for rows that may not be seen twice, nor too early. Rows are prepared in a table beside the
 * real one, under the id of their transaction; when the checkpoint that covers them is complete, they move, all at once.
 *
 * A commit that is tried again finds nothing prepared, and moves nothing: it is idempotent, as it has to be.
 */
import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { TwoPhaseCommitSinkFunction } from 'weir';
import { inTransaction, openDatabase } from './database.ts';

export interface Order {
  readonly orderId: string;
  readonly customer: string;
  readonly cents: number;
}

const batchRows = 500;

export class OrderSink extends TwoPhaseCommitSinkFunction<Order, string> {
  readonly #path: string;
  #database!: DatabaseSync;
  /** Rows of the current transaction that are not in the database yet. */
  #batch: Order[] = [];
  /** Transactions that this attempt began. */
  readonly #own = new Set<string>();
  #swept = false;

  constructor(path: string) {
    super();
    this.#path = path;
  }

  /** Before the first transaction is begun, and before those of the last checkpoint are committed. */
  override async initializeState(...context: Parameters<TwoPhaseCommitSinkFunction<Order, string>['initializeState']>): Promise<void> {
    this.#database = openDatabase(this.#path);
    this.#batch = [];
    this.#own.clear();
    this.#swept = false;
    await super.initializeState(...context);
  }

  protected override beginTransaction(): string {
    const id = randomUUID();
    this.#own.add(id);
    return id;
  }

  override invoke(id: string, order: Order): void {
    this.#batch.push(order);
    if (this.#batch.length >= batchRows) this.#prepareRows(id);
  }

  /** From here on, whatever happens, the rows can be committed. */
  protected override preCommit(id: string): void {
    this.#prepareRows(id);
  }

  protected override commit(id: string): void {
    inTransaction(this.#database, () => {
      this.#database
        .prepare('INSERT INTO orders SELECT order_id, customer, cents FROM prepared_orders WHERE transaction_id = ? ORDER BY rowid')
        .run(id);
      this.#forget(id);
    });
    this.#own.delete(id);
  }

  protected override abort(id: string): void {
    this.#batch = [];
    this.#forget(id);
  }

  /**
   * Once a checkpoint has completed, every transaction of former attempts has been committed or aborted by whoever restored it.
   * Rows that are still there under this subtask's number belong to transactions that no checkpoint knows.
   */
  override async notifyCheckpointComplete(checkpointId: number): Promise<void> {
    await super.notifyCheckpointComplete(checkpointId);
    if (this.#swept) return;
    this.#swept = true;
    this.#database
      .prepare('DELETE FROM prepared_orders WHERE subtask = ? AND transaction_id NOT IN (SELECT value FROM json_each(?))')
      .run(this.#subtask, JSON.stringify([...this.#own]));
  }

  override async close(): Promise<void> {
    await super.close();
    this.#database?.close();
  }

  #prepareRows(id: string): void {
    if (this.#batch.length === 0) return;
    const insert = this.#database.prepare('INSERT INTO prepared_orders VALUES (?, ?, ?, ?, ?)');
    inTransaction(this.#database, () => {
      for (const { orderId, customer, cents } of this.#batch) insert.run(id, this.#subtask, orderId, customer, cents);
    });
    this.#batch = [];
  }

  #forget(id: string): void {
    this.#database.prepare('DELETE FROM prepared_orders WHERE transaction_id = ?').run(id);
  }

  get #subtask(): number {
    return this.getRuntimeContext().getIndexOfThisSubtask();
  }
}
