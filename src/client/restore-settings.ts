/** What a job starts from, by the configuration (`run -s`, `standalone-job -s`, or the keys themselves). */
import type { Configuration } from '../config/configuration.ts';
import type { JobGraph } from '../graph/job-graph.ts';

/** Undefined: from nothing. */
export function restoreSettings(configuration: Configuration): JobGraph['restore'] {
  const path = configuration.get('execution.state-recovery.path');
  if (path === undefined) return undefined;
  return {
    path,
    allowNonRestoredState: configuration.get('execution.state-recovery.ignore-unclaimed-state'),
    claimMode: configuration.get('execution.state-recovery.claim-mode'),
  };
}
