/** The cluster as a whole, and the JobManager's process. */
import { clusterMetrics } from '../../runtime/metrics/cluster-metrics.ts';
import { profileThisThread } from '../../runtime/metrics/cpu-profile.ts';
import { SourcePositions } from '../../runtime/metrics/source-positions.ts';
import { dumpSampleMs, threadInfo } from '../../runtime/metrics/thread-dump.ts';
import { buildCommit, weirVersion } from '../../shared/installation.ts';
import { type LogPieceRequest, listLogs, readLogPiece } from '../../shared/log-files.ts';
import { json, type RestAnswer, type Route } from '../http/router.ts';
import type { HandlerContext } from './handler-context.ts';
import { logAnswer } from './log-answer.ts';
import { metricsAnswer } from './metric-views.ts';
import { configurationView, environmentView } from './process-views.ts';

export function clusterRoutes(context: HandlerContext): Route[] {
  const { config, dispatcher, logFiles } = context;
  const logOf = (file: Omit<LogPieceRequest, 'offset' | 'length'>): Promise<RestAnswer> =>
    logAnswer((offset, length) => readLogPiece(logFiles, { ...file, offset, length }));
  return [
    {
      method: 'GET',
      path: '/config',
      does: 'Version, time zone, refresh interval, and which features are on.',
      handle: async () => json(dashboardConfig(context)),
    },
    {
      method: 'GET',
      path: '/overview',
      does: 'Counts of TaskManagers, slots and jobs.',
      handle: async () => {
        const overview = await dispatcher.clusterOverview();
        return json({
          taskmanagers: overview.taskManagers,
          'taskmanagers-blocked': 0,
          'slots-total': overview.slotsTotal,
          'slots-available': overview.slotsAvailable,
          'slots-free-and-blocked': 0,
          'jobs-running': overview.jobsRunning,
          'jobs-finished': overview.jobsFinished,
          'jobs-cancelled': overview.jobsCancelled,
          'jobs-failed': overview.jobsFailed,
          'flink-version': dialectVersion(),
          'flink-commit': buildCommit() ?? 'unknown',
        });
      },
    },
    {
      method: 'DELETE',
      path: '/cluster',
      does: 'Shuts the cluster down.',
      handle: async () => {
        // The answer goes out first.
        setImmediate(() => void dispatcher.shutDownCluster());
        return json({});
      },
    },
    {
      method: 'GET',
      path: '/jobmanager/config',
      does: 'The configuration of the cluster; secrets are masked.',
      handle: async () => json(configurationView(config)),
    },
    {
      method: 'GET',
      path: '/jobmanager/environment',
      does: 'Version, architecture and options of the runtime (Node.js).',
      handle: async () => json(environmentView()),
    },
    {
      method: 'GET',
      path: '/jobmanager/log',
      does: 'The log.',
      handle: () => logOf({ kind: 'log' }),
    },
    {
      method: 'GET',
      path: '/jobmanager/stdout',
      does: 'The standard output.',
      handle: () => logOf({ kind: 'stdout' }),
    },
    {
      method: 'GET',
      path: '/jobmanager/logs',
      does: 'The files of the log directory.',
      handle: async () => json({ logs: listLogs(logFiles) }),
    },
    {
      method: 'GET',
      path: '/jobmanager/logs/:filename',
      does: 'One file of the log directory.',
      handle: ({ params }) => logOf({ kind: 'file', name: params['filename'] }),
    },
    {
      method: 'GET',
      path: '/jobmanager/thread-dump',
      does: 'What the threads of the JobManager do.',
      handle: async () => {
        const profile = await profileThisThread(dumpSampleMs);
        return json({ threadInfos: [threadInfo('main', profile, new SourcePositions())] });
      },
    },
    {
      method: 'GET',
      path: '/jobmanager/metrics',
      does: 'Names of metrics; with `get=a,b` their values.',
      handle: async ({ query }) => {
        return json(metricsAnswer(query, { ...context.processMetrics(), ...clusterMetrics(await dispatcher.clusterOverview()) }));
      },
    },
  ];
}

function dashboardConfig({ config, clock }: HandlerContext): Record<string, unknown> {
  const now = new Date(clock.now());
  const zone = Intl.DateTimeFormat('en', { timeZoneName: 'long' }).formatToParts(now);
  return {
    'refresh-interval': config.get('web.refresh-interval'),
    'timezone-name': zone.find(({ type }) => type === 'timeZoneName')?.value ?? 'UTC',
    'timezone-offset': -now.getTimezoneOffset() * 60_000,
    'flink-version': dialectVersion(),
    'flink-revision': buildCommit() ?? 'unknown',
    features: {
      'web-submit': config.get('web.submit.enable'),
      'web-cancel': config.get('web.cancel.enable'),
      'web-rescale': false,
      'web-history': false,
    },
  };
}

/** The Flink whose API this is comes first: tools decide by it what they may call. */
function dialectVersion(): string {
  return `1.20.0-weir-${weirVersion()}`;
}
