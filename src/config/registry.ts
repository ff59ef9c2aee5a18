/** Every option Weir knows, by key. */
import { checkpointOptions } from './options/checkpoint.ts';
import { clientOptions } from './options/client.ts';
import { clusterOptions } from './options/cluster.ts';
import { haOptions } from './options/ha.ts';
import { historyOptions } from './options/history.ts';
import { jobOptions } from './options/job.ts';
import { jobmanagerOptions } from './options/jobmanager.ts';
import { kubernetesOptions } from './options/kubernetes.ts';
import { metricsOptions } from './options/metrics.ts';
import { networkOptions } from './options/network.ts';
import { restOptions } from './options/rest.ts';
import { restartOptions } from './options/restart.ts';
import { securityOptions } from './options/security.ts';
import { stateOptions } from './options/state.ts';
import { tableOptions } from './options/table.ts';
import { taskmanagerOptions } from './options/taskmanager.ts';
import { webOptions } from './options/web.ts';
import { weirOptions } from './options/weir.ts';
import { yarnOptions } from './options/yarn.ts';

export const options = {
  ...checkpointOptions,
  ...clientOptions,
  ...clusterOptions,
  ...haOptions,
  ...historyOptions,
  ...jobOptions,
  ...jobmanagerOptions,
  ...kubernetesOptions,
  ...metricsOptions,
  ...networkOptions,
  ...restOptions,
  ...restartOptions,
  ...securityOptions,
  ...stateOptions,
  ...tableOptions,
  ...taskmanagerOptions,
  ...webOptions,
  ...yarnOptions,
  ...weirOptions,
} as const;

export type OptionKey = keyof typeof options;
