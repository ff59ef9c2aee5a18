/** Options of the history server. */
import type { Option } from '../option.ts';

export const historyOptions = {
  'env.java.opts.historyserver': { type: 'string' },
  'jobmanager.archive.fs.dir': { type: 'string' },
  'historyserver.web.address': { type: 'string' },
  'historyserver.web.port': { type: 'int', default: '8082' },
  'historyserver.web.refresh-interval': { type: 'duration', default: '10000' },
  'historyserver.web.tmpdir': { type: 'string' },
  'historyserver.archive.fs.dir': { type: 'string' },
  'historyserver.archive.fs.refresh-interval': { type: 'duration', default: '10000' },
  'historyserver.archive.clean-expired-jobs': { type: 'boolean', default: 'false' },
  'historyserver.archive.retained-jobs': { type: 'int', default: '-1' },
} as const satisfies Record<string, Option>;
