/** What a command hands on when it turns to YARN. */
import { loadClientConfiguration } from '../../client/client-configuration.ts';
import type { Configuration } from '../../config/configuration.ts';
import { parseDynamicProperties } from '../../config/dynamic-properties.ts';
import { configurationDirectory } from '../../config/load-configuration.ts';
import type { YarnSurroundings } from '../../deployment/yarn/client/connect-yarn.ts';
import { installationRoot } from '../../shared/installation.ts';
import type { Terminal } from './terminal.ts';

/** `properties` are the words of `-D`. */
export function yarnSurroundings(terminal: Terminal, properties: readonly string[]): YarnSurroundings {
  const settings = { connection: {}, properties: parseDynamicProperties([...properties]) };
  const { configuration, warnings } = loadClientConfiguration(terminal.environment, settings);
  for (const warning of warnings) terminal.err(`WARNING: ${warning}`);
  terminal.log.open('client', terminal.environment, configuration);
  return surroundingsOf(terminal, configuration);
}

export function surroundingsOf(terminal: Terminal, config: Configuration): YarnSurroundings {
  return {
    config,
    configurationDirectory: configurationDirectory(terminal.environment, installationRoot()),
    environment: terminal.environment,
    tell: (line) => terminal.err(line),
  };
}
