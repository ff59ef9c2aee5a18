/** Profiles of processes, when `rest.profiling.enabled`: asked for, listed, downloaded. */
import type { ProfilingInfo } from '../../runtime/metrics/profiling-service.ts';
import { RestError } from '../http/rest-error.ts';
import { json, type RestRequest, type Route } from '../http/router.ts';
import type { HandlerContext } from './handler-context.ts';
import { fileAnswer } from './log-answer.ts';

/** A process that can be profiled. */
interface Profiled {
  start(request: { mode: string; seconds: number }): ProfilingInfo | Promise<ProfilingInfo>;
  list(): ProfilingInfo[] | Promise<ProfilingInfo[]>;
  readPiece(request: { name: string; offset: number; length: number }): Promise<Uint8Array>;
}

export function profilerRoutes({ config, dispatcher, profiling }: HandlerContext): Route[] {
  if (!config.get('rest.profiling.enabled')) return [];
  const taskManager = async ({ params }: RestRequest): Promise<Profiled> => {
    const id = params['taskmanagerid'] ?? '';
    const gateway = dispatcher.taskExecutor(id);
    if (!gateway) throw new RestError(404, `Could not find TaskExecutor with id ${id}.`);
    return {
      start: (request) => gateway.startProfiling(request),
      list: () => gateway.listProfilings(),
      readPiece: (request) => gateway.readProfilePiece(request),
    };
  };
  return [
    ...routesOf('/jobmanager', 'the JobManager', async () => profiling),
    ...routesOf('/taskmanagers/:taskmanagerid', 'the TaskManager', taskManager),
  ];
}

function routesOf(prefix: string, whose: string, find: (request: RestRequest) => Promise<Profiled>): Route[] {
  return [
    {
      method: 'GET',
      path: `${prefix}/profiler`,
      does: `Profiles that were taken of ${whose}, when \`rest.profiling.enabled\`.`,
      handle: async (request) => json({ profilingList: await (await find(request)).list() }),
    },
    {
      method: 'POST',
      path: `${prefix}/profiler`,
      does: `Samples all threads of ${whose} for \`duration\` seconds (\`mode\`: CPU).`,
      handle: async (request) => {
        const process = await find(request);
        const { mode, duration } = await request.body();
        return json(await process.start({ mode: String(mode ?? 'CPU').toUpperCase(), seconds: Number(duration) }));
      },
    },
    {
      method: 'GET',
      path: `${prefix}/profiler/:filename`,
      does: 'A profile, as a trace for DevTools or speedscope.',
      handle: async (request) => {
        const process = await find(request);
        const name = request.params['filename'] ?? '';
        return fileAnswer('application/octet-stream', (offset, length) => process.readPiece({ name, offset, length }));
      },
    },
  ];
}
