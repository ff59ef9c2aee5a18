/**
 * JVM options of the configuration, read for Node: options that Node knows are passed on, those of a JVM are dropped, each
 * with a warning, because Node refuses to start with an option it does not know.
 */
import type { Configuration } from '../../config/configuration.ts';
import type { DaemonName, Environment } from './daemon-place.ts';

export interface NodeOptions {
  readonly flags: readonly string[];
  readonly warnings: readonly string[];
}

const roles = {
  standalonesession: { variable: 'FLINK_ENV_JAVA_OPTS_JM', key: 'env.java.opts.jobmanager' },
  standalonejob: { variable: 'FLINK_ENV_JAVA_OPTS_JM', key: 'env.java.opts.jobmanager' },
  yarnapplication: { variable: 'FLINK_ENV_JAVA_OPTS_JM', key: 'env.java.opts.jobmanager' },
  taskexecutor: { variable: 'FLINK_ENV_JAVA_OPTS_TM', key: 'env.java.opts.taskmanager' },
  historyserver: { variable: 'FLINK_ENV_JAVA_OPTS_HS', key: 'env.java.opts.historyserver' },
} as const;

export function nodeOptions(daemon: DaemonName, configuration: Configuration, environment: Environment): NodeOptions {
  const { variable, key } = roles[daemon];
  const texts = [
    environment['JVM_ARGS'],
    environment['FLINK_ENV_JAVA_OPTS'] ?? configuration.getText('env.java.opts.all'),
    environment[variable] ?? configuration.getText(key),
  ];
  const words = texts
    .flatMap((text) =>
      (text ?? '')
        .trim()
        .replace(/^"(.*)"$/, '$1')
        .split(/\s+/),
    )
    .filter(Boolean);
  const flags = words.filter(isNodeOption);
  const dropped = words.filter((word) => !isNodeOption(word));
  return { flags, warnings: dropped.map((word) => `${word} is an option of a JVM, not of Node.js; it is ignored.`) };
}

/** V8's own options are many and unlisted; those that size or trace a process are let through. */
function isNodeOption(word: string): boolean {
  const name = word.split('=', 1)[0] as string;
  if (/^--add-(opens|exports|modules|reads)$/.test(name)) return false;
  return process.allowedNodeEnvironmentFlags.has(name) || /^--(max-|min-|stack-size|trace-|inspect|prof|expose-gc)/.test(name);
}
