/** Options of the metrics. */
import type { Option } from '../option.ts';
import { reasons } from './reasons.ts';

export const metricsOptions = {
  'state.backend.rocksdb.metrics.<metric>': {
    type: 'boolean',
    default: 'false',
    description: 'Whether a figure of RocksDB is reported.',
    notYet: reasons.rocksDb,
  },
  'state.backend.rocksdb.metrics.column-family-as-variable': {
    type: 'boolean',
    default: 'false',
    description: "Whether the state's name is a variable of such figures.",
    notYet: reasons.rocksDb,
  },
  'metrics.reporters': { type: 'string', description: 'Reporters to start, with commas. Unset: all that are configured.' },
  'metrics.reporter.<name>.class': { type: 'string', description: 'Older form of the next key.' },
  'metrics.reporter.<name>.factory.class': {
    type: 'string',
    description:
      'What makes the reporter. Weir has `org.apache.flink.metrics.prometheus.PrometheusReporterFactory`: each process answers at the first free port of `metrics.reporter.<name>.port` (9249, or a range), on the address that `jobmanager.bind-host` or `taskmanager.bind-host` names. Others are named in the log.',
  },
  'metrics.reporter.<name>.interval': {
    type: 'duration',
    default: '10 s',
    description: 'How often it reports.',
    notYet: reasons.notMeasured,
  },
  'metrics.reporter.<name>.scope.delimiter': {
    type: 'string',
    default: '.',
    description: 'Delimiter in its names.',
    notYet: reasons.notMeasured,
  },
  'metrics.reporter.<name>.scope.variables.excludes': {
    type: 'string',
    default: '.',
    description: 'Variables that it leaves out, with semicolons.',
  },
  'metrics.reporter.<name>.filter.includes': {
    type: 'list',
    default: '*:*:*',
    description: 'What it reports: patterns of scope, name and type.',
    notYet: reasons.notMeasured,
  },
  'metrics.reporter.<name>.<parameter>': {
    type: 'string',
    description:
      'A parameter of the reporter. For Prometheus: `port`, and `filterLabelValueCharacters` (true: label values are made safe, as dashboards for Flink expect).',
  },
  'metrics.scope.delimiter': {
    type: 'string',
    default: '.',
    description: 'Delimiter in the names of metrics.',
    notYet: reasons.notMeasured,
  },
  'metrics.scope.jm': {
    type: 'string',
    default: '<host>.jobmanager',
    description: "Scope of the JobManager's metrics.",
    notYet: reasons.notMeasured,
  },
  'metrics.scope.jm.job': {
    type: 'string',
    default: '<host>.jobmanager.<job_name>',
    description: "Scope of a job's metrics in the JobManager.",
    notYet: reasons.notMeasured,
  },
  'metrics.scope.tm': {
    type: 'string',
    default: '<host>.taskmanager.<tm_id>',
    description: "Scope of a TaskManager's metrics.",
    notYet: reasons.notMeasured,
  },
  'metrics.scope.tm.job': {
    type: 'string',
    default: '<host>.taskmanager.<tm_id>.<job_name>',
    description: "Scope of a job's metrics in a TaskManager.",
    notYet: reasons.notMeasured,
  },
  'metrics.scope.task': {
    type: 'string',
    default: '<host>.taskmanager.<tm_id>.<job_name>.<task_name>.<subtask_index>',
    description: "Scope of a task's metrics.",
    notYet: reasons.notMeasured,
  },
  'metrics.scope.operator': {
    type: 'string',
    default: '<host>.taskmanager.<tm_id>.<job_name>.<operator_name>.<subtask_index>',
    description: "Scope of an operator's metrics.",
    notYet: reasons.notMeasured,
  },
  'metrics.latency.interval': { type: 'duration', default: '0', description: 'Time between two latency markers; 0 sends none.' },
  'metrics.latency.granularity': {
    type: 'enum',
    values: ['single', 'operator', 'subtask'],
    default: 'operator',
    description: 'How finely latency is told apart.',
    notYet: reasons.notMeasured,
  },
  'metrics.latency.history-size': {
    type: 'int',
    default: '128',
    description: 'Latencies that are kept for each operator.',
    notYet: reasons.notMeasured,
  },
  'metrics.system-resource': {
    type: 'boolean',
    default: 'false',
    description: "Whether the machine's load is reported.",
    notYet: reasons.notMeasured,
  },
  'metrics.system-resource-probing-interval': {
    type: 'duration',
    default: '5000',
    description: 'How often it is measured.',
    notYet: reasons.notMeasured,
  },
  'metrics.fetcher.update-interval': {
    type: 'duration',
    default: '10000',
    description: 'How often the web page fetches metrics.',
    notApplicable: 'Metrics come with each heartbeat.',
  },
  'metrics.internal.query-service.port': {
    type: 'string',
    default: '0',
    description: 'Ports of the service that answers for metrics.',
    notApplicable: 'Metrics come with each heartbeat.',
  },
  'metrics.internal.query-service.thread-priority': {
    type: 'int',
    default: '1',
    description: 'Priority of its thread.',
    notApplicable: 'Metrics come with each heartbeat.',
  },
} as const satisfies Record<string, Option>;
