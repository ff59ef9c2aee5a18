/** What all handlers are given. */
import type { Configuration } from '../../config/configuration.ts';
import type { ProfilingService } from '../../runtime/metrics/profiling-service.ts';
import type { DispatcherGateway, MetricDump } from '../../runtime/rpc/gateways.ts';
import type { LogFiles } from '../../shared/log-files.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../../shared/time.ts';
import type { UnreadOutcomes } from '../async-operations.ts';
import { RestError } from '../http/rest-error.ts';
import type { RestRequest } from '../http/router.ts';

export interface HandlerContext {
  readonly config: Configuration;
  readonly dispatcher: DispatcherGateway;
  /** For uploads on their way; removed with the process. */
  readonly uploadDirectory: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly logFiles: LogFiles;
  readonly profiling: ProfilingService;
  readonly unreadOutcomes?: UnreadOutcomes | undefined;
  /** Metrics of the JobManager's process. */
  processMetrics(): MetricDump;
}

/** A path parameter of 32 hex digits. */
export function hexParameter(request: RestRequest, name: string, what: string): string {
  const text = request.params[name] ?? '';
  if (/^[0-9a-fA-F]{32}$/.test(text)) return text.toLowerCase();
  throw new RestError(400, `'${text}' is no ${what}: it has 32 hexadecimal digits.`);
}

export function jobIdOf(request: RestRequest): string {
  return hexParameter(request, 'jobid', 'job id');
}

/** A query parameter that is a whole number; undefined when it is absent. */
export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new RestError(400, `Query parameter ${name}: '${text}' is no whole number.`);
}

/** The id a caller chose for an asynchronous operation; undefined: one is made. */
export function triggerIdOf(body: Readonly<Record<string, unknown>>): string | undefined {
  const id = body['triggerId'] ?? undefined;
  if (id === undefined) return undefined;
  if (typeof id === 'string' && /^[0-9a-fA-F]{32}$/.test(id)) return id.toLowerCase();
  throw new RestError(400, 'triggerId must have 32 hexadecimal digits.');
}
