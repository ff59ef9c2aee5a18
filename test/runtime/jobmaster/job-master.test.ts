/** Event scripts of a whole job: who restarts for what, from where, and what is said to whom meanwhile. */
import { describe, expect, test } from 'vitest';
import type { JobGraph } from '../../../src/graph/job-graph.ts';
import { ExternalError } from '../../../src/shared/errors.ts';
import { MemoryFileSystem } from '../../harness/memory-file-system.ts';
import { jobId, vertexOf } from '../checkpoint/coordinator-world.ts';
import { JobWorld } from './job-world.ts';

const source = vertexOf('source', 2);
/** Two regions. */
const pipelines = [source, vertexOf('map', 2, { vertex: source, partitioner: 'forward' })];
/** One region. */
const shuffle = [source, vertexOf('map', 2, { vertex: source, partitioner: 'hash' })];

const message = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: Error) => error.message,
  );

describe('a failure of a task', () => {
  test('restarts its region from the newest checkpoint, and leaves the others alone', async () => {
    const world = await JobWorld.running({ vertices: pipelines });
    await world.takeCheckpoint();
    expect(world.heard().filter((line) => line.startsWith('complete'))).toEqual(
      ['source.0.0', 'source.1.0', 'map.0.0', 'map.1.0'].map((name) => `complete 1 ${name}`),
    );
    world.userCode.said.length = 0;
    world.fail(world.execution('map', 1));
    expect(world.master.status).toBe('RESTARTING');
    await world.advance(100);
    expect(world.heard()).toEqual(['cancel source.1.0', 'deploy source.1.1 on tm1', 'deploy map.1.1 on tm1']);
    expect(world.master.status).toBe('RUNNING');
    expect(world.userCode.said).toEqual(['failed 1', 'reset 1 to 1']);
    expect(world.deployed.get(world.execution('map', 1).attemptId)?.restore?.checkpointId).toBe(1);
    expect(world.states).toEqual(['source.0.0 RUNNING', 'source.1.1 DEPLOYING', 'map.0.0 RUNNING', 'map.1.1 DEPLOYING']);
  });

  test('restarts everything with failover-strategy full, or when all is one region', async () => {
    for (const [vertices, scope] of [
      [pipelines, 'full'],
      [shuffle, 'region'],
    ] as const) {
      const world = await JobWorld.running({ vertices, configuration: { 'jobmanager.execution.failover-strategy': scope } });
      world.fail(world.execution('map', 1));
      await world.advance(100);
      expect(world.states.every((state) => state.includes('.1 '))).toBe(true);
      expect(world.userCode.said.filter((line) => line.startsWith('reset'))).toEqual(['reset 0 to -', 'reset 1 to -']);
    }
  });

  test('waits for the delay and for the end of the cancelled attempts', async () => {
    const world = await JobWorld.running({ vertices: shuffle });
    world.fail(world.execution('map', 1));
    await world.advance(99);
    expect(world.heard().filter((line) => line.startsWith('deploy') && line.includes('.1 on'))).toEqual([]);
    await world.advance(1);
    expect(world.heard().filter((line) => line.startsWith('deploy')).length).toBe(4);
  });

  test('when it comes while another region waits, each restarts once; checkpoints begin again when both run', async () => {
    const world = await JobWorld.running({ vertices: pipelines });
    await world.takeCheckpoint();
    world.fail(world.execution('map', 0));
    await world.advance(50);
    world.fail(world.execution('source', 1));
    world.heard();
    await world.advance(50);
    expect(world.master.status).toBe('RESTARTING');
    expect(world.heard()).toEqual(['deploy source.0.1 on tm0', 'deploy map.0.1 on tm0']);
    await world.advance(50);
    expect(world.master.status).toBe('RUNNING');
    expect(world.heard()).toEqual(['deploy source.1.1 on tm1', 'deploy map.1.1 on tm1']);
    await world.runAll();
    await world.takeCheckpoint();
    expect(world.heard()).toContain('complete 2 map.1.1');
  });

  test('of the whole job, while a region waits, takes its place: one restart of everything', async () => {
    const world = await JobWorld.running({ vertices: pipelines });
    await world.takeCheckpoint();
    world.fail(world.execution('map', 0));
    await world.advance(50);
    world.master.failJob({ name: 'Error', message: 'the enumerator broke', stack: '' });
    await world.advance(200);
    expect(world.states.map((state) => state.split(' ')[0])).toEqual(['source.0.1', 'source.1.1', 'map.0.1', 'map.1.1']);
    expect(world.userCode.said).toContain('global reset to 1');
    expect(world.userCode.said.filter((line) => line.startsWith('reset'))).toEqual([]);
  });

  test('of a task that was being cancelled is no new failure', async () => {
    const world = await JobWorld.running({ vertices: shuffle });
    const [one, other] = [world.execution('map', 0), world.execution('map', 1)];
    world.fail(one, new Error('first'));
    world.fail(other, new Error('second'));
    await world.advance(100);
    const { exceptionHistory } = world.master.archive();
    expect(exceptionHistory.map(({ error, concurrent }) => [error.message, concurrent.map((entry) => entry.error.message)])).toEqual([
      ['first', ['second']],
    ]);
  });

  test('of a region that gets no slot leaves the others alone: they are deployed', async () => {
    const world = new JobWorld({ vertices: pipelines, taskManagers: 1 });
    void world.master.start();
    await world.advance(59_999);
    expect(world.heard()).toEqual([]);
    await world.advance(1);
    expect(world.heard()).toEqual(['deploy source.0.0 on tm0', 'deploy map.0.0 on tm0']);
    world.addTaskManager('tm1');
    await world.advance(100);
    expect(world.heard()).toEqual(['deploy source.1.1 on tm1', 'deploy map.1.1 on tm1']);
  });

  test('beyond what the strategy allows ends the job, with both reasons', async () => {
    const world = await JobWorld.running({ vertices: shuffle, configuration: { 'restart-strategy.type': 'none' } });
    world.fail(world.execution('map', 1), new Error('enough'));
    await world.settle();
    await world.settle();
    expect(world.master.result).toMatchObject({
      status: 'FAILED',
      failure: { message: 'Recovery is suppressed by NoRestartBackoffTimeStrategy', cause: { message: 'enough' } },
    });
  });

  test('cancelling while it waits ends the job, and nothing restarts', async () => {
    const world = await JobWorld.running({ vertices: shuffle });
    world.fail(world.execution('map', 1));
    world.master.cancel();
    await world.advance(1000);
    expect(world.master.status).toBe('CANCELED');
    expect(world.states.every((state) => state.includes('.0 '))).toBe(true);
  });
});

