/** Options of the history server. */
import type { Option } from '../option.ts';
import { reasons } from './reasons.ts';

export const historyOptions = {
  'env.java.opts.historyserver': { type: 'string', description: "More options for the history server's process, after the common ones." },
  'jobmanager.archive.fs.dir': { type: 'string', description: 'Directory that ended jobs are archived in.', notYet: reasons.historyServer },
  'historyserver.web.address': { type: 'string', description: 'Network interface of the history server.', notYet: reasons.historyServer },
  'historyserver.web.port': { type: 'int', default: '8082', description: 'Port of the history server.', notYet: reasons.historyServer },
  'historyserver.web.refresh-interval': {
    type: 'duration',
    default: '10000',
    description: 'How often its page asks for news.',
    notYet: reasons.historyServer,
  },
  'historyserver.web.tmpdir': { type: 'string', description: 'Directory for fetched archives.', notYet: reasons.historyServer },
  'historyserver.archive.fs.dir': { type: 'string', description: 'Directories of archives, with commas.', notYet: reasons.historyServer },
  'historyserver.archive.fs.refresh-interval': {
    type: 'duration',
    default: '10000',
    description: 'How often they are looked through.',
    notYet: reasons.historyServer,
  },
  'historyserver.archive.clean-expired-jobs': {
    type: 'boolean',
    default: 'false',
    description: 'Whether jobs go with their archives.',
    notYet: reasons.historyServer,
  },
  'historyserver.archive.retained-jobs': {
    type: 'int',
    default: '-1',
    description: 'Archives that are kept in each directory; -1 is all.',
    notYet: reasons.historyServer,
  },
} as const satisfies Record<string, Option>;
