/** The reporters that the configuration asks for. Prometheus is there; others are named in the log, with the reason. */
import type { Configuration } from '../../../config/configuration.ts';
import { parseBoolean } from '../../../config/values.ts';
import { UserError } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/logger.ts';
import type { ReportedGroup } from '../metric-group.ts';

export interface ReporterContext {
  readonly config: Configuration;
  readonly log: Logger;
  /** Where the process listens for others of its kind: whoever reaches it there may scrape it. */
  readonly host: string;
  groups(): Promise<readonly ReportedGroup[]>;
}

const defaultPorts = '9249';

/** `<name>` is the reporter's. */
const keys = {
  factory: 'metrics.reporter.<name>.factory.class',
  class: 'metrics.reporter.<name>.class',
  excludedVariables: 'metrics.reporter.<name>.scope.variables.excludes',
  parameter: 'metrics.reporter.<name>.<parameter>',
} as const;

function keyOf(pattern: string, name: string, parameter = ''): string {
  return pattern.replace('<name>', name).replace('<parameter>', parameter);
}

/** A reporter that cannot start is told in the log and stops nothing. */
export async function startReporters(context: ReporterContext): Promise<{ close(): void }> {
  const started: { close(): void }[] = [];
  for (const name of reporterNames(context.config)) {
    try {
      const reporter = await startReporter(name, context);
      if (reporter) started.push(reporter);
    } catch (error) {
      context.log.error(`The metrics reporter ${name} could not be started: ${(error as Error).message}`);
    }
  }
  return {
    close: () => {
      for (const reporter of started) reporter.close();
    },
  };
}

/** Those of `metrics.reporters`; without it, all that are configured. */
function reporterNames(config: Configuration): string[] {
  const listed = config.get('metrics.reporters');
  if (listed !== undefined) return listed.split(',').flatMap((name) => name.trim() || []);
  const keys = Object.keys(config.toRecord()).map((key) => /^metrics\.reporter\.([^.]+)\.(?:factory\.)?class$/.exec(key)?.[1]);
  return [...new Set(keys.filter((name) => name !== undefined))];
}

async function startReporter(name: string, context: ReporterContext): Promise<{ close(): void } | undefined> {
  const { config, log, host, groups } = context;
  const parameterKey = (parameter: string): string => keyOf(keys.parameter, name, parameter);
  const factory = config.getText(keyOf(keys.factory, name)) ?? config.getText(keyOf(keys.class, name));
  if (factory === undefined) {
    log.warn(`The metrics reporter ${name} has no ${keyOf(keys.factory, name)}.`);
    return undefined;
  }
  if (!/\.PrometheusReporter(Factory)?$/.test(factory)) {
    log.warn(`The metrics reporter ${name} is not there: Weir has the one for Prometheus, and ${factory} is another.`);
    return undefined;
  }
  const { startPrometheusReporter } = await import('./prometheus-reporter.ts');
  return startPrometheusReporter(
    {
      host,
      ports: config.getText(parameterKey('port')) ?? defaultPorts,
      filterLabelValues: booleanOf(config, parameterKey('filterLabelValueCharacters')),
      excludedVariables: (config.getText(keyOf(keys.excludedVariables, name)) ?? '').split(';').filter((variable) => variable !== ''),
      groups,
      log,
    },
    parameterKey('port'),
  );
}

/** True unless it says otherwise. */
function booleanOf(config: Configuration, key: string): boolean {
  const text = config.getText(key);
  try {
    return text === undefined || parseBoolean(text);
  } catch (error) {
    throw new UserError('BAD_CONFIG_VALUE', { problem: `Could not parse value '${text}' for key '${key}'.`, cause: error });
  }
}
