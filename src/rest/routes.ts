/** Every route of the endpoint; docs/reference/rest.md is made from this list. */
import { checkpointRoutes } from './handlers/checkpoint-handlers.ts';
import { clusterRoutes } from './handlers/cluster-handlers.ts';
import { dataSetRoutes } from './handlers/dataset-handlers.ts';
import type { HandlerContext } from './handlers/handler-context.ts';
import { jarRoutes } from './handlers/jar-handlers.ts';
import { jobRoutes } from './handlers/job-handlers.ts';
import { profilerRoutes } from './handlers/profiler-handlers.ts';
import { savepointRoutes } from './handlers/savepoint-handlers.ts';
import { submissionRoutes } from './handlers/submission-handler.ts';
import { taskManagerRoutes } from './handlers/taskmanager-handlers.ts';
import { vertexRoutes } from './handlers/vertex-handlers.ts';
import type { Route } from './http/router.ts';

export function restRoutes(context: HandlerContext): Route[] {
  return [
    ...clusterRoutes(context),
    ...jobRoutes(context),
    ...checkpointRoutes(context),
    ...savepointRoutes(context),
    ...vertexRoutes(context),
    ...submissionRoutes(context),
    ...jarRoutes(context),
    ...taskManagerRoutes(context),
    ...dataSetRoutes(context),
    ...profilerRoutes(context),
  ];
}
