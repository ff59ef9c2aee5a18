/** TwoPhaseCommitSinkFunction: its sequence of calls, at every point where a job can fail. */
import { expect, test } from 'vitest';
import { TwoPhaseCommitSinkFunction } from '../../src/api/two-phase-commit-sink-function.ts';
import { FunctionUnderTest } from '../harness/checkpointed-function.ts';

/** An external system that outlives its clients. */
class Ledger {
  readonly said: string[] = [];
  readonly committed: string[] = [];
  readonly open = new Map<string, string[]>();
  failCommits = 0;
  transactions = 0;
}

class LedgerSink extends TwoPhaseCommitSinkFunction<string, string, string> {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    super();
    this.#ledger = ledger;
  }

  override invoke(transaction: string, value: string): void {
    this.#ledger.open.get(transaction)?.push(value);
  }

  protected override beginTransaction(): string {
    const transaction = `t${++this.#ledger.transactions}`;
    this.#ledger.open.set(transaction, []);
    this.#ledger.said.push(`begin ${transaction}`);
    return transaction;
  }

  protected override preCommit(transaction: string): void {
    this.#ledger.said.push(`preCommit ${transaction}`);
  }

  protected override commit(transaction: string): void {
    if (this.#ledger.failCommits > 0) {
      this.#ledger.failCommits--;
      throw new Error(`cannot commit ${transaction}`);
    }
    this.#ledger.said.push(`commit ${transaction}`);
    this.#ledger.committed.push(...(this.#ledger.open.get(transaction) ?? []));
    this.#ledger.open.delete(transaction);
  }

  protected override abort(transaction: string): void {
    this.#ledger.said.push(`abort ${transaction}`);
    this.#ledger.open.delete(transaction);
  }

  protected override initializeUserContext(): string {
    return 'context';
  }

  protected override finishRecoveringContext(handled: readonly string[]): void {
    this.#ledger.said.push(`recovered ${this.getUserContext()} [${handled.join(' ')}]`);
  }
}

const open = (ledger: Ledger, restored: Parameters<typeof FunctionUnderTest.open>[1] = [], settings = {}) =>
  FunctionUnderTest.open(new LedgerSink(ledger).asSinkFunction(), restored, settings);

test('a transaction is pre-committed with the snapshot and committed with its completion', async () => {
  const ledger = new Ledger();
  const sink = await open(ledger);
  await sink.write('a', 'b');
  await sink.snapshot(1);
  await sink.write('c');
  await sink.completed(1);
  expect(ledger.said).toEqual(['begin t1', 'preCommit t1', 'begin t2', 'commit t1']);
  expect(ledger.committed).toEqual(['a', 'b']);
});

test('completion of a later checkpoint commits the earlier ones too, in order, and none that is newer', async () => {
  const ledger = new Ledger();
  const sink = await open(ledger);
  for (const id of [1, 2, 3]) {
    await sink.write(`r${id}`);
    await sink.snapshot(id);
  }
  await sink.completed(2);
  expect(ledger.committed).toEqual(['r1', 'r2']);
});

test('a restore commits what was pre-committed and aborts what was open', async () => {
  const ledger = new Ledger();
  const first = await open(ledger);
  await first.write('a');
  const stored = await first.snapshot(1);
  await first.write('lost and replayed');
  await open(ledger, stored);
  expect(ledger.committed).toEqual(['a']);
  expect(ledger.said.slice(3)).toEqual(['commit t1', 'abort t2', 'recovered context [t1 t2]', 'begin t3']);
});

test('a failed commit fails the task after the other commits were tried', async () => {
  const ledger = new Ledger();
  const sink = await open(ledger);
  await sink.write('a');
  await sink.snapshot(1);
  await sink.write('b');
  await sink.snapshot(2);
  ledger.failCommits = 1;
  await expect(sink.completed(2)).rejects.toThrow('cannot commit t1');
  expect(ledger.committed).toEqual(['b']);
});

test('transactions of two former subtasks are finished by the one that inherits them', async () => {
  const ledger = new Ledger();
  const [one, two] = [await open(ledger), await open(ledger)];
  await one.write('1');
  await two.write('2');
  await open(ledger, [...(await one.snapshot(1)), ...(await two.snapshot(1))]);
  expect([...ledger.committed].sort()).toEqual(['1', '2']);
});

test('behind the end of the input no transaction is begun, and the final checkpoint commits the last one', async () => {
  const ledger = new Ledger();
  const sink = await open(ledger);
  await sink.write('a');
  await sink.finish();
  await sink.snapshot(1);
  await sink.snapshot(2);
  await sink.completed(2);
  await sink.close();
  expect(ledger.said).toEqual(['begin t1', 'preCommit t1', 'commit t1']);
});

test('without checkpoints the end of the input commits', async () => {
  const ledger = new Ledger();
  const sink = await open(ledger, [], { checkpointing: false });
  await sink.write('a');
  await sink.finish();
  await sink.close();
  expect(ledger.said).toEqual(['begin t1', 'preCommit t1', 'commit t1']);
});

test('closing aborts the open transaction', async () => {
  const ledger = new Ledger();
  const sink = await open(ledger);
  await sink.write('a');
  await sink.close();
  expect(ledger.said).toEqual(['begin t1', 'abort t1']);
});