describe('a TaskManager that is lost', () => {
  test('costs its tasks; the slots of the others are kept, and another one is asked for', async () => {
    const world = await JobWorld.running({ vertices: shuffle });
    await world.takeCheckpoint();
    world.loseTaskManager('tm1');
    world.heard();
    await world.advance(100);
    expect(world.master.status).toBe('RUNNING');
    expect(world.states.every((state) => state.endsWith('.1 SCHEDULED'))).toBe(true);
    world.addTaskManager('tm2');
    await world.settle();
    expect(world.heard()).toEqual([
      'deploy source.0.1 on tm0',
      'deploy source.1.1 on tm2',
      'deploy map.0.1 on tm0',
      'deploy map.1.1 on tm2',
    ]);
  });

  test('is one failure, however many tasks it had', async () => {
    const world = await JobWorld.running({
      vertices: shuffle,
      configuration: { 'restart-strategy.fixed-delay.attempts': '1' },
      taskManagers: 1,
      slotsPerTaskManager: 2,
    });
    world.loseTaskManager('tm0');
    world.addTaskManager('tm1');
    await world.advance(100);
    await world.runAll();
    expect(world.states.every((state) => state.endsWith('.1 RUNNING'))).toBe(true);
  });

  test('and never replaced is a failure of the job when the request for a slot times out', async () => {
    const world = await JobWorld.running({ vertices: shuffle, configuration: { 'restart-strategy.fixed-delay.attempts': '1' } });
    world.loseTaskManager('tm1');
    await world.advance(100);
    await world.advance(60_000);
    await world.settle();
    expect(world.master.result?.failure?.cause?.message).toContain('NoResourceAvailableException');
  });
});

