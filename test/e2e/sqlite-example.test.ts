/**
 * The example that writes to an embedded database, with its TaskManagers killed in the middle: every order is there once, every
 * total is right, and nothing that was prepared is left.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { orderAt } from '../../examples/orders-to-sqlite/main.ts';
import { RealCluster, repository, submittedJobId, waitFor } from '../harness/real-cluster.ts';

const orders = 40_000;

test('orders and totals are exact, whatever is killed', async () => {
  await using cluster = await RealCluster.start({
    taskManagers: 2,
    slotsPerTaskManager: 1,
    conf: {
      'taskmanager.memory.process.size': '1g',
      'execution.checkpointing.interval': '200 ms',
      'restart-strategy.type': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': 100,
      'restart-strategy.fixed-delay.delay': '100 ms',
    },
  });
  const path = join(cluster.directory, 'shop.db');
  const program = join(repository, 'examples/orders-to-sqlite/main.ts');
  const run = cluster.running('flink', ['run', '-p', '2', program, '--database', path, '--orders', String(orders), '--rps', '4000']);
  await waitFor('the job', () => run.stdout.includes('JobID'));
  const jobId = submittedJobId(run.stdout);

  const counts = async () =>
    (await cluster.rest<{ counts?: { completed: number; restored: number } }>(`/jobs/${jobId}/checkpoints`))?.counts ?? {
      completed: 0,
      restored: 0,
    };
  for (let kill = 0; kill < 3; kill++) {
    const before = await counts();
    await waitFor('two more checkpoints', async () => (await counts()).completed >= before.completed + 2);
    const found = await cluster.rest<{ taskmanagers: { id: string }[] }>('/taskmanagers');
    process.kill(Number(/:(\d+)-/.exec(found?.taskmanagers[kill % 2]?.id ?? '')?.[1]), 'SIGKILL');
    await waitFor(
      'a restart',
      async () => (await counts()).restored > before.restored,
      () => cluster.logs(),
    );
    await cluster.waitForSlots(2);
  }
  const finished = await run.result;
  expect(finished, cluster.logs()).toMatchObject({ exitCode: 0 });

  const expected = Array.from({ length: orders }, (_, index) => orderAt(index));
  const cents = expected.reduce((sum, order) => sum + order.cents, 0);
  expect(finished.stdout).toContain(`${orders} orders of ${(cents / 100).toFixed(2)} in all; customers have ${orders}\n`);
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const rows = database
      .prepare('SELECT order_id AS orderId, customer, cents FROM orders')
      .all()
      .map((row) => ({ ...row }));
    const byId = (a: { orderId?: unknown }, b: { orderId?: unknown }): number => (String(a.orderId) < String(b.orderId) ? -1 : 1);
    expect(rows.sort(byId)).toEqual(expected.toSorted(byId));
    expect(database.prepare('SELECT count(*) AS left FROM prepared_orders').get()).toEqual({ left: 0 });
    const totals = Map.groupBy(expected, ({ customer }) => customer);
    const found = database.prepare('SELECT customer, orders, cents FROM customers').all();
    expect(found).toHaveLength(totals.size);
    for (const { customer, ...total } of found) {
      const own = totals.get(String(customer)) ?? [];
      expect(total).toEqual({ orders: own.length, cents: own.reduce((sum, order) => sum + order.cents, 0) });
    }
  } finally {
    database.close();
  }
}, 180_000);
