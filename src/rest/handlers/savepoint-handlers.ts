/** Savepoints: triggering, stopping and cancelling with one, and deleting one. Outcomes are asked for by the trigger id. */
import { Configuration } from '../../config/configuration.ts';
import { AsyncOperations } from '../async-operations.ts';
import { RestError } from '../http/rest-error.ts';
import type { Route } from '../http/router.ts';
import { outcomeAnswer, triggered } from './async-views.ts';
import { requireRunning } from './checkpoint-handlers.ts';
import { type HandlerContext, hexParameter, jobIdOf, triggerIdOf } from './handler-context.ts';

type Body = Readonly<Record<string, unknown>>;

export function savepointRoutes({ dispatcher, clock, config, unreadOutcomes }: HandlerContext): Route[] {
  const storeMs = config.get('rest.async.store-duration');
  const savepoints = new AsyncOperations<string>(clock, storeMs, unreadOutcomes);
  const disposals = new AsyncOperations<void>(clock, storeMs);

  /** Refused at once rather than in the outcome: nobody said where to. */
  const directoryOf = (body: Body, property: string, jobConfiguration: Readonly<Record<string, string>>): string | undefined => {
    const directory = optionalText(body, property);
    if (directory === undefined && !Configuration.of(jobConfiguration).get('execution.checkpointing.savepoint-dir')) {
      throw new RestError(400, `Config key [state.savepoints.dir] is not set. Property [${property}] must be provided.`);
    }
    return directory;
  };

  return [
    {
      method: 'POST',
      path: '/jobs/:jobid/savepoints',
      does: 'Triggers a savepoint; with `cancel-job` the job is cancelled behind it.',
      handle: async (request) => {
        const jobId = jobIdOf(request);
        const body = await request.body();
        const cancelJob = flag(body, 'cancel-job');
        checkFormat(body);
        const directory = directoryOf(body, 'target-directory', await requireRunning(dispatcher, jobId));
        const start = (): Promise<string> => dispatcher.triggerSavepoint(jobId, { directory, cancelJob });
        return triggered(savepoints.trigger(jobId, start, triggerIdOf(body)));
      },
    },
    {
      method: 'POST',
      path: '/jobs/:jobid/stop',
      does: 'Stops the job with a savepoint.',
      handle: async (request) => {
        const jobId = jobIdOf(request);
        const body = await request.body();
        const drain = flag(body, 'drain');
        checkFormat(body);
        const directory = directoryOf(body, 'targetDirectory', await requireRunning(dispatcher, jobId));
        const start = (): Promise<string> => dispatcher.stopWithSavepoint(jobId, { directory, drain });
        return triggered(savepoints.trigger(jobId, start, triggerIdOf(body)));
      },
    },
    {
      method: 'GET',
      path: '/jobs/:jobid/savepoints/:triggerid',
      does: 'The outcome of a triggered savepoint, or of stopping with one.',
      handle: async (request) => {
        const id = hexParameter(request, 'triggerid', 'trigger id');
        return outcomeAnswer(savepoints.outcome(jobIdOf(request), id), id, (location) => ({ location }));
      },
    },
    {
      method: 'POST',
      path: '/savepoint-disposal',
      does: 'Deletes a savepoint.',
      handle: async (request) => {
        const path = optionalText(await request.body(), 'savepoint-path');
        if (path === undefined) throw new RestError(400, 'Property [savepoint-path] must be provided.');
        return triggered(
          disposals.trigger('disposal', () => dispatcher.disposeSavepoint(path)),
          200,
        );
      },
    },
    {
      method: 'GET',
      path: '/savepoint-disposal/:triggerid',
      does: 'The outcome of deleting a savepoint.',
      handle: async (request) => {
        const id = hexParameter(request, 'triggerid', 'trigger id');
        return outcomeAnswer(disposals.outcome('disposal', id), id, () => ({}));
      },
    },
  ];
}

function optionalText(body: Body, property: string): string | undefined {
  const value = body[property] ?? undefined;
  if (value === undefined || typeof value === 'string') return value || undefined;
  throw new RestError(400, `Property [${property}] must be a text.`);
}

function flag(body: Body, property: string): boolean {
  const value = body[property] ?? false;
  if (typeof value === 'boolean') return value;
  throw new RestError(400, `Property [${property}] must be true or false.`);
}

/** Both formats are one: savepoints can be read by every state backend. */
function checkFormat(body: Body): void {
  const format = body['formatType'] ?? 'CANONICAL';
  if (format !== 'CANONICAL' && format !== 'NATIVE') throw new RestError(400, `'${String(format)}' is no formatType: CANONICAL or NATIVE.`);
}
