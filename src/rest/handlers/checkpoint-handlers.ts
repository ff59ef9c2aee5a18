/** Checkpoints and savepoints: not there yet, which every call says. */
import { RestError } from '../http/rest-error.ts';
import type { RestAnswer, RestRequest, Route } from '../http/router.ts';
import { type HandlerContext, jobIdOf } from './handler-context.ts';

export function checkpointRoutes({ dispatcher }: HandlerContext): Route[] {
  const none = async (request: RestRequest): Promise<RestAnswer> => {
    await dispatcher.requestJob(jobIdOf(request));
    throw new RestError(404, 'Checkpointing has not been enabled');
  };
  const refuse = (what: string) => async (request: RestRequest) => {
    await dispatcher.requestJob(jobIdOf(request));
    throw new RestError(400, `${what} are not there yet in this version of Weir. The job goes on.`);
  };
  return [
    { method: 'GET', path: '/jobs/:jobid/checkpoints', does: 'Counts, summary and history of checkpoints.', handle: none },
    { method: 'GET', path: '/jobs/:jobid/checkpoints/config', does: 'The checkpoint settings of the job.', handle: none },
    { method: 'POST', path: '/jobs/:jobid/checkpoints', does: 'Triggers a checkpoint.', handle: refuse('Checkpoints') },
    {
      method: 'POST',
      path: '/jobs/:jobid/savepoints',
      does: 'Triggers a savepoint; with `cancel-job` the job is cancelled behind it.',
      handle: refuse('Savepoints'),
    },
    {
      method: 'POST',
      path: '/jobs/:jobid/stop',
      does: 'Stops the job with a savepoint.',
      handle: refuse('Savepoints, which stopping needs,'),
    },
    {
      method: 'POST',
      path: '/savepoint-disposal',
      does: 'Deletes a savepoint.',
      handle: async () => {
        throw new RestError(400, 'Savepoints are not there yet in this version of Weir.');
      },
    },
  ];
}
