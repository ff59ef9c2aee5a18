/** Options of the REST endpoint. */
import type { Option } from '../option.ts';

export const restOptions = {
  'rest.address': { type: 'string' },
  'rest.port': { type: 'int', default: '8081', fallback: ['web.port', 'jobmanager.web.port'] },
  'rest.bind-address': { type: 'string', fallback: ['web.address', 'jobmanager.web.address'] },
  'rest.bind-port': { type: 'string', default: '8081', fallback: ['web.port', 'jobmanager.web.port'] },
  'rest.server.max-content-length': { type: 'int', default: '104857600' },
  'rest.idleness-timeout': { type: 'duration', default: '300000' },
  'rest.server.numThreads': { type: 'int', default: '4' },
  'rest.server.thread-priority': { type: 'int', default: '5' },
  'rest.async.store-duration': { type: 'duration', default: '5 min' },
  'rest.flamegraph.enabled': { type: 'boolean', default: 'false' },
} as const satisfies Record<string, Option>;
