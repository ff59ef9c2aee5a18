/** The JobManager's process as REST shows it: configuration and runtime. */
import { type Configuration, isSensitive } from '../../config/configuration.ts';

export function configurationView(config: Configuration): { key: string; value: string }[] {
  return Object.entries(config.toRecord())
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => ({ key, value: isSensitive(key) ? '******' : value }));
}

/** Flink's shape, of a JVM; the runtime here is Node.js, and what it loads is its own bundle. */
export function environmentView(): Record<string, unknown> {
  const { node, v8 } = process.versions;
  return {
    jvm: {
      version: `Node.js - ${node} - V8 ${v8}`,
      arch: process.arch,
      options: process.execArgv,
    },
    classpath: [process.argv[1] ?? process.execPath],
  };
}
