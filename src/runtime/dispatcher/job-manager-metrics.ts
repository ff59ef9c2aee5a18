/** What a JobManager reports: about its process, the cluster, and each job that it runs. */
import type { Clock } from '../../shared/time.ts';
import { clusterMetrics } from '../metrics/cluster-metrics.ts';
import { jobMetrics } from '../metrics/job-metrics.ts';
import type { ReportedGroup } from '../metrics/metric-group.ts';
import type { MetricDump } from '../rpc/gateways.ts';
import type { Dispatcher } from './dispatcher.ts';

export async function jobManagerGroups(
  dispatcher: Dispatcher,
  host: string,
  clock: Clock,
  processMetrics: MetricDump,
): Promise<ReportedGroup[]> {
  const own = { host };
  return [
    { scope: ['jobmanager'], variables: own, metrics: { ...processMetrics, ...clusterMetrics(await dispatcher.clusterOverview()) } },
    ...dispatcher.masters.map((master) => ({
      scope: ['jobmanager', 'job'],
      variables: { ...own, job_id: master.jobId, job_name: master.graph.jobGraph.name },
      metrics: jobMetrics(master.archive(), clock.now()),
    })),
  ];
}
