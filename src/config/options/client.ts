/** Options of the client. */
import type { Option } from '../option.ts';

export const clientOptions = {
  'env.java.opts.client': { type: 'string', description: 'Options for the process of the `flink` command.' },
  'akka.client.timeout': { type: 'duration', default: '60 s' },
  'client.timeout': {
    type: 'duration',
    default: '60 s',
    fallback: ['akka.client.timeout'],
    description: 'How long a client waits for an answer.',
  },
  'client.heartbeat.interval': {
    type: 'duration',
    default: '30 s',
    description: 'How often a client that waits for its job says that it is still there.',
  },
  'client.heartbeat.timeout': {
    type: 'duration',
    default: '180 s',
    description: 'After which silence of its client a job is cancelled, when execution.shutdown-on-attached-exit is set.',
  },
  'client.retry-period': {
    type: 'duration',
    default: '2 s',
    description: 'Time between two questions of a client for the state of its job.',
    notApplicable: 'The client asks with growing pauses.',
  },
  'rest.await-leader-timeout': {
    type: 'duration',
    default: '30000',
    description: "How long a client waits to learn the leader's address.",
    notApplicable: 'A client asks the address that it has.',
  },
  'rest.client.max-content-length': {
    type: 'int',
    default: '104857600',
    description: 'Largest answer that a client accepts, in bytes.',
    notApplicable: 'Answers are read piece by piece.',
  },
  'rest.connection-timeout': { type: 'duration', default: '15000', description: 'How long connecting to the endpoint may take.' },
  'rest.retry.max-attempts': { type: 'int', default: '20', description: 'How often a client tries a request that can be repeated.' },
  'rest.retry.delay': { type: 'duration', default: '3000', description: 'Pause between two tries.' },
  'pipeline.jars': { type: 'list', description: 'The program, in application mode.' },
  'pipeline.classpaths': { type: 'list', description: 'Further modules of the program.' },
  'execution.target': { type: 'string', description: 'Where programs run: remote, local, or the name of another deployment.' },
  'execution.attached': {
    type: 'boolean',
    default: 'false',
    description: 'Whether the client waits for its job. `flink run` sets it, -d takes it back.',
  },
  'execution.shutdown-on-attached-exit': {
    type: 'boolean',
    default: 'false',
    description: 'Whether a client that is interrupted cancels its job.',
  },
  'execution.job-listeners': { type: 'list', description: 'Classes that are told of submissions.', notYet: 'There are no job listeners.' },
  'execution.embedded-rpc-timeout': {
    type: 'duration',
    default: '1 h',
    description: 'How long a program inside a cluster waits for its submission.',
    notApplicable: 'A program inside a cluster submits directly.',
  },
  'execution.embedded-rpc-retry-period': {
    type: 'duration',
    default: '2 s',
    description: 'Time between two questions for the state of its job.',
    notApplicable: 'A program inside a cluster submits directly.',
  },
  '$internal.application.main': { type: 'string', description: "Set by the start of an application's cluster: the program's entry." },
  '$internal.application.program-args': {
    type: 'list',
    description: "Arguments of an application's program.",
    notApplicable: 'Arguments travel behind `--` on the command line of the process.',
  },
} as const satisfies Record<string, Option>;
