/** What a job that restarts for ever remembers is bounded, and what it tells is whole. */
import { expect, test } from 'vitest';
import type { JobGraph } from '../../../src/graph/job-graph.ts';
import { ExecutionGraph } from '../../../src/runtime/executiongraph/execution-graph.ts';
import type { IoMetrics } from '../../../src/runtime/rpc/gateways.ts';
import { serializeError } from '../../../src/shared/errors.ts';
import { ManualClock } from '../../harness/manual-clock.ts';

function graph(clock: ManualClock, configuration: Record<string, string> = {}): ExecutionGraph {
  const vertex = { id: 'f'.repeat(32), name: 'Map', parallelism: 2, maxParallelism: 128, operators: [], inputs: [], outputs: [] };
  return new ExecutionGraph({ jobId: 'a'.repeat(32), name: 'job', configuration, vertices: [vertex] } as unknown as JobGraph, clock);
}

const io = (recordsIn: number): IoMetrics => ({
  recordsIn,
  recordsOut: 0,
  bytesIn: 0,
  bytesOut: 0,
  idleMs: 0,
  busyMs: 0,
  backPressuredMs: 0,
  watermark: 0,
});

test('attempts and failures are remembered as far as the configuration says', () => {
  const clock = new ManualClock();
  const executions = graph(clock, { 'jobmanager.execution.attempts-history-size': '3', 'web.exception-history-size': '2' });
  const first = executions.executions[0]?.attemptId as string;
  for (let attempt = 0; attempt < 10; attempt++) {
    clock.advance(1000);
    const failed = executions.executions;
    for (const execution of failed) execution.become('FAILED');
    executions.recordFailure(serializeError(new Error(`failure ${attempt}`)), failed[0]);
    executions.recordConcurrentFailure(serializeError(new Error(`also ${attempt}`)), failed[1] as never);
    executions.resetForNewAttempt(failed);
  }
  const { vertices, exceptionHistory } = executions.archive();
  const [subtask] = vertices[0]?.subtasks ?? [];
  expect(subtask?.current.attemptNumber).toBe(10);
  expect(subtask?.prior.map(({ attemptNumber }) => attemptNumber)).toEqual([9, 8, 7]);
  expect(executions.execution(first)).toBeUndefined();
  expect(exceptionHistory.map(({ error, concurrent }) => [error.message, concurrent.map((each) => each.error.message)])).toEqual([
    ['failure 9', ['also 9']],
    ['failure 8', ['also 8']],
  ]);
});

test('what an attempt reported when it ended is not replaced by an older heartbeat', () => {
  const executions = graph(new ManualClock());
  const [execution] = executions.executions as [(typeof executions.executions)[0]];
  const report = (recordsIn: number) => ({ attemptId: execution.attemptId, user: {}, metrics: {}, io: io(recordsIn) });
  execution.report(report(100));
  execution.become('CANCELED');
  execution.report(report(7));
  expect(execution.archive().io.recordsIn).toBe(100);
});

test('time in each status adds up to the life of the job', () => {
  const clock = new ManualClock();
  const executions = graph(clock);
  for (const status of ['CREATED', 'RUNNING', 'RESTARTING', 'RUNNING', 'FAILING', 'FAILED'] as const) {
    clock.advance(100);
    executions.become(status);
  }
  const { statusTimes, restarts } = executions.archive();
  expect(statusTimes).toMatchObject({ INITIALIZING: 100, CREATED: 100, RUNNING: 200, RESTARTING: 100, FAILING: 100, FAILED: 0 });
  expect(restarts).toBe(1);
});
