/** Every option Weir knows, by key, and how older names lead to newer ones. */
import type { Option } from './option.ts';
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
  ...clusterOptions,
  ...jobmanagerOptions,
  ...taskmanagerOptions,
  ...networkOptions,
  ...jobOptions,
  ...restartOptions,
  ...checkpointOptions,
  ...stateOptions,
  ...clientOptions,
  ...restOptions,
  ...webOptions,
  ...haOptions,
  ...historyOptions,
  ...metricsOptions,
  ...securityOptions,
  ...yarnOptions,
  ...kubernetesOptions,
  ...tableOptions,
  ...weirOptions,
} as const;

/** As the reference shows them. */
export const optionGroups: readonly (readonly [title: string, options: Readonly<Record<string, Option>>])[] = [
  ['Cluster', clusterOptions],
  ['JobManager', jobmanagerOptions],
  ['TaskManagers', taskmanagerOptions],
  ['Network', networkOptions],
  ['Jobs', jobOptions],
  ['Restarts', restartOptions],
  ['Checkpoints', checkpointOptions],
  ['State', stateOptions],
  ['Client', clientOptions],
  ['REST', restOptions],
  ['Web page', webOptions],
  ['High availability', haOptions],
  ['History server', historyOptions],
  ['Metrics', metricsOptions],
  ['Security', securityOptions],
  ['YARN', yarnOptions],
  ['Kubernetes', kubernetesOptions],
  ['Table API and SQL', tableOptions],
  ['Only in Weir', weirOptions],
];

export type OptionKey = keyof typeof options;

/** Undefined for keys that no option is declared for. */
export function knownOption(key: string): Option | undefined {
  return Object.hasOwn(options, key) ? options[key as OptionKey] : undefined;
}

/** The options that read this older key, newest names only. Empty for a key that is nobody's older name. */
export function newerNames(key: string): readonly OptionKey[] {
  return newer.get(key) ?? [];
}

/** All names under which an option may be set, the one that wins first. */
export function spellings(key: string): readonly string[] {
  const [main, another] = newerNames(key);
  const first = main !== undefined && another === undefined ? main : key;
  return [first, ...(knownOption(first)?.fallback ?? [])];
}

const newer = new Map<string, OptionKey[]>();
for (const [key, option] of Object.entries(options as Record<string, Option>))
  for (const older of option.fallback ?? []) newer.set(older, [...(newer.get(older) ?? []), key as OptionKey]);
// An older name of an older name belongs to the newest one.
for (const [older, keys] of newer) {
  const newest = keys.filter((key) => !newer.has(key));
  if (newest.length > 0) newer.set(older, newest);
}
