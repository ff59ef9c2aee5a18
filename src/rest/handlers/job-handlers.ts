/** Jobs: overview, detail, plan, failures, results, and cancelling. */
import { Configuration } from '../../config/configuration.ts';
import { jsonPlan } from '../../graph/json-plan.ts';
import { jobMetrics } from '../../runtime/metrics/job-metrics.ts';
import type { ArchivedExecutionGraph, FailureRecord, JobOverview, JobResult } from '../../runtime/rpc/gateways.ts';
import { type SerializedError, stackWithCauses } from '../../shared/errors.ts';
import { RestError } from '../http/rest-error.ts';
import { json, type RestAnswer, type RestRequest, type Route } from '../http/router.ts';
import { accumulatorViews } from './accumulator-views.ts';
import { causeOf } from './async-views.ts';
import { aggregateState, countStates, vertexView } from './execution-views.ts';
import { type HandlerContext, jobIdOf, wholeNumber } from './handler-context.ts';
import { aggregatedMetricsAnswer, metricsAnswer } from './metric-views.ts';
import { configurationView, environmentView } from './process-views.ts';

/** Shorter than any client's patience with a silent connection. */
const collectWaitMs = 5000;

export function jobRoutes(context: HandlerContext): Route[] {
  const { clock, dispatcher } = context;
  const get = (path: string, does: string, answer: (job: ArchivedExecutionGraph, request: RestRequest) => unknown): Route => ({
    method: 'GET',
    path: `/jobs/:jobid${path}`,
    does,
    handle: async (request) => json(answer(await dispatcher.requestJob(jobIdOf(request)), request)),
  });
  const cancel = async (request: RestRequest): Promise<RestAnswer> => {
    await dispatcher.cancelJob(jobIdOf(request));
    return json({}, 202);
  };
  return [
    {
      method: 'GET',
      path: '/jobs',
      does: 'Id and status of every job.',
      handle: async () => json({ jobs: (await dispatcher.listJobs()).map(({ jobId, status }) => ({ id: jobId, status })) }),
    },
    {
      method: 'GET',
      path: '/jobs/overview',
      does: 'One row per job.',
      handle: async () => json({ jobs: (await dispatcher.listJobs()).map((job) => overviewRow(job, clock.now())) }),
    },
    get('', 'Graph, vertices, times and totals of one job.', (job) => jobDetail(job, clock.now())),
    get('/plan', 'The plan alone.', (job) => ({ plan: jsonPlan(job.jobGraph) })),
    get('/status', 'The status alone.', (job) => ({ status: job.status })),
    get('/config', 'The execution configuration of the job.', jobConfig),
    get('/exceptions', 'The root failure and the history of failures; `maxExceptions` limits it.', (job, request) =>
      exceptions(job, request),
    ),
    get('/accumulators', 'The user accumulators, merged over all subtasks.', (job) => ({
      'job-accumulators': [],
      'user-task-accumulators': accumulatorViews(job.accumulators),
      'serialized-user-task-accumulators': {},
    })),
    get('/metrics', 'Metrics of the job; with `get=a,b` their values.', (job, { query }) =>
      metricsAnswer(query, jobMetrics(job, clock.now())),
    ),
    get('/jobmanager/config', 'The configuration of the cluster that runs the job.', () => configurationView(context.config)),
    get('/jobmanager/environment', 'The runtime that the JobManager of the job has.', () => environmentView()),
    {
      method: 'GET',
      path: '/jobs/metrics',
      does: 'Metrics aggregated over jobs: `get`, `agg=min,max,avg,sum,skew`, `jobs=a,b`.',
      handle: async ({ query }) => {
        const wanted = query.get('jobs')?.split(',');
        const ids = (await dispatcher.listJobs()).map(({ jobId }) => jobId).filter((id) => !wanted || wanted.includes(id));
        const jobs = await Promise.all(ids.map((id) => dispatcher.requestJob(id)));
        return json(
          aggregatedMetricsAnswer(
            query,
            jobs.map((job) => jobMetrics(job, clock.now())),
          ),
        );
      },
    },
    {
      method: 'GET',
      path: '/jobs/:jobid/execution-result',
      does: 'IN_PROGRESS, or the result of the job with its failure.',
      handle: async (request) => json(executionResult(await dispatcher.requestJobResult(jobIdOf(request)))),
    },
    {
      method: 'PATCH',
      path: '/jobs/:jobid',
      does: 'Cancels the job (`mode=cancel`).',
      handle: async (request) => {
        const mode = (request.query.get('mode') ?? 'cancel').toLowerCase();
        if (mode === 'cancel') return cancel(request);
        if (mode === 'stop') return refuseStop();
        throw new RestError(400, `'${mode}' is no termination mode. Use mode=cancel.`);
      },
    },
    {
      method: 'GET',
      path: '/jobs/:jobid/yarn-cancel',
      does: 'Cancels the job, for clients that can only GET.',
      actsOnGet: true,
      handle: cancel,
    },
    {
      method: 'GET',
      path: '/jobs/:jobid/yarn-stop',
      does: 'Refused as `mode=stop` is: stopping takes a savepoint, by POST to `/jobs/:jobid/stop`.',
      actsOnGet: true,
      handle: async () => refuseStop(),
    },
    {
      method: 'PATCH',
      path: '/jobs/:jobid/clientHeartbeat',
      does: 'Keeps a job alive that ends with its client.',
      handle: async (request) => {
        const { expiredTimestamp } = await request.body();
        if (typeof expiredTimestamp !== 'number') throw new RestError(400, 'expiredTimestamp must be milliseconds since the epoch.');
        await dispatcher.clientHeartbeat(jobIdOf(request), expiredTimestamp);
        return json({}, 202);
      },
    },
    {
      method: 'GET',
      path: '/jobs/:jobid/collect/:resultid',
      does: 'The next records of `executeAndCollect`, in blocks of bytes (base64).',
      weirOnly: true,
      handle: async (request) => {
        const { blocks, done } = await dispatcher.takeCollected(jobIdOf(request), request.params['resultid'] ?? '', collectWaitMs);
        return json({ blocks: blocks.map((block) => Buffer.from(block).toString('base64')), done });
      },
    },
  ];
}

