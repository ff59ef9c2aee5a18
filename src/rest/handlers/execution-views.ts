/** Vertices, subtasks and attempts in the shapes of Flink's REST answers. Times are milliseconds since the epoch; -1: not yet. */
import { createHash } from 'node:crypto';
import type { JobVertex } from '../../graph/job-graph.ts';
import type { ArchivedExecution, ArchivedVertex, ExecutionState, IoMetrics } from '../../runtime/rpc/gateways.ts';

export const executionStates: readonly ExecutionState[] = [
  'CREATED',
  'SCHEDULED',
  'DEPLOYING',
  'INITIALIZING',
  'RUNNING',
  'FINISHED',
  'CANCELING',
  'CANCELED',
  'FAILED',
  'RECONCILING',
];

const terminalStates: readonly ExecutionState[] = ['FINISHED', 'CANCELED', 'FAILED'];

export function countStates(states: readonly ExecutionState[]): Record<ExecutionState, number> {
  const counts = Object.fromEntries(executionStates.map((state) => [state, 0])) as Record<ExecutionState, number>;
  for (const state of states) counts[state]++;
  return counts;
}

/** One state for many subtasks, first match wins, as Flink aggregates it. */
export function aggregateState(states: readonly ExecutionState[]): ExecutionState {
  for (const state of ['FAILED', 'CANCELING', 'CANCELED', 'INITIALIZING', 'RUNNING'] as const) if (states.includes(state)) return state;
  const finished = states.filter((state) => state === 'FINISHED').length;
  if (finished > 0) return finished === states.length ? 'FINISHED' : 'RUNNING';
  return states.includes('DEPLOYING') ? 'DEPLOYING' : states.includes('SCHEDULED') ? 'SCHEDULED' : 'CREATED';
}

interface Span {
  readonly start: number;
  readonly end: number;
  readonly duration: number;
}

export function spanOf(executions: readonly ArchivedExecution[], now: number): Span {
  const starts = executions.map(startOf).filter((time) => time > 0);
  if (starts.length === 0) return { start: -1, end: -1, duration: -1 };
  const start = Math.min(...starts);
  const ends = executions.map(endOf);
  const end = ends.every((time) => time > 0) ? Math.max(...ends) : -1;
  return { start, end, duration: (end > 0 ? end : now) - start };
}

function startOf({ timestamps }: ArchivedExecution): number {
  return timestamps.DEPLOYING;
}

function endOf({ state, timestamps }: ArchivedExecution): number {
  return terminalStates.includes(state) ? timestamps[state] : -1;
}

export function ioView(executions: readonly ArchivedExecution[]): Record<string, number | boolean> {
  const sum = (read: (io: IoMetrics) => number): number => executions.reduce((total, { io }) => total + read(io), 0);
  return {
    'read-bytes': sum((io) => io.bytesIn),
    'read-bytes-complete': true,
    'write-bytes': sum((io) => io.bytesOut),
    'write-bytes-complete': true,
    'read-records': sum((io) => io.recordsIn),
    'read-records-complete': true,
    'write-records': sum((io) => io.recordsOut),
    'write-records-complete': true,
    'accumulated-backpressured-time': Math.round(sum((io) => io.backPressuredMs)),
    'accumulated-idle-time': Math.round(sum((io) => io.idleMs)),
    'accumulated-busy-time': Math.round(sum((io) => io.busyMs)),
  };
}

/** Flink names slot sharing groups by random ids; here the id follows from job and name. */
function slotSharingGroupId(jobId: string, group: string): string {
  return createHash('sha256').update(`${jobId}/${group}`).digest('hex').slice(0, 32);
}

export function vertexView(jobId: string, vertex: JobVertex, archived: ArchivedVertex, now: number): Record<string, unknown> {
  const executions = archived.subtasks.map(({ current }) => current);
  const states = executions.map(({ state }) => state);
  const { start, end, duration } = spanOf(executions, now);
  return {
    id: vertex.id,
    slotSharingGroupId: slotSharingGroupId(jobId, vertex.slotSharingGroup),
    name: vertex.name,
    maxParallelism: vertex.maxParallelism,
    parallelism: vertex.parallelism,
    status: aggregateState(states),
    'start-time': start,
    'end-time': end,
    duration,
    tasks: countStates(states),
    metrics: ioView(executions),
  };
}

/** Where the attempt runs; the same text under an older and a newer name. */
export function placeView({ location }: ArchivedExecution): { host: string; endpoint: string } {
  const place = location ? `${location.host}:${location.dataPort}` : '(unassigned)';
  return { host: place, endpoint: place };
}

export function attemptView(execution: ArchivedExecution, now: number): Record<string, unknown> {
  const { start, end, duration } = spanOf([execution], now);
  return {
    subtask: execution.subtaskIndex,
    status: execution.state,
    attempt: execution.attemptNumber,
    ...placeView(execution),
    'start-time': start,
    start_time: start,
    'end-time': end,
    duration,
    metrics: ioView([execution]),
    'taskmanager-id': execution.location?.taskManagerId ?? '(unassigned)',
    'status-duration': statusDurations(execution, now),
  };
}

/** How long the attempt was in each state, by the order in which it entered them; -1: never. */
export function statusDurations({ timestamps, state }: ArchivedExecution, now: number): Record<string, number> {
  const shown = ['CREATED', 'SCHEDULED', 'DEPLOYING', 'INITIALIZING', 'RUNNING'] as const;
  const entered = executionStates.filter((each) => timestamps[each] > 0).sort((a, b) => timestamps[a] - timestamps[b]);
  return Object.fromEntries(
    shown.map((each) => {
      if (timestamps[each] === 0) return [each, -1];
      const next = entered[entered.indexOf(each) + 1];
      return [each, (next === undefined || each === state ? now : timestamps[next]) - timestamps[each]];
    }),
  );
}

/** Distribution of every metric and state duration over attempts. */
export function aggregatedView(executions: readonly ArchivedExecution[], now: number): Record<string, unknown> {
  const each = executions.map((execution) => ioView([execution]));
  const metricNames = Object.entries(each[0] ?? {}).flatMap(([name, value]) => (typeof value === 'number' ? [name] : []));
  const durations = executions.map((execution) => statusDurations(execution, now));
  return {
    metrics: Object.fromEntries(metricNames.map((name) => [name, distribution(each.map((view) => Number(view[name])))])),
    'status-duration': Object.fromEntries(
      Object.keys(durations[0] ?? {}).map((state) => [state, distribution(durations.map((view) => view[state] as number))]),
    ),
  };
}

function distribution(values: readonly number[]): Record<string, number> {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (quantile: number): number => sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] ?? 0;
  const sum = values.reduce((total, value) => total + value, 0);
  return {
    min: at(0),
    max: at(1),
    avg: values.length === 0 ? 0 : Math.round(sum / values.length),
    sum,
    median: at(0.5),
    p25: at(0.25),
    p75: at(0.75),
    p95: at(0.95),
  };
}
