/**
 * What a configuration must fulfil before a process starts: every value can be read, settings do not contradict each other,
 * and nothing is asked for that a process would silently run without. All faults are told at once.
 */
import { UserError } from '../shared/errors.ts';
import type { Configuration } from './configuration.ts';
import { knownOption, newerNames, type OptionKey } from './registry.ts';

/** Throws UserError: BAD_CONFIG_VALUE for one value, BAD_CONFIGURATION for anything else. */
export function checkConfiguration(config: Configuration): void {
  const unreadable = unreadableValues(config);
  const faults = unreadable.length > 0 ? [] : [...contradictions(config), ...missing(config)];
  if (unreadable.length === 1) throw unreadable[0];
  const all = [...unreadable.map((error) => error.message), ...faults.map(({ key, problem }) => `${problem}${placeOf(config, key)}`)];
  if (all.length === 0) return;
  throw new UserError('BAD_CONFIGURATION', {
    problem: all.length === 1 ? (all[0] as string) : `The configuration has ${all.length} faults:`,
    found: all.length === 1 ? undefined : all.map((text) => `- ${text.replaceAll('\n', '\n  ')}`).join('\n'),
    tryNext: ['flink config shows every value and where it comes from.'],
  });
}

interface Fault {
  /** Where it is set is told with the fault. */
  readonly key: OptionKey;
  readonly problem: string;
}

function unreadableValues(config: Configuration): UserError[] {
  const keys = new Set(
    Object.keys(config.toRecord()).flatMap((key): readonly string[] => (newerNames(key).length > 0 ? newerNames(key) : [key])),
  );
  return [...keys].sort().flatMap((key) => {
    const option = knownOption(key);
    if (!option || option.notApplicable !== undefined) return [];
    try {
      config.get(key as OptionKey);
      return [];
    } catch (error) {
      return [error as UserError];
    }
  });
}

function contradictions(config: Configuration): Fault[] {
  const faults: Fault[] = [];
  const refuse = (wrong: boolean, key: OptionKey, problem: string): void => {
    if (wrong) faults.push({ key, problem });
  };
  const [interval, timeout] = [config.get('heartbeat.interval'), config.get('heartbeat.timeout')];
  refuse(interval <= 0, 'heartbeat.interval', 'The heartbeat interval must be larger than 0.');
  refuse(
    timeout < interval,
    'heartbeat.timeout',
    `The heartbeat timeout should be larger or equal than the heartbeat interval: heartbeat.timeout is ${timeout} ms, heartbeat.interval ${interval} ms.`,
  );
  const parallelism = config.get('parallelism.default');
  refuse(parallelism < 1, 'parallelism.default', `parallelism.default is ${parallelism}; it must be at least 1.`);
  const slots = config.get('taskmanager.numberOfTaskSlots');
  refuse(slots < 1, 'taskmanager.numberOfTaskSlots', `taskmanager.numberOfTaskSlots is ${slots}; it must be at least 1.`);
  for (const kind of ['keystore', 'truststore'] as const) {
    const key = `security.ssl.internal.${kind}` as const;
    refuse(
      config.get('security.ssl.internal.enabled') && config.getOptional(key) === undefined,
      'security.ssl.internal.enabled',
      `security.ssl.internal.enabled is true, and ${key} is not set.`,
    );
  }
  if (highAvailability(config) === 'zookeeper') {
    refuse(
      !config.has('high-availability.zookeeper.quorum'),
      'high-availability.type',
      "No valid ZooKeeper quorum has been specified. You can specify the quorum via the configuration key 'high-availability.zookeeper.quorum'.",
    );
  }
  if (highAvailability(config) !== 'none') {
    refuse(
      !config.has('high-availability.storageDir'),
      'high-availability.type',
      "Configuration is missing the mandatory parameter: 'high-availability.storageDir'.",
    );
  }
  return faults;
}

/** Running without these would be another thing than what was asked for. */
function missing(config: Configuration): Fault[] {
  const faults: Fault[] = [];
  const lacks = (asked: boolean, key: OptionKey, problem: string): void => {
    if (asked) faults.push({ key, problem: `${problem} Weir does not have that yet.` });
  };
  lacks(
    !['none', 'filesystem'].includes(highAvailability(config)),
    'high-availability.type',
    `High availability is set to '${config.get('high-availability.type')}'.`,
  );
  lacks(
    config.get('security.ssl.rest.enabled'),
    'security.ssl.rest.enabled',
    'security.ssl.rest.enabled asks for TLS at the REST endpoint.',
  );
  const scheduler = (config.get('jobmanager.scheduler') ?? 'default').toLowerCase();
  lacks(!['ng', 'default'].includes(scheduler), 'jobmanager.scheduler', `jobmanager.scheduler is '${config.get('jobmanager.scheduler')}'.`);
  lacks(config.get('scheduler-mode') === 'REACTIVE', 'scheduler-mode', 'scheduler-mode is REACTIVE.');
  return faults;
}

function highAvailability(config: Configuration): string {
  return config.get('high-availability.type').toLowerCase();
}

function placeOf(config: Configuration, key: OptionKey): string {
  const place = config.origin(key);
  return place === undefined ? '' : ` It is set in ${place}.`;
}
