/**
 * Reads the configuration of a process: one file (`flink-conf.yaml` in the flat form, else `config.yaml`), then dynamic
 * properties, then the process's own flags; the later wins. Remembers where each value came from.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UserError } from '../shared/errors.ts';
import { Configuration } from './configuration.ts';
import { parseFlatConfiguration } from './flat-parser.ts';
import { parseNestedConfiguration } from './nested-parser.ts';
import type { Origin } from './origin.ts';
import { spellings } from './registry.ts';

export interface LoadedConfiguration {
  readonly configuration: Configuration;
  /** For the log: malformed lines and the like. Nothing here stops a process. */
  readonly warnings: readonly string[];
}

export interface ConfigurationEntry {
  readonly key: string;
  readonly value: string;
  readonly line: number;
}

export interface ParsedFile {
  readonly entries: readonly ConfigurationEntry[];
  readonly warnings: readonly string[];
}

export interface ConfigurationSources {
  /** Directory of the conf file; undefined: no file is read. */
  readonly directory?: string | undefined;
  readonly dynamicProperties?: Readonly<Record<string, string>> | undefined;
  /** From dedicated flags such as `-p` or `--host`. */
  readonly flags?: Readonly<Record<string, string>> | undefined;
  /** FLINK_PROPERTIES: lines in the flat form that come after the file. FLINK_TM_HEAP, FLINK_JM_HEAP: sizes of old scripts. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
}

const propertyVariables = ['WEIR_PROPERTIES', 'FLINK_PROPERTIES'];
const heapVariables = { FLINK_TM_HEAP: 'taskmanager.heap.size', FLINK_JM_HEAP: 'jobmanager.heap.size' };

export function loadConfiguration(sources: ConfigurationSources): LoadedConfiguration {
  const values: Record<string, string> = {};
  const origins = new Map<string, Origin>();
  const warnings: string[] = [];
  const put = (key: string, value: string, origin: Origin): void => {
    // A later source wins whatever name of the option it uses; within one source the newest name wins.
    for (const name of spellings(key)) if (origins.get(name)?.source !== origin.source) delete values[name];
    values[key] = value;
    origins.set(key, origin);
  };
  if (sources.directory !== undefined) {
    const file = configurationFile(sources.directory);
    const parsed = readConfigurationFile(file);
    warnings.push(...parsed.warnings);
    for (const entry of parsed.entries) put(entry.key, entry.value, { source: 'file', file, line: entry.line });
  }
  const { environment = {} } = sources;
  for (const [name, key] of Object.entries(heapVariables)) {
    const value = environment[name];
    if (value) put(key, value, { source: 'environment', file: name });
  }
  for (const name of propertyVariables) {
    const parsed = parseFlatConfiguration(environment[name] ?? '', name);
    warnings.push(...parsed.warnings);
    for (const entry of parsed.entries) put(entry.key, entry.value, { source: 'environment', file: name, line: entry.line });
  }
  for (const [key, value] of Object.entries(sources.dynamicProperties ?? {})) put(key, value, { source: '-D' });
  for (const [key, value] of Object.entries(sources.flags ?? {})) put(key, value, { source: 'flag' });
  return { configuration: Configuration.of(values, origins), warnings };
}

/** `FLINK_CONF_DIR`, else `WEIR_CONF_DIR`, else `conf` of the installation. Throws when the variable names a missing directory. */
export function configurationDirectory(environment: Readonly<Record<string, string | undefined>>, installation: string): string {
  for (const name of ['FLINK_CONF_DIR', 'WEIR_CONF_DIR']) {
    const value = environment[name];
    if (!value) continue;
    if (existsSync(value)) return value;
    throw new UserError('CONF_DIR_MISSING', {
      problem: `The configuration directory '${value}', specified in the '${name}' environment variable, does not exist.`,
    });
  }
  return join(installation, 'conf');
}

function configurationFile(directory: string): string {
  if (!existsSync(directory) || !statSync(directory).isDirectory()) {
    throw new UserError('CONF_DIR_MISSING', {
      problem: `The given configuration directory name '${directory}' (${resolve(directory)}) does not describe an existing directory.`,
    });
  }
  for (const name of ['flink-conf.yaml', 'config.yaml']) {
    const file = join(directory, name);
    if (existsSync(file)) return file;
  }
  throw new UserError('CONF_FILE_MISSING', {
    problem: `The Flink config file '${join(directory, 'flink-conf.yaml')}' (${resolve(directory, 'flink-conf.yaml')}) does not exist.`,
    tryNext: ['Copy conf/flink-conf.yaml of the installation there, or set FLINK_CONF_DIR.'],
  });
}

function readConfigurationFile(file: string): ParsedFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    throw new UserError('CONF_FILE_UNREADABLE', {
      problem: 'Error parsing YAML configuration.',
      found: `${file}: ${String(error)}`,
      cause: error,
    });
  }
  return file.endsWith('flink-conf.yaml') ? parseFlatConfiguration(text, file) : parseNestedConfiguration(text, file);
}
