/** A TaskManager says at once that it takes a task; what becomes of the task is told as its state. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { create } from 'tar';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Configuration } from '../../../src/config/configuration.ts';
import { deriveTaskManagerProcess } from '../../../src/config/memory/process-memory.ts';
import type { JobGraph, JobVertex } from '../../../src/graph/job-graph.ts';
import type { JobManagerGateway, TaskDeploymentDescriptor } from '../../../src/runtime/rpc/gateways.ts';
import { TaskExecutor } from '../../../src/runtime/taskmanager/task-executor.ts';
import { ExternalError } from '../../../src/shared/errors.ts';
import { LineLogger } from '../../../src/shared/logger.ts';

type Update = Parameters<JobManagerGateway['updateTaskExecutionState']>[0];

const fencing = 'leader';
const [jobId, allocationId] = ['job', 'allocation'];
const config = Configuration.of({
  'taskmanager.memory.process.size': '1728m',
  'taskmanager.numberOfTaskSlots': '1',
});

let directory: string;
let executor: TaskExecutor;
let updates: Update[];
let onUpdate: () => void;
let receiveEvent: () => Promise<void>;
let artifact: Uint8Array;
let program: PromiseWithResolvers<Uint8Array>;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'weir-task-executor-'));
  writeFileSync(join(directory, 'job.js'), '');
  await create({ gzip: true, file: join(directory, 'job.tgz'), cwd: directory }, ['job.js']);
  artifact = readFileSync(join(directory, 'job.tgz'));
  updates = [];
  receiveEvent = async () => {};
  program = Promise.withResolvers();
  executor = new TaskExecutor({
    config,
    taskManagerId: 'tm',
    process: deriveTaskManagerProcess(config),
    host: 'localhost',
    slotThreadEntry: resolve(import.meta.dirname, '../../harness/stuck-slot-thread.ts'),
    limitHeaps: false,
    temporaryDirectory: directory,
    logFiles: {},
    logLevel: 'ERROR',
    log: new LineLogger('test', 'ERROR', () => {}),
    onFatalError: () => {},
  });
  executor.connected(
    {
      readBlob: async ({ offset }: { offset: number }) => (offset === 0 ? program.promise : new Uint8Array(0)),
      updateTaskExecutionState: async (update: Update) => {
        updates.push(update);
        onUpdate?.();
      },
      slotLost: async () => {},
      sendOperatorEventToCoordinator: () => receiveEvent(),
    } as unknown as JobManagerGateway,
    fencing,
  );
  await executor.requestSlot({ slotIndex: 0, jobId, allocationId, fencing });
  const jobGraph = {
    jobId,
    name: 'test',
    configuration: {},
    program: { artifact: createHash('sha256').update(artifact).digest('hex') },
  } as unknown as JobGraph;
  await executor.prepareJob({ jobGraph, fencing });
});

afterEach(async () => {
  await executor.close();
  rmSync(directory, { recursive: true, force: true });
});

function submit(attemptId: string): Promise<void> {
  const vertex = { name: 'Map', parallelism: 1, chain: [] } as unknown as JobVertex;
  const descriptor = { jobId, attemptId, attemptNumber: 0, subtaskIndex: 0, allocationId, vertex, inputGates: [], resultPartitions: [] };
  return executor.submitTask({ descriptor: descriptor as TaskDeploymentDescriptor, fencing });
}

async function updated(count: number): Promise<void> {
  while (updates.length < count) {
    await new Promise<void>((resolve) => {
      onUpdate = resolve;
    });
  }
}

test('a task is accepted before the program is here, and fails when it does not come', async () => {
  await submit('first');
  await submit('second');
  program.resolve(artifact.subarray(1));
  await updated(2);
  expect(updates).toEqual(
    ['first', 'second'].map((attemptId) => ({
      jobId,
      attemptId,
      state: 'FAILED',
      error: expect.objectContaining({ code: 'ARTIFACT_DAMAGED' }),
    })),
  );
});

test('a task that is cancelled while its program is on the way is cancelled, and never started', async () => {
  await submit('first');
  await executor.cancelTask({ attemptId: 'first', fencing });
  program.resolve(artifact);
  await updated(1);
  expect(updates).toEqual([{ jobId, attemptId: 'first', state: 'CANCELED', error: undefined }]);
});

test('nobody waits for a thread that is stuck in the program', async () => {
  program.resolve(artifact);
  await submit('first');
  await submit('second');
  for (const attemptId of ['first', 'second']) {
    await executor.sendOperatorEventToTask({ attemptId, operatorId: 'operator', event: { type: 'split' }, fencing });
    await executor.notifyCheckpointComplete({ attemptId, checkpointId: 1, subsumedId: undefined, fencing });
  }
  expect(updates).toEqual([]);
});

test('a JobManager that does not lead any more is refused, whatever it asks for', async () => {
  const stale = { fencing: 'former leader', attemptId: 'first', checkpointId: 1 };
  const calls = [
    executor.requestSlot({ ...stale, slotIndex: 0, jobId, allocationId }),
    executor.freeSlot({ ...stale, allocationId, reason: 'test' }),
    executor.cancelTask(stale),
    executor.notifyCheckpointComplete({ ...stale, subsumedId: undefined }),
    executor.notifyCheckpointAborted({ ...stale, latestCompletedId: undefined }),
    executor.sendOperatorEventToTask({ ...stale, operatorId: 'operator', event: { type: 'split' } }),
  ];
  for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'STALE_LEADER' });
});

test('an event that is too large for a message fails its task, and is not lost in silence', async () => {
  receiveEvent = async () => {
    throw new ExternalError('RPC_FRAME_TOO_LARGE', { problem: 'A message exceeds akka.framesize.', retriable: false });
  };
  program.resolve(artifact);
  await submit('first');
  await updated(1);
  expect(updates).toEqual([
    { jobId, attemptId: 'first', state: 'FAILED', error: expect.objectContaining({ code: 'RPC_FRAME_TOO_LARGE' }) },
  ]);
});

test('a slot that a JobManager asked for and did not live to get is free for the next one', async () => {
  await executor.freeSlot({ allocationId, reason: 'test', fencing });
  const asked = executor.requestSlot({ slotIndex: 0, jobId, allocationId: 'of the first', fencing });
  const refused = expect(asked).rejects.toMatchObject({ code: 'JOB_MANAGER_GONE' });
  await executor.disconnected('gone');
  executor.connected({} as JobManagerGateway, 'next leader');
  await refused;
  const next = { slotIndex: 0, jobId, allocationId: 'of the next', fencing: 'next leader' };
  expect(await executor.requestSlot(next)).toMatchObject({ slotIndex: 0 });
});
