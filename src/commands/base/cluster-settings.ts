/** Turns the shared options of a command line into configuration: which cluster, which target, which keys. */
import { type ClientSettings, jobManagerAddress, loadClientConfiguration } from '../../client/client-configuration.ts';
import { parseDynamicProperties } from '../../config/dynamic-properties.ts';
import type { LoadedConfiguration } from '../../config/load-configuration.ts';
import { knownOption, newerNames, options as registry } from '../../config/registry.ts';
import { closestWord } from '../../shared/closest-word.ts';
import { ArgumentError } from '../arguments/argument-error.ts';
import type { ParsedOptions } from '../arguments/option-table.ts';
import type { clusterOptions } from '../arguments/shared-options.ts';
import type { Terminal } from './terminal.ts';

export type ClusterOptions = ParsedOptions<typeof clusterOptions>;

/** Everything of the command line that is configuration; `program` wins over `-D`. Opens the log: its place is configured. */
export function loadCommandConfiguration(
  options: ClusterOptions,
  terminal: Terminal,
  program: Readonly<Record<string, string>> = {},
): LoadedConfiguration {
  const settings: ClientSettings = {
    connection: { ...yarnKeys(options), ...addressKeys(options), ...targetKeys(options) },
    properties: parseDynamicProperties([...options.yD, ...options.D]),
    program,
  };
  const loaded = loadClientConfiguration(terminal.environment, settings);
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
  if (address === undefined) return {};
  return address === 'yarn-cluster' ? { 'execution.target': 'yarn-per-job' } : jobManagerAddress(address);
}

function targetKeys(options: ClusterOptions): Record<string, string> {
  const target = options.target ?? options.executor;
  return target === undefined ? {} : { 'execution.target': target };
}

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

function yarnKeys(options: ClusterOptions): Record<string, string> {
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

/** YARN sizes without a unit are megabytes. */
export function megabytes(text: string): string {
  return /^\d+$/.test(text.trim()) ? `${text.trim()}m` : text;
}
