/** One vertex of a job, its subtasks and their attempts. */

import { mergedAccumulators } from '../../api/accumulators.ts';
import type { JobVertex } from '../../graph/job-graph.ts';
import { attemptMetrics, attemptRatios, watermarkText } from '../../runtime/metrics/attempt-metrics.ts';
import type { ArchivedExecution, ArchivedVertex, MetricDump } from '../../runtime/rpc/gateways.ts';
import { RestError } from '../http/rest-error.ts';
import { json, type RestRequest, type Route } from '../http/router.ts';
import { accumulatorViews } from './accumulator-views.ts';
import { aggregatedView, aggregateState, attemptView, countStates, ioView, placeView, spanOf } from './execution-views.ts';
import { FlameGraphs } from './flamegraph-handler.ts';
import { type HandlerContext, hexParameter, jobIdOf } from './handler-context.ts';
import { aggregatedMetricsAnswer, metricsAnswer } from './metric-views.ts';

interface FoundVertex {
  readonly vertex: JobVertex;
  readonly archived: ArchivedVertex;
  /** The newest attempt of each subtask. */
  readonly executions: readonly ArchivedExecution[];
}

export function vertexRoutes(context: HandlerContext): Route[] {
  const { clock, dispatcher } = context;
  const flameGraphs = new FlameGraphs(context);
  const find = async (request: RestRequest): Promise<FoundVertex> => {
    const job = await dispatcher.requestJob(jobIdOf(request));
    const vertexId = hexParameter(request, 'vertexid', 'vertex id');
    const vertex = job.jobGraph.vertices.find(({ id }) => id === vertexId);
    const archived = job.vertices.find((candidate) => candidate.vertexId === vertexId);
    if (!vertex || !archived) throw new RestError(404, `No vertex with ID ${vertexId} exists.`);
    return { vertex, archived, executions: archived.subtasks.map(({ current }) => current) };
  };
  const get = (path: string, does: string, answer: (found: FoundVertex, request: RestRequest) => unknown): Route => ({
    method: 'GET',
    path: `/jobs/:jobid/vertices/:vertexid${path}`,
    does,
    handle: async (request) => json(answer(await find(request), request)),
  });
  return [
    get('', 'One vertex: its subtasks with times and totals.', ({ vertex, executions }) => ({
      ...heading(vertex),
      maxParallelism: vertex.maxParallelism,
      now: clock.now(),
      subtasks: executions.map((execution) => attemptView(execution, clock.now())),
      aggregated: aggregatedView(executions, clock.now()),
    })),
    get('/taskmanagers', 'The same, grouped by TaskManager.', ({ vertex, executions }) => ({
      id: vertex.id,
      name: vertex.name,
      now: clock.now(),
      taskmanagers: [...Map.groupBy(executions, (execution) => execution.location?.taskManagerId ?? '(unassigned)')].map(([id, there]) =>
        taskManagerView(id, there, clock.now()),
      ),
    })),
    get('/subtasktimes', 'When each subtask entered each state.', ({ vertex, executions }) => ({
      id: vertex.id,
      name: vertex.name,
      now: clock.now(),
      subtasks: executions.map((execution) => ({
        subtask: execution.subtaskIndex,
        ...placeView(execution),
        duration: spanOf([execution], clock.now()).duration,
        timestamps: execution.timestamps,
      })),
    })),
    get('/watermarks', 'The input watermark of each subtask.', ({ executions }) =>
      executions.map(({ subtaskIndex, io }) => ({ id: `${subtaskIndex}.currentInputWatermark`, value: watermarkText(io.watermark) })),
    ),
    get('/accumulators', 'The user accumulators of the vertex.', ({ vertex, executions }) => ({
      id: vertex.id,
      'user-accumulators': accumulatorViews(mergedAccumulators(executions.map(({ accumulators }) => accumulators))),
    })),
    get('/subtasks/accumulators', 'The user accumulators of each subtask.', ({ vertex, executions }) => ({
      id: vertex.id,
      parallelism: vertex.parallelism,
      subtasks: executions.map((execution) => ({
        subtask: execution.subtaskIndex,
        attempt: execution.attemptNumber,
        ...placeView(execution),
        'user-accumulators': accumulatorViews(execution.accumulators),
      })),
    })),
    get('/backpressure', 'How long each subtask was busy, idle and back-pressured of late.', ({ executions }) =>
      backPressureView(executions, clock.now()),
    ),
    get('/metrics', 'Metrics of all subtasks, as `<subtask>.<metric>`; with `get=a,b` their values.', ({ executions }, { query }) =>
      metricsAnswer(query, Object.assign({}, ...executions.map(prefixedMetrics))),
    ),
    get(
      '/flamegraph',
      'Sampled call stacks, when `rest.flamegraph.enabled`: `type` (FULL, ON_CPU, OFF_CPU), `subtaskindex`.',
      (found, request) => flameGraphs.answer(request, jobIdOf(request), found.vertex.id, found.executions),
    ),
    get('/jm-operator-metrics', 'Metrics of the operators’ coordinators; Weir has none.', (_found, { query }) => metricsAnswer(query, {})),
    get(
      '/subtasks/metrics',
      'Metrics aggregated over subtasks: `get`, `agg=min,max,avg,sum,skew`, `subtasks=1,3-5`.',
      ({ executions }, { query }) => {
        const wanted = subtaskFilter(query.get('subtasks'));
        const members = executions.filter(({ subtaskIndex }) => wanted(subtaskIndex));
        return aggregatedMetricsAnswer(query, members.map(attemptMetrics));
      },
    ),
    get('/subtasks/:subtaskindex', 'The newest attempt of one subtask.', (found, request) =>
      attemptView(subtaskOf(found, request).current, clock.now()),
    ),
    get('/subtasks/:subtaskindex/metrics', 'Metrics of one subtask; with `get=a,b` their values.', (found, request) =>
      metricsAnswer(request.query, attemptMetrics(subtaskOf(found, request).current)),
    ),
    get('/subtasks/:subtaskindex/attempts/:attempt', 'One attempt of one subtask.', (found, request) =>
      attemptView(attemptOf(found, request), clock.now()),
    ),
    get('/subtasks/:subtaskindex/attempts/:attempt/accumulators', 'The user accumulators of one attempt.', (found, request) => {
      const attempt = attemptOf(found, request);
      return {
        subtask: attempt.subtaskIndex,
        attempt: attempt.attemptNumber,
        id: attempt.attemptId,
        'user-accumulators': accumulatorViews(attempt.accumulators),
      };
    }),
  ];
}

