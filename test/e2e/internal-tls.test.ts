/** A cluster whose processes speak TLS with each other, set up as Flink's documentation says. */
import { once } from 'node:events';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { expect, test } from 'vitest';
import { RealCluster, repository } from '../harness/real-cluster.ts';

const store = join(repository, 'test/fixtures/tls/internal.p12');
const password = 'internal_store_password';
const conf = {
  'security.ssl.internal.enabled': true,
  'security.ssl.internal.keystore': store,
  'security.ssl.internal.keystore-password': password,
  'security.ssl.internal.key-password': password,
  'security.ssl.internal.truststore': store,
  'security.ssl.internal.truststore-password': password,
};

test('jobs run over TLS between two TaskManagers, whose data ports show the certificate of the cluster', async () => {
  await using cluster = await RealCluster.start({
    taskManagers: 2,
    slotsPerTaskManager: 1,
    conf: { ...conf, 'taskmanager.load-balance.mode': 'SLOTS' },
  });
  const { taskmanagers } = (await cluster.rest<{ taskmanagers: { dataPort: number }[] }>('/taskmanagers')) as {
    taskmanagers: { dataPort: number }[];
  };
  for (const { dataPort } of taskmanagers) {
    const stranger = connect({ port: dataPort, host: '127.0.0.1', rejectUnauthorized: false });
    stranger.on('error', () => {});
    await once(stranger, 'secureConnect');
    expect(stranger.getPeerCertificate().subject.CN).toBe('flink.internal');
    stranger.destroy();
  }
  const run = await cluster.flink(['run', '-p', '2', 'examples/word-count.ts'], { cwd: repository });
  expect(run.stderr).toBe('');
  expect(run.exitCode).toBe(0);
});
