/** TaskManagers: what they have, what they hold, and their logs. */
import type { TaskExecutorGateway, TaskManagerInfo } from '../../runtime/rpc/gateways.ts';
import type { LogPieceRequest } from '../../shared/log-files.ts';
import { RestError } from '../http/rest-error.ts';
import { json, type RestAnswer, type RestRequest, type Route } from '../http/router.ts';
import type { HandlerContext } from './handler-context.ts';
import { logAnswer } from './log-answer.ts';
import { aggregatedMetricsAnswer, metricsAnswer } from './metric-views.ts';

export function taskManagerRoutes({ clock, dispatcher }: HandlerContext): Route[] {
  const find = async ({ params }: RestRequest): Promise<TaskManagerInfo> => {
    const id = params['taskmanagerid'] ?? '';
    const info = (await dispatcher.taskManagers()).find(({ taskManagerId }) => taskManagerId === id);
    if (!info) throw new RestError(404, `Could not find TaskExecutor with id ${id}.`);
    return info;
  };
  const gatewayOf = async (request: RestRequest): Promise<TaskExecutorGateway> => {
    const { taskManagerId } = await find(request);
    const gateway = dispatcher.taskExecutor(taskManagerId);
    if (!gateway) throw new RestError(404, `Could not find TaskExecutor with id ${taskManagerId}.`);
    return gateway;
  };
  const logOf = async (request: RestRequest, file: Omit<LogPieceRequest, 'offset' | 'length'>): Promise<RestAnswer> => {
    const gateway = await gatewayOf(request);
    return logAnswer((offset, length) => gateway.readLogPiece({ ...file, offset, length }));
  };
  const path = '/taskmanagers/:taskmanagerid';
  return [
    {
      method: 'GET',
      path: '/taskmanagers',
      does: 'The registered TaskManagers with their resources.',
      handle: async () => json({ taskmanagers: (await dispatcher.taskManagers()).map((info) => rowOf(info, clock.now())) }),
    },
    {
      method: 'GET',
      path: '/taskmanagers/metrics',
      does: 'Metrics aggregated over TaskManagers: `get`, `agg`, `taskmanagers=a,b`.',
      handle: async ({ query }) => {
        const wanted = query.get('taskmanagers')?.split(',');
        const infos = (await dispatcher.taskManagers()).filter(({ taskManagerId }) => !wanted || wanted.includes(taskManagerId));
        return json(
          aggregatedMetricsAnswer(
            query,
            infos.map(({ metrics }) => metrics),
          ),
        );
      },
    },
    {
      method: 'GET',
      path,
      does: 'One TaskManager: slots, memory and load.',
      handle: async (request) => json(detailOf(await find(request), clock.now())),
    },
    {
      method: 'GET',
      path: `${path}/metrics`,
      does: 'Metrics of one TaskManager; with `get=a,b` their values.',
      handle: async (request) => json(metricsAnswer(request.query, (await find(request)).metrics)),
    },
    {
      method: 'GET',
      path: `${path}/log`,
      does: 'The log.',
      handle: (request) => logOf(request, { kind: 'log' }),
    },
    {
      method: 'GET',
      path: `${path}/stdout`,
      does: 'The standard output: what `print` and `console.log` wrote.',
      handle: (request) => logOf(request, { kind: 'stdout' }),
    },
    {
      method: 'GET',
      path: `${path}/logs`,
      does: 'The files of the log directory.',
      handle: async (request) => json({ logs: await (await gatewayOf(request)).requestLogList() }),
    },
    {
      method: 'GET',
      path: `${path}/logs/:filename`,
      does: 'One file of the log directory.',
      handle: (request) => logOf(request, { kind: 'file', name: request.params['filename'] }),
    },
    {
      method: 'GET',
      path: `${path}/thread-dump`,
      does: 'What the threads of the TaskManager do.',
      handle: async (request) => json({ threadInfos: await (await gatewayOf(request)).requestThreadDump() }),
    },
  ];
}

function rowOf(info: TaskManagerInfo, now: number): Record<string, unknown> {
  const total = info.slots.length;
  return {
    id: info.taskManagerId,
    path: `${info.host}:${info.dataPort}`,
    dataPort: info.dataPort,
    jmxPort: -1,
    timeSinceLastHeartbeat: now - info.lastHeartbeat,
    slotsNumber: total,
    freeSlots: info.freeSlots,
    totalResource: resource(info, total),
    freeResource: resource(info, info.freeSlots),
    hardware: info.hardware,
    memoryConfiguration: info.memoryConfiguration,
    blocked: false,
  };
}

/** Slots share a TaskManager's resources evenly. Sizes in MiB. */
function resource({ slots, hardware, memoryConfiguration }: TaskManagerInfo, count: number): Record<string, unknown> {
  const share = (bytes: number | undefined): number => Math.floor((((bytes ?? 0) / slots.length) * count) / 2 ** 20);
  return {
    cpuCores: slots.length === 0 ? 0 : (hardware.cpuCores / slots.length) * count,
    taskHeapMemory: share(memoryConfiguration['taskHeap']),
    taskOffHeapMemory: share(memoryConfiguration['taskOffHeap']),
    managedMemory: share(memoryConfiguration['managedMemory']),
    networkMemory: share(memoryConfiguration['networkMemory']),
    extendedResources: {},
  };
}

function detailOf(info: TaskManagerInfo, now: number): Record<string, unknown> {
  const metric = (name: string): number => Number(info.metrics[name] ?? 0);
  const jvm = (name: string): number => metric(`Status.JVM.Memory.${name}`);
  const shuffle = (name: string): number => metric(`Status.Shuffle.Netty.${name}`);
  return {
    ...rowOf(info, now),
    allocatedSlots: info.allocatedTo.map((jobId) => ({ jobId, resource: resource(info, 1) })),
    metrics: {
      heapUsed: jvm('Heap.Used'),
      heapCommitted: jvm('Heap.Committed'),
      heapMax: jvm('Heap.Max'),
      nonHeapUsed: jvm('NonHeap.Used'),
      nonHeapCommitted: jvm('NonHeap.Committed'),
      nonHeapMax: jvm('NonHeap.Max'),
      directCount: jvm('Direct.Count'),
      directUsed: jvm('Direct.MemoryUsed'),
      directMax: jvm('Direct.TotalCapacity'),
      mappedCount: 0,
      mappedUsed: 0,
      mappedMax: 0,
      nettyShuffleMemorySegmentsAvailable: shuffle('AvailableMemorySegments'),
      nettyShuffleMemorySegmentsUsed: shuffle('UsedMemorySegments'),
      nettyShuffleMemorySegmentsTotal: shuffle('TotalMemorySegments'),
      nettyShuffleMemoryAvailable: shuffle('AvailableMemory'),
      nettyShuffleMemoryUsed: shuffle('UsedMemory'),
      nettyShuffleMemoryTotal: shuffle('TotalMemory'),
      memorySegmentsAvailable: shuffle('AvailableMemorySegments'),
      memorySegmentsTotal: shuffle('TotalMemorySegments'),
      garbageCollectors: [
        { name: 'All', count: metric('Status.JVM.GarbageCollector.All.Count'), time: metric('Status.JVM.GarbageCollector.All.Time') },
      ],
    },
  };
}
