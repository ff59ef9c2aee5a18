/** Options of the web interface. */
import type { Option } from '../option.ts';
import { reasons } from './reasons.ts';

export const webOptions = {
  'web.submit.enable': {
    type: 'boolean',
    default: 'true',
    fallback: ['jobmanager.web.submit.enable'],
    description: 'Whether programs can be uploaded and run through REST.',
  },
  'web.cancel.enable': { type: 'boolean', default: 'true', description: 'Whether the web page can cancel jobs.' },
  'web.tmpdir': {
    type: 'string',
    default: '/tmp',
    fallback: ['jobmanager.web.tmpdir'],
    description: 'Directory for uploads. Unset: below io.tmp.dirs.',
  },
  'web.upload.dir': {
    type: 'string',
    fallback: ['jobmanager.web.upload.dir'],
    description: 'Directory of uploaded programs. Unset: below web.tmpdir, and gone with the process.',
  },
  'web.history': {
    type: 'int',
    default: '5',
    fallback: ['jobmanager.web.history'],
    description: 'Once: ended jobs that are remembered.',
    notApplicable: `${reasons.dropped} Use jobstore.max-capacity.`,
  },
  'web.refresh-interval': {
    type: 'duration',
    default: '3000',
    fallback: ['jobmanager.web.refresh-interval'],
    description: 'How often the web page asks for news.',
  },
  'web.checkpoints.history': {
    type: 'int',
    default: '10',
    fallback: ['jobmanager.web.checkpoints.history'],
    description: 'Checkpoints that are remembered for each job.',
  },
  'web.exception-history-size': { type: 'int', default: '16', description: 'Failures that are remembered for each job.' },
  'web.log.path': {
    type: 'string',
    fallback: ['jobmanager.web.log.path'],
    description: 'Log file of the JobManager that the web page shows.',
    notApplicable: 'A process knows its own log file.',
  },
  'web.timeout': { type: 'duration', default: '600000', description: 'How long an asynchronous request may take.' },
  'web.access-control-allow-origin': {
    type: 'string',
    default: '*',
    fallback: ['jobmanager.web.access-control-allow-origin'],
    description: 'Which pages may read the endpoint: the header Access-Control-Allow-Origin.',
  },
  'web.backpressure.cleanup-interval': {
    type: 'duration',
    default: '600000',
    fallback: ['jobmanager.web.backpressure.cleanup-interval'],
    description: 'When unused samples are dropped.',
    notApplicable: reasons.noSamples,
  },
  'web.backpressure.refresh-interval': {
    type: 'duration',
    default: '60000',
    fallback: ['jobmanager.web.backpressure.refresh-interval'],
    description: 'When samples are taken again.',
    notApplicable: reasons.noSamples,
  },
  'web.backpressure.num-samples': {
    type: 'int',
    default: '100',
    fallback: ['jobmanager.web.backpressure.num-samples'],
    description: 'Samples in one measurement.',
    notApplicable: reasons.noSamples,
  },
  'web.backpressure.delay-between-samples': {
    type: 'duration',
    default: '50',
    fallback: ['jobmanager.web.backpressure.delay-between-samples'],
    description: 'Pause between two samples.',
    notApplicable: reasons.noSamples,
  },
  'web.address': { type: 'string', fallback: ['jobmanager.web.address'] },
  'web.port': { type: 'int', default: '8081', fallback: ['jobmanager.web.port'] },
  'web.ssl.enabled': {
    type: 'boolean',
    default: 'true',
    fallback: ['jobmanager.web.ssl.enabled'],
    description: 'Once: security.ssl.rest.enabled.',
    notApplicable: `${reasons.dropped} Use security.ssl.rest.enabled.`,
  },
} as const satisfies Record<string, Option>;
