/** The cluster in numbers, under Flink's names. */
import type { ClusterOverview, MetricDump } from '../rpc/gateways.ts';

export function clusterMetrics(overview: ClusterOverview): MetricDump {
  return {
    numRegisteredTaskManagers: overview.taskManagers,
    numPendingTaskManagers: 0,
    numRunningJobs: overview.jobsRunning,
    taskSlotsAvailable: overview.slotsAvailable,
    taskSlotsTotal: overview.slotsTotal,
  };
}
