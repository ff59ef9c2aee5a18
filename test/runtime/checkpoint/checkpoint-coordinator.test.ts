/** Event scripts: what the coordinator says to whom, in which order, for what happens to it. */
import { describe, expect, test } from 'vitest';
import type { CheckpointFailure, CheckpointFailureReason } from '../../../src/runtime/checkpoint/checkpoint-failure-reason.ts';
import { UncertainRecordError } from '../../../src/runtime/checkpoint/completed-checkpoint-store.ts';
import type { TaskStateSnapshot } from '../../../src/state/snapshot/handles.ts';
import { CoordinatorWorld, jobId, vertexOf } from './coordinator-world.ts';

/** A world in which periodic checkpoints begin at once. */
async function running(configuration: Record<string, string> = {}): Promise<CoordinatorWorld> {
  const world = new CoordinatorWorld({ configuration });
  world.coordinator.startPeriodic();
  await world.advance(0);
  return world;
}

async function reasonOf(promise: Promise<unknown>): Promise<CheckpointFailureReason | string> {
  return promise.then(
    () => 'completed',
    (error: CheckpointFailure) => error.reason ?? (error as Error).message,
  );
}

describe('the way of a checkpoint', () => {
  test('coordinators first, then triggers, then held events; completion is told when all have acknowledged', async () => {
    const world = await running();
    expect(world.heard()).toEqual(['snapshot 1', 'trigger 1 source-0', 'release 1']);
    world.acknowledge(1, 'source-0');
    await world.settle();
    expect(world.heard()).toEqual([]);
    world.acknowledge(1, 'map-0');
    await world.settle();
    expect(world.heard()).toEqual(['complete 1 source-0', 'complete 1 map-0', 'complete 1 coordinators']);
    expect(world.stored).toEqual(['chk-1/_metadata']);
    expect(world.retained.latest?.metadata.operators.map(({ name, coordinatorState }) => [name, coordinatorState])).toEqual([
      ['source', Uint8Array.of(1)],
      ['map', undefined],
    ]);
  });

  test('its directory is there before anybody hears of it', async () => {
    const world = new CoordinatorWorld();
    const proceed = world.files.hold('makeDirectory');
    world.coordinator.startPeriodic();
    await world.advance(0);
    expect(world.heard()).toEqual([]);
    proceed();
    await world.settle();
    expect(world.triggers[0]?.options.location.directory).toMatch(/:\/checkpoints\/[0-9a-f]{32}\/chk-1$/);
  });

  test('a newer one subsumes the oldest, and says which', async () => {
    const world = await running();
    await world.acknowledgeAll(1);
    await world.advance(1000);
    world.heard();
    await world.acknowledgeAll(2);
    expect(world.heard()).toContain('complete 2 map-0 subsumes 1');
    expect(world.stored).toEqual(['chk-2/_metadata']);
  });

  test('a completion aborts older checkpoints that are still pending', async () => {
    const world = await running({ 'execution.checkpointing.max-concurrent-checkpoints': '2' });
    await world.advance(1000);
    world.heard();
    await world.acknowledgeAll(2);
    expect(world.heard()).toEqual([
      'abort 1 source-0 latest 2',
      'abort 1 map-0 latest 2',
      'abort 1 coordinators',
      'complete 2 source-0',
      'complete 2 map-0',
      'complete 2 coordinators',
    ]);
    expect(world.stored).toEqual(['chk-2/_metadata']);
    expect(world.statistics.snapshot().counts).toMatchObject({ completed: 1, failed: 1, inProgress: 0 });
  });

  test('a second acknowledgement of a task, or one of a stranger, changes nothing', async () => {
    const world = await running();
    world.acknowledge(1, 'source-0');
    world.acknowledge(1, 'source-0');
    world.acknowledge(1, 'stranger');
    await world.settle();
    expect(world.retained.latest).toBeUndefined();
    world.acknowledge(1, 'map-0');
    await world.settle();
    expect(world.retained.latest?.metadata.checkpointId).toBe(1);
  });
});