describe('a checkpoint that was under way', () => {
  test('is given up when a task fails that had not acknowledged', async () => {
    const world = await JobWorld.running({ vertices: pipelines });
    world.acknowledges = false;
    await world.takeCheckpoint();
    world.fail(world.execution('map', 1));
    await world.settle();
    expect(world.heard()).toContain('abort 1 source.0.0');
    expect(world.master.archive().checkpoints?.latest.failed?.failureMessage).toBe(
      'A task failed before it had acknowledged the checkpoint. It was map (2/2).',
    );
  });

  test('and is being completed counts: the restart waits for it and starts from it', async () => {
    const world = await JobWorld.running({ vertices: pipelines });
    const proceed = world.files.hold('rename');
    await world.takeCheckpoint();
    world.fail(world.execution('map', 1));
    await world.advance(1000);
    expect(world.states).toContain('map.1.1 CREATED');
    proceed();
    await world.settle();
    expect(world.deployed.get(world.execution('map', 1).attemptId)?.restore?.checkpointId).toBe(1);
  });
});

describe('events of an enumerator', () => {
  const operatorId = String(source.operators[0]?.operatorId);

  test('that come after its snapshot reach the task behind the trigger', async () => {
    const world = await JobWorld.running({ vertices: pipelines });
    world.acknowledges = false;
    world.userCode.answersSnapshots = false;
    await world.advance(1000);
    world.heard();
    const { listener } = world.userCode;
    listener.sendEvent(operatorId, 0, 0, { type: 'before' });
    listener.snapshotTaken(1, operatorId, Uint8Array.of(1));
    listener.sendEvent(operatorId, 0, 0, { type: 'after' });
    await world.settle();
    expect(world.heard()).toEqual(['before to source.0.0', 'trigger 1 source.0.0', 'trigger 1 source.1.0', 'after to source.0.0']);
  });

  test('for an attempt that was replaced go to nobody', async () => {
    const world = await JobWorld.running({ vertices: pipelines });
    world.fail(world.execution('source', 0));
    await world.advance(100);
    world.heard();
    world.userCode.listener.sendEvent(operatorId, 0, 0, { type: 'late' });
    world.userCode.listener.sendEvent(operatorId, 0, 1, { type: 'right' });
    await world.settle();
    expect(world.heard()).toEqual(['right to source.0.1']);
  });

  test('that do not arrive fail the task, so that nothing is lost', async () => {
    const world = await JobWorld.running({ vertices: pipelines });
    world.losesEvents = true;
    world.userCode.listener.sendEvent(operatorId, 0, 0, { type: 'lost' });
    await world.settle();
    world.losesEvents = false;
    await world.advance(100);
    expect(world.states.slice(0, 2)).toEqual(['source.0.1 DEPLOYING', 'source.1.0 RUNNING']);
    expect(world.master.archive().exceptionHistory[0]?.error.message).toContain('An event of its coordinator did not reach source (1/2).');
  });

  test('of an attempt that has ended are not passed on', async () => {
    const world = await JobWorld.running({ vertices: pipelines });
    const old = world.execution('source', 0);
    world.fail(old);
    await world.advance(100);
    world.userCode.said.length = 0;
    world.master.eventFromTask(old.attemptId, operatorId, 0, { type: 'split-request' });
    world.master.eventFromTask(world.execution('source', 0).attemptId, operatorId, 0, { type: 'split-request' });
    expect(world.userCode.said).toEqual(['event 0.1 split-request']);
  });
});

