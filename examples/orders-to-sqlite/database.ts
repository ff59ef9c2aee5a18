/** The shop's database: one file, opened by every subtask of every sink on its own. */
import { DatabaseSync } from 'node:sqlite';

/** How long a transaction waits for those of other subtasks. They are short. */
const patienceMs = 60_000;

export function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: patienceMs });
  // Readers see what is committed and wait for nobody; what was committed survives a loss of power.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  database.exec(`
    CREATE TABLE IF NOT EXISTS customers (customer TEXT PRIMARY KEY, orders INTEGER NOT NULL, cents INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS orders (order_id TEXT NOT NULL, customer TEXT NOT NULL, cents INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS prepared_orders (
      transaction_id TEXT NOT NULL, subtask INTEGER NOT NULL, order_id TEXT NOT NULL, customer TEXT NOT NULL, cents INTEGER NOT NULL
    );
    CREATE INDEX IF NOT EXISTS prepared_by_transaction ON prepared_orders (transaction_id);
  `);
  return database;
}

/** All of it, or nothing. */
export function inTransaction(database: DatabaseSync, change: () => void): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    change();
    database.exec('COMMIT');
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}