describe('the periodic trigger', () => {
  test.each([
    [0, 0],
    [0.5, 500],
    [0.9999, 1000],
  ])('with the random number %d the first checkpoint comes after %i ms, and the next ones at a fixed rate', async (random, firstMs) => {
    const world = new CoordinatorWorld({ random });
    world.coordinator.startPeriodic();
    if (firstMs > 0) {
      await world.advance(firstMs - 1);
      expect(world.triggers).toEqual([]);
    }
    await world.advance(firstMs === 0 ? 0 : 1);
    await world.acknowledgeAll(1);
    await world.advance(999);
    expect(world.triggers.length).toBe(1);
    await world.advance(1);
    expect(world.triggers.length).toBe(2);
  });

  test('waits for the minimum pause behind the last completion, to the millisecond', async () => {
    const world = await running({ 'execution.checkpointing.min-pause': '700 ms' });
    await world.advance(700);
    expect(world.triggers.length).toBe(1);
    await world.advance(200);
    await world.acknowledgeAll(1);
    // Due at 1700, allowed from 1600 on: at 1700.
    await world.advance(799);
    expect(world.triggers.length).toBe(1);
    await world.advance(1);
    expect(world.triggers.length).toBe(2);
    await world.advance(900);
    await world.acknowledgeAll(2);
    // Due at 2700, allowed from 3300 on.
    await world.advance(699);
    expect(world.triggers.length).toBe(2);
    await world.advance(1);
    expect(world.triggers.length).toBe(3);
  });

  test('stops with the job, and gives up what is pending', async () => {
    const world = await running();
    const savepoint = world.coordinator.triggerSavepoint({ directory: undefined });
    await world.settle();
    world.coordinator.stopPeriodic();
    expect(await reasonOf(savepoint)).toBe('CHECKPOINT_COORDINATOR_SUSPEND');
    await world.advance(5000);
    expect(world.triggers.map(({ checkpointId }) => checkpointId)).toEqual([1, 2]);
    expect(world.memory.below('/checkpoints')).toEqual([]);
    world.acknowledge(1, 'source-0');
    world.acknowledge(1, 'map-0');
    await world.settle();
    expect(world.retained.latest).toBeUndefined();
  });

  test('a checkpoint is not triggered while a task is not running', async () => {
    const world = new CoordinatorWorld();
    const map = world.tasks.get(String(vertexOf('map', 1).id))?.[0] as { state: string };
    map.state = 'INITIALIZING';
    expect(await reasonOf(world.coordinator.triggerCheckpoint({ full: false }))).toBe('NOT_ALL_REQUIRED_TASKS_RUNNING');
    map.state = 'RUNNING';
    void world.coordinator.triggerCheckpoint({ full: false });
    await world.settle();
    expect(world.triggers.length).toBe(1);
  });
});