describe('too many failed checkpoints', () => {
  test('restart the whole job, coordinators included', async () => {
    const world = await JobWorld.running({ vertices: pipelines });
    await world.takeCheckpoint();
    world.acknowledges = false;
    await world.advance(1000);
    const { attemptId } = world.execution('map', 0);
    world.master.declineCheckpoint({ jobId, attemptId, checkpointId: 2, reason: 'CHECKPOINT_ASYNC_EXCEPTION', cause: undefined });
    await world.advance(200);
    expect(world.userCode.said).toContain('global reset to 1');
    expect(world.master.archive().exceptionHistory[0]?.error.message).toContain('Exceeded checkpoint tolerable failure threshold.');
  });
});

describe('damaged state', () => {
  test('fails the job for good, says how to go back, and deletes nothing', async () => {
    const world = await JobWorld.running({ vertices: pipelines, configuration: { 'state.checkpoints.num-retained': '2' } });
    await world.takeCheckpoint();
    await world.takeCheckpoint();
    world.fail(world.execution('map', 1));
    await world.advance(100);
    const damaged = new ExternalError('STATE_DAMAGED', { problem: 'The state file x is damaged.', retriable: false });
    world.fail(world.execution('map', 1), new Error('restore failed', { cause: damaged }));
    await world.settle();
    await world.settle();
    expect(world.master.result?.failure?.message).toBe(
      [
        `The job cannot be restored: its newest completed checkpoint, ${world.scheme}:/checkpoints/${jobId}/chk-2, is damaged.`,
        'It is not replaced by an older one by itself: sinks have committed up to it, and would write twice.',
        `Try: To go back all the same: flink run -s ${world.scheme}:/checkpoints/${jobId}/chk-1`,
      ].join('\n'),
    );
    await world.master.whenClosed();
    expect(world.memory.below('/checkpoints')).toEqual([`${jobId}/chk-1/_metadata`, `${jobId}/chk-2/_metadata`]);
  });
});

describe('damaged state, where going back is asked for', () => {
  test('restarts everything from the checkpoint before, once for all tasks that find it damaged', async () => {
    const world = await JobWorld.running({
      vertices: pipelines,
      configuration: { 'state.checkpoints.num-retained': '3', 'weir.checkpoint.fall-back-when-damaged': 'true' },
    });
    for (let checkpoint = 0; checkpoint < 3; checkpoint++) await world.takeCheckpoint();
    world.fail(world.execution('map', 1));
    await world.advance(100);
    const damaged = new ExternalError('STATE_DAMAGED', { problem: 'The state file x is damaged.', retriable: false });
    const [one, other] = [world.execution('source', 1), world.execution('map', 1)];
    world.fail(one, damaged);
    world.fail(other, damaged);
    await world.advance(200);
    expect(world.states.map((state) => state.split(' ')[0])).toEqual(['source.0.1', 'source.1.2', 'map.0.1', 'map.1.2']);
    expect(world.deployed.get(world.execution('map', 0).attemptId)?.restore?.checkpointId).toBe(2);
    expect(world.userCode.said).toContain('global reset to 2');
    expect(world.memory.below('/checkpoints')).toContain(`${jobId}/chk-3/_metadata`);
    await world.runAll();
    await world.takeCheckpoint();
    expect(world.heard()).toContain('complete 4 map.0.1');
  });

  test('fails the job when there is none before', async () => {
    const world = await JobWorld.running({ vertices: pipelines, configuration: { 'weir.checkpoint.fall-back-when-damaged': 'true' } });
    await world.takeCheckpoint();
    world.fail(world.execution('map', 1), new ExternalError('STATE_MISSING', { problem: 'The state file x is gone.', retriable: false }));
    await world.settle();
    await world.settle();
    expect(world.master.result?.failure?.message).toContain('is damaged');
  });
});

