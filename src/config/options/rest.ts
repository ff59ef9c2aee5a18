/** Options of the REST endpoint. */
import type { Option } from '../option.ts';

export const restOptions = {
  'rest.address': { type: 'string', description: 'Host under which clients find the REST endpoint. Unset: jobmanager.rpc.address.' },
  'rest.port': {
    type: 'int',
    default: '8081',
    fallback: ['web.port', 'jobmanager.web.port'],
    description: 'Port at which clients find the REST endpoint, and on which it listens when rest.bind-port is unset.',
  },
  'rest.bind-address': {
    type: 'string',
    fallback: ['web.address', 'jobmanager.web.address'],
    description: 'Network interface that the REST endpoint listens on. Unset: this machine only; Flink takes all.',
  },
  'rest.bind-port': {
    type: 'string',
    default: '8081',
    fallback: ['web.port', 'jobmanager.web.port'],
    description: 'Ports that the REST endpoint tries, such as `8081`, `50100-50200` or both with a comma. Unset: rest.port.',
  },
  'rest.server.max-content-length': {
    type: 'int',
    default: '104857600',
    description: 'Largest request that the endpoint accepts, in bytes.',
  },
  'rest.idleness-timeout': { type: 'duration', default: '300000', description: 'After which time an idle connection is closed.' },
  'rest.server.numThreads': { type: 'int', default: '4', description: 'Requests with much work that are done side by side.' },
  'rest.server.thread-priority': {
    type: 'int',
    default: '5',
    description: "Priority of the endpoint's threads.",
    notApplicable: 'Node.js threads have no priority.',
  },
  'rest.async.store-duration': {
    type: 'duration',
    default: '5 min',
    description: 'How long results of asynchronous requests can be asked for.',
  },
  'rest.flamegraph.enabled': {
    type: 'boolean',
    default: 'false',
    description: 'Whether flame graphs are offered: sampling the threads of a job costs some of their time.',
  },
  'rest.flamegraph.refresh-interval': {
    type: 'duration',
    default: '1 min',
    description: 'Age at which a flame graph that is asked for is sampled anew.',
  },
  'rest.flamegraph.cleanup-interval': {
    type: 'duration',
    default: '10 min',
    description: 'After which time a flame graph that nobody asked for is dropped.',
  },
  'rest.flamegraph.num-samples': {
    type: 'int',
    default: '100',
    description:
      'With rest.flamegraph.delay-between-samples, how long threads are sampled: the product of both. Samples are taken each millisecond.',
  },
  'rest.flamegraph.delay-between-samples': {
    type: 'duration',
    default: '50 ms',
    description: 'With rest.flamegraph.num-samples, how long threads are sampled.',
  },
  'rest.profiling.enabled': {
    type: 'boolean',
    default: 'false',
    description: 'Whether profiles of processes can be taken: whoever reads one sees the names of functions and files.',
  },
  'rest.profiling.duration-max': { type: 'duration', default: '300 s', description: 'Longest time that a profile may take.' },
  'rest.profiling.history-size': { type: 'int', default: '10', description: 'Profiles that are kept for each process.' },
  'rest.profiling.dir': {
    type: 'string',
    description: 'Where each process keeps its profiles. Unset: in its own directory below io.tmp.dirs, gone with it.',
  },
} as const satisfies Record<string, Option>;