describe('what goes wrong', () => {
  test('a checkpoint that takes too long is given up, and says who was missing', async () => {
    const world = await running({ 'execution.checkpointing.timeout': '5 s' });
    world.acknowledge(1, 'source-0');
    await world.advance(5000);
    expect(world.heard()).toContain('abort 1 map-0 latest -');
    expect(world.statistics.snapshot().latest.failed?.failureMessage).toBe(
      'Checkpoint expired before completing. Not acknowledged after 5000 ms: map (1/1).',
    );
    expect(world.tooManyFailures).toEqual([expect.stringContaining('Checkpoint expired before completing.')]);
    expect(world.stored).toEqual([]);
  });

  test('tolerated failures in a row do not fail the job, one more does', async () => {
    const world = await running({ 'execution.checkpointing.tolerable-failed-checkpoints': '2' });
    for (const id of [1, 2]) {
      world.decline(id, 'map-0');
      await world.advance(1000);
    }
    expect(world.tooManyFailures).toEqual([]);
    world.decline(3, 'map-0');
    expect(world.tooManyFailures).toEqual([
      expect.stringMatching(/^map-0: The last failure: A task declined the checkpoint. It was map \(1\/1\)/),
    ]);
  });

  test('a task that is not ready costs the checkpoint, and does not count', async () => {
    const world = await running();
    world.decline(1, 'map-0', 'TASK_NOT_READY');
    await world.settle();
    expect(world.heard()).toContain('abort 1 source-0 latest -');
    expect(world.tooManyFailures).toEqual([]);
  });

  test('a task that fails spoils the checkpoints it has not acknowledged', async () => {
    const world = await running({ 'execution.checkpointing.max-concurrent-checkpoints': '2' });
    world.acknowledge(1, 'map-0');
    await world.advance(1000);
    world.coordinator.taskEnded('map-0', 'map (1/1)', false);
    world.acknowledge(1, 'source-0');
    await world.settle();
    expect(world.retained.latest?.metadata.checkpointId).toBe(1);
    expect(world.heard()).toContain('abort 2 source-0 latest -');
    expect(world.tooManyFailures).toEqual([]);
  });

  test('a coordinator that cannot give its state spoils the checkpoint before a task hears of it', async () => {
    const world = new CoordinatorWorld();
    world.snapshotCoordinators = async () => Promise.reject(new Error('no state'));
    const outcome = reasonOf(world.coordinator.triggerCheckpoint({ full: false }));
    await world.settle();
    expect(await outcome).toBe('TRIGGER_CHECKPOINT_FAILURE');
    expect(world.triggers).toEqual([]);
    expect(world.heard()).toContain('release 1');
    expect(world.stored).toEqual([]);
  });

  test('a coordinator that never answers holds nothing up for ever', async () => {
    const world = new CoordinatorWorld({ configuration: { 'execution.checkpointing.timeout': '5 s' } });
    world.snapshotCoordinators = () => new Promise(() => {});
    const outcome = reasonOf(world.coordinator.triggerCheckpoint({ full: false }));
    await world.advance(5000);
    expect(await outcome).toBe('CHECKPOINT_EXPIRED');
    world.snapshotCoordinators = async () => new Map();
    expect(world.heard()).toContain('release 1');
    void world.coordinator.triggerCheckpoint({ full: false });
    await world.settle();
    expect(world.triggers.map(({ checkpointId }) => checkpointId)).toEqual([2]);
  });

  test.each(['makeDirectory', 'create', 'write', 'sync', 'rename', 'syncDirectory'] as const)(
    'a disk that fails at %s costs the checkpoint, counts, and leaves nothing',
    async (operation) => {
      const world = new CoordinatorWorld();
      world.files.failNext(operation, 'EIO');
      const outcome = reasonOf(world.coordinator.triggerCheckpoint({ full: false }));
      await world.settle();
      await world.acknowledgeAll(1);
      expect(await outcome).toBe(operation === 'makeDirectory' ? 'IO_EXCEPTION' : 'FINALIZE_CHECKPOINT_FAILURE');
      expect(world.tooManyFailures.length).toBe(1);
      expect(world.retained.latest).toBeUndefined();
      expect(world.stored).toEqual([]);
    },
  );

  test('a checkpoint that cannot be recorded is deleted; when nobody can know, it stays', async () => {
    for (const uncertain of [false, true]) {
      const error = uncertain ? new UncertainRecordError('perhaps') : new Error('no');
      const world = new CoordinatorWorld({
        records: { put: async () => Promise.reject(error), remove: async () => {}, list: async () => [] },
      });
      const outcome = reasonOf(world.coordinator.triggerCheckpoint({ full: false }));
      await world.settle();
      await world.acknowledgeAll(1);
      expect(await outcome).toBe('FINALIZE_CHECKPOINT_FAILURE');
      expect(world.stored).toEqual(uncertain ? ['chk-1/_metadata'] : []);
    }
  });

  test('one that is being completed is not given up: whoever restores waits for it', async () => {
    const world = await running();
    const proceed = world.files.hold('rename');
    await world.acknowledgeAll(1);
    world.coordinator.taskEnded('map-0', 'map (1/1)', false);
    world.coordinator.stopPeriodic();
    let settled = false;
    const settling = world.coordinator.settled().then(() => {
      settled = true;
    });
    await world.settle();
    expect([settled, world.retained.latest]).toEqual([false, undefined]);
    proceed();
    await settling;
    expect(world.retained.latest?.metadata.checkpointId).toBe(1);
  });

  test('what a task wrote for a checkpoint that has ended is deleted', async () => {
    const world = await running();
    world.decline(1, 'map-0', 'TASK_NOT_READY');
    await world.settle();
    const late: TaskStateSnapshot = {
      x: { keyed: [], operator: [{ kind: 'operator', states: {}, stream: { kind: 'relative', name: 'late', size: 1, checksum: 0 } }] },
    };
    await world.memory.makeDirectory(`/checkpoints/${jobId}/chk-1`);
    await (await world.memory.create(`/checkpoints/${jobId}/chk-1/late`)).close();
    world.acknowledge(1, 'source-0', late);
    await world.settle();
    expect(world.stored).toEqual([]);
  });

  test('an acknowledgement that comes again when its checkpoint is complete deletes nothing of it', async () => {
    const world = await running();
    await (await world.memory.create(`/checkpoints/${jobId}/chk-1/state`)).close();
    const state: TaskStateSnapshot = {
      x: { keyed: [], operator: [{ kind: 'operator', states: {}, stream: { kind: 'relative', name: 'state', size: 0, checksum: 0 } }] },
    };
    world.acknowledge(1, 'source-0', state);
    await world.acknowledgeAll(1);
    world.acknowledge(1, 'source-0', state);
    await world.settle();
    expect(world.stored).toEqual(['chk-1/_metadata', 'chk-1/state']);
  });

  test('one that was fully acknowledged behind a newer one is given up: the newest stays the newest', async () => {
    const world = await running({ 'execution.checkpointing.max-concurrent-checkpoints': '2' });
    void world.coordinator.triggerCheckpoint({ full: false });
    await world.settle();
    const proceed = world.files.hold('rename');
    await world.acknowledgeAll(2);
    await world.acknowledgeAll(1);
    proceed();
    await world.coordinator.settled();
    await world.settle();
    expect(world.retained.all.map(({ metadata }) => metadata.checkpointId)).toEqual([2]);
    expect(world.stored).toEqual(['chk-2/_metadata']);
    expect(world.heard().filter((line) => line.startsWith('complete 1'))).toEqual([]);
  });
});