function refuseStop(): never {
  throw new RestError(308, 'The termination mode "stop" has been removed. Use jobs/:jobId/stop instead.');
}

function overviewRow(job: JobOverview, now: number): Record<string, unknown> {
  const total = Object.values(job.tasksByState).reduce((sum, count) => sum + count, 0);
  return {
    jid: job.jobId,
    name: job.name,
    'start-time': job.startTime,
    'end-time': job.endTime,
    duration: (job.endTime > 0 ? job.endTime : now) - job.startTime,
    state: job.status,
    'last-modification': job.lastModification,
    tasks: { total, ...Object.fromEntries(Object.entries(job.tasksByState).map(([state, count]) => [state.toLowerCase(), count])) },
  };
}

function jobDetail(job: ArchivedExecutionGraph, now: number): Record<string, unknown> {
  const start = job.timestamps.INITIALIZING;
  const ended = ['FINISHED', 'CANCELED', 'FAILED'].includes(job.status) ? job.timestamps[job.status] : -1;
  return {
    jid: job.jobId,
    name: job.name,
    isStoppable: false,
    state: job.status,
    'job-type': job.jobGraph.jobType,
    'start-time': start,
    'end-time': ended,
    duration: (ended > 0 ? ended : now) - start,
    maxParallelism: Math.max(...job.jobGraph.vertices.map(({ maxParallelism }) => maxParallelism)),
    now,
    timestamps: job.timestamps,
    vertices: job.jobGraph.vertices.map((vertex, index) => vertexView(job.jobId, vertex, vertexAt(job, index), now)),
    'status-counts': countStates(job.vertices.map(({ subtasks }) => aggregateState(subtasks.map(({ current }) => current.state)))),
    plan: jsonPlan(job.jobGraph),
  };
}

