/** The metrics of one job as its JobMaster knows them, under Flink's names. Times in milliseconds. */
import type { ArchivedExecutionGraph, JobStatus, MetricDump } from '../rpc/gateways.ts';

const reportedStatuses: readonly JobStatus[] = ['INITIALIZING', 'CREATED', 'RUNNING', 'RESTARTING', 'FAILING', 'CANCELLING'];

export function jobMetrics(job: ArchivedExecutionGraph, now: number): MetricDump {
  const { status, timestamps, statusTimes, restarts } = job;
  const ended = status === 'FINISHED' || status === 'FAILED' || status === 'CANCELED';
  const sinceStatus = now - timestamps[status];
  const deploying = status === 'RUNNING' && isDeploying(job);
  return {
    uptime: ended ? -1 : status === 'RUNNING' ? sinceStatus : 0,
    downtime: ended ? -1 : status === 'RUNNING' || timestamps.RUNNING === 0 ? 0 : sinceStatus,
    numRestarts: restarts,
    fullRestarts: restarts,
    ...Object.fromEntries(
      reportedStatuses.flatMap((each) => {
        const name = each.toLowerCase();
        const present = each === status ? sinceStatus : 0;
        return [
          [`${name}State`, each === status ? 1 : 0],
          [`${name}Time`, present],
          [`${name}TimeTotal`, statusTimes[each] + present],
        ];
      }),
    ),
    deployingState: deploying ? 1 : 0,
    deployingTime: deploying ? sinceStatus : 0,
    ...noCheckpoints,
  };
}

function isDeploying({ vertices }: ArchivedExecutionGraph): boolean {
  return vertices.some(({ subtasks }) =>
    subtasks.some(({ current }) => ['CREATED', 'SCHEDULED', 'DEPLOYING', 'INITIALIZING'].includes(current.state)),
  );
}

/** What Flink says before the first checkpoint. */
const noCheckpoints: MetricDump = {
  totalNumberOfCheckpoints: 0,
  numberOfInProgressCheckpoints: 0,
  numberOfCompletedCheckpoints: 0,
  numberOfFailedCheckpoints: 0,
  lastCheckpointRestoreTimestamp: -1,
  lastCheckpointSize: 0,
  lastCheckpointFullSize: 0,
  lastCheckpointDuration: 0,
  lastCheckpointProcessedData: 0,
  lastCheckpointPersistedData: 0,
  lastCheckpointExternalPath: 'n/a',
  lastCompletedCheckpointId: -1,
};
