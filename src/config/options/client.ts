/** Options of the client. */
import type { Option } from '../option.ts';

export const clientOptions = {
  'env.java.opts.client': { type: 'string' },
  'akka.client.timeout': { type: 'duration', default: '60 s' },
  'client.timeout': { type: 'duration', default: '60 s', fallback: ['akka.client.timeout'] },
  'client.heartbeat.interval': { type: 'duration', default: '30 s' },
  'client.heartbeat.timeout': { type: 'duration', default: '180 s' },
  'client.retry-period': { type: 'duration', default: '2 s' },
  'rest.await-leader-timeout': { type: 'duration', default: '30000' },
  'rest.client.max-content-length': { type: 'int', default: '104857600' },
  'rest.connection-timeout': { type: 'duration', default: '15000' },
  'rest.retry.max-attempts': { type: 'int', default: '20' },
  'rest.retry.delay': { type: 'duration', default: '3000' },
  'pipeline.jars': { type: 'list' },
  'pipeline.classpaths': { type: 'list' },
  'execution.target': { type: 'string' },
  'execution.attached': { type: 'boolean', default: 'false' },
  'execution.shutdown-on-attached-exit': { type: 'boolean', default: 'false' },
  'execution.job-listeners': { type: 'list' },
  'execution.embedded-rpc-timeout': { type: 'duration', default: '1 h' },
  'execution.embedded-rpc-retry-period': { type: 'duration', default: '2 s' },
  '$internal.application.main': { type: 'string' },
  '$internal.application.program-args': { type: 'list' },
} as const satisfies Record<string, Option>;