describe('stop with savepoint', () => {
  test('reports the savepoint when all tasks have finished', async () => {
    const world = await JobWorld.running({ vertices: pipelines });
    const stopped = message(world.master.snapshots.stop({ directory: undefined, drain: false }));
    await world.settle();
    expect(world.heard()).toContain('complete 1 map.0.0');
    for (const execution of world.master.graph.executions) world.report(execution, 'FINISHED');
    expect(await stopped).toBe('done');
    expect(world.master.status).toBe('FINISHED');
    await world.master.whenClosed();
    expect(world.memory.below('/').map((path) => path.replace(/[0-9a-f]{12}/, 'x'))).toEqual([]);
  });

  test('that fails lets the job go on, checkpoints included', async () => {
    const world = await JobWorld.running({ vertices: pipelines });
    world.files.failNext('rename', 'ENOSPC');
    expect(await message(world.master.snapshots.stop({ directory: undefined, drain: false }))).toContain('ENOSPC');
    expect(world.master.status).toBe('RUNNING');
    world.heard();
    await world.takeCheckpoint();
    expect(world.heard()).toContain('complete 2 map.0.0');
  });

  test('with a task that fails behind the savepoint restarts the job from it, and says what that means', async () => {
    const world = await JobWorld.running({ vertices: pipelines });
    const stopped = message(world.master.snapshots.stop({ directory: undefined, drain: false }));
    await world.settle();
    world.report(world.execution('source', 0), 'FINISHED');
    world.report(world.execution('map', 0), 'FINISHED');
    world.fail(world.execution('map', 1));
    await world.advance(300);
    expect(await stopped).toMatch(
      /^A savepoint has been created at: \S+savepoint-012345-[0-9a-f]{12}, but the corresponding job \S+ failed during stopping\.\nThe savepoint is consistent, but might have uncommitted transactions\./,
    );
    expect(world.master.archive().exceptionHistory[0]?.error.message).toContain(
      'Inconsistent execution state after stopping with savepoint. At least one execution is still in one of the following states: CANCELED, FAILED.',
    );
    expect(world.userCode.said).toContain('global reset to 1');
    expect(world.deployed.get(world.execution('map', 0).attemptId)?.restore?.checkpointId).toBe(1);
  });

  test('asked for twice is one', async () => {
    const world = await JobWorld.running({ vertices: pipelines });
    const options = { directory: undefined, drain: true };
    const both = [world.master.snapshots.stop(options), world.master.snapshots.stop(options)];
    expect(await message(world.master.snapshots.stop({ directory: undefined, drain: false }))).toContain('is being stopped');
    await world.settle();
    for (const execution of world.master.graph.executions) world.report(execution, 'FINISHED');
    const [one, other] = await Promise.all(both);
    expect(one).toBe(other);
  });
});

