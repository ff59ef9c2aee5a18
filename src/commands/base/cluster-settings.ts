/** Turns the shared options of a command line into configuration: which cluster, which target, which keys. */
import { type ClientSettings, jobManagerAddress, loadClientConfiguration } from '../../client/client-configuration.ts';
import type { Configuration } from '../../config/configuration.ts';
import { parseDynamicProperties } from '../../config/dynamic-properties.ts';
import type { LoadedConfiguration } from '../../config/load-configuration.ts';
import { knownOption, newerNames, options as registry } from '../../config/registry.ts';
import { closestWord } from '../../shared/closest-word.ts';
import { ArgumentError } from '../arguments/argument-error.ts';
import type { ParsedOptions } from '../arguments/option-table.ts';
import { type clusterOptions, yarnOptions } from '../arguments/shared-options.ts';
import type { Terminal } from './terminal.ts';
import { sessionOfProperties } from './yarn-properties.ts';

export type ClusterOptions = ParsedOptions<typeof clusterOptions>;

/** Everything of the command line that is configuration; `program` wins over `-D`. Opens the log: its place is configured. */
export async function loadCommandConfiguration(
  options: ClusterOptions,
  terminal: Terminal,
  program: Readonly<Record<string, string>> = {},
): Promise<LoadedConfiguration> {
  const settings: ClientSettings = {
    connection: { ...yarnKeys(options), ...addressKeys(options), ...targetKeys(options) },
    properties: parseDynamicProperties([...options.yD, ...options.D]),
    program,
  };
  const plain = loadClientConfiguration(terminal.environment, settings);
  const session = choosesCluster(options, plain.configuration) ? undefined : await sessionOfProperties(plain.configuration, terminal);
  const loaded = session
    ? loadClientConfiguration(terminal.environment, {
        ...settings,
        connection: { ...settings.connection, ...session.connection },
        properties: { ...session.properties, ...settings.properties },
      })
    : plain;
  terminal.log.open('client', terminal.environment, loaded.configuration);
  for (const warning of loaded.warnings) terminal.err(`WARNING: ${warning}`);
  if (loaded.configuration.get('weir.config.lint')) for (const hint of misspeltKeys(settings.properties)) terminal.err(`Hint: ${hint}`);
  return loaded;
}

/** Keys of the program's own are welcome, so only what resembles a known one is spoken of. */
function misspeltKeys(properties: Readonly<Record<string, string>>): string[] {
  return Object.keys(properties).flatMap((key) => {
    if (knownOption(key) !== undefined || newerNames(key).length > 0) return [];
    const closest = closestWord(key, Object.keys(registry));
    return closest === undefined ? [] : [`nobody reads the key ${key} of -D. Did you mean ${closest}?`];
  });
}

function addressKeys(options: ClusterOptions): Record<string, string> {
  const address = options.jobmanager;
  if (address === undefined || (address === 'yarn-cluster' && options.yarnapplicationId !== undefined)) return {};
  return address === 'yarn-cluster' ? { 'execution.target': 'yarn-per-job' } : jobManagerAddress(address);
}

function targetKeys(options: ClusterOptions): Record<string, string> {
  const target = options.target ?? options.executor;
  return target === undefined ? {} : { 'execution.target': target };
}

export type YarnOptions = Pick<ClusterOptions, keyof typeof yarnOptions | 'zookeeperNamespace'>;

const yarnKeyOf = {
  yarnapplicationId: 'yarn.application.id',
  yarnapplicationType: 'yarn.application.type',
  yarnjar: 'yarn.flink-dist-jar',
  yarnnodeLabel: 'yarn.application.node-label',
  yarnname: 'yarn.application.name',
  yarnqueue: 'yarn.application.queue',
  yarnslots: 'taskmanager.numberOfTaskSlots',
  zookeeperNamespace: 'high-availability.cluster-id',
  yarnzookeeperNamespace: 'high-availability.cluster-id',
} as const;

/** The keys that the `-y…` options set. Throws ArgumentError. */
export function yarnKeys(options: YarnOptions): Record<string, string> {
  const keys: Record<string, string> = {};
  if (options.yarnapplicationId !== undefined) keys['execution.target'] = 'yarn-session';
  for (const [option, key] of Object.entries(yarnKeyOf)) {
    const value = options[option as keyof typeof yarnKeyOf];
    if (value !== undefined) keys[key] = value;
  }
  if (options.yarnslots !== undefined && !/^[1-9]\d*$/.test(options.yarnslots)) {
    throw new ArgumentError(`The number of slots must be a positive number: ${options.yarnslots}`);
  }
  if (options.yarnjobManagerMemory !== undefined) keys['jobmanager.memory.process.size'] = megabytes(options.yarnjobManagerMemory);
  if (options.yarntaskManagerMemory !== undefined) keys['taskmanager.memory.process.size'] = megabytes(options.yarntaskManagerMemory);
  if (options.yarnship.length > 0) keys['yarn.ship-files'] = options.yarnship.join(';');
  return keys;
}

/** Then the properties file of yarn-session has no say. */
function choosesCluster(options: ClusterOptions, configuration: Configuration): boolean {
  const target = configuration.get('execution.target');
  if (configuration.has('yarn.application.id') || options.jobmanager !== undefined) return true;
  if (target !== undefined) return target !== 'yarn-session';
  return Object.keys(yarnOptions).some((name) => {
    const value = options[name as keyof typeof yarnOptions];
    return name !== 'yarndetached' && (typeof value === 'object' ? value.length > 0 : value !== undefined && value !== false);
  });
}

/** YARN sizes without a unit are megabytes. */
export function megabytes(text: string): string {
  return /^\d+$/.test(text.trim()) ? `${text.trim()}m` : text;
}