/** The archive keeps the graph's order. */
function vertexAt(job: ArchivedExecutionGraph, index: number): ArchivedExecutionGraph['vertices'][number] {
  return job.vertices[index] as ArchivedExecutionGraph['vertices'][number];
}

function jobConfig(job: ArchivedExecutionGraph): Record<string, unknown> {
  const { configuration } = job.jobGraph;
  return {
    jid: job.jobId,
    name: job.name,
    'execution-config': {
      'execution-mode': 'PIPELINED',
      'restart-strategy':
        configuration['restart-strategy.type'] ?? configuration['restart-strategy'] ?? 'Cluster level default restart strategy',
      'job-parallelism': Number(configuration['parallelism.default'] ?? 1),
      'object-reuse-mode': configuration['pipeline.object-reuse'] === 'true',
      'user-config': Configuration.of(configuration).get('pipeline.global-job-parameters') ?? {},
    },
  };
}

const defaultExceptions = 20;

/** Weir gives failures no labels: a filter on labels finds none. */
function exceptions(job: ArchivedExecutionGraph, request: RestRequest): Record<string, unknown> {
  const limit = wholeNumber(request.query, 'maxExceptions') ?? defaultExceptions;
  const history = request.query.get('failureLabelFilter') ? [] : job.exceptionHistory;
  const entries = history.slice(0, limit);
  const truncated = entries.length < history.length;
  return {
    'root-exception': job.failure ? stackWithCauses(job.failure.error) : null,
    timestamp: job.failure?.timestamp ?? null,
    'all-exceptions': entries.flatMap((entry) => (entry.taskName === undefined ? [] : [olderEntry(entry)])),
    truncated,
    exceptionHistory: {
      entries: entries.map((entry) => ({ ...exceptionView(entry), concurrentExceptions: entry.concurrent.map(exceptionView) })),
      truncated,
    },
  };
}

function olderEntry(entry: FailureRecord): Record<string, unknown> {
  return {
    exception: stackWithCauses(entry.error),
    task: entry.taskName,
    ...placeOf(entry),
    timestamp: entry.timestamp,
    taskManagerId: entry.location?.taskManagerId ?? null,
  };
}

function exceptionView(entry: FailureRecord): Record<string, unknown> {
  return {
    exceptionName: nameOf(entry.error),
    stacktrace: stackWithCauses(entry.error),
    timestamp: entry.timestamp,
    taskName: entry.taskName ?? null,
    ...placeOf(entry),
    taskManagerId: entry.location?.taskManagerId ?? null,
    failureLabels: {},
  };
}

/** The outermost error that has a name of its own: a plain Error only says where. */
function nameOf(error: SerializedError): string {
  return error.name === 'Error' && error.cause ? nameOf(error.cause) : error.name;
}

function placeOf({ location }: FailureRecord): { location: string | null; endpoint: string | null } {
  const place = location ? `${location.host}:${location.dataPort}` : null;
  return { location: place, endpoint: place };
}

const applicationStatus = { FINISHED: 'SUCCEEDED', CANCELED: 'CANCELED', FAILED: 'FAILED' } as const;

/** Exactly Flink's keys: its parser refuses any other. */
function executionResult(result: JobResult | undefined): Record<string, unknown> {
  if (!result) return { status: { id: 'IN_PROGRESS' }, 'job-execution-result': null };
  return {
    status: { id: 'COMPLETED' },
    'job-execution-result': {
      id: result.jobId,
      'application-status': applicationStatus[result.status],
      'accumulator-results': {},
      'net-runtime': result.netRuntimeMs,
      ...(result.failure ? { 'failure-cause': causeOf(result.failure) } : {}),
    },
  };
}