describe('a job that starts from a savepoint', () => {
  async function stored(): Promise<{ memory: MemoryFileSystem; path: string }> {
    const memory = new MemoryFileSystem();
    const world = await JobWorld.running({ vertices: pipelines, memory });
    const pointer = world.master.snapshots.savepoint({ directory: undefined, cancelJob: true });
    await world.settle();
    const path = (await pointer).replace(`${world.scheme}:`, '');
    await world.master.whenClosed();
    return { memory, path };
  }
  const from = (path: string, claimMode: 'CLAIM' | 'NO_CLAIM' | 'LEGACY'): JobGraph['restore'] => ({
    path,
    claimMode,
    allowNonRestoredState: false,
  });

  test('gives its tasks and coordinators what is stored, and numbers on from there', async () => {
    const { memory, path } = await stored();
    const world = await JobWorld.running({ vertices: pipelines, memory, restore: from(path, 'NO_CLAIM') });
    expect(world.userCode.said[0]).toBe('start 1');
    expect(world.deployed.get(world.execution('map', 0).attemptId)?.restore).toMatchObject({
      checkpointId: 1,
      directory: `${world.scheme}:${path}`,
    });
    world.heard();
    await world.takeCheckpoint();
    expect(world.heard()).toContain('complete 2 map.0.0');
    expect(world.master.archive().checkpoints).toMatchObject({
      counts: { restored: 1 },
      latest: { restored: { id: 1, kind: 'savepoint' } },
    });
  });

  test('falls back to it while there is no checkpoint', async () => {
    const { memory, path } = await stored();
    const world = await JobWorld.running({ vertices: pipelines, memory, restore: from(path, 'NO_CLAIM') });
    world.fail(world.execution('map', 1));
    await world.advance(100);
    expect(world.deployed.get(world.execution('map', 1).attemptId)?.restore?.checkpointId).toBe(1);
    expect(world.userCode.said).toContain('reset 1 to 1');
  });

  test.each([
    ['NO_CLAIM', true, true],
    ['LEGACY', false, true],
    ['CLAIM', false, false],
  ] as const)('%s: the first checkpoint is full: %s; the savepoint outlives it: %s', async (mode, full, outlives) => {
    const { memory, path } = await stored();
    const world = await JobWorld.running({ vertices: pipelines, memory, restore: from(path, mode) });
    await world.takeCheckpoint();
    await world.takeCheckpoint();
    expect(world.fullTriggers).toEqual(full ? [2] : []);
    expect(memory.below(path)).toEqual(outlives ? ['_metadata'] : []);
    world.master.cancel();
    await world.master.whenClosed();
    expect(memory.entries.has(path)).toBe(outlives);
  });

  test('and fails before it has a checkpoint of its own leaves a claimed savepoint where it is', async () => {
    const { memory, path } = await stored();
    const world = await JobWorld.running({
      vertices: pipelines,
      memory,
      restore: from(path, 'CLAIM'),
      configuration: { 'restart-strategy.type': 'none' },
    });
    world.fail(world.execution('map', 1));
    await world.settle();
    await world.master.whenClosed();
    expect([world.master.status, memory.below(path)]).toEqual(['FAILED', ['_metadata']]);
  });

  test('takes over the stored max parallelism', async () => {
    const { memory, path } = await stored();
    const other = pipelines.map((vertex) => ({ ...vertex, maxParallelism: 512 }));
    const world = await JobWorld.running({ vertices: other, memory, restore: from(path, 'NO_CLAIM') });
    expect([...world.deployed.values()].map(({ vertex }) => vertex.maxParallelism)).toEqual([128, 128, 128, 128]);
  });

  test('that it cannot use fails at once, with the reason', async () => {
    const { memory, path } = await stored();
    const lone = vertexOf('other', 1);
    const world = await JobWorld.running({ vertices: [lone], memory, restore: from(path, 'NO_CLAIM') });
    expect(world.master.result?.failure?.message).toContain('Cannot map checkpoint/savepoint state for operator');
    const nothing = await JobWorld.running({ vertices: pipelines, memory, restore: from('/nowhere', 'NO_CLAIM') });
    expect(nothing.master.result?.failure?.message).toContain('Cannot find checkpoint or savepoint file/directory');
  });
});

test('a job whose checkpoint directory cannot be made fails at once, naming the key', async () => {
  const world = new JobWorld({ vertices: pipelines });
  world.files.failNext('makeDirectory', 'EACCES');
  void world.master.start();
  await world.settle();
  expect(world.master.result?.failure?.message).toMatch(
    /The directory \S+ could not be made\.\nIt comes from state\.checkpoints\.dir\. EACCES/,
  );
});

test.each([
  [{ 'state.backend': 'rocksdb' }, "The state backend 'rocksdb' is not there yet."],
  [{ 'state.backend': 'granite' }, "'granite' is no state backend."],
  [{ 'state.backend': 'filesystem', 'state.checkpoints.dir': '' }, "does not specify the checkpoint directory 'state.checkpoints.dir'"],
  [{ 'execution.checkpointing.interval': '5 ms' }, 'execution.checkpointing.interval is 5; it must be at least 10.'],
  [{ 'state.checkpoints.dir': 's3://bucket/x' }, "Could not find a file system implementation for scheme 's3'."],
])('a job with %o fails at once: %s', async (configuration, reason) => {
  const world = new JobWorld({ vertices: pipelines, configuration: configuration as Record<string, string> });
  void world.master.start();
  await world.settle();
  expect(world.master.result?.failure?.message).toContain(reason);
});
