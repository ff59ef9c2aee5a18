/** Data sets that outlive their job. Weir caches none, so the list is empty and deleting one is done at once. */
import { AsyncOperations } from '../async-operations.ts';
import { json, type Route } from '../http/router.ts';
import { outcomeAnswer, triggered } from './async-views.ts';
import { type HandlerContext, hexParameter } from './handler-context.ts';

export function dataSetRoutes({ clock, config }: HandlerContext): Route[] {
  const deletions = new AsyncOperations<void>(clock, config.get('rest.async.store-duration'));
  return [
    { method: 'GET', path: '/datasets', does: 'The cached data sets; Weir has none.', handle: async () => json({ dataSets: [] }) },
    {
      method: 'DELETE',
      path: '/datasets/:datasetid',
      does: 'Deletes a cached data set.',
      handle: async (request) => {
        hexParameter(request, 'datasetid', 'data set id');
        return triggered(deletions.trigger('deletion', async () => {}));
      },
    },
    {
      method: 'GET',
      path: '/datasets/delete/:triggerid',
      does: 'The outcome of a deletion.',
      handle: async (request) => {
        const id = hexParameter(request, 'triggerid', 'trigger id');
        return outcomeAnswer(deletions.outcome('deletion', id), id, () => ({}));
      },
    },
  ];
}
