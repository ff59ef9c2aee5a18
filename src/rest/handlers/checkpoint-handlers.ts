/** Checkpoints of a job: what is known about them, and triggering one. */
import type { CheckpointRecord, CheckpointStatisticsSnapshot } from '../../runtime/rpc/checkpoint-statistics.ts';
import { AsyncOperations } from '../async-operations.ts';
import { RestError } from '../http/rest-error.ts';
import { json, type RestAnswer, type RestRequest, type Route } from '../http/router.ts';
import { outcomeAnswer, triggered } from './async-views.ts';
import { checkpointView, settingsView, statisticsView, vertexCheckpointView } from './checkpoint-views.ts';
import { type HandlerContext, hexParameter, jobIdOf, triggerIdOf } from './handler-context.ts';

export function checkpointRoutes({ dispatcher, clock, config, unreadOutcomes }: HandlerContext): Route[] {
  const triggers = new AsyncOperations<number>(clock, config.get('rest.async.store-duration'), unreadOutcomes);

  const statistics = async (request: RestRequest): Promise<CheckpointStatisticsSnapshot> => {
    const { checkpoints } = await dispatcher.requestJob(jobIdOf(request));
    const hasSome =
      checkpoints && (checkpoints.settings.intervalMs !== undefined || checkpoints.counts.total + checkpoints.counts.restored > 0);
    if (hasSome) return checkpoints;
    throw new RestError(404, 'Checkpointing has not been enabled');
  };
  const record = async (request: RestRequest): Promise<CheckpointRecord> => {
    const id = checkpointIdOf(request);
    const { history, latest } = await statistics(request);
    const found = [...history, latest.completed, latest.savepoint, latest.failed].find((other) => other?.id === id);
    if (found) return found;
    throw new RestError(404, `Could not find checkpointing statistics for checkpoint ${id}.`);
  };

  return [
    {
      method: 'GET',
      path: '/jobs/:jobid/checkpoints',
      does: 'Counts, summary and history of checkpoints.',
      handle: async (request) => json(statisticsView(await statistics(request))),
    },
    {
      method: 'GET',
      path: '/jobs/:jobid/checkpoints/config',
      does: 'The checkpoint settings of the job.',
      handle: async (request) => json(settingsView((await statistics(request)).settings)),
    },
    {
      method: 'GET',
      path: '/jobs/:jobid/checkpoints/details/:checkpointid',
      does: 'One checkpoint, with the sums of each vertex.',
      handle: async (request) => json(checkpointView(await record(request), true)),
    },
    {
      method: 'GET',
      path: '/jobs/:jobid/checkpoints/details/:checkpointid/subtasks/:vertexid',
      does: 'One vertex in one checkpoint, by subtask.',
      handle: async (request): Promise<RestAnswer> => {
        const vertexId = hexParameter(request, 'vertexid', 'vertex id');
        const view = vertexCheckpointView(await record(request), vertexId);
        if (!view) throw new RestError(404, `There are no checkpointing statistics for vertex ${vertexId} in this checkpoint.`);
        return json(view);
      },
    },
    {
      method: 'POST',
      path: '/jobs/:jobid/checkpoints',
      does: 'Triggers a checkpoint.',
      handle: async (request) => {
        const jobId = jobIdOf(request);
        const body = await request.body();
        const type = body['checkpointType'] ?? 'CONFIGURED';
        if (type === 'INCREMENTAL')
          throw new RestError(400, 'Flink does not support triggering incremental checkpoints by hand, nor does Weir.');
        if (type !== 'CONFIGURED' && type !== 'FULL')
          throw new RestError(400, `'${String(type)}' is no checkpointType: CONFIGURED or FULL.`);
        await requireRunning(dispatcher, jobId);
        return triggered(triggers.trigger(jobId, () => dispatcher.triggerCheckpoint(jobId, { full: type === 'FULL' }), triggerIdOf(body)));
      },
    },
    {
      method: 'GET',
      path: '/jobs/:jobid/checkpoints/:triggerid',
      does: 'The outcome of a triggered checkpoint.',
      handle: async (request) => {
        const id = hexParameter(request, 'triggerid', 'trigger id');
        return outcomeAnswer(triggers.outcome(jobIdOf(request), id), id, (checkpointId) => ({ checkpointId }), 'failureCause');
      },
    },
  ];
}

/** Throws what the caller is told: 404 for a job nobody knows, 409 for one that has ended. */
export async function requireRunning(dispatcher: HandlerContext['dispatcher'], jobId: string): Promise<Readonly<Record<string, string>>> {
  const { status, jobGraph } = await dispatcher.requestJob(jobId);
  if (['FINISHED', 'CANCELED', 'FAILED'].includes(status)) throw new RestError(409, `Job ${jobId} is already terminated: it is ${status}.`);
  return jobGraph.configuration;
}

function checkpointIdOf(request: RestRequest): number {
  const text = request.params['checkpointid'] ?? '';
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new RestError(400, `'${text}' is no checkpoint id: it is a whole number.`);
}
