/** What the embedded resource manager reads of YARN's own settings, given as `flink.yarn.<key>` for `yarn.<key>`. */
import { availableParallelism, totalmem } from 'node:os';
import type { Configuration } from '../../../config/configuration.ts';
import { UserError } from '../../../shared/errors.ts';
import type { Resource } from '../protocol/records.ts';

export interface QueueSettings {
  readonly name: string;
  /** Shares, 0 to 1. */
  readonly capacity: number;
  readonly maximumCapacity: number;
}

export interface YarnSettings {
  readonly node: Resource;
  readonly minimum: Resource;
  readonly maximum: Resource;
  /** Vcores count when containers are placed, not only memory. */
  readonly vcoresBind: boolean;
  readonly queues: readonly QueueSettings[];
  readonly maxAttempts: number;
  readonly recovers: boolean;
  readonly keptApplications: number;
  readonly masterExpiryMs: number;
  readonly checksPhysicalMemory: boolean;
  readonly checksVirtualMemory: boolean;
  readonly virtualRatio: number;
  readonly monitorIntervalMs: number;
  readonly killDelayMs: number;
  readonly logRetentionMs: number;
  readonly deleteDelayMs: number;
}

/** Of the machine: the rest is for the system and for clients. */
const memoryShare = 0.8;
/** A vcore is a share of a core; Flink asks for as many as a TaskManager has slots. */
const vcoresPerCore = 8;
const leastVcores = 32;

const keyForm = 'flink.yarn.<key>';

/** Throws UserError('BAD_YARN_SETTING'). */
export function yarnSettings(config: Configuration): YarnSettings {
  const text = (key: string): string | undefined => config.getText(keyForm.replace('<key>', key))?.trim();
  const number = (key: string, standard: number): number => {
    const value = text(key);
    if (value === undefined) return standard;
    const parsed = Number(value);
    if (value === '' || !Number.isFinite(parsed)) throw badSetting(key, value, 'It must be a number.');
    return parsed === -1 ? standard : parsed;
  };
  const flag = (key: string, standard: boolean): boolean => (text(key)?.toLowerCase() ?? String(standard)) === 'true';
  const minimumMb = positive('scheduler.minimum-allocation-mb', number('scheduler.minimum-allocation-mb', 1024));
  const detectedMb = Math.max(minimumMb, Math.floor((totalmem() * memoryShare) / 2 ** 20 / minimumMb) * minimumMb);
  const node = {
    memoryMb: positive('nodemanager.resource.memory-mb', number('nodemanager.resource.memory-mb', detectedMb)),
    vcores: positive(
      'nodemanager.resource.cpu-vcores',
      number('nodemanager.resource.cpu-vcores', Math.max(leastVcores, vcoresPerCore * availableParallelism())),
    ),
  };
  return {
    node,
    minimum: { memoryMb: minimumMb, vcores: number('scheduler.minimum-allocation-vcores', 1) },
    maximum: {
      memoryMb: Math.min(node.memoryMb, number('scheduler.maximum-allocation-mb', node.memoryMb)),
      vcores: Math.min(node.vcores, number('scheduler.maximum-allocation-vcores', node.vcores)),
    },
    vcoresBind: /Dominant/.test(text('scheduler.capacity.resource-calculator') ?? ''),
    queues: queueSettings(text, number),
    maxAttempts: number('resourcemanager.am.max-attempts', 2),
    recovers: flag('resourcemanager.recovery.enabled', false),
    keptApplications: number('resourcemanager.max-completed-applications', 1000),
    masterExpiryMs: number('am.liveness-monitor.expiry-interval-ms', 600_000),
    checksPhysicalMemory: flag('nodemanager.pmem-check-enabled', true),
    checksVirtualMemory: flag('nodemanager.vmem-check-enabled', false),
    virtualRatio: number('nodemanager.vmem-pmem-ratio', 2.1),
    monitorIntervalMs: positive('nodemanager.resource-monitor.interval-ms', number('nodemanager.resource-monitor.interval-ms', 3000)),
    killDelayMs: number('nodemanager.sleep-delay-before-sigkill.ms', 250),
    logRetentionMs: number('nodemanager.log.retain-seconds', 10_800) * 1000,
    deleteDelayMs: number('nodemanager.delete.debug-delay-sec', 0) * 1000,
  };
}

function queueSettings(
  text: (key: string) => string | undefined,
  number: (key: string, standard: number) => number,
): readonly QueueSettings[] {
  const names = (text('scheduler.capacity.root.queues') ?? 'default')
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
  if (names.length === 0) throw badSetting('scheduler.capacity.root.queues', '', 'There must be a queue.');
  const queues = names.map((name) => ({
    name,
    capacity: share(`scheduler.capacity.root.${name}.capacity`, number(`scheduler.capacity.root.${name}.capacity`, 100 / names.length)),
    maximumCapacity: share(
      `scheduler.capacity.root.${name}.maximum-capacity`,
      number(`scheduler.capacity.root.${name}.maximum-capacity`, 100),
    ),
  }));
  const total = queues.reduce((sum, queue) => sum + queue.capacity, 0);
  if (Math.abs(total - 1) > 0.001) {
    const found = queues.map((queue) => `${queue.name} ${queue.capacity * 100}`).join(', ');
    throw badSetting('scheduler.capacity.root.<queue>.capacity', found, 'The capacities of all queues must add up to 100.');
  }
  return queues;
}

function share(key: string, percent: number): number {
  if (percent < 0 || percent > 100) throw badSetting(key, String(percent), 'It must be a percentage.');
  return percent / 100;
}

function positive(key: string, value: number): number {
  if (value <= 0) throw badSetting(key, String(value), 'It must be above 0.');
  return value;
}

function badSetting(key: string, value: string, problem: string): UserError {
  return new UserError('BAD_YARN_SETTING', {
    problem: `Could not use '${value}' for key '${keyForm.replace('<key>', key)}'. ${problem}`,
    tryNext: ['docs/operations/yarn.md lists the settings of the embedded resource manager.'],
  });
}
