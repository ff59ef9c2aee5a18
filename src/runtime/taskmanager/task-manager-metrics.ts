/** What a TaskManager reports: about its process, and about each attempt that lives in its slots. */
import type { TaskManagerProcess } from '../../config/memory/process-memory.ts';
import type { ExecutionAttemptId, TaskManagerId } from '../../shared/ids.ts';
import { attemptMetrics } from '../metrics/attempt-metrics.ts';
import type { ReportedGroup } from '../metrics/metric-group.ts';
import { processMetrics } from '../metrics/process-metrics.ts';
import { IoHistory } from '../metrics/recent-io.ts';
import { metricNamePart } from '../metrics/task-metrics.ts';
import type { TaskManagerNetworkMemory } from '../network/memory/network-memory.ts';
import type { AccumulatorReport, MetricDump, TaskDeploymentDescriptor } from '../rpc/gateways.ts';
import type { SlotThread } from './slot-thread.ts';

export interface TaskManagerMetricsOptions {
  readonly taskManagerId: TaskManagerId;
  readonly host: string;
  readonly sizes: TaskManagerProcess['memory'];
  slotThreads(): readonly SlotThread[];
  readonly network: Pick<TaskManagerNetworkMemory, 'usedBytes' | 'totalSegments' | 'freeSegments'>;
}

interface LiveAttempt {
  readonly descriptor: TaskDeploymentDescriptor;
  readonly jobName: string;
  readonly io: IoHistory;
  operatorMetrics: MetricDump;
}

export class TaskManagerMetrics {
  readonly #options: TaskManagerMetricsOptions;
  readonly #attempts = new Map<ExecutionAttemptId, LiveAttempt>();

  constructor(options: TaskManagerMetricsOptions) {
    this.#options = options;
  }

  attemptSubmitted(descriptor: TaskDeploymentDescriptor, jobName: string): void {
    this.#attempts.set(descriptor.attemptId, { descriptor, jobName, io: new IoHistory(Date.now()), operatorMetrics: {} });
  }

  attemptEnded(attemptId: ExecutionAttemptId): void {
    this.#attempts.delete(attemptId);
  }

  reported(reports: readonly AccumulatorReport[]): void {
    for (const { attemptId, io, metrics } of reports) {
      const attempt = this.#attempts.get(attemptId);
      if (!attempt) continue;
      attempt.io.report(io, Date.now());
      attempt.operatorMetrics = metrics;
    }
  }

  /** Of the process. */
  dump(): MetricDump {
    const { sizes, network } = this.#options;
    const threads = this.#options.slotThreads();
    const used = network.usedBytes;
    return {
      ...processMetrics(threads.flatMap((thread) => thread.report ?? [])),
      'Status.Flink.Memory.Managed.Total': sizes.managed,
      'Status.Flink.Memory.Managed.Used': 0,
      'Status.Shuffle.Netty.TotalMemory': sizes.network,
      'Status.Shuffle.Netty.UsedMemory': used,
      'Status.Shuffle.Netty.AvailableMemory': sizes.network - used,
      'Status.Shuffle.Netty.TotalMemorySegments': network.totalSegments,
      'Status.Shuffle.Netty.UsedMemorySegments': network.totalSegments - network.freeSegments,
      'Status.Shuffle.Netty.AvailableMemorySegments': network.freeSegments,
      'Status.Shuffle.Netty.RequestedMemoryUsage': Math.round((used * 100) / sizes.network),
      ...Object.fromEntries(threads.map((thread, index) => [`Weir.Slot.${index}.Heap.Used`, thread.report?.heapUsed ?? 0])),
    };
  }

  groups(): ReportedGroup[] {
    const { taskManagerId, host } = this.#options;
    const own = { host, tm_id: taskManagerId };
    return [
      { scope: ['taskmanager'], variables: own, metrics: this.dump() },
      ...[...this.#attempts.values()].flatMap((attempt) => groupsOf(attempt, own)),
    ];
  }
}

function groupsOf({ descriptor, jobName, io, operatorMetrics }: LiveAttempt, own: Readonly<Record<string, string>>): ReportedGroup[] {
  const { vertex } = descriptor;
  const variables = {
    ...own,
    job_id: descriptor.jobId,
    job_name: jobName,
    task_id: vertex.id,
    task_name: vertex.name,
    task_attempt_id: descriptor.attemptId,
    task_attempt_num: String(descriptor.attemptNumber),
    subtask_index: String(descriptor.subtaskIndex),
  };
  const scope = ['taskmanager', 'job', 'task'];
  const operators = vertex.operators.flatMap(({ operatorId, name }): ReportedGroup[] => {
    const prefix = `${metricNamePart(name)}.`;
    const metrics = Object.entries(operatorMetrics).flatMap(([key, value]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), value] as const] : [],
    );
    if (metrics.length === 0) return [];
    return [
      {
        scope: [...scope, 'operator'],
        variables: { ...variables, operator_id: operatorId, operator_name: name },
        metrics: Object.fromEntries(metrics),
      },
    ];
  });
  return [{ scope, variables, metrics: attemptMetrics({ io: io.io, recent: io.recent, metrics: {} }) }, ...operators];
}
