/**
 * The configuration of one client call. From low to high: file; `-t`, `-m`, `-z` and the YARN options; `-D`; the program
 * options (`-p`, `-d`, …).
 */
import { configurationDirectory, type LoadedConfiguration, loadConfiguration } from '../config/load-configuration.ts';
import { UserError } from '../shared/errors.ts';
import { installationRoot } from '../shared/installation.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ClientSettings {
  /** From `-t`, `-m`, `-z`, `-y…`. */
  readonly connection: Readonly<Record<string, string>>;
  /** From `-D` and `-yD`. */
  readonly properties: Readonly<Record<string, string>>;
  /** From the options that win over `-D`. */
  readonly program?: Readonly<Record<string, string>> | undefined;
}

export function loadClientConfiguration(environment: Environment, settings: ClientSettings): LoadedConfiguration {
  const connection = Object.entries(settings.connection).filter(([key]) => !(key in settings.properties));
  return loadConfiguration({
    directory: configurationDirectory(environment, installationRoot()),
    environment,
    dynamicProperties: settings.properties,
    flags: { ...Object.fromEntries(connection), ...settings.program },
  });
}

/** The keys that `-m host:port` sets. */
export function jobManagerAddress(text: string): Record<string, string> {
  const match = /^(?:https?:\/\/)?(\[[0-9a-fA-F:.]+\]|[^:/[\]]+):(\d{1,5})\/?$/.exec(text);
  const port = Number(match?.[2]);
  if (!match || port < 1 || port > 65535) {
    throw new UserError('BAD_JOBMANAGER_ADDRESS', {
      problem: `The given host:port ('${text}') doesn't contain a valid port`,
      tryNext: ['Pass the address of the REST endpoint, for example -m localhost:8081.'],
    });
  }
  const host = (match[1] as string).replace(/^\[|\]$/g, '');
  return {
    'rest.address': host,
    'rest.port': String(port),
    'jobmanager.rpc.address': host,
    'jobmanager.rpc.port': String(port),
  };
}
