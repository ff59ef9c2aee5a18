/** The metrics of one job as its JobMaster knows them, under Flink's names. Times in milliseconds. */
import { type CheckpointStatisticsSnapshot, totalsOf } from '../rpc/checkpoint-statistics.ts';
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
    ...checkpointMetrics(job.checkpoints),
  };
}

function isDeploying({ vertices }: ArchivedExecutionGraph): boolean {
  return vertices.some(({ subtasks }) =>
    subtasks.some(({ current }) => ['CREATED', 'SCHEDULED', 'DEPLOYING', 'INITIALIZING'].includes(current.state)),
  );
}

/** -1, 0 and `n/a` are what Flink says before the first checkpoint. */
function checkpointMetrics(checkpoints: CheckpointStatisticsSnapshot | undefined): MetricDump {
  const counts = checkpoints?.counts;
  const { completed: last, restored } = checkpoints?.latest ?? {};
  const totals = last && totalsOf(last);
  return {
    totalNumberOfCheckpoints: counts?.total ?? 0,
    numberOfInProgressCheckpoints: counts?.inProgress ?? 0,
    numberOfCompletedCheckpoints: counts?.completed ?? 0,
    numberOfFailedCheckpoints: counts?.failed ?? 0,
    lastCheckpointRestoreTimestamp: restored?.restoredAt ?? -1,
    lastCheckpointSize: totals?.checkpointedBytes ?? 0,
    lastCheckpointFullSize: totals?.fullBytes ?? 0,
    lastCheckpointDuration: totals?.durationMs ?? 0,
    lastCheckpointProcessedData: totals?.processedBytes ?? 0,
    lastCheckpointPersistedData: 0,
    lastCheckpointExternalPath: last?.externalPath ?? 'n/a',
    lastCompletedCheckpointId: last?.id ?? -1,
    lastCheckpointCompletedTimestamp: totals?.latestAckAt ?? -1,
  };
}