describe('savepoints', () => {
  test('run beside a pending checkpoint, are told to nobody, and are no starting point', async () => {
    const world = await running();
    const savepoint = world.coordinator.triggerSavepoint({ directory: undefined });
    await world.settle();
    expect(world.triggers[1]).toMatchObject({ checkpointId: 2, options: { kind: 'savepoint', full: true } });
    world.heard();
    await world.acknowledgeAll(2);
    expect(world.heard()).toEqual([]);
    expect((await savepoint).place.directory).toMatch(new RegExp(`:/savepoints/savepoint-${jobId.slice(0, 6)}-[0-9a-f]{12}$`));
    expect(world.retained.latest).toBeUndefined();
    await world.acknowledgeAll(1);
    expect(world.retained.latest?.metadata.checkpointId).toBe(1);
    expect(world.memory.below('/savepoints').length).toBe(1);
  });

  test('a pending one holds back periodic checkpoints', async () => {
    const world = new CoordinatorWorld();
    void world.coordinator.triggerSavepoint({ directory: undefined });
    await world.settle();
    world.coordinator.startPeriodic();
    await world.advance(0);
    expect(world.triggers.length).toBe(1);
    await world.acknowledgeAll(1);
    expect(world.triggers.map(({ checkpointId }) => checkpointId)).toEqual([1, 2]);
  });

  test('one that expires does not count against the job; one that a task spoils does', async () => {
    const world = new CoordinatorWorld({ configuration: { 'execution.checkpointing.timeout': '5 s' } });
    const expired = reasonOf(world.coordinator.triggerSavepoint({ directory: undefined }));
    await world.advance(5000);
    expect([await expired, world.tooManyFailures]).toEqual(['CHECKPOINT_EXPIRED', []]);
    const spoiled = reasonOf(world.coordinator.triggerSavepoint({ directory: undefined }));
    await world.settle();
    world.decline(2, 'map-0', 'CHECKPOINT_ASYNC_EXCEPTION');
    expect(await spoiled).toBe('CHECKPOINT_ASYNC_EXCEPTION');
    expect(world.tooManyFailures.length).toBe(1);
    expect(world.memory.below('/savepoints')).toEqual([]);
  });

  test('stopping with one is a checkpoint for everybody: it commits, and is the newest starting point', async () => {
    const world = await running();
    await world.acknowledgeAll(1);
    const stopped = world.coordinator.triggerSavepoint({ directory: undefined, stop: 'drain' });
    await world.settle();
    expect(world.triggers[1]?.options).toMatchObject({ kind: 'savepoint', stop: 'drain' });
    world.heard();
    await world.acknowledgeAll(2);
    expect(world.heard()).toEqual(['complete 2 source-0 subsumes 1', 'complete 2 map-0 subsumes 1', 'complete 2 coordinators']);
    expect(world.retained.latest).toBe(await stopped);
  });

  test('stopping with one that a task spoils fails the job, whatever the reason', async () => {
    const world = new CoordinatorWorld({ configuration: { 'execution.checkpointing.tolerable-failed-checkpoints': '5' } });
    const stopped = reasonOf(world.coordinator.triggerSavepoint({ directory: undefined, stop: 'suspend' }));
    await world.settle();
    world.decline(1, 'map-0', 'INPUT_END_OF_STREAM');
    expect(await stopped).toBe('CHECKPOINT_DECLINED_INPUT_END_OF_STREAM');
    expect(world.tooManyFailures).toEqual(['map-0: Stopping with a savepoint failed in a task.']);
  });
});

