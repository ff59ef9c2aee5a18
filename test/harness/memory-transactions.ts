/** An external system with transactions, in the test's memory: what is committed is visible, once, whatever is tried again. */
import { TwoPhaseCommitSinkFunction } from '../../src/api/two-phase-commit-sink-function.ts';

export class MemoryTransactions {
  readonly #open = new Map<number, unknown[]>();
  readonly #committed = new Set<number>();
  readonly visible: unknown[] = [];
  #last = 0;

  begin(): number {
    this.#open.set(++this.#last, []);
    return this.#last;
  }

  write(transaction: number, value: unknown): void {
    const records = this.#open.get(transaction);
    if (!records) throw new Error(`transaction ${transaction} is not open`);
    records.push(value);
  }

  /** Idempotent; an aborted transaction cannot be committed. */
  commit(transaction: number): void {
    if (this.#committed.has(transaction)) return;
    const records = this.#open.get(transaction);
    if (!records) throw new Error(`transaction ${transaction} was aborted and cannot be committed`);
    this.#open.delete(transaction);
    this.#committed.add(transaction);
    this.visible.push(...records);
  }

  abort(transaction: number): void {
    this.#open.delete(transaction);
  }
}

export class MemoryTransactionSink<T> extends TwoPhaseCommitSinkFunction<T, number> {
  readonly #system: MemoryTransactions;

  constructor(system: MemoryTransactions) {
    super();
    this.#system = system;
  }

  override invoke(transaction: number, value: T): void {
    this.#system.write(transaction, value);
  }

  protected override beginTransaction(): number {
    return this.#system.begin();
  }

  protected override preCommit(): void {}

  protected override commit(transaction: number): void {
    this.#system.commit(transaction);
  }

  protected override abort(transaction: number): void {
    this.#system.abort(transaction);
  }
}