function heading(vertex: JobVertex): { id: string; name: string; parallelism: number } {
  return { id: vertex.id, name: vertex.name, parallelism: vertex.parallelism };
}

function taskManagerView(id: string, executions: readonly ArchivedExecution[], now: number): Record<string, unknown> {
  const states = executions.map(({ state }) => state);
  const { start, end, duration } = spanOf(executions, now);
  return {
    ...placeView(executions[0] as ArchivedExecution),
    status: aggregateState(states),
    'start-time': start,
    'end-time': end,
    duration,
    metrics: ioView(executions),
    'status-counts': countStates(states),
    'taskmanager-id': id,
    aggregated: aggregatedView(executions, now),
  };
}

function subtaskOf({ vertex, archived }: FoundVertex, { params }: RestRequest): ArchivedVertex['subtasks'][number] {
  const index = pathNumber(params['subtaskindex'], 'subtask index');
  const subtask = archived.subtasks[index];
  if (subtask) return subtask;
  throw new RestError(404, `Vertex ${vertex.id} has no subtask ${index}: its parallelism is ${vertex.parallelism}.`);
}

function attemptOf(found: FoundVertex, request: RestRequest): ArchivedExecution {
  const { current, prior } = subtaskOf(found, request);
  const number = pathNumber(request.params['attempt'], 'attempt number');
  const attempt = [current, ...prior].find(({ attemptNumber }) => attemptNumber === number);
  if (attempt) return attempt;
  throw new RestError(404, `Could not find attempt with number ${number} of subtask ${current.subtaskIndex}.`);
}

function pathNumber(text: string | undefined, what: string): number {
  if (text !== undefined && /^\d{1,9}$/.test(text)) return Number(text);
  throw new RestError(400, `'${text}' is no ${what}.`);
}

/** `1,3,5-9`; absent: all. */
function subtaskFilter(text: string | null): (index: number) => boolean {
  if (text === null || text === '') return () => true;
  const ranges = text.split(',').map((part) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (!match) throw new RestError(400, `'${part}' is no subtask or range of subtasks.`);
    return { from: Number(match[1]), to: Number(match[2] ?? match[1]) };
  });
  return (index) => ranges.some(({ from, to }) => index >= from && index <= to);
}

function backPressureView(executions: readonly ArchivedExecution[], now: number): Record<string, unknown> {
  const subtasks = executions.map((execution) => {
    const { backPressured, idle, busy } = attemptRatios(execution);
    const level = levelOf(backPressured);
    return {
      subtask: execution.subtaskIndex,
      'attempt-number': execution.attemptNumber,
      backpressureLevel: level,
      'backpressure-level': level,
      ratio: backPressured,
      idleRatio: idle,
      busyRatio: busy,
    };
  });
  const level = levelOf(Math.max(0, ...subtasks.map(({ ratio }) => ratio)));
  return { status: 'ok', backpressureLevel: level, 'backpressure-level': level, 'end-timestamp': now, subtasks };
}

function levelOf(ratio: number): 'ok' | 'low' | 'high' {
  return ratio <= 0.1 ? 'ok' : ratio <= 0.5 ? 'low' : 'high';
}

function prefixedMetrics(execution: ArchivedExecution): MetricDump {
  return Object.fromEntries(Object.entries(attemptMetrics(execution)).map(([name, value]) => [`${execution.subtaskIndex}.${name}`, value]));
}