describe('finished tasks', () => {
  const source = vertexOf('source', 2);
  const map = vertexOf('map', 2, { vertex: source, partitioner: 'forward' });
  const end = vertexOf('end', 1, { vertex: map, partitioner: 'rebalance' });

  test('who has no running producer is triggered in their place, and they are marked', async () => {
    const world = new CoordinatorWorld({ vertices: [source, map, end] });
    const finish = (vertex: typeof source, index: number) => {
      (world.tasks.get(String(vertex.id))?.[index] as { state: string }).state = 'FINISHED';
    };
    finish(source, 0);
    void world.coordinator.triggerCheckpoint({ full: false });
    await world.settle();
    expect(world.triggers.map(({ attemptId }) => attemptId)).toEqual(['source-1', 'map-0']);
    await world.acknowledgeAll(1);
    const [first] = world.retained.latest?.metadata.operators ?? [];
    expect([first?.fullyFinished, first?.subtasks.get(0)]).toEqual([false, { finished: true, keyed: [], operator: [] }]);

    finish(source, 1);
    void world.coordinator.triggerCheckpoint({ full: false });
    await world.settle();
    await world.acknowledgeAll(2);
    expect(world.triggers.slice(2).map(({ attemptId }) => attemptId)).toEqual(['map-0', 'map-1']);
    expect(world.retained.latest?.metadata.operators.map(({ name, fullyFinished }) => [name, fullyFinished])).toEqual([
      ['source', true],
      ['map', false],
      ['end', false],
    ]);
  });

  test('union state of an operator that has finished in part cannot be stored, which does not count', async () => {
    const world = new CoordinatorWorld({ vertices: [source, map, end] });
    (world.tasks.get(String(source.id))?.[0] as { state: string }).state = 'FINISHED';
    const outcome = reasonOf(world.coordinator.triggerCheckpoint({ full: false }));
    await world.settle();
    const union: TaskStateSnapshot = {
      [String(source.id)]: {
        keyed: [],
        operator: [
          {
            kind: 'operator',
            states: { offsets: { mode: 'UNION', offsets: [0] } },
            stream: { kind: 'bytes', bytes: Uint8Array.of(1), checksum: 0 },
          },
        ],
      },
    };
    world.acknowledge(1, 'source-1', union);
    for (const attemptId of ['map-0', 'map-1', 'end-0']) world.acknowledge(1, attemptId);
    await world.settle();
    expect(await outcome).toBe('PARTIAL_FINISH_NOT_SUPPORTED');
    expect(world.tooManyFailures).toEqual([]);
  });

  test('a task that finishes while the id is recorded is not waited for', async () => {
    const recorded = Promise.withResolvers<number>();
    const ids = { next: () => recorded.promise, startAt: async (id: number) => id, clear: async () => {} };
    const world = new CoordinatorWorld({ vertices: [source, map, end], ids });
    const outcome = world.coordinator.triggerCheckpoint({ full: false });
    await world.settle();
    (world.tasks.get(String(source.id))?.[0] as { state: string }).state = 'FINISHED';
    world.coordinator.taskEnded('source-0', 'source (1/2)', true);
    recorded.resolve(1);
    await world.settle();
    expect(world.triggers.map(({ attemptId }) => attemptId)).toEqual(['source-1', 'map-0']);
    await world.acknowledgeAll(1);
    expect((await outcome).metadata.checkpointId).toBe(1);
  });

  test('a task that finishes before it has acknowledged ends the checkpoint at once', async () => {
    const world = new CoordinatorWorld({ vertices: [source, map, end] });
    const outcome = reasonOf(world.coordinator.triggerCheckpoint({ full: false }));
    await world.settle();
    world.coordinator.taskEnded('source-0', 'source (1/2)', true);
    expect(await outcome).toBe('CHECKPOINT_DECLINED_TASK_CLOSING');
    expect(world.tooManyFailures).toEqual([]);
  });
});

