/**
 * Exactly once by idempotence: each row is a whole truth about its key, so a row that is written again changes nothing. After a
 * failure, rows of the replayed part are written a second time, older values for a moment, and end as they were.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { Sink, SinkWriter } from 'weir';
import { inTransaction, openDatabase } from './database.ts';

export interface CustomerTotal {
  readonly customer: string;
  readonly orders: number;
  readonly cents: number;
}

const batchRows = 500;

export class CustomerTotalSink implements Sink<CustomerTotal> {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  createWriter(): SinkWriter<CustomerTotal> {
    return new UpsertWriter(openDatabase(this.#path));
  }
}

class UpsertWriter implements SinkWriter<CustomerTotal> {
  readonly #database: DatabaseSync;
  /** The newest row of each customer since the last write. */
  readonly #batch = new Map<string, CustomerTotal>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  write(total: CustomerTotal): void {
    this.#batch.set(total.customer, total);
    if (this.#batch.size >= batchRows) this.flush();
  }

  /** Called before each checkpoint: what a checkpoint covers is in the database. */
  flush(): void {
    if (this.#batch.size === 0) return;
    const upsert = this.#database.prepare(`
      INSERT INTO customers (customer, orders, cents) VALUES (?, ?, ?)
      ON CONFLICT (customer) DO UPDATE SET orders = excluded.orders, cents = excluded.cents
    `);
    inTransaction(this.#database, () => {
      for (const { customer, orders, cents } of this.#batch.values()) upsert.run(customer, orders, cents);
    });
    this.#batch.clear();
  }

  close(): void {
    this.#database.close();
  }
}
