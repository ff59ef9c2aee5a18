/** What Flink's API has and Weir does not serve, each with the reason; docs/reference/rest.md shows it, and so does the answer. */
import { RestError } from './http/rest-error.ts';
import type { Route } from './http/router.ts';

export interface UnservedRoute {
  readonly method: Route['method'];
  readonly path: string;
  readonly reason: string;
  /** 501 unless Flink itself answers otherwise. */
  readonly status?: number;
}

const fixedParallelism = 'There is no adaptive scheduler: the parallelism of a job is fixed when it is submitted.';
const newest = 'Flink 2.3 has it for its own dashboard only.';
const archived = 'Only a history server answers it, in Flink too.';

export const unservedRoutes: readonly UnservedRoute[] = [
  { method: 'GET', path: '/jobs/:jobid/resource-requirements', reason: fixedParallelism },
  { method: 'PUT', path: '/jobs/:jobid/resource-requirements', reason: fixedParallelism },
  { method: 'PATCH', path: '/jobs/:jobid/rescaling', reason: 'Rescaling by this call is switched off in Flink too.', status: 503 },
  { method: 'GET', path: '/jobs/:jobid/rescaling/:triggerid', reason: 'Rescaling by this call is switched off in Flink too.', status: 503 },
  { method: 'POST', path: '/jobs/:jobid/coordinators/:operatorid', reason: 'Its requests are serialised Java objects.' },
  { method: 'GET', path: '/jobs/:jobid/jobmanager/log-url', reason: archived },
  { method: 'GET', path: '/jobs/:jobid/taskmanagers/:taskmanagerid/log-url', reason: archived },
  { method: 'GET', path: '/jobs/:jobid/rescales/config', reason: newest },
  { method: 'GET', path: '/jobs/:jobid/rescales/overview', reason: newest },
  { method: 'GET', path: '/jobs/:jobid/rescales/history', reason: newest },
  { method: 'GET', path: '/jobs/:jobid/rescales/summary', reason: newest },
  { method: 'GET', path: '/jobs/:jobid/rescales/details/:rescaleuuid', reason: newest },
  { method: 'GET', path: '/applications/overview', reason: newest },
  { method: 'GET', path: '/applications/:applicationid', reason: newest },
  { method: 'POST', path: '/applications/:applicationid/cancel', reason: newest },
  { method: 'GET', path: '/applications/:applicationid/exceptions', reason: newest },
  { method: 'GET', path: '/applications/:applicationid/jobmanager/config', reason: newest },
];

export function refusingRoutes(): Route[] {
  return unservedRoutes.map(({ method, path, reason, status }) => ({
    method,
    path,
    does: reason,
    handle: async () => {
      throw new RestError(status ?? 501, `${method} ${path} is not served by Weir. ${reason}`);
    },
  }));
}