describe('when the job ends', () => {
  test.each([
    ['NO_EXTERNALIZED_CHECKPOINTS', { FINISHED: 0, CANCELED: 0, FAILED: 0, SUSPENDED: 0 }],
    ['DELETE_ON_CANCELLATION', { FINISHED: 0, CANCELED: 0, FAILED: 1, SUSPENDED: 0 }],
    ['RETAIN_ON_CANCELLATION', { FINISHED: 0, CANCELED: 1, FAILED: 1, SUSPENDED: 1 }],
  ] as const)('%s keeps what it says, and nothing else is left', async (retention, kept) => {
    for (const [end, count] of Object.entries(kept)) {
      const world = await running({ 'execution.checkpointing.externalized-checkpoint-retention': retention });
      await world.acknowledgeAll(1);
      await world.advance(1000);
      await world.coordinator.shutDown();
      await world.retained.end(end as 'FINISHED', false);
      expect([end, world.stored]).toEqual([end, count === 1 ? ['chk-1/_metadata'] : []]);
      expect(world.memory.entries.has(`/checkpoints/${jobId}`)).toBe(count === 1);
    }
  });

  test('nothing new begins', async () => {
    const world = await running();
    await world.coordinator.shutDown();
    expect(await reasonOf(world.coordinator.triggerCheckpoint({ full: false }))).toBe('CHECKPOINT_COORDINATOR_SHUTDOWN');
    world.coordinator.startPeriodic();
    await world.advance(10_000);
    expect(world.triggers.length).toBe(1);
  });
});
