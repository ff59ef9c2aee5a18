/** Options of the web interface. */
import type { Option } from '../option.ts';

export const webOptions = {
  'web.submit.enable': { type: 'boolean', default: 'true', fallback: ['jobmanager.web.submit.enable'] },
  'web.cancel.enable': { type: 'boolean', default: 'true' },
  'web.tmpdir': { type: 'string', default: '/tmp', fallback: ['jobmanager.web.tmpdir'] },
  'web.upload.dir': { type: 'string', fallback: ['jobmanager.web.upload.dir'] },
  'web.history': { type: 'int', default: '5', fallback: ['jobmanager.web.history'] },
  'web.refresh-interval': { type: 'duration', default: '3000', fallback: ['jobmanager.web.refresh-interval'] },
  'web.checkpoints.history': { type: 'int', default: '10', fallback: ['jobmanager.web.checkpoints.history'] },
  'web.exception-history-size': { type: 'int', default: '16' },
  'web.log.path': { type: 'string', fallback: ['jobmanager.web.log.path'] },
  'web.timeout': { type: 'duration', default: '600000' },
  'web.access-control-allow-origin': { type: 'string', default: '*', fallback: ['jobmanager.web.access-control-allow-origin'] },
  'web.backpressure.cleanup-interval': { type: 'duration', default: '600000', fallback: ['jobmanager.web.backpressure.cleanup-interval'] },
  'web.backpressure.refresh-interval': { type: 'duration', default: '60000', fallback: ['jobmanager.web.backpressure.refresh-interval'] },
  'web.backpressure.num-samples': { type: 'int', default: '100', fallback: ['jobmanager.web.backpressure.num-samples'] },
  'web.backpressure.delay-between-samples': {
    type: 'duration',
    default: '50',
    fallback: ['jobmanager.web.backpressure.delay-between-samples'],
  },
  'web.address': { type: 'string', fallback: ['jobmanager.web.address'] },
  'web.port': { type: 'int', default: '8081', fallback: ['jobmanager.web.port'] },
  'web.ssl.enabled': { type: 'boolean', default: 'true', fallback: ['jobmanager.web.ssl.enabled'] },
} as const satisfies Record<string, Option>;
