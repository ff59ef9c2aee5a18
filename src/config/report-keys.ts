/**
 * Tells of keys that do nothing: misspelt, unknown, without effect in Weir, or replaced. Never fatal: a configuration file
 * serves other programs too. `weir.config.lint: false` turns it off.
 */
import { closestWord } from '../shared/closest-word.ts';
import type { Configuration } from './configuration.ts';
import { knownOption, newerNames, options } from './registry.ts';

export interface KeyReport {
  /** Nobody knows them: most likely misspelt. */
  readonly unknown: readonly string[];
  /** Known, and yet without effect; or in effect under a newer name. */
  readonly noted: readonly string[];
}

/** Keys below these belong to programs, plugins, and to deployments that warn themselves when they are used. */
const openPrefixes = [
  '$internal.',
  'akka.',
  'containerized.',
  'env.',
  'external-resource.',
  'flink.hadoop.',
  'flink.yarn.',
  'fs.',
  'kubernetes.',
  'metrics.reporter.',
  'pekko.',
  'pipeline.global-job-parameters.',
  'python.',
  's3.',
  'security.',
  'sql-client.',
  'state.backend.rocksdb.metrics.',
  'table.',
  'yarn.',
];

export function reportKeys(config: Configuration): KeyReport {
  const unknown: string[] = [];
  const noted: string[] = [];
  if (config.get('weir.config.lint')) {
    for (const key of Object.keys(config.toRecord()).sort()) {
      const [main] = newerNames(key);
      const option = knownOption(main ?? key);
      const place = config.origin(key);
      const named = `${key}${place === undefined ? '' : ` (${place})`}`;
      if (option === undefined) {
        if (!isOpen(key)) unknown.push(`Nobody reads the key ${named}.${suggestion(key)}`);
      } else if (!isOpen(key)) {
        const reason = option.notApplicable ?? option.notYet;
        // Names that one-file configurations still use are as good as their newer ones.
        if (main !== undefined && knownOption(key) === undefined) noted.push(`The key ${named} is an older name of ${main}.`);
        if (reason !== undefined) noted.push(`The key ${named} has no effect${option.notApplicable ? '' : ' yet'}. ${reason}`);
      }
    }
  }
  return { unknown, noted };
}

function isOpen(key: string): boolean {
  return openPrefixes.some((prefix) => key.startsWith(prefix));
}

function suggestion(key: string): string {
  const close = closestWord(key, Object.keys(options));
  return close === undefined ? '' : ` Did you mean ${close}?`;
}
