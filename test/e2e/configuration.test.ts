/** Configuration as the scripts and processes take it: both file forms, what wins, what is refused and where that is said. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RealCluster, repository, submittedJobId } from '../harness/real-cluster.ts';

const wordCount = join(repository, 'examples/word-count.ts');

let cluster: RealCluster;
const flat = (): string => join(cluster.directory, 'conf', 'flink-conf.yaml');
const nested = (): string => join(cluster.directory, 'conf', 'config.yaml');

describe('a cluster with the nested file of Flink 2', () => {
  let warnings: string;

  beforeAll(async () => {
    cluster = await RealCluster.prepare();
    const settings = Object.fromEntries(
      readFileSync(flat(), 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split(': ') as [string, string]),
    );
    rmSync(flat());
    writeFileSync(
      nested(),
      `jobmanager:
  rpc: {address: localhost, port: ${settings['jobmanager.rpc.port']}}
  memory.process.size: 1024m
taskmanager:
  memory: {process.size: 1g}
  numberOfTaskSlot: 7
  numberOfTaskSlots: 1
rest.port: ${settings['rest.port']}
io.tmp.dirs: ${settings['io.tmp.dirs']}
web.history: 3
my.password: hunter2
restart-strategy: {type: fixed-delay}
`,
    );
    const started = await cluster.script('start-cluster.sh', ['-Dtaskmanager.numberOfTaskSlots=2']);
    expect(started.exitCode).toBe(0);
    warnings = started.stderr;
    await cluster.waitForSlots(2);
  });

  afterAll(() => cluster[Symbol.asyncDispose]());

  test('runs, with what -D says over the file', async () => {
    const run = await cluster.flink(['run', '-p', '2', wordCount]);
    expect(run).toMatchObject({ exitCode: 0 });
    const shown = await cluster.rest<{ key: string; value: string }[]>('/jobmanager/config');
    expect(shown).toContainEqual({ key: 'taskmanager.numberOfTaskSlots', value: '2' });
    expect(shown).toContainEqual({ key: 'my.password', value: '******' });
  });

  test('a misspelt key is told at the prompt, the others in the log of each process', () => {
    const misspelt = `Nobody reads the key taskmanager.numberOfTaskSlot (${nested()}:6). Did you mean taskmanager.numberOfTaskSlots?`;
    expect(warnings.split('\n').filter((line) => line.includes('numberOfTaskSlot '))).toEqual([`WARNING: ${misspelt}`]);
    for (const log of [/standalonesession.*\.log$/, /taskexecutor.*\.log$/]) {
      expect(cluster.logFile(log)).toContain(misspelt);
      expect(cluster.logFile(log)).toContain(`The key web.history (${nested()}:10) has no effect.`);
      expect(cluster.logFile(log)).toContain('Loading configuration property: my.password, ******');
    }
  });

  test('what is not there is an error that names its key, when a job needs it', async () => {
    const hdfs = await cluster.flink([
      'run',
      '-Dexecution.checkpointing.interval=1 s',
      '-Dstate.checkpoints.dir=hdfs://namenode:8020/flink/checkpoints',
      wordCount,
    ]);
    expect(hdfs.exitCode).toBe(1);
    expect(hdfs.stderr).toMatch(/hdfs:/);
    expect(hdfs.stderr).toMatch(/state\.checkpoints\.dir|execution\.checkpointing\.dir/);
    const rocksDb = await cluster.flink(['run', '-Dstate.backend=rocksdb', wordCount]);
    expect(rocksDb.exitCode).toBe(1);
    expect(rocksDb.stderr).toMatch(/'rocksdb' is not there yet[\s\S]*state\.backend/);
  });

  test('job settings of the submitter win over the cluster by any name, and cluster settings stay as they are', async () => {
    const run = await cluster.flink(['run', '-d', '-Drestart-strategy=none', '-Dtaskmanager.numberOfTaskSlots=9', wordCount]);
    const job = submittedJobId(run.stdout);
    const config = await cluster.rest<{ 'execution-config': { 'restart-strategy': string } }>(`/jobs/${job}/config`);
    expect(config?.['execution-config']['restart-strategy']).toMatch(/none/i);
    const overview = await cluster.rest<{ 'slots-total': number }>('/overview');
    expect(overview?.['slots-total']).toBe(2);
  });
});

describe('nothing starts, and the reason is at the prompt', () => {
  beforeAll(async () => {
    cluster = await RealCluster.prepare();
  });

  afterAll(() => cluster[Symbol.asyncDispose]());

  test.each([
    [
      { 'heartbeat.timeout': '500 ms' },
      /heartbeat timeout should be larger or equal than the heartbeat interval[\s\S]*flink-conf\.yaml:\d+/,
    ],
    [{ 'taskmanager.memory.flink.size': '1600m' }, /overhead is what remains|less than flink memory/],
    [
      { 'slot.request.timeout': 'soon', 'rest.port': 'web' },
      /has 2 faults[\s\S]*'soon' for key 'slot\.request\.timeout'[\s\S]*flink-conf\.yaml:\d+/,
    ],
  ])('%j', async (settings, reason) => {
    const lines = Object.entries(settings).map(([key, value]) => `${key}: ${value}\n`);
    const file = readFileSync(flat(), 'utf8');
    writeFileSync(flat(), file + lines.join(''));
    const start = await cluster.script('start-cluster.sh');
    writeFileSync(flat(), file);
    expect(start.exitCode).toBe(1);
    expect(start.stderr).toMatch(reason);
    expect(start.stderr).not.toMatch(/^\s+at /m);
    expect(cluster.processes()).toEqual([]);
  });

  test('a configuration for ZooKeeper, HDFS and RocksDB loads; starting it says what is not there', async () => {
    const file = readFileSync(flat(), 'utf8');
    writeFileSync(
      flat(),
      `${file}high-availability: zookeeper
high-availability.storageDir: hdfs:///flink/ha/
high-availability.zookeeper.quorum: zk1:2181,zk2:2181,zk3:2181
high-availability.zookeeper.path.root: /flink
high-availability.cluster-id: /orders
state.backend: rocksdb
state.backend.incremental: true
state.backend.local-recovery: true
state.checkpoints.dir: hdfs://nameservice1/flink/checkpoints
state.savepoints.dir: hdfs://nameservice1/flink/savepoints
taskmanager.state.local.root-dirs: /data1/flink,/data2/flink
state.backend.rocksdb.localdir: /data1/rocksdb
execution.checkpointing.interval: 60s
execution.checkpointing.externalized-checkpoint-retention: RETAIN_ON_CANCELLATION
env.java.opts: "-XX:+UseG1GC -XX:MaxGCPauseMillis=100"
`,
    );
    const shown = await cluster.flink(['config', 'high-availability', 'state']);
    expect(shown.exitCode).toBe(0);
    expect(shown.stdout).toMatch(/^high-availability\.type: zookeeper +# .*flink-conf\.yaml:\d+, as high-availability$/m);
    expect(shown.stdout).toMatch(/^state\.checkpoints\.dir: hdfs:\/\/nameservice1\/flink\/checkpoints +# .*flink-conf\.yaml:\d+$/m);
    const start = await cluster.script('start-cluster.sh');
    writeFileSync(flat(), file);
    expect(start.exitCode).toBe(1);
    expect(start.stderr).toMatch(
      /High availability is set to 'zookeeper'\. Weir does not have that yet\. It is set in .*flink-conf\.yaml:\d+\./,
    );
    expect(cluster.processes()).toEqual([]);
  });

  test('a directory that does not exist is named with its variable', async () => {
    const run = await cluster.flink(['list'], { env: { FLINK_CONF_DIR: '/nowhere/conf' } });
    expect(run.exitCode).not.toBe(0);
    expect(run.stderr + run.stdout).toMatch(/'\/nowhere\/conf'.*'FLINK_CONF_DIR' environment variable, does not exist/);
  });
});
